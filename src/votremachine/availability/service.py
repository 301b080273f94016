"""The verbs of time: claim it, keep it, cut it, release it, look at it, and the owner's blocks.

Every claim of a transaction is made in the order of machine ids, so that two groups never wait for each other.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSTZRANGE, insert

from votremachine.accounts.rules import Actor, Verb, require
from votremachine.availability.models import blocks, occupancies
from votremachine.availability.rules import Claim, Occupancy, SpanTaken, Taker, UnknownBlock, busy_for
from votremachine.availability.schemas import Availability, BlockTime, BlockView, Calendar, OccupancyView
from votremachine.fleet import service as fleet
from votremachine.fleet.rules import Machine
from votremachine.infra.database import Tx
from votremachine.infra.wire import SpanView
from votremachine.kernel.span import Span, clip, gaps, merge

_COLUMNS = (
    occupancies.c.id,
    occupancies.c.machine_id,
    occupancies.c.kind,
    occupancies.c.ref_id,
    sa.func.lower(occupancies.c.during).label("starts"),
    sa.func.upper(occupancies.c.during).label("ends"),
    sa.func.lower(occupancies.c.blocked).label("blocked_from"),
    sa.func.upper(occupancies.c.blocked).label("blocked_to"),
    occupancies.c.expires_at,
)


def _range(start: str, end: str) -> sa.Function[Any]:
    instant = sa.DateTime(timezone=True)
    return sa.func.tstzrange(sa.bindparam(start, type_=instant), sa.bindparam(end, type_=instant), type_=TSTZRANGE)


# A literal, not a parameter: the expression must be the constraint's own for its index to answer.
_CLOSED = sa.literal_column("'[]'")
_machine_range = sa.func.uuid_range(occupancies.c.machine_id, occupancies.c.machine_id, _CLOSED)
_this_machine = sa.bindparam("machine", type_=sa.Uuid)
_on_machine = _machine_range.op("&&")(sa.func.uuid_range(_this_machine, _this_machine, _CLOSED))
_meets = occupancies.c.blocked.op("&&")(_range("blocked_from", "blocked_to"))

_CLAIM = (
    insert(occupancies)
    .values(
        id=sa.bindparam("id"),
        machine_id=sa.bindparam("machine"),
        kind=sa.bindparam("kind"),
        ref_id=sa.bindparam("ref"),
        during=_range("starts", "ends"),
        blocked=_range("blocked_from", "blocked_to"),
        expires_at=sa.bindparam("expires_at"),
    )
    .on_conflict_do_nothing()
    .returning(occupancies.c.id)
)
_DROP_LAPSED = occupancies.delete().where(_on_machine, _meets, occupancies.c.expires_at <= sa.bindparam("now"))
_asked = (
    sa.func.unnest(sa.bindparam("machines", type_=sa.ARRAY(sa.Uuid)))
    .table_valued(sa.column("id", sa.Uuid), name="asked")
    .render_derived()
)
_LIVE = (
    sa.select(*_COLUMNS)
    .select_from(
        _asked.join(
            occupancies,
            sa.and_(_machine_range.op("&&")(sa.func.uuid_range(_asked.c.id, _asked.c.id, _CLOSED)), _meets),
        )
    )
    .where(sa.or_(occupancies.c.expires_at.is_(None), occupancies.c.expires_at > sa.bindparam("now")))
)


async def claim(
    tx: Tx, taker: Taker, ref_id: UUID, claims: Sequence[Claim], *, expires_at: datetime | None = None
) -> None:
    """Take the time of all these machines for `ref_id`, or of none of them: raises `SpanTaken` (roll back then).

    Lapsed holds in the way are deleted first; the insert waits for a rival that has not committed, and loses to it
    without raising, so that many people who want one slot neither deadlock nor fail.
    """
    for wish in sorted(claims, key=lambda wish: wish.machine_id):
        values = _claim_values(tx, taker, ref_id, wish, expires_at)
        if await _insert(tx, values):
            continue
        await tx.execute(_DROP_LAPSED, {**_window_values(wish.machine_id, wish.blocked), "now": tx.now})
        if not await _insert(tx, values):
            raise SpanTaken(machine_id=str(wish.machine_id))


async def keep(tx: Tx, ref_id: UUID, *, expires_at: datetime | None, machines: int) -> bool:
    """Let what `ref_id` holds block until another hour, or for good. False when part of it was already lost."""
    kept = await tx.execute(occupancies.update().where(occupancies.c.ref_id == ref_id).values(expires_at=expires_at))
    return kept.rowcount == machines


async def release(tx: Tx, ref_id: UUID) -> None:
    """Give back all the time that `ref_id` holds."""
    await tx.execute(occupancies.delete().where(occupancies.c.ref_id == ref_id))


async def move(tx: Tx, taker: Taker, ref_id: UUID, claims: Sequence[Claim], *, expires_at: datetime | None) -> None:
    """Give back and claim anew in one go; raises `SpanTaken`, and the rollback keeps the old time.

    Two moves that want each other's time wait here for their turn instead of deadlocking over it.
    """
    for machine_id in sorted(wish.machine_id for wish in claims):
        await tx.execute(sa.select(sa.func.pg_advisory_xact_lock(_lock_key(machine_id))))
    await release(tx, ref_id)
    await claim(tx, taker, ref_id, claims, expires_at=expires_at)


async def cut(tx: Tx, ref_id: UUID, end: datetime) -> None:
    """End what `ref_id` holds at `end`, each machine keeping its own buffer after; nothing is ever lengthened."""
    starts, ends = sa.func.lower(occupancies.c.during), sa.func.upper(occupancies.c.during)
    buffer_after = sa.func.upper(occupancies.c.blocked) - ends
    shortened = occupancies.update().where(occupancies.c.ref_id == ref_id, starts < end, ends > end)
    await tx.execute(
        shortened.values(
            during=sa.func.tstzrange(starts, end),
            blocked=sa.func.tstzrange(sa.func.lower(occupancies.c.blocked), end + buffer_after),
        )
    )
    await tx.execute(occupancies.delete().where(occupancies.c.ref_id == ref_id, starts >= end))


async def drop_lapsed(tx: Tx, limit: int) -> int:
    """Delete up to `limit` lapsed holds; rows that another transaction is at work on are left to it."""
    lapsed = (
        sa.select(occupancies.c.id)
        .where(occupancies.c.expires_at <= tx.now)
        .order_by(occupancies.c.machine_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await tx.execute(occupancies.delete().where(occupancies.c.id.in_(lapsed)))).rowcount


async def taken(tx: Tx, machine_ids: Collection[UUID], window: Span) -> list[Occupancy]:
    """The live occupancies of these machines whose blocked time meets `window`, by start; one statement."""
    values = {"machines": list(machine_ids), "blocked_from": window.start, "blocked_to": window.end, "now": tx.now}
    return sorted(map(_occupancy, await tx.rows(_LIVE, values)), key=lambda one: one.during)


async def busy(tx: Tx, machines: Sequence[Machine], window: Span) -> list[Span]:
    """When any of these machines cannot be had by a newcomer, given each one's buffers."""
    buffers = {machine.id: machine.terms.buffers for machine in machines}
    widest = (max(before for before, _ in buffers.values()), max(after for _, after in buffers.values()))
    found = await taken(tx, buffers, window.widened(*widest))
    return merge(span for one in found for span in busy_for([one.blocked], buffers[one.machine_id]))


async def availability(tx: Tx, machine: Machine, window: Span) -> Availability:
    """Free and busy, without reasons, for anybody who may see the machine."""
    occupied = clip(await busy(tx, [machine], window), window)
    return Availability(
        machine.id,
        machine.zone.key,
        [SpanView.of(span, machine.zone) for span in gaps(window, occupied)],
        [SpanView.of(span, machine.zone) for span in occupied],
    )


async def calendar(tx: Tx, who: Actor, machine_id: UUID, window: Span) -> Calendar:
    """Everything that takes the machine's time, for its owner. Raises `UnknownMachine`, `NotAllowed`."""
    machine = await fleet.owned(tx, who, Verb.READ_CALENDAR, machine_id)
    entries = [_occupancy_view(one, machine) for one in await taken(tx, [machine_id], window)]
    return Calendar(machine_id, machine.zone.key, entries)


async def block(tx: Tx, who: Actor, machine_id: UUID, asked: BlockTime) -> BlockView:
    """An owner keeps a machine for a span. Raises `UnknownMachine`, `NotAllowed`, `SpanTaken`, `EndsBeforeStart`."""
    machine = await fleet.owned(tx, who, Verb.EDIT_CALENDAR, machine_id)
    span, taker, block_id = Span(asked.start, asked.end), Taker(asked.kind), tx.new_id()
    # An owner's own time needs no buffers: the bookings around it keep theirs.
    no_buffers = (span.length * 0, span.length * 0)
    await claim(tx, taker, block_id, [Claim(machine_id, span, no_buffers)])
    await tx.execute(
        blocks.insert(),
        {
            "id": block_id,
            "machine_id": machine_id,
            "kind": taker,
            "note": asked.note,
            "created_by": who.person_id,
            "created_at": tx.now,
        },
    )
    return BlockView(block_id, machine_id, taker, SpanView.of(span, machine.zone), asked.note)


async def unblock(tx: Tx, who: Actor, block_id: UUID) -> None:
    """An owner opens a blocked span again. Raises `UnknownBlock`, `NotAllowed`."""
    found = await tx.row(sa.select(blocks.c.machine_id).where(blocks.c.id == block_id))
    if found is None:
        raise UnknownBlock
    machine = await fleet.machine(tx, found.machine_id)
    require(Verb.EDIT_CALENDAR, who, owner=machine.party_id, stranger=UnknownBlock())
    await release(tx, block_id)
    await tx.execute(blocks.delete().where(blocks.c.id == block_id))


async def _insert(tx: Tx, values: dict[str, Any]) -> bool:
    return (await tx.execute(_CLAIM, values)).first() is not None


def _claim_values(tx: Tx, taker: Taker, ref_id: UUID, wish: Claim, expires_at: datetime | None) -> dict[str, Any]:
    return {
        "id": tx.new_id(),
        "kind": taker,
        "ref": ref_id,
        "starts": wish.during.start,
        "ends": wish.during.end,
        "expires_at": expires_at,
        **_window_values(wish.machine_id, wish.blocked),
    }


def _window_values(machine_id: UUID, window: Span) -> dict[str, Any]:
    return {"machine": machine_id, "blocked_from": window.start, "blocked_to": window.end}


def _lock_key(machine_id: UUID) -> int:
    return int.from_bytes(machine_id.bytes[8:], signed=True)


def _occupancy(row: sa.Row[Any]) -> Occupancy:
    return Occupancy(
        row.id,
        row.machine_id,
        Taker(row.kind),
        row.ref_id,
        Span(row.starts, row.ends),
        Span(row.blocked_from, row.blocked_to),
        row.expires_at,
    )


def _occupancy_view(one: Occupancy, machine: Machine) -> OccupancyView:
    return OccupancyView(
        one.id,
        one.kind,
        one.ref_id,
        SpanView.of(one.during, machine.zone),
        SpanView.of(one.blocked, machine.zone),
        one.expires_at,
    )
