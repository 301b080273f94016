"""Statements that go straight to the driver: what they bind and give, and that nothing else is told of what fails."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError, IntegrityError, MultipleResultsFound, PendingRollbackError

from votremachine.infra.database import Database, Tx, sqlstate
from votremachine.infra.publishing import outbox
from votremachine.infra.statements import Prepared

KINDS: dict[str, Any] = {
    "id": sa.Uuid(),
    "at": sa.DateTime(timezone=True),
    "count": sa.Integer(),
    "said": sa.Text(),
    "sure": sa.Boolean(),
    "facts": JSONB(),
    "ids": sa.ARRAY(sa.Uuid()),
}
_ECHO = Prepared(sa.select(*(sa.bindparam(name, type_=kind).label(f"the_{name}") for name, kind in KINDS.items())))
_ALWAYS = Prepared(sa.select(sa.literal("the same").label("said"), sa.literal({"a": 1}, JSONB).label("facts")))
_PID = Prepared(sa.select(sa.func.pg_backend_pid().label("pid")))
_SLEEP = Prepared(sa.select(sa.func.pg_sleep(60).label("slept")))
_ENDLESS = Prepared(sa.select((1 / sa.bindparam("divisor", type_=sa.Integer)).label("quotient")))
_FACT = Prepared(
    outbox.insert()
    .values(id=sa.bindparam("id"), name="Said", body={}, happened_at=sa.bindparam("now"), due_at=sa.bindparam("now"))
    .returning(outbox.c.id)
)
_END = sa.text("SELECT pg_terminate_backend(:pid)")
_FACTS = sa.select(sa.func.count()).select_from(outbox)


async def facts(database: Database) -> Any:
    async with database.read() as tx:
        return (await tx.execute(_FACTS)).scalar_one()


async def end(database: Database, pid: int) -> None:
    """As an administrator does, or a restart."""
    async with database.begin() as tx:
        await tx.execute(_END, {"pid": pid})


async def pid_of(tx: Tx) -> int:
    (row,) = await tx.rows(_PID)
    return int(row.pid)


async def test_what_is_bound_comes_back(database: Database) -> None:
    values = {
        "id": uuid4(),
        "at": datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
        "count": 7,
        "said": "çà et là",
        "sure": True,
        "facts": {"a": [1, None, "b"]},
        "ids": [uuid4(), uuid4()],
    }
    async with database.begin() as tx:
        row = await tx.row(_ECHO, values)
        assert row is not None
        assert row._asdict() == {f"the_{name}": value for name, value in values.items()}
        nothing = await tx.row(_ECHO, dict.fromkeys(values))
        assert nothing is not None
        assert [value for value in nothing if value is not None] == []
        always = await tx.row(_ALWAYS)
        assert always is not None
        assert (always.said, always.facts) == ("the same", {"a": 1})


async def test_a_value_that_is_not_given_is_no_null(database: Database) -> None:
    async with database.begin() as tx:
        with pytest.raises(KeyError, match="divisor"):
            await tx.rows(_ENDLESS)


def test_a_list_that_would_be_another_statement_each_time_is_refused() -> None:
    with pytest.raises(TypeError, match="not the same"):
        Prepared(sa.select(outbox).where(outbox.c.name.in_(["a", "b"]))).plan  # noqa: B018


async def test_two_rows_are_not_the_only_row(database: Database) -> None:
    two = Prepared(sa.select(sa.func.generate_series(1, 2).column_valued("number")))
    async with database.begin() as tx:
        with pytest.raises(MultipleResultsFound):
            await tx.row(two)


async def test_what_postgresql_refuses_is_told_as_sqlalchemy_tells_it(database: Database) -> None:
    fact = {"id": uuid4(), "now": database.clock()}
    before = await facts(database)

    async def twice(tx: Tx) -> None:
        await tx.rows(_FACT, fact)
        await tx.rows(_FACT, fact)

    async def divided(tx: Tx) -> None:
        await tx.rows(_FACT, fact)
        await tx.rows(_ENDLESS, {"divisor": 0})

    with pytest.raises(IntegrityError, match="outbox_pkey") as refused:
        await database.run(twice)
    assert (sqlstate(refused.value), refused.value.connection_invalidated) == ("23505", False)
    with pytest.raises(DBAPIError, match="division by zero") as failed:
        await database.run(divided)
    assert sqlstate(failed.value) == "22012"
    assert await facts(database) == before, "nothing is left of either"


async def test_part_of_a_transaction_may_fail_by_itself(database: Database) -> None:
    before = await facts(database)

    async def part(tx: Tx) -> None:
        async with tx.savepoint():
            await tx.rows(_FACT, {"id": uuid4(), "now": tx.now})
            await tx.rows(_ENDLESS, {"divisor": 0})

    async with database.begin() as tx:
        await tx.rows(_FACT, {"id": uuid4(), "now": tx.now})
        with pytest.raises(DBAPIError):
            await part(tx)
        await tx.rows(_FACT, {"id": uuid4(), "now": tx.now})
    assert await facts(database) == before + 2


async def test_a_lost_connection_is_noticed_and_the_verb_runs_again(database: Database) -> None:
    pids: list[int] = []

    async def verb(tx: Tx) -> int:
        pids.append(await pid_of(tx))
        if len(pids) == 1:
            await end(database, pids[0])
        return await pid_of(tx)

    assert await database.run(verb) == pids[1] != pids[0]


@pytest.mark.parametrize("why", ["ended", "given up"])
async def test_nothing_is_said_outside_of_the_transaction_that_was_lost(why: str, database: Database) -> None:
    before = await facts(database)

    async def lose(tx: Tx) -> None:
        if why == "ended":
            await end(database, await pid_of(tx))
            with pytest.raises(DBAPIError) as lost:
                await tx.rows(_PID)
            assert lost.value.connection_invalidated
        else:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(tx.rows(_SLEEP), 0.1)

    async def verb(tx: Tx) -> None:
        await lose(tx)
        fact = {"id": uuid4(), "name": "Said", "body": {}, "happened_at": tx.now, "due_at": tx.now}
        await tx.execute(outbox.insert(), fact)

    with pytest.raises(PendingRollbackError):
        await database.run(verb)
    assert await facts(database) == before


async def test_who_stops_waiting_leaves_no_transaction_behind(database: Database) -> None:
    own = Database(database.engine.url.render_as_string(hide_password=False), pool_size=1)
    before = await facts(database)
    with suppress(TimeoutError):
        async with asyncio.timeout(0.2), own.begin() as tx:
            await tx.rows(_FACT, {"id": uuid4(), "now": tx.now})
            await tx.rows(_SLEEP)
    async with own.begin() as tx:
        assert await pid_of(tx)
        await tx.rows(_FACT, {"id": uuid4(), "now": tx.now})
    await own.close()
    assert await facts(database) == before + 1


async def test_a_statement_by_itself_is_sent_again_on_another_connection(database: Database) -> None:
    own = Database(database.engine.url.render_as_string(hide_password=False), pool_size=5)
    asked = await asyncio.gather(*(own.alone(_PID, {}) for _ in range(20)))
    pids = {rows[0].pid for rows in asked}
    for pid in pids:
        await end(database, pid)
    # However many of the pool are gone: the first that is found to be tells of all.
    (again,) = await own.alone(_PID, {})
    assert again.pid not in pids
    await own.close()


async def test_the_driver_is_not_heard_of(database: Database) -> None:
    with pytest.raises(DBAPIError) as refused:
        await database.alone(_ENDLESS, {"divisor": 0})
    assert isinstance(refused.value.orig, asyncpg.DivisionByZeroError)
