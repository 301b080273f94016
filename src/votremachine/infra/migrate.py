"""The migrations of the package, applied to a database by one process at a time.

A migration's file is named after its revision, `0007_seasons.py` being revision 0007, and one follows the other. So
the newest is known from the names alone, and a database that is up to date costs one query and no alembic.
"""

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import asyncpg
import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

if TYPE_CHECKING:
    from alembic.config import Config

Answer = TypeVar("Answer")

MIGRATIONS = Path(__file__).parent.parent / "migrations"
CONNECT_SECONDS = 5
# Any number will do as long as nothing else in the database uses it: the first eight bytes of "votremac".
LOCK = int.from_bytes(b"votremac")


class DatabaseUnreachable(Exception):
    """No connection, or a wrong name or password; the message says which database and why."""


class NewerDatabase(Exception):
    """The database was migrated by a newer version of this code, which must not touch it."""


class UnknownRevision(Exception):
    """This code has no such migration."""


def head() -> str:
    """The newest revision that this code knows, "" when there is none."""
    return max(_revisions(), default="")


async def current(url: str) -> str | None:
    """The revision of the database, None when it was never migrated; raises `DatabaseUnreachable`."""
    return await _with_connection(url, _revision)


async def upgrade(url: str, to: str = "head") -> None:
    """Up to that revision, in one transaction; raises `DatabaseUnreachable`, `NewerDatabase`, `UnknownRevision`."""
    target = head() if to == "head" else to
    _check_known(target)
    if await _known_revision(url) == target:
        return
    from alembic import command  # 0.3 s, and most starts have nothing to migrate

    await _migrate(url, lambda config: command.upgrade(config, target))


async def downgrade(url: str, to: str) -> None:
    """Down to that revision ("base" for an empty database), in one transaction; raises as `upgrade` does."""
    from alembic import command  # as above

    if to != "base":
        _check_known(to)
    await _known_revision(url)
    await _migrate(url, lambda config: command.downgrade(config, to))


def _check_known(revision: str) -> None:
    if revision not in _revisions():
        raise UnknownRevision(f"there is no revision {revision}; the newest is {head()}")


async def _known_revision(url: str) -> str | None:
    revision = await current(url)
    if revision is not None and revision not in _revisions():
        raise NewerDatabase(
            f"the database is at revision {revision}, newer than this version of votremachine knows ({head()}):"
            " install the version that made it"
        )
    return revision


async def _migrate(url: str, step: Callable[["Config"], None]) -> None:
    async def locked(connection: AsyncConnection) -> None:
        # A second process waits here, and then finds nothing left to do.
        await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
        await connection.run_sync(lambda synchronous: step(_config(synchronous)))

    await _with_connection(url, locked)


def _config(connection: sa.Connection) -> "Config":
    from alembic.config import Config  # as above

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


async def _revision(connection: AsyncConnection) -> str | None:
    if await connection.scalar(sa.text("SELECT to_regclass('alembic_version')")) is None:
        return None
    revision: str | None = await connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return revision


async def _with_connection(url: str, work: Callable[[AsyncConnection], Awaitable[Answer]]) -> Answer:
    """The answer of `work` on a connection of its own, in one transaction."""
    address = _address(url)
    engine = create_async_engine(address, poolclass=NullPool, connect_args={"timeout": CONNECT_SECONDS})
    try:
        connection = await engine.connect()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, SQLAlchemyError) as error:
        raise DatabaseUnreachable(f"the database {_without_secrets(address)} is unreachable: {error}") from error
    async with aclosing(connection), connection.begin():
        return await work(connection)


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except (SQLAlchemyError, ValueError) as error:
        raise DatabaseUnreachable("the database's URL is not of the form postgresql+asyncpg://…") from error
    if address.get_backend_name() != "postgresql" or address.get_driver_name() != "asyncpg":
        raise DatabaseUnreachable(f"the database's URL begins with {address.drivername}, not postgresql+asyncpg")
    return address


def _without_secrets(address: URL) -> str:
    where = address.host or address.query.get("host") or "localhost"
    return f"{address.database!r} at {where}{f':{address.port}' if address.port else ''}"


def _revisions() -> set[str]:
    return {file.name.split("_", 1)[0] for file in MIGRATIONS.glob("versions/[0-9]*_*.py")}
