"""Reading and writing blocks."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from asyncpg import Range

from votremachine.accounts.rules import Actor
from votremachine.availability.blocks import recurrence
from votremachine.availability.blocks.models import blocks, lost_occurrences
from votremachine.availability.blocks.recurrence import Series
from votremachine.availability.blocks.rules import MOST_SERIES, Block, TooManySeries
from votremachine.availability.rules import Taker, UnknownBlock
from votremachine.infra.database import Tx
from votremachine.kernel.span import Span

_ONE = sa.select(blocks).where(blocks.c.id == sa.bindparam("id"))
_NOW = sa.bindparam("now", type_=sa.DateTime(timezone=True))
# Those that want anything from now on, and the one that is spoken of.
_STANDING = (
    sa.select(blocks)
    .where(
        blocks.c.machine_id == sa.bindparam("machine", type_=sa.Uuid),
        sa.or_(
            blocks.c.during.is_(None),
            sa.func.upper(blocks.c.during) > _NOW,
            blocks.c.id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))),
        ),
    )
    .order_by(blocks.c.id)
)
_NEXT_MACHINE = (
    sa.select(blocks.c.machine_id)
    .where(
        blocks.c.machine_id > sa.bindparam("after", type_=sa.Uuid),
        sa.or_(blocks.c.during.is_(None), sa.func.upper(blocks.c.during) > _NOW),
    )
    .order_by(blocks.c.machine_id)
    .limit(1)
)
_LOST = (
    sa.select(lost_occurrences.c.block_id, lost_occurrences.c.starts)
    .where(lost_occurrences.c.block_id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))))
    .order_by(lost_occurrences.c.starts)
)


async def load(tx: Tx, block_id: UUID) -> Block:
    """A block as it stands; raises `UnknownBlock`."""
    row = await tx.row(_ONE, {"id": block_id})
    if row is None:
        raise UnknownBlock
    return from_row(row)


async def standing(tx: Tx, machine_id: UUID, ids: Sequence[UUID] = ()) -> list[Block]:
    """The blocks of a machine that may still want time, and these whatever they want; oldest first."""
    values = {"machine": machine_id, "now": tx.now, "ids": list(ids)}
    return [from_row(row) for row in await tx.rows(_STANDING, values)]


async def next_machine(tx: Tx, after: UUID) -> UUID | None:
    """The next machine, by id, that has a block which may want time."""
    found = await tx.row(_NEXT_MACHINE, {"after": after, "now": tx.now})
    return None if found is None else UUID(str(found.machine_id))


async def browse(tx: Tx, machine_id: UUID, *, after: UUID | None, limit: int) -> list[Block]:
    """The blocks of a machine in the order in which they were made; `limit + 1` rows."""
    wanted = sa.select(blocks).where(blocks.c.machine_id == machine_id)
    if after is not None:
        wanted = wanted.where(blocks.c.id > after)
    return [from_row(row) for row in await tx.rows(wanted.order_by(blocks.c.id).limit(limit + 1))]


async def lost(tx: Tx, ids: Sequence[UUID]) -> set[tuple[UUID, Any]]:
    """Block and start of each occurrence that is known to be kept out."""
    return {(row.block_id, row.starts) for row in await tx.rows(_LOST, {"ids": list(ids)})}


async def check_room(tx: Tx, block: Block) -> None:
    """Raises `TooManySeries` where a machine has as many as are expanded in reasonable time."""
    if isinstance(block.time, Span):
        return
    count = sa.select(sa.func.count()).where(blocks.c.machine_id == block.machine_id, blocks.c.during.is_(None))
    if (await tx.execute(count)).scalar_one() >= MOST_SERIES:
        raise TooManySeries(most=MOST_SERIES)


async def add(tx: Tx, block: Block, who: Actor) -> None:
    """Write a new block."""
    made = {"created_by": who.person_id, "created_at": tx.now}
    await tx.execute(blocks.insert(), {"id": block.id, "machine_id": block.machine_id, **_values(block), **made})


async def change(tx: Tx, block: Block) -> None:
    """Write a block anew."""
    await tx.execute(blocks.update().where(blocks.c.id == block.id).values(**_values(block)))


async def remove(tx: Tx, block_id: UUID) -> None:
    """Forget a block, and what was lost of it."""
    await tx.execute(blocks.delete().where(blocks.c.id == block_id))


async def roll(tx: Tx, machine_id: UUID, *, to: Any, nearer_than: Any) -> bool:
    """Expand the series of a machine that are known less far than `nearer_than`; whether there were any."""
    due = sa.and_(blocks.c.machine_id == machine_id, blocks.c.expanded_to < nearer_than)
    return bool((await tx.execute(blocks.update().where(due).values(expanded_to=to))).rowcount)


def from_row(row: sa.Row[Any]) -> Block:
    """A row as a value."""
    return Block(
        id=row.id,
        machine_id=row.machine_id,
        kind=Taker(row.kind),
        note=row.note,
        time=series_of(row) if row.during is None else Span(row.during.lower, row.during.upper),
        series_id=row.series_id,
        version=row.version,
        expanded_to=row.expanded_to,
    )


def series_of(row: sa.Row[Any]) -> Series:
    """The series of a row that has one."""
    zone = ZoneInfo(row.zone)
    rule = recurrence.read(row.rrule, zone) if row.rrule else None
    return Series(zone, row.wall_start, row.wall_end, rule, tuple(row.rdates), tuple(row.exdates))


def _values(block: Block) -> dict[str, Any]:
    shared = {
        "kind": block.kind,
        "note": block.note,
        "series_id": block.series_id,
        "version": block.version,
        "expanded_to": block.expanded_to,
    }
    time = block.time
    if isinstance(time, Span):
        nothing: dict[str, Any] = {
            "zone": None,
            "wall_start": None,
            "wall_end": None,
            "rrule": "",
            "rdates": [],
            "exdates": [],
        }
        return {**shared, "during": Range(time.start, time.end), **nothing}
    return {
        **shared,
        "during": None,
        "zone": time.zone.key,
        "wall_start": time.start,
        "wall_end": time.end,
        "rrule": time.rule.written if time.rule else "",
        "rdates": list(time.rdates),
        "exdates": list(time.exdates),
    }
