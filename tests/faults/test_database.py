"""PostgreSQL goes away and comes back: nobody has to restart anything."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from votremachine.infra.database import Database, DatabaseAway, RunAgain, Tx
from votremachine.infra.identify import Identify
from votremachine.infra.questions import ask
from votremachine.infra.servers.postgres import THROW_AWAY, EmbeddedPostgres


@pytest.fixture
def server(servers_folder: Path) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of this test's own, that it may stop."""
    with EmbeddedPostgres(servers_folder / "restarted", THROW_AWAY) as server:
        yield server


async def one(tx: Tx) -> int:
    return int((await tx.execute(sa.text("SELECT 1"))).scalar_one())


async def test_a_restart_costs_nobody_an_error_and_an_absence_says_so(server: EmbeddedPostgres) -> None:
    database = Database(server.url, pool_size=4)
    assert await asyncio.gather(*(database.run(one) for _ in range(4))) == [1] * 4
    await asyncio.to_thread(server.stop, 10)
    with pytest.raises(DatabaseAway):
        await database.run(one)
    await asyncio.to_thread(server.start)
    assert await asyncio.gather(*(database.run(one) for _ in range(4))) == [1] * 4
    await asyncio.to_thread(server.stop, 10)
    await asyncio.to_thread(server.start)
    # The pool holds connections of the server that was: the verb runs again on a fresh one.
    assert await database.run(one) == 1
    await database.close()


async def test_a_verb_that_keeps_losing_its_race_gives_up(database: Database) -> None:
    tries = 0

    async def lose(_: Tx) -> None:
        nonlocal tries
        tries += 1
        raise RunAgain

    with pytest.raises(RunAgain):
        await database.run(lose)
    assert tries == 4


async def test_a_deadlock_is_run_again_until_both_have_won(database: Database) -> None:
    async with database.begin() as tx:
        await tx.execute(sa.text("CREATE TABLE IF NOT EXISTS field (id int PRIMARY KEY, sown int NOT NULL)"))
        await tx.execute(sa.text("INSERT INTO field VALUES (1, 0), (2, 0)"))
    both_hold_one = asyncio.Barrier(2)
    first_time = {1, 2}

    async def sow(tx: Tx, first: int, second: int) -> None:
        await tx.execute(sa.text("UPDATE field SET sown = sown + 1 WHERE id = :id"), {"id": first})
        if first in first_time:
            first_time.remove(first)
            await both_hold_one.wait()
        await tx.execute(sa.text("UPDATE field SET sown = sown + 1 WHERE id = :id"), {"id": second})

    await asyncio.gather(database.run(lambda tx: sow(tx, 1, 2)), database.run(lambda tx: sow(tx, 2, 1)))
    async with database.begin() as tx:
        assert [row.sown for row in await tx.rows(sa.text("SELECT sown FROM field"))] == [2, 2]
        await tx.execute(sa.text("DROP TABLE field"))


async def test_a_question_survives_a_restart_and_an_absence_says_so(server: EmbeddedPostgres) -> None:
    database = Database(server.url, pool_size=2)
    whoever = Identify(sa.select(sa.literal(7).label("id")), lambda _: {}, lambda rows: int(rows[0].id))
    question = sa.select(sa.literal(1).label("one"))

    async def asked() -> tuple[int, list[tuple[int]]]:
        return await ask(database, whoever, database.clock(), question, {})

    assert tuple(await asyncio.gather(asked(), asked())) == ((7, [(1,)]),) * 2
    await asyncio.to_thread(server.stop, 10)
    with pytest.raises(DatabaseAway):
        await asked()
    await asyncio.to_thread(server.start)
    assert tuple(await asyncio.gather(asked(), asked())) == ((7, [(1,)]),) * 2
    await asyncio.to_thread(server.stop, 10)
    await asyncio.to_thread(server.start)
    assert await asked() == (7, [(1,)])
    await database.close()
