"""The machine's rules about deposits: cards for them, the owner's waiver, claims; and no machine out without one."""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from tests.bookings.paying.money import books
from tests.bookings.paying.money.playing import Attempt, cards, rental_in, some
from tests.bookings.paying.money.renting import Renting
from tests.bookings.paying.money.stage import RENEWS
from votremachine.accounts.rules import Actor
from votremachine.deposits.service import capturing, ending, giving
from votremachine.infra.database import Tx
from votremachine.kernel.ids import uuid7
from votremachine.kernel.money import Money
from votremachine.payments.orders.rules import Outcome, PaymentOrder

STANDING = ("requested", "confirmed", "in_use", "returned")
MARGIN = timedelta(hours=24)
HALF_A_DAY = timedelta(hours=12)
_LIVE = sa.text(
    """
    SELECT d.booking_id FROM deposits d JOIN simulated_orders g ON g.key = d.order_id
    WHERE d.state = 'authorised' AND (g.capture_before > :now OR g.captured > g.refunded)
        AND g.token = ANY (CAST(:tokens AS text[]))
    """
)
_LAPSED = sa.text("SELECT booking_id FROM deposits WHERE state IN ('lapsed', 'failed')")


class Securing(Renting):
    """`claims` are those that are open, by booking; `awards` what was to be taken of a deposit."""

    claims: dict[UUID, UUID]
    awards: dict[UUID, int]

    @precondition(some(*STANDING))
    @rule(ref=rental_in(*STANDING), token=cards, wait=st.booleans())
    def give_a_card(self, ref: UUID, token: str, wait: bool) -> None:
        """For the deposit; the card of the rental is kept for it without being asked."""
        who, card = self.renter_of(ref).who, self.card_of(ref, token)
        longest = self.stage.gateway.capabilities.longest_hold
        order: PaymentOrder | None = self.do(
            lambda tx: giving.begin(tx, who, ref, card, longest_hold=longest, margin=MARGIN)
        )

        async def end(tx: Tx, who: Actor, order: PaymentOrder, outcome: Outcome) -> object:
            return await giving.end(tx, who, ref, order, outcome)

        if order is not None:
            (self.step_by_step if wait else self.at_once)(Attempt(ref, order, end))

    @precondition(some("confirmed"))
    @rule(ref=rental_in("confirmed"))
    def waive(self, ref: UUID) -> None:
        if self.do(lambda tx: ending.waive(tx, self.stage.owner, ref, "we know each other")):
            self.seen.add("waived")

    @precondition(some("in_use", "returned"))
    @rule(ref=rental_in("in_use", "returned"))
    def claim(self, ref: UUID) -> None:
        """Damage is reported: the deposit stays until that is settled."""
        claim = uuid7(self.stage.now, ref.bytes[-10:])
        if ref not in self.claims and self.ok(lambda tx: ending.keep_open(tx, ref, claim)):
            self.claims[ref] = claim

    @precondition(lambda self: bool(self.claims))
    @rule(nth=st.integers(0, 5), minor=st.one_of(st.none(), st.integers(1, 40_000)))
    def settle_a_claim(self, nth: int, minor: int | None) -> None:
        """In vain; or part of the deposit is the owner's."""
        ref = sorted(self.claims)[nth % len(self.claims)]
        claim = self.claims[ref]
        if minor is None:
            if ref not in self.awards:
                self.ok(lambda tx: ending.let_go(tx, ref, claim))
                del self.claims[ref]
        elif ref not in self.awards and self.ok(lambda tx: capturing.capture(tx, ref, Money(minor), claim)):
            self.awards[ref] = minor
            self.seen.add("awarded")

    @precondition(some("in_use"))
    @rule(days=st.integers(1, 8))
    def quiet_days_pass(self, days: int) -> None:
        """Everybody is at work: what is live with a card that agrees stays live."""
        self.stage.gateway.losses = []
        live = self._live()
        for _ in range(2 * days):
            self.stage.now += HALF_A_DAY
            self.stage.run(self.stage.work())
        self.learn()
        self.check_paid()
        out = {ref for ref in live if self.rentals[ref].state == "in_use"}
        lapsed = {row.booking_id for row in self.stage.run(self.stage.rows(_LAPSED))}
        assert not out & lapsed, out & lapsed
        if lapsed:
            self.seen.add("lapsed")
        if out and days == 8:
            self.seen.add("renewed")

    @invariant()
    def no_machine_is_out_without_a_deposit(self) -> None:
        if hasattr(self, "rentals") and any(one.state in {"in_use", "returned"} for one in self.rentals.values()):
            unsecured = self.stage.run(self.stage.read(books.unsecured))
            assert not unsecured, unsecured

    def _live(self) -> Collection[UUID]:
        """The bookings whose deposit is live, with a card that lets itself be asked again."""
        values = {"now": self.stage.now, "tokens": sorted(RENEWS)}
        return {row.booking_id for row in self.stage.run(self.stage.rows(_LIVE, values))}
