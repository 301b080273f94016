"""What bookings lack that people are to be reminded of, as it is at that moment."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from votremachine.bookings.metering import store as metering
from votremachine.bookings.metering.rules import awaits_usage
from votremachine.bookings.rules import Booking
from votremachine.fleet.rules import Machine
from votremachine.infra.database import Tx
from votremachine.inspections.rules.report import Occasion
from votremachine.inspections.service.outstanding import awaited_of
from votremachine.notifications.rules import Lack, Lacks, Side

_REPORTS = {Occasion.CHECK_OUT: Lack.DEPARTURE_REPORT, Occasion.CHECK_IN: Lack.RETURN_REPORT}


async def lacks_of(tx: Tx, found: Sequence[Booking], machines: Mapping[UUID, Machine]) -> Mapping[UUID, Lacks]:
    """What each of these bookings lacks, by its id; three statements, none where nothing can be missing."""
    lacks: dict[UUID, dict[Lack, frozenset[Side]]] = {one.id: {} for one in found}
    if metered := {one.id for one in found if awaits_usage(one)}:
        for booking_id in metered - await metering.told_of(tx, metered):
            lacks[booking_id][Lack.USAGE] = frozenset(Side)
    for booking_id, awaited in (await awaited_of(tx, found, machines)).items():
        for occasion, sides in awaited.items():
            lacks[booking_id][_REPORTS[occasion]] = frozenset(Side(side.value) for side in sides)
    return lacks
