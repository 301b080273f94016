"""Taking and giving back time, for whoever stands above: bookings, blocks, feeds.

Every claim of a transaction is made in the order of machine ids, so that two groups never wait for each other.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSTZRANGE, insert

from votremachine.availability.models import occupancies
from votremachine.availability.rules import Claim, SpanTaken, Taker
from votremachine.availability.service.table import instants, meets_window, on_machine, window_values
from votremachine.fleet import service as fleet
from votremachine.infra.database import Tx
from votremachine.infra.statements import Prepared
from votremachine.kernel.span import Span

# An owner's own time needs no buffers: the bookings around it keep theirs.
NO_BUFFERS = (timedelta(0), timedelta(0))
# An occupancy is never empty; what was over before it began, since both were told later, is next to that.
NEXT_TO_NOTHING = timedelta(milliseconds=1)
_CLAIM = Prepared(
    insert(occupancies)
    .values(
        id=sa.bindparam("id"),
        machine_id=sa.bindparam("machine"),
        kind=sa.bindparam("kind"),
        ref_id=sa.bindparam("ref"),
        during=instants("starts", "ends"),
        blocked=instants("blocked_from", "blocked_to"),
        expires_at=sa.bindparam("expires_at"),
    )
    .on_conflict_do_nothing()
    .returning(occupancies.c.id)
)
_DROP_LAPSED = occupancies.delete().where(
    on_machine(sa.bindparam("machine", type_=sa.Uuid)),
    meets_window(),
    occupancies.c.expires_at <= sa.bindparam("now"),
)

_RELEASE_ALL = occupancies.delete().where(
    occupancies.c.ref_id == sa.any_(sa.bindparam("refs", type_=sa.ARRAY(sa.Uuid)))
)
_ours = occupancies.c.ref_id == sa.bindparam("kept_ref", type_=sa.Uuid)
_ours_of_all = sa.select(sa.func.count()).select_from(occupancies).where(_ours).scalar_subquery()
# For a statement of a slice above: what the bound `kept_ref` holds blocks until `kept_until`, or for good; nothing does
# when part of its `kept_machines` was lost already.
KEPT = (
    occupancies.update()
    .where(_ours, _ours_of_all == sa.bindparam("kept_machines", type_=sa.Integer))
    .values(expires_at=sa.bindparam("kept_until", type_=sa.DateTime(timezone=True)))
    .returning(occupancies.c.id)
    .cte("kept")
)
_INSTANTS = sa.ARRAY(sa.DateTime(timezone=True))
_wishes = (
    sa.func.unnest(
        sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid)),
        sa.bindparam("machines", type_=sa.ARRAY(sa.Uuid)),
        sa.bindparam("kinds", type_=sa.ARRAY(sa.Text)),
        sa.bindparam("refs", type_=sa.ARRAY(sa.Uuid)),
        sa.bindparam("starts", type_=_INSTANTS),
        sa.bindparam("ends", type_=_INSTANTS),
        sa.bindparam("blocked_from", type_=_INSTANTS),
        sa.bindparam("blocked_to", type_=_INSTANTS),
    )
    .table_valued(
        *(sa.column(name) for name in ("id", "machine_id", "kind", "ref_id", "starts", "ends", "since", "until")),
        name="wishes",
    )
    .render_derived()
)
_CLAIM_MANY = (
    insert(occupancies)
    .from_select(
        ["id", "machine_id", "kind", "ref_id", "during", "blocked"],
        sa.select(
            _wishes.c.id,
            _wishes.c.machine_id,
            _wishes.c.kind,
            _wishes.c.ref_id,
            sa.func.tstzrange(_wishes.c.starts, _wishes.c.ends, type_=TSTZRANGE),
            sa.func.tstzrange(_wishes.c.since, _wishes.c.until, type_=TSTZRANGE),
        ).order_by(_wishes.c.machine_id, _wishes.c.since),
    )
    .on_conflict_do_nothing()
    .returning(occupancies.c.id)
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
        await drop_lapsed(tx, wish.machine_id, wish.blocked)
        if not await _insert(tx, values):
            raise SpanTaken(machine_id=str(wish.machine_id))


async def claim_many(tx: Tx, wishes: Sequence[tuple[Taker, UUID, Claim]]) -> int:
    """Take, for good, what is free of these wishes, each with its taker and what it stands for; how many were taken.

    One statement, however many there are.
    """
    if not wishes:
        return 0
    values = {
        "ids": [tx.new_id() for _ in wishes],
        "machines": [wish.machine_id for _, _, wish in wishes],
        "kinds": [taker.value for taker, _, _ in wishes],
        "refs": [ref_id for _, ref_id, _ in wishes],
        "starts": [wish.during.start for _, _, wish in wishes],
        "ends": [wish.during.end for _, _, wish in wishes],
        "blocked_from": [wish.blocked.start for _, _, wish in wishes],
        "blocked_to": [wish.blocked.end for _, _, wish in wishes],
    }
    return len(await tx.rows(_CLAIM_MANY, values))


async def drop_lapsed(tx: Tx, machine_id: UUID, window: Span) -> None:
    """Delete the holds of a machine that ran out and are in the way of a span."""
    await tx.execute(_DROP_LAPSED, {"machine": machine_id, "now": tx.now, **window_values(window)})


async def release(tx: Tx, ref_id: UUID) -> None:
    """Give back all the time that `ref_id` holds."""
    await tx.execute(occupancies.delete().where(occupancies.c.ref_id == ref_id))


async def release_all(tx: Tx, ref_ids: Sequence[UUID]) -> None:
    """Give back all the time that these hold; one statement."""
    await tx.execute(_RELEASE_ALL, {"refs": list(ref_ids)})


async def release_ahead(tx: Tx, ref_id: UUID) -> None:
    """Give back the time that `ref_id` holds and that is not over yet."""
    ahead = sa.func.upper(occupancies.c.during) > tx.now
    await tx.execute(occupancies.delete().where(occupancies.c.ref_id == ref_id, ahead))


async def move(tx: Tx, taker: Taker, ref_id: UUID, claims: Sequence[Claim], *, expires_at: datetime | None) -> None:
    """Give back and claim anew in one go; raises `SpanTaken`, and the rollback keeps the old time.

    Two moves that want each other's time wait here for their turn instead of deadlocking over it.
    """
    for machine_id in sorted(wish.machine_id for wish in claims):
        await fleet.lock(tx, machine_id)
    await release(tx, ref_id)
    await claim(tx, taker, ref_id, claims, expires_at=expires_at)


async def cut(tx: Tx, ref_id: UUID, end: datetime, *, handed_on: bool = False) -> None:
    """End what `ref_id` holds at `end`, each machine keeping its own buffer after, unless it was handed on there and
    then. Nothing is ever lengthened; what begins after `end` is left next to no time.
    """
    at = sa.literal(end, sa.DateTime(timezone=True))
    starts, ends = sa.func.lower(occupancies.c.during), sa.func.upper(occupancies.c.during)
    free = sa.func.upper(occupancies.c.blocked)
    new_end = sa.func.least(ends, sa.case((starts < at, at), else_=starts + NEXT_TO_NOTHING))
    new_free = sa.func.least(free, sa.func.greatest(at, new_end)) if handed_on else new_end + (free - ends)
    shortened = occupancies.update().where(occupancies.c.ref_id == ref_id, sa.or_(ends > new_end, free > new_free))
    await tx.execute(
        shortened.values(
            during=sa.func.tstzrange(starts, new_end),
            blocked=sa.func.tstzrange(sa.func.lower(occupancies.c.blocked), new_free),
        )
    )


async def _insert(tx: Tx, values: dict[str, Any]) -> bool:
    return bool(await tx.rows(_CLAIM, values))


def _claim_values(tx: Tx, taker: Taker, ref_id: UUID, wish: Claim, expires_at: datetime | None) -> dict[str, Any]:
    return {
        "id": tx.new_id(),
        "machine": wish.machine_id,
        "kind": taker,
        "ref": ref_id,
        "starts": wish.during.start,
        "ends": wish.during.end,
        "expires_at": expires_at,
        **window_values(wish.blocked),
    }
