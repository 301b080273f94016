"""PostgreSQL: the engine, and the one transaction that a request or a job opens at its edge.

A verb takes the transaction first, reads the hour from it, and publishes its events on it; they are written to the
outbox by the same commit. Nothing here calls the network outside the database.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, MultipleResultsFound
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from votremachine.infra.publishing import CHANGES, OUTBOX, shown, stored
from votremachine.infra.statements import JSON, Line, Prepared, Write
from votremachine.kernel.errors import DomainError, Kind
from votremachine.kernel.events import Event
from votremachine.kernel.ids import uuid7

Clock = Callable[[], datetime]
Answer = TypeVar("Answer")

# What every session is told.
SESSION = {
    "application_name": "votremachine",
    # Adding an interval of days to an instant never crosses a change of clocks.
    "timezone": "UTC",
    # A claim waits for a rival that has not committed; one that hangs must not hold everybody.
    "lock_timeout": "3s",
    # A transaction that is left open keeps all that is written after it from open screens (infra/changes.py).
    "idle_in_transaction_session_timeout": "15s",
    # Our statements find few rows by an index whatever their values: planned once for each connection, not each time.
    "plan_cache_mode": "force_generic_plan",
}

# Two writers met in a way PostgreSQL had to break: nothing was written, and the same verb may simply run again.
RETRYABLE = {"40P01": "deadlock_detected", "40001": "serialization_failure"}
ATTEMPTS = 4
# How long a request waits for a connection before it is told to come back.
POOL_SECONDS = 5
# No connection can be had.
UNREACHABLE = (OSError, sa.exc.TimeoutError, DBAPIError, asyncpg.PostgresError)


class RunAgain(Exception):
    """A verb lost a race that it will see settled if it runs once more, from its start."""


class DatabaseAway(DomainError):
    kind = Kind.UNAVAILABLE
    code = "database_away"
    en = "The database does not answer just now. Try again in a moment."
    fr = "La base de données ne répond pas pour l'instant. Réessayez dans un moment."


class Tx:
    """One open transaction (or a read outside of one), with the instant at which it happens.

    Writes whose outcome nobody waits for may be deferred: they travel together, in one round trip, with the next
    statement's worth of them or before anything else is asked. A round trip costs more than the row it brings.
    """

    def __init__(self, line: Line, now: datetime) -> None:
        self._line = line
        self.now = now
        self.events: list[Event] = []
        self.told = False
        self._deferred: list[tuple[Write, Mapping[str, Any]]] = []
        self._made = 0

    async def execute(self, statement: sa.Executable, values: Any = None) -> sa.CursorResult[Any]:
        if self._deferred:
            await self.flush()
        return await self._line.connection.execute(statement, values)

    async def rows(
        self, statement: sa.Executable | Prepared, values: Mapping[str, Any] | None = None
    ) -> Sequence[sa.Row[Any]]:
        if not isinstance(statement, Prepared):
            return (await self.execute(statement, values)).all()
        if self._deferred:
            await self.flush()
        return await self._line.rows(statement, values or {})

    async def row(
        self, statement: sa.Executable | Prepared, values: Mapping[str, Any] | None = None
    ) -> sa.Row[Any] | None:
        """The only row, or None."""
        found = await self.rows(statement, values)
        if len(found) > 1:
            raise MultipleResultsFound
        return found[0] if found else None

    async def defer(self, write: Write, values: Mapping[str, Any]) -> None:
        """Write this by the next statement at the latest, in the order of deferring; one of each name at a time."""
        if any(waiting.name == write.name for waiting, _ in self._deferred):
            await self.flush()
        self._deferred.append((write, values))

    async def flush(self, *last: tuple[Write, Mapping[str, Any]]) -> Sequence[sa.Row[Any]]:
        """Send what was deferred and published, and `last`, as one statement; the rows are those of the last write."""
        if self.events:
            self._deferred.append((OUTBOX, stored(self.events, self.new_id, self.now)))
            if seen := [event for event in self.events if event.audience]:
                self._deferred.append((CHANGES, shown(seen, self.new_id, self.now)))
                self.told = True
            self.events = []
        pending = [*self._deferred, *last]
        self._deferred.clear()
        if not pending:
            return []
        values = {name: value for _, given in pending for name, value in given.items()}
        return await self._line.rows(_together(tuple(write for write, _ in pending)), values)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """A part of the transaction that may fail by itself: what it wrote and published is undone, and no more."""
        await self.flush()
        try:
            async with self._line.connection.begin_nested():
                yield
                await self.flush()
        except BaseException:
            self.events.clear()
            self._deferred.clear()
            raise

    def publish(self, event: Event) -> None:
        """Keep a fact for the outbox; it is stored by this transaction's commit, and delivered after it."""
        self.events.append(event)

    def new_id(self) -> UUID:
        """An id that sorts after those that this transaction made before (a counter, RFC 9562, 6.2, method 1)."""
        self._made += 1
        counter = (self._made & (2**12 - 1)) << 62
        return uuid7(self.now, (counter | int.from_bytes(os.urandom(7))).to_bytes(10))


@lru_cache(maxsize=256)
def _together(writes: tuple[Write, ...]) -> Prepared:
    """These writes as one statement: all but the last become its CTEs."""
    *before, last = writes
    return Prepared(last.statement.add_cte(*(write.statement.cte(write.name) for write in before)))


def utc_now() -> datetime:
    return datetime.now(UTC)


class Database:
    """The pool of connections of one process. `clock` is where every verb's `now` comes from; `ring` is called when
    a commit told something that open screens show (see infra/bell.py), and must return at once.
    """

    def __init__(
        self, url: str, pool_size: int = 10, clock: Clock = utc_now, ring: Callable[[], None] = lambda: None
    ) -> None:
        self.engine: AsyncEngine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=POOL_SECONDS,
            # Transactions are begun and ended here, not by SQLAlchemy.
            isolation_level="AUTOCOMMIT",
            connect_args={"server_settings": SESSION, "statement_cache_size": _kept_statements(url)},
            **JSON,
        )
        self.clock = clock
        self._ring = ring

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Tx]:
        """One transaction: committed with its events when the block ends, rolled back when it raises."""
        async with self._line() as line:
            await line.begin()
            tx = Tx(line, self.clock())
            try:
                yield tx
                await tx.flush()
            except BaseException:
                await line.roll_back()
                raise
            await _commit(line)
        if tx.told:
            self._ring()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Tx]:
        """For questions: each statement by itself, without the round trips of BEGIN and COMMIT."""
        async with self._line() as line:
            yield Tx(line, self.clock())

    async def run(self, verb: Callable[[Tx], Awaitable[Answer]]) -> Answer:
        """`verb` in one transaction; again, from its start, when that is harmless: it lost a deadlock, a race that it
        noticed, or its connection. Raises `DatabaseAway`, and whatever `verb` raises.
        """

        async def once() -> Answer:
            async with self.begin() as tx:
                return await verb(tx)

        return await _patiently(once)

    async def alone(self, statement: Prepared, values: Mapping[str, Any]) -> Sequence[Any]:
        """The rows of one statement that is committed by itself.

        It is sent again under the conditions of `run`, so it must be one of which the second has no further effect.
        Raises `DatabaseAway`.
        """

        async def once() -> Sequence[Any]:
            async with self._line() as line:
                return await line.rows(statement, values)

        return await _patiently(once)

    @asynccontextmanager
    async def _line(self) -> AsyncIterator[Line]:
        """A connection from the pool; raises `DatabaseAway` when none can be had."""
        connection = self.engine.connect()
        try:
            await connection.start()
        except UNREACHABLE as error:
            raise DatabaseAway from error
        try:
            yield Line(connection)
        finally:
            await connection.close()

    async def close(self) -> None:
        await self.engine.dispose()


async def _patiently(once: Callable[[], Awaitable[Answer]]) -> Answer:
    for _ in range(ATTEMPTS - 1):
        try:
            return await once()
        except RunAgain:
            continue
        except DBAPIError as error:
            # A connection that was lost before the commit lost everything with it.
            if sqlstate(error) not in RETRYABLE and not error.connection_invalidated:
                raise
    return await once()


async def _commit(line: Line) -> None:
    # Lost in the commit itself, nobody knows whether it happened: the caller repeats with its Idempotency-Key.
    try:
        await line.commit()
    except DBAPIError as error:
        if error.connection_invalidated:
            raise DatabaseAway from error
        raise


def _kept_statements(url: str) -> int:
    """How many statements the driver keeps prepared on each connection: as many as the URL tells SQLAlchemy to."""
    return int(str(sa.make_url(url).query.get("prepared_statement_cache_size", 100)))


def sqlstate(error: DBAPIError) -> str | None:
    """The five-character code PostgreSQL gave (its Appendix A), or None when it gave none."""
    return getattr(error.orig, "sqlstate", None)
