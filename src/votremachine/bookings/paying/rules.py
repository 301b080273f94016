"""What a payment does to a booking. Pure."""

from datetime import datetime

from votremachine.bookings.rules import Booking, State, lapsed
from votremachine.payments.orders import rules as orders
from votremachine.payments.orders.rules import PaymentOrder, What


def becomes(order: PaymentOrder) -> State:
    """What a hold of time becomes once this is paid: a charge confirms it, money set aside asks the owner."""
    return State.CONFIRMED if order.what is What.CHARGE else State.REQUESTED


def waits_for(booking: Booking, order: PaymentOrder, now: datetime) -> bool:
    """Whether the booking is still the one that was paid for: held, in time, and at that price."""
    return (
        booking.state is State.HELD
        and not lapsed(booking.state, booking.expires_at, now)
        and booking.price.total == order.amount
    )


def paid_by(booking: Booking, orders_: list[PaymentOrder]) -> PaymentOrder | None:
    """The order by which a booking that stands was paid, if it was paid by card."""
    if booking.state not in (State.CONFIRMED, State.REQUESTED):
        return None
    done = (one for one in orders_ if one.subject_id == booking.id and one.state is orders.State.DONE)
    return next((one for one in done if one.what in orders.BEGINNING), None)
