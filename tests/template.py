"""A database of the tests put back to what it was at one moment: far quicker than to make all of it again."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any

from tests.emptying import empty, filled
from votremachine.infra.database import Database

Template = Mapping[str, bytes]


async def kept(database: Database) -> Template:
    """The rows of each table that has any."""
    async with database.read() as tx:
        tables = await filled(tx)
    async with _driver(database) as connection:
        return {table: await _rows(connection, table) for table in tables}


async def put_back(database: Database, template: Template) -> None:
    """Every table as it was; as the server's own copying does it, which no trigger stops."""
    async with database.begin() as tx:
        await empty(tx)
    async with _driver(database) as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        for table, rows in template.items():
            await connection.copy_to_table(table, source=BytesIO(rows), format="binary")


@asynccontextmanager
async def _driver(database: Database) -> AsyncIterator[Any]:
    """The driver's own connection: SQLAlchemy copies nothing."""
    async with database.engine.connect() as connection:
        yield (await connection.get_raw_connection()).driver_connection


async def _rows(connection: Any, table: str) -> bytes:
    rows = BytesIO()
    await connection.copy_from_table(table, output=rows, format="binary")
    return rows.getvalue()
