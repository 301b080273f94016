"""Several payments of one booking: what of each is given back, and what is taken of those that are set aside."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from votremachine.bookings.paying.charges import Charge, charges_of, in_hand, spread, takings
from votremachine.kernel.money import Money
from votremachine.payments.orders.rules import PaymentOrder, Purpose, State, What

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
BOOKING, PARTY = UUID(int=1), UUID(int=2)
CENTS = st.integers(1, 1_000_000)


def order(number: int, what: What, minor: int, **more: Any) -> PaymentOrder:
    made = PaymentOrder(
        id=UUID(int=100 + number),
        what=what,
        purpose=Purpose.RENTAL,
        subject_id=BOOKING,
        booking_id=BOOKING,
        payer_party_id=PARTY,
        payee_party_id=PARTY,
        amount=Money(minor),
        created_at=NOW,
        next_at=None,
        state=State.DONE,
    )
    return replace(made, **more)


@st.composite
def charges(draw: st.DrawFn, *, held: bool = False) -> list[Charge]:
    found = []
    for number in range(draw(st.integers(1, 5))):
        amount = draw(CENTS)
        kind = draw(st.sampled_from(["charge", "captured", "released", "held"] if held else ["charge", "captured"]))
        taken = {"charge": amount, "captured": draw(st.integers(1, amount))}.get(kind, 0)
        begun = order(number, What.CHARGE if kind == "charge" else What.HOLD, amount)
        refunded = draw(st.integers(0, taken))
        found.append(Charge(begun, taken, kind == "released", refunded, under_way=False))
    return found


@given(charges(held=True), st.integers(0, 6_000_000))
def test_refunds_are_spread_to_the_cent_and_never_beyond_what_is_left(found: list[Charge], minor: int) -> None:
    parts = spread(found, minor)
    assert sum(part for _, part in parts) == min(minor, in_hand(found))
    assert all(0 < part <= charge.left for charge, part in parts)
    order_of_parts = [found.index(charge) for charge, _ in parts]
    assert order_of_parts == sorted(order_of_parts, reverse=True), "the latest first"
    for charge, _ in parts[:-1]:
        assert (charge, charge.left) in parts, "an earlier one is only touched once a later one is used up"


@given(charges(held=True), st.integers(0, 6_000_000))
def test_what_is_set_aside_is_taken_up_to_what_is_due(found: list[Charge], due: int) -> None:
    parts = takings(found, due)
    held = [charge for charge in found if charge.set_aside]
    assert [charge for charge, _ in parts] == held, "none is left hanging"
    assert all(0 <= part <= charge.order.amount.minor for charge, part in parts)
    possible = in_hand(found) + sum(charge.order.amount.minor for charge in held)
    assert in_hand(found) + sum(part for _, part in parts) == max(in_hand(found), min(due, possible))


def test_a_booking_and_its_orders() -> None:
    rental, extra = order(1, What.HOLD, 500), order(4, What.CHARGE, 70, purpose=Purpose.DIFFERENCE)
    found = [
        order(0, What.CHARGE, 900, state=State.DECLINED),
        rental,
        order(2, What.CAPTURE, 400, earlier_id=rental.id),
        order(3, What.CHARGE, 1000, purpose=Purpose.DEPOSIT),
        extra,
        order(5, What.REFUND, 30, earlier_id=extra.id),
        order(6, What.REFUND, 40, earlier_id=rental.id, state=State.REFUSED),
        order(7, What.REFUND, 50, earlier_id=rental.id, state=State.PENDING),
    ]
    assert charges_of(found, BOOKING) == [
        Charge(rental, 400, released=False, refunded=50, under_way=True),
        Charge(extra, 70, released=False, refunded=30, under_way=False),
    ]
    assert in_hand(charges_of(found, BOOKING)) == 390


def test_a_hold_whose_capture_was_refused_is_set_aside_still_and_one_that_was_released_is_not() -> None:
    hold = order(1, What.HOLD, 500)
    refused = order(2, What.CAPTURE, 500, earlier_id=hold.id, state=State.REFUSED)
    (charge,) = charges_of([hold, refused], BOOKING)
    assert (charge.set_aside, charge.left, charge.stands) == (True, 0, True)
    (charge,) = charges_of([hold, refused, order(3, What.RELEASE, 500, earlier_id=hold.id)], BOOKING)
    assert (charge.set_aside, charge.left, charge.stands) == (False, 0, False)
