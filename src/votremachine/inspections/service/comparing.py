"""How the machines of a booking left and came back, side by side."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.rules import Actor, Verb
from votremachine.bookings.refusals import UnknownBooking
from votremachine.bookings.rules import Booking
from votremachine.bookings.service import reading as bookings
from votremachine.infra.database import Tx
from votremachine.infra.links import Links
from votremachine.inspections.rules.comparison import Difference, Pair, compare, pairs
from votremachine.inspections.rules.report import State
from votremachine.inspections.schemas import InspectionView, SideBySide
from votremachine.inspections.service import reading


class Report(NamedTuple):
    """Of which machine a condition report is, and how it stands: a signed one may have been amended by another."""

    machine_id: UUID
    signed: bool
    amended: bool


class Reported(NamedTuple):
    """What the condition reports of a booking show: each by its id, and what changed on each machine, by its id, where
    both of its reports are signed.
    """

    reports: Mapping[UUID, Report] = {}
    differences: Mapping[UUID, Difference] = {}


async def reported(tx: Tx, booking_id: UUID) -> Reported:
    """What the reports of a booking show; one statement. For slices above: they ask for nobody in particular."""
    rows = await reading.rows_of(tx, booking_id)
    amended = {row.amends for row in rows if row.state == State.SIGNED}
    reports = {row.id: Report(row.machine_id, row.state == State.SIGNED, row.id in amended) for row in rows}
    both = {
        machine_id: compare(pair.check_out, pair.check_in)
        for machine_id, pair in _pairs(rows, booking_id).items()
        if pair.check_out is not None and pair.check_in is not None
    }
    return Reported(reports, both)


async def side_by_side(tx: Tx, who: Actor, links: Links, booking_id: UUID) -> list[SideBySide]:
    """Each machine of a booking, in order of id, to its sides and to staff. Raises `UnknownBooking`."""
    booking = await bookings.load(tx, booking_id)
    reading.authorise(Verb.READ_INSPECTION, who, [booking], UnknownBooking())
    return await shown(tx, who, links, booking)


async def shown(tx: Tx, who: Actor, links: Links, booking: Booking) -> list[SideBySide]:
    """The same, for slices above: they know why somebody may see it."""
    rows = await reading.rows_of(tx, booking.id)
    found = _pairs(rows, booking.id)
    views = {one.id: one for one in await reading.views(tx, who, links, rows, [booking])}
    machines = sorted(set(booking.machine_ids) | found.keys())
    return [_side_by_side(machine_id, found.get(machine_id, Pair()), views) for machine_id in machines]


def _side_by_side(machine_id: UUID, pair: Pair, shown: Mapping[UUID, InspectionView]) -> SideBySide:
    out, back = pair.check_out, pair.check_in
    return SideBySide(
        machine_id,
        shown[out.id] if out else None,
        shown[back.id] if back else None,
        compare(out, back) if out and back else None,
    )


def _pairs(rows: Sequence[sa.Row[Any]], booking_id: UUID) -> Mapping[UUID, Pair]:
    """Of what is signed only."""
    signed = sorted((row for row in rows if row.state == State.SIGNED), key=lambda row: (row.signed_at, row.sequence))
    return pairs([reading.content_of(row) for row in signed], booking_id)
