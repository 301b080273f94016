"""A database of the tests put back to what it was at one moment: far quicker than to make all of it again."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

from votremachine.infra.database import Database, metadata

Template = Mapping[str, bytes]


async def kept(database: Database) -> Template:
    """The rows of each table that has any."""
    async with database.driver() as connection:
        return {table: await _rows(connection, table) for table in await _filled(connection)}


async def put_back(database: Database, template: Template) -> None:
    """Every table as it was; as the server's own copying does it, which no trigger stops."""
    async with database.driver() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        # Not truncated: that costs a new file for each table, and for each that refers to it.
        for table in await _filled(connection):
            await connection.execute(f"DELETE FROM {table}")
        for table, rows in template.items():
            await connection.copy_to_table(table, source=BytesIO(rows), format="binary")


async def _filled(connection: Any) -> list[str]:
    # Put together when it is asked: not every table is known when this is imported.
    filled = (f"SELECT '{table}' WHERE EXISTS (SELECT FROM {table})" for table in sorted(metadata.tables))
    return [row[0] for row in await connection.fetch(" UNION ALL ".join(filled))]


async def _rows(connection: Any, table: str) -> bytes:
    rows = BytesIO()
    await connection.copy_from_table(table, output=rows, format="binary")
    return rows.getvalue()
