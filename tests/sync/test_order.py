"""No change is passed over, in whichever order transactions commit; without the horizon, some would be."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from votremachine.availability.events import CalendarChanged
from votremachine.infra import changes
from votremachine.infra.changes import Position
from votremachine.infra.database import Database, Tx, utc_now
from votremachine.infra.publishing import changes as table

WRITERS, EACH = 12, 25
BEGINNING = Position(0)
Reader = Callable[[Database, Position], Awaitable[list[Position]]]


def fact() -> CalendarChanged:
    return CalendarChanged(machine_id=uuid4(), owner_party_id=uuid4())


async def guarded(database: Database, after: Position) -> list[Position]:
    async with database.read() as tx:
        return [change.position for change in (await changes.after(tx, after, 1000)).changes]


async def unguarded(database: Database, after: Position) -> list[Position]:
    """As one would read without thinking of those who have not committed yet."""
    place = sa.tuple_(table.c.xid, table.c.id)
    wanted = sa.select(table.c.xid, table.c.id).where(place > sa.tuple_(sa.literal(after.xid), sa.literal(after.id)))
    async with database.read() as tx:
        return [Position(*row) for row in await tx.rows(wanted.order_by(table.c.xid, table.c.id))]


async def committed(database: Database) -> list[Position]:
    return await unguarded(database, BEGINNING)


async def write(database: Database, chance: random.Random) -> None:
    """Transactions of one to three changes that take their time; some are rolled back, some in part."""
    for _ in range(EACH):
        fails, waits = chance.random() < 0.2, chance.random() * 0.02
        try:
            async with database.begin() as tx:
                for _ in range(chance.randint(1, 3)):
                    tx.publish(fact())
                await tx.flush()
                await asyncio.sleep(waits)
                if fails:
                    raise RuntimeError("hail")
        except RuntimeError:
            continue


async def read_while_written(database: Database, read: Reader, seed: int) -> list[Position]:
    """What a reader got who looked all the time, each time from where it was."""
    got: list[Position] = []
    writers = [asyncio.create_task(write(database, random.Random(f"{seed} {one}"))) for one in range(WRITERS)]  # noqa: S311
    while True:
        over = all(writer.done() for writer in writers)
        got += await read(database, got[-1] if got else BEGINNING)
        if over:
            await asyncio.gather(*writers)
            return got
        await asyncio.sleep(0)


@pytest.mark.parametrize("seed", range(3))
async def test_every_change_is_read_once_and_in_order(database: Database, seed: int) -> None:
    got = await read_while_written(database, guarded, seed)
    assert got == await committed(database)
    assert len(got) > WRITERS * EACH / 2


async def test_control_without_the_horizon_changes_are_passed_over(database: Database) -> None:
    got = await read_while_written(database, unguarded, 0)
    whole = await committed(database)
    assert set(got) < set(whole), "the race is not real"


async def test_an_older_transaction_holds_back_the_younger_and_nothing_is_lost(database: Database) -> None:
    async with database.begin() as older:
        older.publish(fact())
        await older.flush()
        async with database.begin() as younger:
            younger.publish(fact())
        async with database.read() as tx:
            batch = await changes.after(tx, BEGINNING, 10)
        assert (batch.changes, batch.held) == ([], True)
        place = batch.horizon
        naive = await unguarded(database, BEGINNING)
        assert len(naive) == 1
    async with database.read() as tx:
        batch = await changes.after(tx, place, 10)
    assert [change.position for change in batch.changes] == await committed(database)
    assert (len(batch.changes), batch.held) == (2, False)
    assert await unguarded(database, naive[-1]) == [], "who reads without the horizon never hears of the older"


async def test_changes_of_one_transaction_are_in_the_order_in_which_they_were_published(database: Database) -> None:
    facts = [fact() for _ in range(50)]
    async with database.begin() as tx:
        for one in facts[:20]:
            tx.publish(one)
        await tx.flush()
        for one in facts[20:]:
            tx.publish(one)
    async with database.read() as tx:
        whole = await changes.after(tx, BEGINNING, 100)
        first = await changes.after(tx, BEGINNING, 30)
        rest = await changes.after(tx, first.changes[-1].position, 100)
    assert [UUID(change.body["machine_id"]) for change in whole.changes] == [one.machine_id for one in facts]
    assert [*first.changes, *rest.changes] == whole.changes


async def test_what_was_undone_is_told_to_nobody(database: Database) -> None:
    async def in_hail(tx: Tx) -> None:
        async with tx.savepoint():
            tx.publish(fact())
            await tx.flush()
            raise RuntimeError("hail")

    async with database.begin() as tx:
        tx.publish(kept := fact())
        with pytest.raises(RuntimeError, match="hail"):
            await in_hail(tx)
    async with database.read() as tx:
        told = (await changes.after(tx, BEGINNING, 10)).changes
    assert [change.body for change in told] == [{"machine_id": str(kept.machine_id)}]


async def test_a_party_is_told_its_own(database: Database) -> None:
    ours, theirs = fact(), fact()
    async with database.begin() as tx:
        tx.publish(ours)
        tx.publish(theirs)
    async with database.read() as tx:
        told = await changes.told_to(tx, [ours.owner_party_id, uuid4()], BEGINNING, 10)
        nobody = await changes.told_to(tx, [], BEGINNING, 10)
    assert [change.parties for change in told.changes] == [[ours.owner_party_id]]
    assert nobody.changes == []


async def test_a_transaction_that_is_left_open_does_not_hold_all_back_for_ever(
    database: Database,
) -> None:
    async def fall_asleep() -> None:
        async with database.begin() as tx:
            # What the setting does, with less patience.
            await tx.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = '200ms'"))
            tx.publish(fact())
            await tx.flush()
            await asyncio.sleep(0.6)
            await tx.execute(sa.text("SELECT 1"))

    async with database.read() as tx:
        shown = (await tx.execute(sa.text("SHOW idle_in_transaction_session_timeout"))).scalar_one()
    assert shown == "15s"
    with pytest.raises(DBAPIError):
        await fall_asleep()
    async with database.begin() as tx:
        tx.publish(fact())
    assert len(await guarded(database, BEGINNING)) == 1


async def test_what_is_older_than_two_days_is_forgotten(database: Database) -> None:
    now = utc_now()
    kept = (timedelta(0), timedelta(hours=47), timedelta(hours=48))
    clock = database.clock
    try:
        for age in kept:
            database.clock = lambda age=age: now - age  # type: ignore[misc]
            async with database.begin() as tx:
                tx.publish(fact())
        database.clock = lambda: now
        async with database.begin() as tx:
            assert await changes.purge(tx) == 1
            assert await changes.purge(tx) == 0
    finally:
        database.clock = clock
    async with database.read() as tx:
        left = (await changes.after(tx, BEGINNING, 10)).changes
    assert {now - change.at for change in left} == set(kept[:2])
