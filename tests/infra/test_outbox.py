"""Facts are delivered once with their effects, and a handler that fails keeps its fact and nobody else's."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from votremachine.infra.database import Database, Tx, utc_now
from votremachine.infra.outbox import NotYet, drain
from votremachine.kernel.events import Event


class Sown(Event, frozen=True):
    field: str


class Reaped(Event, frozen=True):
    field: str


COUNT = sa.text("SELECT count(*) FROM outbox")
NOTE = sa.text(
    "INSERT INTO people (id, email, name, language, password_hash, created_at)"
    " VALUES (gen_random_uuid(), :field, :field, 'fr', '', now())"
)
NOTED = sa.text("SELECT email FROM people ORDER BY email")


async def note(tx: Tx, event: Sown) -> None:
    await tx.execute(NOTE, {"field": event.field})


async def fail(tx: Tx, event: Sown) -> None:
    await tx.execute(NOTE, {"field": f"{event.field}, half done"})
    if event.field == "b":
        raise RuntimeError("hail")


async def sow(database: Database, *fields: str) -> None:
    async with database.begin() as tx:
        for field in fields:
            tx.publish(Sown(field=field))


async def left(database: Database) -> int:
    async with database.read() as tx:
        return int((await tx.execute(COUNT)).scalar_one())


async def noted(database: Database) -> list[str]:
    async with database.read() as tx:
        return [row.email for row in await tx.rows(NOTED)]


async def test_a_fact_of_a_transaction_that_failed_never_happened(database: Database) -> None:
    async def sow_in_hail(tx: Tx) -> None:
        tx.publish(Sown(field="a"))
        raise RuntimeError("hail")

    with pytest.raises(RuntimeError, match="hail"):
        await database.run(sow_in_hail)
    assert await left(database) == 0


async def test_every_fact_is_delivered_once(database: Database) -> None:
    fields = [f"{number:03}" for number in range(250)]
    await sow(database, *fields)
    assert await drain(database, {Sown: (note,)}) == 250
    assert await drain(database, {Sown: (note,)}) == 0
    assert await noted(database) == fields


async def test_a_fact_nobody_listens_to_is_forgotten(database: Database) -> None:
    await sow(database, "a")
    assert await drain(database, {Reaped: (note,)}) == 1
    assert await left(database) == 0


async def test_a_failing_handler_undoes_its_fact_and_holds_up_no_other(database: Database) -> None:
    await sow(database, "a", "b", "c")
    assert await drain(database, {Sown: (note, fail)}) == 2
    assert await noted(database) == ["a", "a, half done", "c", "c, half done"]
    assert await left(database) == 1
    assert await drain(database, {Sown: (note,)}) == 0, "it waits before it is tried again"
    database.clock, clock = (lambda: utc_now() + timedelta(seconds=3)), database.clock
    try:
        assert await drain(database, {Sown: (note,)}) == 1
    finally:
        database.clock = clock
    assert "b" in await noted(database)


@pytest.mark.parametrize(("attempts", "errors"), [(0, []), (10, ["outbox.handler_failed"])])
async def test_a_handler_for_which_it_is_too_early_is_no_error_unless_it_goes_on(
    attempts: int, errors: list[str], database: Database
) -> None:
    async def early(tx: Tx, event: Sown) -> None:
        await tx.execute(NOTE, {"field": event.field})
        raise NotYet

    await sow(database, "a")
    async with database.begin() as tx:
        await tx.execute(sa.text("UPDATE outbox SET attempts = :attempts"), {"attempts": attempts})
    with capture_logs() as lines:
        await drain(database, {Sown: [early]})
    assert [line["event"] for line in lines if line["log_level"] == "error"] == errors
    assert (await left(database), await noted(database)) == (1, [])


async def test_two_workers_share_the_work_and_never_a_fact(database: Database) -> None:
    import asyncio

    fields = [f"{number:03}" for number in range(300)]
    await sow(database, *fields)
    delivered = await asyncio.gather(*(drain(database, {Sown: (note,)}) for _ in range(4)))
    assert sum(delivered) == 300
    assert await noted(database) == fields


async def test_a_failing_handler_takes_back_what_it_published_and_nothing_else(database: Database) -> None:
    async def reap(tx: Tx, event: Sown) -> None:
        tx.publish(Reaped(field=event.field))
        if event.field == "b":
            raise RuntimeError("hail")

    await sow(database, "a", "b", "c")
    assert await drain(database, {Sown: (reap,)}) == 2
    assert await drain(database, {Reaped: (note,)}) == 2
    assert await noted(database) == ["a", "c"]


async def test_what_a_handler_publishes_is_kept_with_its_effects(database: Database) -> None:
    async def reap(tx: Tx, event: Sown) -> None:
        tx.publish(Reaped(field=event.field))

    await sow(database, "a")
    assert await drain(database, {Sown: (reap,), Reaped: (note,)}) == 1
    assert await drain(database, {Sown: (reap,), Reaped: (note,)}) == 1
    assert await noted(database) == ["a"]
