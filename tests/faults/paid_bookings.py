"""Renters who pay by card, and an API that sometimes dies between the gateway's answer and its own last commit."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from tests.bookings.paying.money import books
from tests.bookings.paying.money.terms import Part, Rental
from tests.cast import farmer, listed
from tests.people import at
from votremachine.accounts.rules import Actor
from votremachine.bookings.paying import service as paying
from votremachine.bookings.schemas import Book, BookingView
from votremachine.bookings.service import decide
from votremachine.bookings.service.book import book
from votremachine.fleet.rules import Cancellation
from votremachine.infra.database import Database, Tx, sqlstate
from votremachine.payments.instruments import service as instruments
from votremachine.payments.orders.carrying import carry_out
from votremachine.payments.simulated.gateway import SimulatedGateway

CARDS = ["tok_visa", "tok_mastercard", "tok_timeout_before", "tok_timeout_after", "tok_webhooks_twice", "tok_declined"]
POLICIES = ["flexible", "moderate", "strict"]
DAYS = 25
LOCK_NOT_AVAILABLE = "55P03"
Answer = TypeVar("Answer")
# What is waited for by the clock, now: a lease that ends, a fact that is tried again.
_HURRY = (
    sa.text("UPDATE payment_orders SET next_at = now() WHERE settled_at IS NULL"),
    sa.text("UPDATE outbox SET due_at = now() WHERE due_at > now()"),
)
_STANDING = sa.text("SELECT id, state FROM bookings")
_OPEN = sa.text(
    "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM payment_orders WHERE settled_at IS NULL) AS n"
)


class PaidBookings:
    """Half of the machines are booked at once, the others on request. `rentals` is what should become of the money."""

    def __init__(self, database: Database, random: Random, cards: Sequence[str] = CARDS, dies: str = "12345") -> None:
        self.database, self.random, self.cards = database, random, cards
        # After which of its steps the API dies: 1 is the first transaction, 2 the gateway; mostly it does not.
        self.dies = dies
        self.gateway = SimulatedGateway(database)
        self.rentals: dict[UUID, Rental] = {}
        self.machines: list[tuple[UUID, str]] = []
        self.renters: list[tuple[Actor, dict[str, UUID]]] = []
        self.owner: Actor

    async def open(self) -> None:
        async with self.database.begin() as tx:
            self.owner = await farmer(tx, "owner")
            for n in range(8):
                policy = POLICIES[n % 3]
                terms = Cancellation(policy)
                made = await listed(tx, self.owner, on_request=n % 2 == 1, day=9_999 + n, cancellation=terms)
                self.machines.append((made, policy))
            renters = [await farmer(tx, f"renter{n}") for n in range(4)]
        for who in renters:
            self.renters.append((who, {token: await self._card(who, token) for token in self.cards}))

    async def _card(self, who: Actor, token: str) -> UUID:
        async with self.database.begin() as tx:
            key = tx.new_id()
        saved = await self.gateway.save(key, token, "")
        async with self.database.begin() as tx:
            return (await instruments.keep(tx, who, next(iter(who.seats)), "simulated", saved)).id

    async def pay(self, n: int) -> UUID:
        """The n-th booking: held and confirmed, as far as the API lives."""
        machine, policy = self.machines[n % len(self.machines)]
        who, cards = self.random.choice(self.renters)
        start = at(2 + n // len(self.machines) % DAYS)
        asked = Book(machine_ids=[machine], start=start, end=start + timedelta(hours=20))
        held: BookingView = await self._do(lambda tx: book(tx, who, asked))
        price = held.price
        part = Part(policy, price.net.minor, price.vat.minor)
        self.rentals[held.id] = Rental(next(iter(who.seats)), [part], held.during.start)
        await self._confirm(who, held.id, cards[self.random.choice(self.cards)], dies=self.random.choice(self.dies))
        return held.id

    async def _confirm(self, who: Actor, booking: UUID, card: UUID, dies: str) -> None:
        begun = await self.database.run(lambda tx: paying.begin(tx, who, booking, card))
        assert isinstance(begun, paying.Begun)
        if dies == "1":
            return
        outcome = await carry_out(self.gateway, begun.order)
        if dies != "2":
            await self._do(lambda tx: paying.end(tx, who, begun, outcome))

    async def decide(self) -> None:
        """Owners answer, and somebody has second thoughts about one in four."""
        for booking, state in (await self.states()).items():
            if state == "requested":
                await self._answer(booking, yes=self.random.random() < 0.7)
            elif state == "confirmed" and self.random.randrange(4) == 0:
                await self._cancel(booking, by_owner=self.random.random() < 0.5)

    async def _answer(self, booking: UUID, *, yes: bool) -> None:
        if yes:
            await self._do(lambda tx: decide.accept(tx, self.owner, booking))
        else:
            await self._do(lambda tx: decide.decline(tx, self.owner, booking, ""))

    async def _cancel(self, booking: UUID, *, by_owner: bool) -> None:
        one = self.rentals[booking]
        who = self.owner if by_owner else next(who for who, _ in self.renters if one.renter in who.seats)

        async def verb(tx: Tx) -> datetime:
            await decide.cancel(tx, who, booking, "rain")
            return tx.now

        one.called_off = await self._do(verb), "owner" if by_owner else "renter"

    async def _do(self, verb: Callable[[Tx], Awaitable[Answer]]) -> Answer:
        """As a client does it, who tries again where a worker that hangs had what was wanted."""
        while True:
            try:
                return await self.database.run(verb)
            except DBAPIError as error:
                if sqlstate(error) != LOCK_NOT_AVAILABLE:
                    raise

    async def states(self) -> dict[UUID, str]:
        async with self.database.read() as tx:
            return {row.id: row.state for row in await tx.rows(_STANDING)}

    async def left(self) -> list[str]:
        """What has not come to its end."""
        async with self.database.read() as tx:
            return [" ".join(one) for one in await books.left(tx)]

    async def hurry(self) -> int:
        """Nobody waits for a minute here; how much is still to be done."""

        async def verb(tx: Tx) -> int:
            for statement in _HURRY:
                await tx.execute(statement)
            return int((await tx.execute(_OPEN)).scalar_one())

        return await self.database.run(verb)
