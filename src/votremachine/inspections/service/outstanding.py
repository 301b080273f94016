"""Which bookings wait for a condition report that their owner asks for, and for whom."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

import sqlalchemy as sa

from votremachine.bookings.rules import MEETING, Booking
from votremachine.fleet.rules import Machine
from votremachine.fleet.terms import Ask
from votremachine.infra.database import Tx
from votremachine.inspections.models import inspections
from votremachine.inspections.rules.outstanding import Begun, awaited
from votremachine.inspections.rules.report import Occasion, State
from votremachine.inspections.rules.signing import Side
from votremachine.inspections.service import reading

_COLUMNS = ("id", "booking_id", "next_booking_id", "machine_id", "kind", "state")
_IDS = sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid)))
_OF_BOOKINGS = (
    sa.select(*(inspections.c[name] for name in _COLUMNS))
    .where(sa.or_(inspections.c.booking_id == _IDS, inspections.c.next_booking_id == _IDS))
    .order_by(inspections.c.sent_at, inspections.c.id)
)
Awaited = Mapping[Occasion, frozenset[Side]]


async def awaited_of(tx: Tx, found: Sequence[Booking], machines: Mapping[UUID, Machine]) -> Mapping[UUID, Awaited]:
    """What each booking that meets, and of which the owner asks for reports, lacks: `CHECK_OUT` or `CHECK_IN`, and the
    sides that are to go on. Two statements, none where nobody asks.
    """
    asked = {one.id: ids for one in found if one.state in MEETING and (ids := _asking(one, machines))}
    if not asked:
        return {}
    begun = await _begun(tx, asked)
    return {
        booking_id: {
            occasion: sides
            for occasion in (Occasion.CHECK_OUT, Occasion.CHECK_IN)
            if (sides := awaited(booking_id, ids, begun[booking_id], occasion)) is not None
        }
        for booking_id, ids in asked.items()
    }


def _asking(booking: Booking, machines: Mapping[UUID, Machine]) -> list[UUID]:
    return [one for one in booking.machine_ids if Ask.REPORT in machines[one].terms.asks]


async def _begun(tx: Tx, booking_ids: Mapping[UUID, object]) -> Mapping[UUID, list[Begun]]:
    rows = await tx.rows(_OF_BOOKINGS, {"ids": list(booking_ids)})
    complete = [row.id for row in rows if row.state == State.COMPLETE]
    signatures = await reading.signatures_of(tx, complete) if complete else {}
    begun: defaultdict[UUID, list[Begun]] = defaultdict(list)
    for row in rows:
        signed = frozenset(Side(one.side) for one in signatures.get(row.id, ()))
        report = Begun(row.machine_id, Occasion(row.kind), State(row.state), row.next_booking_id, signed)
        for booking_id in {row.booking_id, row.next_booking_id} - {None}:
            begun[booking_id].append(report)
    return begun
