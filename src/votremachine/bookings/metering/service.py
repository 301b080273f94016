"""The verbs of metered work: say how much was used, agree to it, and let the price follow."""

from collections.abc import Sequence
from uuid import UUID

from votremachine.accounts.rules import Actor, Verb
from votremachine.accounts.service import audit
from votremachine.bookings.events import UsageProposed, UsageSettled
from votremachine.bookings.metering import rules, store
from votremachine.bookings.metering.rules import UnknownUsage, Usage, UsageState
from votremachine.bookings.metering.schemas import TellUsage, UsageView
from votremachine.bookings.paying import books
from votremachine.bookings.rules import Booking
from votremachine.bookings.schemas import BookingView
from votremachine.bookings.service import reading
from votremachine.bookings.service import store as bookings
from votremachine.fleet import service as fleet
from votremachine.infra.database import Tx
from votremachine.pricing.rules.card import RateCard
from votremachine.pricing.rules.lines import WHOLE
from votremachine.pricing.rules.settling import Quantities, settled
from votremachine.pricing.service import hires as pricing


async def propose(tx: Tx, who: Actor, booking_id: UUID, asked: TellUsage) -> UsageView:
    """Say how much was used; what was said before, by whichever side, is countered by it.

    Raises `UnknownBooking`, `NotAllowed`, `NotMetered`, `NotBackYet`, `QuantityMissing`, `NotCharged`,
    `MachineNotSettled`, `TooFine`.
    """
    booking = await reading.load_locked(tx, booking_id)
    sides = bookings.authorise(Verb.SETTLE_USAGE, who, booking)
    rules.check_open(booking)
    used = asked.quantities()
    price = settled(booking.price, used, await _cards(tx, booking))
    said = Usage(
        tx.new_id(),
        booking.id,
        rules.side_of(sides),
        used,
        price.total,
        asked.note,
        UsageState.PROPOSED,
        who.person_id,
        tx.now,
    )
    await store.add(tx, said)
    party = booking.owner_party_id if booking.owner_party_id in who.seats else booking.renter_party_id
    await audit.note(tx, who, "propose_usage", "booking", booking.id, party, usage_id=str(said.id))
    tx.publish(bookings.fact(UsageProposed, booking, who, usage_id=said.id))
    return _view(said)


async def agree(tx: Tx, who: Actor, booking_id: UUID, usage_id: UUID) -> BookingView:
    """The other side agrees to the last word; the same again changes nothing.

    Raises `UnknownBooking`, `NotAllowed`, `UnknownUsage`, `UsageCountered`, `OwnWord`, `NotMetered`, `NotBackYet`.
    """
    booking = await reading.load_locked(tx, booking_id)
    sides = bookings.authorise(Verb.SETTLE_USAGE, who, booking)
    said = next((one for one in await store.of_booking(tx, booking_id) if one.id == usage_id), None)
    if said is None:
        raise UnknownUsage(pointer="/usage_id")
    if said.state is not UsageState.AGREED:
        rules.check_agreeable(said, sides)
        await store.agree(tx, said.id)
        booking = await settle_usage(tx, who, booking, said.used)
    return (await reading.views(tx, [booking]))[0]


async def settle_usage(tx: Tx, who: Actor, booking: Booking, used: Quantities) -> Booking:
    """Let a booking, which must be locked, cost what was really used, by the cards of the day of booking.

    The difference is due in the ledger at once; where cards pay, it is charged or given back by what follows
    (bookings/paying/owing.py). Raises `NotMetered`, `NotBackYet`, `QuantityMissing`, `NotCharged`,
    `MachineNotSettled`.
    """
    rules.check_open(booking)
    price = settled(booking.price, used, await _cards(tx, booking))
    why = f"{booking.price.total.minor}/{price.total.minor}"
    changed = await bookings.change(tx, booking, UsageSettled, by=who, why=why, changes={"price": price})
    await books.changed(tx, booking, changed, tx.new_id())
    return changed


async def browse(tx: Tx, who: Actor, booking_id: UUID) -> Sequence[UsageView]:
    """Everything that was said of the use of a booking, oldest first. Raises `UnknownBooking`."""
    booking = await reading.load(tx, booking_id)
    bookings.authorise(Verb.READ_BOOKING, who, booking)
    return [_view(said) for said in await store.of_booking(tx, booking_id)]


async def _cards(tx: Tx, booking: Booking) -> dict[UUID, RateCard]:
    """The cards that a booking was priced by, by machine."""
    machines = await fleet.machines_by_id(tx, booking.agreed_ids)
    hires = await pricing.booked(tx, list(machines.values()), booking.card_ids, booking.extras)
    return {hire.card.machine_id: hire.card for hire in hires}


def _view(said: Usage) -> UsageView:
    used = {
        machine_id: {unit: quantity / WHOLE for unit, quantity in quantities.items()}
        for machine_id, quantities in said.used.items()
    }
    return UsageView(
        said.id, said.booking_id, said.side, used, said.total, said.note, said.state, said.by, said.created_at
    )
