"""What was charged or set aside for a booking, what was given back of it, and what may be still. Pure.

A booking rests on one payment for its rental, and on one for each difference that was charged later.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

import msgspec

from votremachine.payments.orders import rules as orders
from votremachine.payments.orders.rules import PaymentOrder, Purpose, What

PURPOSES = frozenset({Purpose.RENTAL, Purpose.DIFFERENCE})
_COUNTS = orders.OPEN | {orders.State.DONE}


class Charge(msgspec.Struct, frozen=True):
    """Money that a card gave, or set aside, for a booking; in minor units, what is ordered counting as done.

    `taken` is what became ours of it, `refunded` what went back of that. `under_way`: an order about it is at the
    gateway just now, and there is no other one meanwhile.
    """

    order: PaymentOrder
    taken: int
    released: bool
    refunded: int
    under_way: bool

    @property
    def set_aside(self) -> bool:
        """Whether it is only held so far."""
        return not self.taken and not self.released

    @property
    def left(self) -> int:
        """What of it can be given back."""
        return self.taken - self.refunded

    @property
    def stands(self) -> bool:
        """Whether the booking has something of it, taken or set aside."""
        return self.set_aside or self.left > 0


class Sums(msgspec.Struct, frozen=True):
    """What has moved between a renter's cards and us for a booking, but for its deposit; in minor units.

    `set_aside`: what is held now, and neither taken nor let go.
    """

    paid: int
    refunded: int
    set_aside: int


def sums(found: Iterable[PaymentOrder]) -> Sums:
    """What came about by these orders. What was captured of a deposit is no payment for the booking itself."""
    done = [one for one in found if one.state is orders.State.DONE and one.purpose is not Purpose.DEPOSIT]
    ended = {one.earlier_id for one in done if one.what in (What.CAPTURE, What.RELEASE)}
    return Sums(
        paid=sum(one.amount.minor for one in done if one.what in (What.CHARGE, What.CAPTURE)),
        refunded=sum(one.amount.minor for one in done if one.what is What.REFUND),
        set_aside=sum(one.amount.minor for one in done if one.what is What.HOLD and one.id not in ended),
    )


def charges_of(found: Sequence[PaymentOrder], booking_id: UUID) -> list[Charge]:
    """The payments of a booking, from all orders about it, oldest first; none that did not come about, nor one that
    came after it was given up: that goes back by itself, whatever the booking costs.
    """
    ours = [one for one in found if one.booking_id == booking_id and one.purpose in PURPOSES]
    begun = [one for one in ours if one.what in orders.BEGINNING and one.state is orders.State.DONE]
    return [charge_of(ours, order) for order in begun if not order.given_up]


def in_hand(charges: Iterable[Charge]) -> int:
    """What a booking's cards have paid, less what went back, in minor units."""
    return sum(charge.left for charge in charges)


def promised(charges: Iterable[Charge]) -> int:
    """What is in hand, and what is set aside besides, in minor units."""
    return sum(charge.order.amount.minor if charge.set_aside else charge.left for charge in charges)


def rests_on(charges: Sequence[Charge]) -> PaymentOrder | None:
    """The order that paid for the rental itself; None without one."""
    rental = [charge.order for charge in charges if charge.order.purpose is Purpose.RENTAL]
    return rental[-1] if rental else None


def spread(charges: Sequence[Charge], minor: int) -> list[tuple[Charge, int]]:
    """What goes back of which payment to give back so much: the latest first, of each no more than it has left.

    All of it, or all that there is.
    """
    parts = []
    for charge in reversed(charges):
        part = min(charge.left, minor)
        if part > 0:
            parts.append((charge, part))
            minor -= part
    return parts


def takings(charges: Sequence[Charge], due: int) -> list[tuple[Charge, int]]:
    """What is taken of each sum that is set aside, the oldest first, so that the cards have paid what is due.

    Of what is not needed nothing is taken: it is let go.
    """
    parts = []
    missing = max(0, due - in_hand(charges))
    for charge in charges:
        if charge.set_aside:
            part = min(charge.order.amount.minor, missing)
            parts.append((charge, part))
            missing -= part
    return parts


def charge_of(found: Iterable[PaymentOrder], order: PaymentOrder) -> Charge:
    """What became of one payment that came about, from all orders about its booking."""
    ends = [one for one in found if one.earlier_id == order.id]
    counted = [one for one in ends if one.state in _COUNTS]
    sums = {what: sum(one.amount.minor for one in counted if one.what is what) for what in What}
    return Charge(
        order,
        taken=order.amount.minor if order.what is What.CHARGE else sums[What.CAPTURE],
        released=sums[What.RELEASE] > 0,
        refunded=sums[What.REFUND],
        under_way=any(one.state in orders.OPEN for one in ends),
    )
