"""Emptying a database of the tests, whose ledger lets nobody empty it."""

from collections.abc import Sequence

import sqlalchemy as sa

from votremachine.infra.database import Tx
from votremachine.infra.tables import metadata


async def empty(tx: Tx) -> None:
    """Delete every row of every table; as the server's own copying does, which no trigger stops.

    Most tables stand empty after most tests: looking first costs a tenth of truncating them all.
    """
    tables = await filled(tx)
    if not tables:
        return
    await tx.execute(sa.text("SET LOCAL session_replication_role = replica"))
    # One statement for all, and in any order: a copy checks no key.
    deletes = ", ".join(f"of_{table} AS (DELETE FROM {table})" for table in tables)
    await tx.execute(sa.text(f"WITH {deletes} SELECT"))
    await tx.execute(sa.text("SET LOCAL session_replication_role = origin"))


async def filled(tx: Tx) -> Sequence[str]:
    """The tables that have a row; one statement."""
    # Put together when it is asked: not every table is known when this is imported.
    looks = (f"SELECT '{table}' AS name WHERE EXISTS (SELECT FROM {table})" for table in metadata.tables)
    return [row.name for row in await tx.rows(sa.text(" UNION ALL ".join(looks)))]
