"""What messages say of the bookings that they are about, as it is at that moment."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from votremachine.accounts.service.parties import party_names
from votremachine.bookings.rules import Booking
from votremachine.fleet import service as fleet
from votremachine.fleet.rules import Machine
from votremachine.infra.database import Tx


async def machines_of(tx: Tx, found: Sequence[Booking]) -> Mapping[UUID, Machine]:
    """The machines of these bookings, in one statement."""
    return await fleet.machines_by_id(tx, {machine_id for one in found for machine_id in one.machine_ids})


def zone_of(booking: Booking, machines: Mapping[UUID, Machine]) -> ZoneInfo:
    """The clocks that a booking goes by: its first machine's."""
    return machines[min(booking.machine_ids)].zone


async def facts_about(
    tx: Tx, found: Sequence[Booking], machines: Mapping[UUID, Machine]
) -> Mapping[UUID, dict[str, Any]]:
    """What is said of each booking, by its id: machines, sides, times (RFC 3339) and the zone they are read in."""
    if not found:
        return {}
    names = await party_names(tx, {party for one in found for party in (one.owner_party_id, one.renter_party_id)})
    return {one.id: _facts(one, machines, names) for one in found}


def _facts(booking: Booking, machines: Mapping[UUID, Machine], names: Mapping[UUID, str]) -> dict[str, Any]:
    titles = [machines[machine_id].titles for machine_id in sorted(booking.machine_ids)]
    facts = {
        "machine_fr": ", ".join(title.read_in("fr") for title in titles),
        "machine_en": ", ".join(title.read_in("en") for title in titles),
        "owner": names[booking.owner_party_id],
        "renter": names[booking.renter_party_id],
        "start": booking.during.start.isoformat(),
        "end": booking.during.end.isoformat(),
        "zone": zone_of(booking, machines).key,
    }
    if booking.expires_at is not None:
        facts["expires_at"] = booking.expires_at.isoformat()
    if booking.claimable_from is not None:
        facts["claims_until"] = (booking.claimable_from + booking.claim_window).isoformat()
    return facts
