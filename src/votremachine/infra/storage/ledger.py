"""The ledger of doomed files: what will be deleted, and by when. No file is ever forgotten, whoever dies when.

A file and the row that speaks of it cannot be written together. So its name is doomed before it is put, and kept by
the transaction that writes the row; when that never comes, `sweep` deletes the file. Whoever deletes the row dooms
the file in the same transaction. A name is used once: a file that a sweep took is never put again.
"""

from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from votremachine.infra.database import Database, Tx
from votremachine.infra.storage.files import Files
from votremachine.infra.tables import metadata

# How long a file may take from its name to its row.
TO_BE_KEPT_WITHIN = timedelta(hours=1)
BATCH = 100
# A sweep that died leaves what it took to another.
LEASE = timedelta(minutes=10)

doomed_files = sa.Table(
    "doomed_files",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("taken", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Index(None, "due_at"),
)
_NAMES = sa.bindparam("names", type_=sa.ARRAY(sa.Text))
_NAMED = doomed_files.c.name == sa.any_(_NAMES)
_DOOM = insert(doomed_files).from_select(
    ["name", "due_at"],
    sa.select(sa.func.unnest(_NAMES), sa.bindparam("due_at", type_=sa.DateTime(timezone=True))),
)
_SOONER = _DOOM.on_conflict_do_update(
    index_elements=["name"], set_={"due_at": _DOOM.excluded.due_at}, where=~doomed_files.c.taken
)
_KEEP = doomed_files.delete().where(_NAMED, ~doomed_files.c.taken)
_DUE = (
    sa.select(doomed_files.c.name)
    .where(doomed_files.c.due_at <= sa.bindparam("now"))
    .order_by(doomed_files.c.due_at)
    .limit(BATCH)
    .with_for_update(skip_locked=True)
)
_TAKE = (
    doomed_files.update()
    .where(doomed_files.c.name.in_(_DUE))
    .values(taken=True, due_at=sa.bindparam("until", type_=sa.DateTime(timezone=True)))
    .returning(doomed_files.c.name)
)
_STRIKE_OUT = doomed_files.delete().where(_NAMED)


class TookTooLong(Exception):
    """A file was doomed for so long that a sweep has taken it; whoever wanted to keep it begins again."""


async def announce(tx: Tx, names: Sequence[str]) -> None:
    """These files are about to be put; they are deleted in an hour unless they are kept before."""
    await tx.execute(_DOOM, {"names": list(names), "due_at": tx.now + TO_BE_KEPT_WITHIN})


async def keep(tx: Tx, names: Sequence[str]) -> None:
    """Something speaks of these announced files now; raises `TookTooLong` when one is being swept."""
    if (await tx.execute(_KEEP, {"names": list(names)})).rowcount != len(names):
        raise TookTooLong(names)


async def doom(tx: Tx, names: Sequence[str]) -> None:
    """Nothing speaks of these files any more, or never will; they are deleted by the next sweep."""
    await tx.execute(_SOONER, {"names": list(names), "due_at": tx.now})


async def sweep(database: Database, files: Files) -> int:
    """Delete the files that are due; how many. Raises `StorageAway`, and another sweep tries again later."""
    swept = 0
    while names := await _take(database):
        await files.delete(names)
        async with database.begin() as tx:
            await tx.execute(_STRIKE_OUT, {"names": names})
        swept += len(names)
    return swept


async def _take(database: Database) -> list[str]:
    async with database.begin() as tx:
        taken = await tx.rows(_TAKE, {"now": tx.now, "until": tx.now + LEASE})
    return [row.name for row in taken]
