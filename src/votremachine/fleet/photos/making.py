"""The making of copies, as the database sees it: a worker takes a photo for a while, and says how it went.

What a worker took carries the id of that making; a worker that comes too late, because the photo was deleted or taken
again, changes nothing, and its files are deleted by the ledger.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from votremachine.fleet.photos import rules
from votremachine.fleet.photos.models import photos
from votremachine.fleet.photos.rules import State
from votremachine.infra.database import Tx
from votremachine.infra.images import sizes as shown
from votremachine.infra.storage import ledger

# A worker that died leaves its photo to another after this long.
LEASE = timedelta(minutes=3)
PAUSE = timedelta(seconds=15)

_DUE = (
    sa.select(photos.c.id)
    .where(photos.c.state == "pending", photos.c.due_at <= sa.bindparam("now"))
    .order_by(photos.c.due_at, photos.c.id)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_TAKE = (
    photos.update()
    .where(photos.c.id == _DUE.scalar_subquery())
    .values(making=sa.bindparam("new_making"), attempts=photos.c.attempts + 1, due_at=sa.bindparam("until"))
    .returning(photos.c.id, photos.c.making, photos.c.width, photos.c.attempts)
)


class Taken(NamedTuple):
    """A photo whose copies this worker makes, in these widths, for the `attempts`-th time."""

    id: UUID
    making: UUID
    widths: list[int]
    attempts: int


async def take(tx: Tx) -> Taken | None:
    """The photo that waits longest, if one does; the files of its copies may be put now."""
    row = await tx.row(_TAKE, {"now": tx.now, "new_making": tx.new_id(), "until": tx.now + LEASE})
    if row is None:
        return None
    taken = Taken(row.id, row.making, shown.widths(row.width), row.attempts)
    await ledger.announce(tx, rules.copy_files(taken.id, taken.making, taken.widths))
    return taken


async def finish(tx: Tx, taken: Taken, sizes: Sequence[tuple[int, int]]) -> None:
    """The copies are there, of these pixels; what was sent is deleted. The copies are, when they come too late."""
    files = rules.copy_files(taken.id, taken.making, taken.widths)
    copies = [[box, width, height] for box, (width, height) in zip(taken.widths, sizes, strict=True)]
    if await _change(tx, taken, state=State.READY, copies=copies):
        await ledger.keep(tx, files)
        await ledger.doom(tx, [rules.original_file(taken.id)])
    else:
        # Again, because a worker that slept for an hour may have put them after they were swept.
        await ledger.doom(tx, files)


async def fail(tx: Tx, taken: Taken, problem: str) -> None:
    """No copies can be made, for the error of this code; what was sent is deleted."""
    if await _change(tx, taken, state=State.FAILED, problem=problem):
        await ledger.doom(tx, [rules.original_file(taken.id)])


async def give_back(tx: Tx, taken: Taken) -> None:
    """It was not the photo's fault: another try, a little later."""
    await _change(tx, taken, due_at=tx.now + PAUSE, attempts=taken.attempts - 1)


async def _change(tx: Tx, taken: Taken, **values: object) -> bool:
    mine = photos.c.id == taken.id, photos.c.making == taken.making, photos.c.state == State.PENDING
    return bool((await tx.execute(photos.update().where(*mine).values(**values))).rowcount)
