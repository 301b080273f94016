"""How the machines of a booking left and came back, side by side."""

from collections.abc import Mapping
from uuid import UUID

from votremachine.accounts.rules import Actor, Verb
from votremachine.bookings.rules import UnknownBooking
from votremachine.bookings.service import reading as bookings
from votremachine.infra.database import Tx
from votremachine.infra.links import Links
from votremachine.inspections.rules.comparison import Difference, Pair, compare, pairs
from votremachine.inspections.rules.report import State
from votremachine.inspections.schemas import InspectionView, SideBySide
from votremachine.inspections.service import reading


async def differences(tx: Tx, booking_id: UUID) -> Mapping[UUID, Difference]:
    """What changed on each machine of a booking, by its id, where both reports are signed; one statement.

    For slices above: they ask for nobody in particular.
    """
    return {
        machine_id: compare(pair.check_out, pair.check_in)
        for machine_id, pair in (await _pairs(tx, booking_id)).items()
        if pair.check_out is not None and pair.check_in is not None
    }


async def side_by_side(tx: Tx, who: Actor, links: Links, booking_id: UUID) -> list[SideBySide]:
    """Each machine of a booking, in order of id, to its sides and to staff. Raises `UnknownBooking`."""
    booking = await bookings.load(tx, booking_id)
    reading.authorise(Verb.READ_INSPECTION, who, [booking], UnknownBooking())
    found = await _pairs(tx, booking_id)
    rows = await reading.rows_of(tx, booking_id)
    shown = {one.id: one for one in await reading.views(tx, who, links, rows, [booking])}
    machines = sorted(set(booking.machine_ids) | found.keys())
    return [_side_by_side(machine_id, found.get(machine_id, Pair()), shown) for machine_id in machines]


def _side_by_side(machine_id: UUID, pair: Pair, shown: Mapping[UUID, InspectionView]) -> SideBySide:
    out, back = pair.check_out, pair.check_in
    return SideBySide(
        machine_id,
        shown[out.id] if out else None,
        shown[back.id] if back else None,
        compare(out, back) if out and back else None,
    )


async def _pairs(tx: Tx, booking_id: UUID) -> Mapping[UUID, Pair]:
    rows = [row for row in await reading.rows_of(tx, booking_id) if row.state == State.SIGNED]
    signed = sorted(rows, key=lambda row: (row.signed_at, row.sequence))
    return pairs([reading.content_of(row) for row in signed], booking_id)
