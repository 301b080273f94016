"""What bookings lack that people are to be reminded of, as it is at that moment."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from votremachine.bookings.metering import store as metering
from votremachine.bookings.metering.rules import awaits_usage
from votremachine.bookings.rules import Booking
from votremachine.infra.database import Tx
from votremachine.notifications.rules import Lack, Lacks, Side


async def lacks_of(tx: Tx, found: Sequence[Booking]) -> Mapping[UUID, Lacks]:
    """What each of these bookings lacks, by its id; no statement unless there may be something, one of a kind then."""
    lacks: dict[UUID, dict[Lack, frozenset[Side]]] = {one.id: {} for one in found}
    if metered := {one.id for one in found if awaits_usage(one)}:
        for booking_id in metered - await metering.told_of(tx, metered):
            lacks[booking_id][Lack.USAGE] = frozenset(Side)
    return lacks
