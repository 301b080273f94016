"""Renters who pay by card, and an API that sometimes dies between the gateway's answer and its own last commit.

What becomes of a booking follows from its number: nothing is left to chance, nor to who was quicker.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from tests.bookings.paying.money import books
from tests.bookings.paying.money.terms import Listing, Rental
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
from votremachine.pricing.rules.card import Unit

VISA, DECLINED = "tok_visa", "tok_declined"
CARDS = [VISA, "tok_mastercard", "tok_timeout_before", "tok_timeout_after", "tok_webhooks_twice", VISA, DECLINED]
# Half of the machines are booked at once, the others on request.
MACHINES = [Listing(("flexible", "moderate", "strict")[n % 3], asks=n % 2 == 1, day=9_999 + n) for n in range(8)]
DAYS = 25
LOCK_NOT_AVAILABLE = "55P03"
Answer = TypeVar("Answer")
# What is waited for by the clock, now: a lease that ends, a fact that is tried again.
_HURRY = (
    sa.text("UPDATE payment_orders SET next_at = now() WHERE settled_at IS NULL"),
    sa.text("UPDATE outbox SET due_at = now() WHERE due_at > now()"),
)
_STANDING = sa.text("SELECT id, state FROM bookings ORDER BY id")
_OPEN = sa.text(
    "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM payment_orders WHERE settled_at IS NULL) AS n"
)


@dataclass(frozen=True)
class Fate:
    """Which card pays; after which step the API dies: 1, the order is written down, 2, the gateway was asked, or not at
    all; whether an owner who is asked agrees; and who calls it off once it stands, if anybody does.
    """

    card: str = VISA
    dies: int | None = None
    agreed: bool = True
    called_off_by: str | None = None

    def ends(self, asks: bool) -> str:
        """The state that its booking comes to."""
        if self.card == DECLINED:
            return "held"
        if asks and not self.agreed:
            return "declined"
        return "cancelled" if self.called_off_by else "confirmed"


def mixed(n: int) -> Fate:
    """Of each ten bookings two are left to the worker whole, and two when the gateway has been asked already."""
    if n % 10 in {0, 1}:
        return Fate(dies=1)
    by = (None, None, None, "owner", "renter")[n // 3 % 5]
    return Fate(CARDS[n % 7], 2 if n % 10 in {4, 7} else None, n % 11 < 8, by)


class PaidBookings:
    """`rentals` is what should become of the money, `fates` what of the bookings."""

    def __init__(self, database: Database, fate: Callable[[int], Fate]) -> None:
        self.database, self.fate = database, fate
        self.gateway = SimulatedGateway(database)
        self.rentals: dict[UUID, Rental] = {}
        self.fates: dict[UUID, Fate] = {}
        self.machines: list[UUID] = []
        self.renters: list[tuple[Actor, dict[str, UUID]]] = []
        self.owner: Actor

    async def open(self) -> None:
        async with self.database.begin() as tx:
            self.owner = await farmer(tx, "owner")
            self.machines = [await self._listed(tx, one) for one in MACHINES]
            renters = [await farmer(tx, f"renter{n}") for n in range(4)]
        for who in renters:
            self.renters.append((who, {token: await self._card(who, token) for token in sorted(set(CARDS))}))

    async def _listed(self, tx: Tx, one: Listing) -> UUID:
        terms = Cancellation(one.policy)
        return await listed(tx, self.owner, on_request=one.asks, rate=(Unit.DAY, one.day), cancellation=terms)

    async def _card(self, who: Actor, token: str) -> UUID:
        async with self.database.begin() as tx:
            key = tx.new_id()
        saved = await self.gateway.save(key, token, "")
        async with self.database.begin() as tx:
            return (await instruments.keep(tx, who, next(iter(who.seats)), "simulated", saved)).id

    async def pay(self, n: int) -> None:
        """The n-th booking: held and confirmed, as far as the API lives."""
        round_, place = divmod(n, len(self.machines))
        machine, (who, cards), fate = self.machines[place], self.renters[n % len(self.renters)], self.fate(n)
        start = at(2 + round_ % DAYS)
        asked = Book(machine_ids=[machine], start=start, end=start + timedelta(hours=20))
        held: BookingView = await self._do(lambda tx: book(tx, who, asked))
        self.rentals[held.id] = Rental(next(iter(who.seats)), {machine: MACHINES[place]}, start, asked.end)
        self.fates[held.id] = fate
        await self._confirm(who, held.id, cards[fate.card], fate.dies)

    async def _confirm(self, who: Actor, booking: UUID, card: UUID, dies: int | None) -> None:
        begun = await self.database.run(lambda tx: paying.begin(tx, who, booking, card))
        assert isinstance(begun, paying.Begun)
        if dies == 1:
            return
        outcome = await carry_out(self.gateway, begun.order)
        if dies != 2:
            await self._do(lambda tx: paying.end(tx, who, begun, outcome))

    async def decide(self) -> bool:
        """Owners answer, and who has second thoughts calls it off; whether anybody did."""
        decided = False
        for booking, state in (await self.states()).items():
            fate = self.fates[booking]
            if state == "requested":
                await self._answer(booking, yes=fate.agreed)
            elif state == "confirmed" and fate.called_off_by:
                await self._cancel(booking, fate.called_off_by)
            else:
                continue
            decided = True
        return decided

    async def _answer(self, booking: UUID, *, yes: bool) -> None:
        if yes:
            await self._do(lambda tx: decide.accept(tx, self.owner, booking))
        else:
            await self._do(lambda tx: decide.decline(tx, self.owner, booking, ""))

    async def _cancel(self, booking: UUID, by: str) -> None:
        one = self.rentals[booking]
        who = self.owner if by == "owner" else next(who for who, _ in self.renters if one.renter in who.seats)

        async def verb(tx: Tx) -> datetime:
            await decide.cancel(tx, who, booking, "rain")
            return tx.now

        one.called_off = await self._do(verb), by

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
