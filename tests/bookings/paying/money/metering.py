"""The machine's rules about metered work: how much was used, who agrees to it, and what is still to be paid then."""

from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.bookings.paying.money.playing import Attempt, cards, quantities, rental_in, some
from tests.bookings.paying.money.securing import Securing
from tests.bookings.paying.money.terms import Rental
from votremachine.accounts.rules import Actor
from votremachine.bookings.metering import service as metering
from votremachine.bookings.metering.schemas import TellUsage, UsageView
from votremachine.bookings.paying import owing
from votremachine.infra.database import Tx
from votremachine.payments.orders.rules import Outcome, PaymentOrder
from votremachine.pricing.rules.card import Unit

BACK = ("returned", "completed")


def some_measured(machine: Securing) -> bool:
    return any(one.metered and one.state == "returned" for one in machine.rentals.values())


def some_said(machine: Securing) -> bool:
    return any(one.said for one in machine.rentals.values())


class Metering(Securing):
    """What is agreed is what it costs: charged to the card that paid, given back, or due until somebody pays it."""

    @precondition(some_measured)
    @rule(ref=rental_in("returned"), by_owner=st.booleans(), used=quantities | st.just(0))
    def tell_usage(self, ref: UUID, by_owner: bool, used: int) -> None:
        one = self.rentals[ref]
        measured = [machine for machine, listing in one.machines.items() if listing.hectare]
        told = TellUsage(used={machine: {Unit.HECTARE: used / 1000} for machine in measured})
        view: UsageView | None = self.do(lambda tx: metering.propose(tx, self._side(ref, by_owner), ref, told))
        assert (view is not None) == self._open(one), one
        if view is not None:
            one.said = used, _name(by_owner), view.id
            assert view.total.minor == one.costs(used), (view, one)

    @precondition(some_said)
    @rule(ref=rental_in("returned"), by_owner=st.booleans())
    def agree_usage(self, ref: UUID, by_owner: bool) -> None:
        one = self.rentals[ref]
        if one.said is None:
            return
        used, side, said = one.said
        agreed = self.do(lambda tx: metering.agree(tx, self._side(ref, by_owner), ref, said))
        # To agree again to what is agreed changes nothing, whoever does it.
        assert (agreed is not None) == (one.settled or (self._open(one) and side != _name(by_owner))), one
        if agreed is None or one.settled:
            return
        was = one.total
        one.used, one.settled = used, True
        self.seen.add("used more" if one.total > was else "used less" if one.total < was else "used as estimated")
        self.learn()

    @precondition(some(*BACK))
    @rule(ref=rental_in(*BACK), token=cards, wait=st.booleans())
    def pay_what_is_due(self, ref: UUID, token: str, wait: bool) -> None:
        """What the bank did not give without the cardholder."""
        who, card = self.renter_of(ref).who, self.card_of(ref, token)
        order = self.do(lambda tx: owing.begin(tx, who, ref, card))
        if isinstance(order, PaymentOrder):
            self.seen.add("paid later")
            (self.step_by_step if wait else self.at_once)(Attempt(ref, order, _end))

    def _open(self, one: Rental) -> bool:
        return one.metered and one.state == "returned" and not one.settled

    def _side(self, ref: UUID, by_owner: bool) -> Actor:
        return self.stage.owner if by_owner else self.renter_of(ref).who


def _name(by_owner: bool) -> str:
    return "owner" if by_owner else "renter"


async def _end(tx: Tx, _: Actor, order: PaymentOrder, outcome: Outcome) -> object:
    return await owing.end(tx, order, outcome)
