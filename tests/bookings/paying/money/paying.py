"""The machine's rules about paying: holds, and confirmations whose three parts come one by one, or never."""

from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.bookings.paying.money.playing import HOUR, Playing, cards, machines, quantities, rental_in, some, starts
from tests.bookings.paying.money.terms import Rental
from votremachine.bookings.schemas import Book, BookingView
from votremachine.bookings.service import decide
from votremachine.bookings.service.book import book
from votremachine.payments.gateway import NotAtGateway


def some_attempt(machine: "Playing") -> bool:
    return bool(machine.attempts)


def some_asked(machine: "Playing") -> bool:
    return any(one.outcome is not None for one in machine.attempts)


def some_secret(machine: "Playing") -> bool:
    return bool(machine.secrets)


class Paying(Playing):
    """A renter holds, and pays by card, or tries to."""

    @initialize(chosen=machines, start=starts, token=cards)
    def open(self, chosen: set[int], start: int, token: str) -> None:
        """Nobody is interesting who has not tried to pay for something."""
        self.play()
        self.hold(0, chosen, start, 30)
        self.confirm(next(iter(self.rentals)), token)

    @rule(
        renter=st.integers(0, 1),
        chosen=machines,
        start=starts,
        hours=st.integers(1, 60),
        on_account=st.integers(0, 9).map(lambda drawn: drawn == 9),
        hectares=quantities,
    )
    def hold(
        self, renter: int, chosen: set[int], start: int, hours: int, on_account: bool = False, hectares: int = 10_000
    ) -> None:
        """Time of one or two machines, held for who will pay, or booked on account; of work that is measured, so many
        thousandths of a hectare.
        """
        one = self.stage.renters[renter]
        begin = self.hour() + start * HOUR
        rental = Rental(one.party, self.stage.listed(chosen), begin, begin + hours * HOUR, on_account=on_account)
        if rental.metered:
            rental.used = hectares
        asked = Book(machine_ids=list(rental.machines), start=rental.start, end=rental.end)
        asked.payment = "on_account" if on_account else None
        offer = self.stage.offer(rental) if rental.metered else None
        made: BookingView | None = self.do(lambda tx: book(tx, one.who, asked, offer))
        if made is not None:
            rental.state = made.state.value
            self.rentals[made.id] = rental

    @precondition(some("held"))
    @rule(ref=rental_in("held"), token=cards)
    def confirm(self, ref: UUID, token: str) -> None:
        """As the route does it, all at once."""
        self.at_once(self.begun(ref, token))

    @precondition(some("held"))
    @rule(ref=rental_in("held"), token=cards)
    def begin_to_confirm(self, ref: UUID, token: str) -> None:
        """The first transaction alone. What follows may come late, or never."""
        self.step_by_step(self.begun(ref, token))

    @precondition(some_attempt)
    @rule(nth=st.integers(0, 5))
    def ask_the_gateway(self, nth: int) -> None:
        self.ask(self.attempts[nth % len(self.attempts)])

    @precondition(some_asked)
    @rule(nth=st.integers(0, 5))
    def end_what_was_asked(self, nth: int) -> None:
        asked = [one for one in self.attempts if one.outcome is not None]
        attempt = asked[nth % len(asked)]
        self.attempts.remove(attempt)
        self.end(attempt)

    @precondition(some_attempt)
    @rule()
    def the_api_crashes(self) -> None:
        """Whatever it was about to do it does not; the database is all that is left."""
        self.attempts.clear()

    @precondition(some_secret)
    @rule(nth=st.integers(0, 5), ok=st.integers(0, 3).map(bool))
    def the_cardholder_proves(self, nth: int, ok: bool) -> None:
        secret = self.secrets.pop(nth % len(self.secrets))
        try:
            self.stage.run(self.stage.gateway.authenticate(secret, ok=ok))
            self.seen.add("proved" if ok else "not proved")
        except NotAtGateway:
            self.seen.add("nothing to prove")

    @precondition(some("held"))
    @rule(ref=rental_in("held"))
    def confirm_on_account(self, ref: UUID) -> None:
        """Perhaps while a card is being charged for it."""
        who = self.renter_of(ref).who
        view: BookingView | None = self.do(lambda tx: decide.confirm_on_account(tx, who, ref))
        if view is not None:
            self.rentals[ref].on_account = True
            self.rentals[ref].state = view.state.value
