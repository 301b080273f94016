"""A plugin: what PostgreSQL is sent, BEGIN and COMMIT included, counted at the driver, whichever way it goes there."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from litestar import Litestar

from votremachine.infra.database import Database

_FRAMES = {"BEGIN;", "COMMIT;", "ROLLBACK;"}


class Statements:
    """What a pool's connections were asked, in order."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def note(self, statement: str) -> None:
        self.sent.append(" ".join(statement.split()))

    @property
    def asked(self) -> list[str]:
        """Without the beginnings and ends of transactions."""
        return [one for one in self.sent if one not in _FRAMES]

    @contextmanager
    def counted(self) -> Iterator[list[str]]:
        self.sent.clear()
        seen: list[str] = []
        yield seen
        seen.extend(self.sent)


@asynccontextmanager
async def noted(database: Database) -> AsyncIterator[Statements]:
    """All that is sent over this pool meanwhile."""
    seen = Statements()

    def on_connect(connection: Any, _: Any) -> None:
        # What does not go through SQLAlchemy's cursors.
        connection.driver_connection.add_query_logger(lambda record: seen.note(record.query))

    def on_execute(_connection: Any, _cursor: Any, statement: str, _values: Any, _context: Any, many: bool) -> None:
        # Of many rows the driver tells itself.
        if not many:
            seen.note(statement)

    # Each connection is listened to from its beginning.
    await database.close()
    engine = database.engine.sync_engine
    sa.event.listen(engine, "connect", on_connect)
    sa.event.listen(engine, "before_cursor_execute", on_execute)
    yield seen
    sa.event.remove(engine, "connect", on_connect)
    sa.event.remove(engine, "before_cursor_execute", on_execute)
    await database.close()


def pool_of(app: Litestar) -> Database:
    """The pool that an application asks."""
    database: Database = app.dependencies["database"].dependency()  # type: ignore[union-attr]
    return database


@pytest.fixture
async def statements(app: Litestar) -> AsyncIterator[Statements]:
    """What the application asks."""
    async with noted(pool_of(app)) as seen:
        yield seen
