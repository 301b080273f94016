"""What every part of the machine plays with: the stage, what it did so far, and what a card is to pay for."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from tests.bookings.paying.money.stage import CARDS, OFFERED, PAYS, Renter, Stage
from tests.bookings.paying.money.terms import Part, Rental
from votremachine.accounts.rules import Actor
from votremachine.bookings.paying import service as paying
from votremachine.bookings.paying.service import Begun
from votremachine.bookings.schemas import BookingView
from votremachine.infra.database import Tx
from votremachine.kernel.errors import DomainError, Kind
from votremachine.payments.orders.carrying import carry_out
from votremachine.payments.orders.rules import Answer, Outcome, PaymentOrder
from votremachine.pricing.rules.lines import Price

A_MOMENT = timedelta(milliseconds=5)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

# Hours ahead: within each of the terms, and for a request to run out before its start.
starts = st.integers(1, 30) | st.sampled_from([40, 72, 130, 200, 400])
machines = st.sets(st.integers(0, len(OFFERED) - 1), min_size=1, max_size=2)
# Of a hectare, in thousandths.
quantities = st.sampled_from([10_000, 1, 12_345]) | st.integers(1, 20_000)
cards = st.sampled_from(sorted(PAYS)) | st.sampled_from(CARDS) | st.just("tok_needs_authentication")


Ending = Callable[[Tx, Actor, PaymentOrder, Outcome], Awaitable[Any]]


@dataclass
class Attempt:
    """Something that a card is to pay for: written down, perhaps asked, not yet ended; `end` ends it."""

    ref: UUID
    order: PaymentOrder
    end: Ending
    outcome: Outcome | None = None


@st.composite
def rental_in(draw: st.DrawFn, *states: str) -> UUID:
    """Mostly a booking in one of these states; now and then any other."""
    machine: Playing = draw(st.runner())
    fitting = [ref for ref, one in machine.rentals.items() if one.state in states]
    anywhere = not fitting or draw(st.integers(0, 5)) == 0
    return draw(st.sampled_from(list(machine.rentals) if anywhere else fitting))


def some(*states: str) -> Callable[["Playing"], bool]:
    return lambda machine: any(one.state in states for one in machine.rentals.values())


class Playing(RuleBasedStateMachine):
    """`rentals` is what the test did, by booking; the oracle judges by it."""

    stage: ClassVar[Stage]
    seen: ClassVar[set[str]]

    def play(self) -> None:
        """A new world."""
        self.stage.reset()
        self.rentals: dict[UUID, Rental] = {}
        self.attempts: list[Attempt] = []
        self.secrets: list[str] = []
        self.claims: dict[UUID, UUID] = {}
        self.awards: dict[UUID, int] = {}

    def do(self, verb: Callable[[Tx], Awaitable[Any]]) -> Any:
        """The verb's answer, None where it is refused for a reason that a client is told. It takes its time."""
        self.stage.now += A_MOMENT
        try:
            return self.stage.run(self.stage.database.run(verb))
        except DomainError as error:
            if error.kind is Kind.FAULT:
                raise
            return None

    def ok(self, verb: Callable[[Tx], Awaitable[None]]) -> bool:
        """Whether a verb that answers nothing is not refused."""

        async def answering(tx: Tx) -> bool:
            await verb(tx)
            return True

        return self.do(answering) is not None

    def learn(self) -> None:
        """What the worker did meanwhile, judged as far as it can be; in the machine that knows of it."""

    def check_paid(self) -> None:
        """With everybody at work, nobody has paid less than is due by now, or more; in the machine that judges."""

    def parts(self, price: Price) -> dict[UUID, Part]:
        """What each machine costs, from the lines that people read."""
        return {
            line.machine_id: Part(self.stage.listing(line.machine_id).policy, line.net.minor, line.vat_amount.minor)
            for line in price.lines
        }

    def hour(self) -> datetime:
        """The hour that has begun."""
        return self.stage.now.replace(minute=0, second=0, microsecond=0)

    def renter_of(self, ref: UUID) -> Renter:
        party = self.rentals[ref].renter
        return next(one for one in self.stage.renters if one.party == party)

    def begun(self, ref: UUID, token: str) -> Attempt | None:
        """A confirmation by this card after its first transaction."""
        who, card = self.renter_of(ref).who, self.card_of(ref, token)
        begun: Begun | None = self.do(lambda tx: paying.begin(tx, who, ref, card))
        if begun is None:
            return None
        self.rentals[ref].tried.add(begun.order.id)
        return Attempt(ref, begun.order, lambda tx, who, _, told: paying.end(tx, who, begun, told))

    def card_of(self, ref: UUID, token: str) -> UUID:
        """The card of this kind that its renter has."""
        return self.renter_of(ref).cards[token]

    def at_once(self, attempt: Attempt | None) -> None:
        """As routes do it."""
        if attempt is not None:
            self.ask(attempt)
            self.end(attempt)

    def step_by_step(self, attempt: Attempt | None) -> None:
        """What follows may come late, or never."""
        if attempt is not None:
            self.attempts.append(attempt)

    def ask(self, attempt: Attempt) -> None:
        """The gateway is asked."""
        attempt.outcome = self.stage.run(carry_out(self.stage.gateway, attempt.order))
        if isinstance(attempt.outcome, Answer) and attempt.outcome.client_secret:
            self.secrets.append(attempt.outcome.client_secret)

    def end(self, attempt: Attempt) -> None:
        """Its last transaction."""
        who, outcome = self.renter_of(attempt.ref).who, attempt.outcome
        assert outcome is not None
        told = self.do(lambda tx: attempt.end(tx, who, attempt.order, outcome))
        self.seen.add(told.code if isinstance(told, DomainError) else type(told).__name__)
        self.learn()
        if isinstance(told, BookingView) and not self.rentals[attempt.ref].on_account:
            assert self.rentals[attempt.ref].paid, "who is told that it is confirmed has paid"
