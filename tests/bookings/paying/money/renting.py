"""The machine's rules about what becomes of a booking: the owner's word, anybody's second thoughts, the hand-over."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from sqlalchemy.dialects.postgresql import JSONB

from tests.bookings.paying.money.paying import Paying
from tests.bookings.paying.money.playing import HOUR, Attempt, cards, rental_in, some
from tests.bookings.paying.money.stage import PAYS
from tests.bookings.paying.money.terms import Rental
from votremachine.bookings.paying import moving
from votremachine.bookings.rules import Wish, WishKind
from votremachine.bookings.schemas import BookingView
from votremachine.bookings.service import decide, handover, look
from votremachine.payments.orders.rules import PaymentOrder
from votremachine.pricing.rules.lines import Price

_BOOKINGS = sa.text("SELECT id, state, expires_at, starts, ends, price, deposit_minor FROM bookings").columns(
    price=JSONB
)


class Renting(Paying):
    """What a side does is written down at once; what the worker does is learnt, and must have had its reason."""

    @precondition(some("requested"))
    @rule(ref=rental_in("requested"))
    def accept(self, ref: UUID) -> None:
        if self.do(lambda tx: decide.accept(tx, self.stage.owner, ref)):
            self.rentals[ref].state = "confirmed"

    @precondition(some("requested"))
    @rule(ref=rental_in("requested"))
    def decline(self, ref: UUID) -> None:
        if self.do(lambda tx: decide.decline(tx, self.stage.owner, ref, "")):
            self.rentals[ref].state = "declined"

    @precondition(some("held", "requested", "confirmed"))
    @rule(ref=rental_in("held", "requested", "confirmed"), by_owner=st.booleans())
    def cancel(self, ref: UUID, by_owner: bool) -> None:
        who, one = self.stage.owner if by_owner else self.renter_of(ref).who, self.rentals[ref]
        was = one.state
        if self.do(lambda tx: decide.cancel(tx, who, ref, "rain")):
            one.state = "cancelled"
            one.paid = one.paid and was == "confirmed"
            one.called_off = self.stage.now, "owner" if by_owner else "renter"

    @precondition(some("held", "requested", "confirmed"))
    @rule(
        ref=rental_in("held", "requested", "confirmed"),
        start=st.integers(1, 60),
        hours=st.integers(1, 60),
        token=cards,
        wait=st.booleans(),
    )
    def reschedule(self, ref: UUID, start: int, hours: int, token: str, wait: bool) -> None:
        begin = self.hour() + start * HOUR
        self._wish(ref, WishKind.RESCHEDULE, begin, begin + hours * HOUR, token, wait)

    @precondition(some("confirmed", "in_use"))
    @rule(ref=rental_in("confirmed", "in_use"), hours=st.integers(1, 48), token=cards, wait=st.booleans())
    def extend(self, ref: UUID, hours: int, token: str, wait: bool) -> None:
        during = self._shown(ref).during
        self._wish(ref, WishKind.EXTEND, during.start, during.end + hours * HOUR, token, wait)

    @precondition(some("held"))
    @rule(
        ref=rental_in("held"),
        token=st.sampled_from(sorted(PAYS)),
        meanwhile=st.sampled_from(["moved", "called off", "ran out", "on account"]),
        ends=st.booleans(),
    )
    def something_crosses_a_confirmation(self, ref: UUID, token: str, meanwhile: str, ends: bool) -> None:
        """The card is charged for a booking that is another one by the time that anybody hears of it."""
        attempt = self.begun(ref, token)
        if attempt is None:
            return
        self.ask(attempt)
        match meanwhile:
            case "moved":
                self.reschedule(ref, 50, 40, token, False)
            case "called off":
                self.cancel(ref, False)
            case "ran out":
                self.stage.now += HOUR / 3
            case "on account":
                self.confirm_on_account(ref)
        if ends:
            self.end(attempt)

    def _wish(self, ref: UUID, kind: WishKind, start: datetime, end: datetime, token: str, wait: bool) -> None:
        """Another time: at once where it costs nothing more, else once a card has paid the difference."""
        one, who, card = self.rentals[ref], self.renter_of(ref).who, self.card_of(ref, token)
        begin = None if kind is WishKind.EXTEND else start
        wish = Wish(kind, self._shown(ref).version, end, begin)
        one.wishes.append((start, end))
        begun = self.do(lambda tx: moving.begin(tx, who, ref, wish, card))
        if isinstance(begun, PaymentOrder):
            attempt = Attempt(ref, begun, moving.end)
            (self.step_by_step if wait else self.at_once)(attempt)
        self.learn()

    def _shown(self, ref: UUID) -> BookingView:
        view: BookingView = self.stage.run(self.stage.read(lambda tx: look.show(tx, self.renter_of(ref).who, ref)))
        return view

    @precondition(some("confirmed"))
    @rule(ref=rental_in("confirmed"))
    def check_out(self, ref: UUID) -> None:
        if self.do(lambda tx: handover.check_out(tx, self.stage.owner, ref)):
            self.rentals[ref].state = "in_use"

    @precondition(some("in_use"))
    @rule(ref=rental_in("in_use"))
    def check_in(self, ref: UUID) -> None:
        if self.do(lambda tx: handover.check_in(tx, self.stage.owner, ref, None)):
            self.rentals[ref].state = "returned"

    @precondition(some("confirmed"))
    @rule(ref=rental_in("confirmed"))
    def no_show(self, ref: UUID) -> None:
        if self.do(lambda tx: handover.no_show(tx, self.stage.owner, ref, "")):
            self.rentals[ref].state = "no_show"

    def learn(self) -> None:
        for row in self.stage.run(self.stage.rows(_BOOKINGS)):
            one = self.rentals[row.id]
            if (row.starts, row.ends) != (one.start, one.end):
                self._learn_move(one, row.starts, row.ends)
            assert self.parts(msgspec.convert(row.price, Price)) == one.parts, one
            assert row.deposit_minor == one.deposit
            if row.state != one.state:
                self._learnt(row, one.state)
                one.state = row.state

    def _learn_move(self, one: Rental, start: datetime, end: datetime) -> None:
        assert (start, end) in one.wishes, "nobody wanted it moved there"
        was = one.total
        one.start, one.end = start, end
        dearer = "dearer" if one.total > was else "cheaper" if one.total < was else "no dearer"
        self.seen.add(f"moved {dearer}" if one.paid else "moved before it was paid")

    def _learnt(self, row: Any, was: str) -> None:
        one = self.rentals[row.id]
        match was, row.state:
            case "held", "confirmed" | "requested":
                assert one.tried, "nobody tried to pay for it"
                assert one.asks == (row.state == "requested")
                one.paid = True
            case "held" | "requested", "expired":
                assert row.expires_at is None
                one.paid = False
            case "confirmed", "cancelled":
                assert one.asks, "only what was set aside can be lost"
                one.called_off = self.stage.now, "platform"
            case "returned", "completed":
                pass
            case _:
                raise AssertionError(f"nobody took {row.id} from {was} to {row.state}")
        self.seen.add(f"{was} -> {row.state}")
