"""Who asks and what they ask in one round trip, straight to the driver: for the few reads that must be quick.

No transaction is opened and no statement of SQLAlchemy's is executed, it is only compiled, once: a third of the time
of two statements. Bound values reach the driver as they are: ids, instants, numbers, text, and lists of them.
"""

from collections import namedtuple
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import asyncpg as driver

from votremachine.infra.database import ATTEMPTS, Database, DatabaseAway
from votremachine.infra.idempotency import Identify

Who = TypeVar("Who")
_DIALECT = driver.dialect()  # type: ignore[no-untyped-call]


class _Together(NamedTuple):
    """A question beside the one that identifies, as the driver takes it, and the two kinds of row that it gives."""

    sql: str
    names: Sequence[str]
    constants: Mapping[str, Any]
    who: Any
    asked: Any


async def ask(
    database: Database, identify: Identify[Who], now: datetime, question: sa.Select[Any], values: Mapping[str, Any]
) -> tuple[Who, list[Any]]:
    """Who asks, and the rows of their question, whose first column is never null.

    Nothing is found for nobody: `identify` raises then. Raises `DatabaseAway` besides.
    """
    both = _together(identify.question, question)
    given = {**both.constants, **identify.values(now), **values}
    found = await _found(database, both.sql, [given[name] for name in both.names])
    width = len(both.who._fields)
    who = identify.read([both.who._make(row[:width]) for row in found])
    # Everything stands beside each seat of the person: once is enough.
    rows = [row for row in found if row[width] is not None and row[:width] == found[0][:width]]
    return who, [both.asked._make(row[width:]) for row in rows]


async def alone(database: Database, statement: sa.Select[Any] | sa.Insert, values: Mapping[str, Any]) -> Sequence[Any]:
    """The rows of one statement that is committed by itself, each read by the names of its columns.

    It may be sent again when the connection is lost, so it must be one of which the second has no further effect.
    Raises `DatabaseAway`.
    """
    one = _alone(statement)
    given = {**one.constants, **values}
    return await _found(database, one.sql, [given[name] for name in one.names])


async def _found(database: Database, sql: str, values: Sequence[Any]) -> Sequence[Any]:
    # After a restart of PostgreSQL the pool still holds connections of the server that was.
    for _ in range(ATTEMPTS - 1):
        with suppress(DatabaseAway):
            async with database.driver() as connection:
                return await connection.fetch(sql, *values)  # type: ignore[no-any-return]
    async with database.driver() as connection:
        return await connection.fetch(sql, *values)  # type: ignore[no-any-return]


class _Alone(NamedTuple):
    """A statement as the driver takes it."""

    sql: str
    names: Sequence[str]
    constants: Mapping[str, Any]


@lru_cache(maxsize=64)
def _alone(statement: sa.Select[Any] | sa.Insert) -> _Alone:
    compiled = statement.compile(dialect=_DIALECT)
    constants = {name: value for name, value in compiled.params.items() if value is not None}
    return _Alone(compiled.string, list(compiled.positiontup or ()), constants)


@lru_cache(maxsize=64)
def _together(identifying: sa.Select[Any], question: sa.Select[Any]) -> _Together:
    who, asked = identifying.subquery("who"), question.subquery("asked")
    compiled = sa.select(who, asked).select_from(who.outerjoin(asked, sa.true())).compile(dialect=_DIALECT)
    return _Together(
        compiled.string,
        list(compiled.positiontup or ()),
        {name: value for name, value in compiled.params.items() if value is not None},
        namedtuple("Asker", who.c.keys()),
        namedtuple("Answer", asked.c.keys()),
    )
