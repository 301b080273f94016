"""What a payment does to a booking, and what a booking's end does to the payment. Pure."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from votremachine.bookings.rules import Booking, State, lapsed
from votremachine.fleet.rules import Cancellation
from votremachine.payments.orders import rules as orders
from votremachine.payments.orders.rules import PaymentOrder, Purpose, What
from votremachine.payments.rules import refunding
from votremachine.payments.rules.refunding import CalledOffBy, Refund
from votremachine.payments.rules.splitting import Split, Taxed, split
from votremachine.pricing.rules.lines import Price, vat_by_rate

# The platform's share of the net, in basis points, and the VAT on it.
FEE_RATE, FEE_VAT_RATE = 800, 2000


class Paid(msgspec.Struct, frozen=True):
    """The order by which a booking was paid, and what else was ordered about that money."""

    order: PaymentOrder
    captured: bool
    given_back: bool
    under_way: bool

    @property
    def set_aside(self) -> bool:
        """Whether it is only held so far."""
        return self.order.what is What.HOLD and not (self.captured or self.given_back)


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


def payment_of(found: Sequence[PaymentOrder], booking_id: UUID) -> Paid | None:
    """The payment that a booking rests on, from all orders about it, oldest first; None without one."""
    rental = [one for one in found if one.subject_id == booking_id and one.purpose is Purpose.RENTAL]
    begun = [one for one in rental if one.what in orders.BEGINNING and one.state is orders.State.DONE]
    if not begun:
        return None
    order = begun[-1]
    ends = [one for one in rental if one.earlier_id == order.id]
    done = {one.what for one in ends if one.state is orders.State.DONE}
    return Paid(
        order,
        captured=What.CAPTURE in done,
        given_back=bool(done & {What.RELEASE, What.REFUND}),
        under_way=any(one.state in orders.OPEN for one in ends),
    )


def taxed(price: Price) -> list[Taxed]:
    """A price as what is paid at each rate of VAT."""
    return [Taxed(one.net, one.vat) for one in vat_by_rate(price.lines)]


def parts(price: Price) -> Split:
    """The owner's and the platform's parts of a price."""
    return split(taxed(price), FEE_RATE, FEE_VAT_RATE)


def back(booking: Booking, policy: Cancellation, at: datetime, by: CalledOffBy) -> Refund:
    """What goes back of a booking that is called off at `at`."""
    price = booking.price
    return refunding.cancelled(policy, booking.during.start, at, taxed(price), parts(price), by=by)


def missed(price: Price) -> Refund:
    """What goes back to a renter who did not come."""
    return refunding.missed(taxed(price), parts(price))
