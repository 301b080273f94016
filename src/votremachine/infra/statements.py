"""Statements that are made once and handed to the driver as they are: the short way for what is asked often.

SQLAlchemy writes the SQL, once. What it does besides at every execution (a cache key, a context, a greenlet, a
result) costs several times what the driver takes for the whole of it; docs/booking-engine.md has the figures. Errors
are told as SQLAlchemy tells them: who catches one need not know which way a statement went.
"""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple, cast

import asyncpg
import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import asyncpg as dialects
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError
from sqlalchemy.ext.asyncio import AsyncConnection

Process = Callable[[Any], Any]
# How JSON is written and read, whichever way it goes.
JSON: Mapping[str, Callable[[Any], Any]] = {
    "json_serializer": lambda value: msgspec.json.encode(value).decode(),
    "json_deserializer": msgspec.json.decode,
}
_DIALECT = dialects.dialect(**JSON)  # type: ignore[no-untyped-call]
_DRIVERS_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)


class _Plan(NamedTuple):
    """A statement as the driver takes it: its text, the names of $1, $2, …, what is always the same of them, what
    must be done to some before they travel; and what makes a row of what comes back.
    """

    sql: str
    names: Sequence[str]
    constants: Mapping[str, Any]
    processes: Sequence[tuple[int, Process]]
    row: Any


class Prepared:
    """A statement that is the same each time but for its bound values; made with its module, or kept in a cache.

    Its rows are named tuples of what the driver gives: ids, instants, numbers, texts, JSON as it was decoded, and lists
    of them. A list that is bound is an array: `= ANY (…)`, since `IN (…)` would be another statement for each length.
    """

    def __init__(self, statement: sa.Select[Any] | sa.TextualSelect | sa.UpdateBase) -> None:
        self._statement = statement

    @cached_property
    def plan(self) -> _Plan:
        # When it is first asked: by then every table is known.
        compiled = self._statement.compile(dialect=_DIALECT)
        if compiled.post_compile_params:
            raise TypeError(f"not the same each time: {compiled.string}")
        names = compiled.positiontup or []
        bound = [compiled.binds[name] for name in names]
        writers = [one.type.dialect_impl(_DIALECT).bind_processor(_DIALECT) for one in bound]
        return _Plan(
            sql=compiled.string,
            names=names,
            constants={name: one.value for name, one in zip(names, bound, strict=True) if not one.required},
            processes=[(at, writer) for at, writer in enumerate(writers) if writer is not None],
            row=namedtuple("Row", list(map(str, self._statement.exported_columns.keys()))),
        )


class Write(NamedTuple):
    """An insert that may wait for others; its parameters carry its name, so that they never meet another's."""

    name: str
    statement: sa.Insert


class Line:
    """A connection of the pool, for SQLAlchemy (`connection`) and for the driver itself.

    SQLAlchemy begins no transaction on it: whoever wants one says so.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection
        self._behind = cast("sa.Connection", connection.sync_connection)
        self._driver: Any = self._behind.connection.driver_connection

    async def rows(self, statement: Prepared, given: Mapping[str, Any]) -> list[Any]:
        """Every row; `KeyError` when a bound value is missing, otherwise what SQLAlchemy would raise."""
        sql, names, constants, processes, row = statement.plan
        known = {**constants, **given}
        values = [known[name] for name in names]
        for at, process in processes:
            values[at] = process(values[at])
        try:
            return [row._make(record) for record in await self._driver.fetch(sql, *values)]
        except BaseException as error:
            await self._failed(sql, error)
            raise

    async def begin(self) -> None:
        # Nothing is sent by this. But told of a transaction, SQLAlchemy does not connect anew in the midst of it.
        self._behind.begin()
        await self._say("BEGIN;")

    async def commit(self) -> None:
        await self._say("COMMIT;")

    async def roll_back(self) -> None:
        """A connection on which that fails, or that is lost, is given up: nobody else is given it half way."""
        if not self._driver.is_closed():
            try:
                await self._say("ROLLBACK;")
            except DBAPIError as error:
                await self.connection.invalidate(error)

    async def _say(self, command: str) -> None:
        try:
            await self._driver.execute(command)
        except BaseException as error:
            await self._failed(command, error)
            raise

    async def _failed(self, sql: str, error: BaseException) -> None:
        if not isinstance(error, Exception):
            # Broken off by who waited for it: what the connection is at is not known.
            await self.connection.invalidate(error)
        elif isinstance(error, _DRIVERS_ERRORS):
            if self._driver.is_closed():
                # SQLAlchemy finds out by itself, tells the pool that whatever is as old is lost as well, and raises.
                await self.connection.exec_driver_sql("SELECT 1")
            raise _told(error)(sql, None, error) from error


def _told(error: Exception) -> type[DBAPIError]:
    if isinstance(error, asyncpg.IntegrityConstraintViolationError):
        return IntegrityError
    return InterfaceError if isinstance(error, asyncpg.InterfaceError) else DBAPIError
