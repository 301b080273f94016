"""Lines that an owner might ask, reckoned from the reports, the hours and the rate card of their booking."""

from uuid import UUID

from votremachine.accounts.rules import Actor, Verb
from votremachine.bookings.rules import Booking
from votremachine.bookings.service import reading as bookings
from votremachine.bookings.service import store as bookings_store
from votremachine.damages.rules.costs import Kind
from votremachine.damages.rules.suggesting import Return, Suggestion, suggested
from votremachine.damages.schemas import ReckonedView, SuggestedLine
from votremachine.fleet import service as fleet
from votremachine.infra.database import Tx
from votremachine.infra.languages import Language
from votremachine.inspections.service import comparing
from votremachine.kernel.money import Money
from votremachine.pricing.rules.lines import WHOLE
from votremachine.pricing.service import hires

# What the line says that it is for: French, English.
_WHAT = {
    Kind.LATE: ("Retour tardif", "Late return"),
    Kind.FUEL: ("Carburant manquant", "Missing fuel"),
    Kind.OVERUSE: ("Heures moteur en plus", "Engine hours beyond"),
}


async def suggest(tx: Tx, who: Actor, booking_id: UUID, language: Language) -> list[SuggestedLine]:
    """What may be asked of a booking, to those who may ask it, machine by machine; nothing before it is back.

    Raises `UnknownBooking`, `NotAllowed`.
    """
    booking = await bookings.load(tx, booking_id)
    bookings_store.authorise(Verb.CLAIM_DAMAGE, who, booking)
    backs = await _returns(tx, booking)
    return [_view(one, booking.deposit.currency, language) for back in backs for one in suggested(back)]


async def _returns(tx: Tx, booking: Booking) -> list[Return]:
    """How each machine of a booking came back; three statements."""
    if booking.returned_at is None:
        return []
    machines = await fleet.machines_by_id(tx, booking.agreed_ids)
    charged = await hires.booked(tx, list(machines.values()), booking.card_ids, booking.extras)
    by_machine = {hire.card.machine_id: hire for hire in charged}
    reported = await comparing.reported(tx, booking.id)
    agreed = {machine_id: booking.stands_for.get(machine_id, machine_id) for machine_id in booking.machine_ids}
    return [
        Return(
            machine_id=machine_id,
            agreed_id=agreed_id,
            booked=booking.during,
            returned_at=booking.returned_at,
            hire=by_machine[agreed_id],
            price=booking.price,
            shown=reported.differences.get(machine_id),
        )
        for machine_id, agreed_id in sorted(agreed.items())
    ]


def _view(one: Suggestion, currency: str, language: Language) -> SuggestedLine:
    french, english = _WHAT[one.kind]
    return SuggestedLine(
        machine_id=one.machine_id,
        kind=one.kind,
        what=french if language == "fr" else english,
        net=one.net,
        vat_rate=one.vat_rate,
        eighths=one.eighths,
        inspection_ids=one.inspection_ids,
        reckoned=[
            ReckonedView(part.unit, part.thousandths / WHOLE, Money(part.minor, currency), Money(part.net, currency))
            for part in one.reckoned
        ],
    )
