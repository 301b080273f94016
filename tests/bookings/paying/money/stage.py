"""Where the machine plays: the real services on the real database, a bad line to the gateway, and a worker by hand."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, TypeVar
from unittest.mock import patch
from uuid import UUID

import httpx
import sqlalchemy as sa

from tests.bookings.paying.money.lossy import LossyGateway
from tests.bookings.paying.money.terms import Listing, Rental
from tests.cast import farmer, listed
from tests.emptying import empty
from tests.template import Template, kept, put_back
from votremachine.accounts.rules import Actor
from votremachine.bookings.jobs import complete_returned, expire_provisional, warn_overdue
from votremachine.config import Settings
from votremachine.deposits.jobs import keep_deposits
from votremachine.fleet.rules import Cancellation
from votremachine.infra.database import Database, Tx
from votremachine.infra.outbox import drain
from votremachine.payments.gateway import Standing
from votremachine.payments.instruments import service as instruments
from votremachine.payments.notices import service as notices
from votremachine.payments.orders.carrying import carry_out
from votremachine.payments.orders.jobs import carry_out_orders
from votremachine.payments.orders.settling import take_due
from votremachine.payments.payouts.jobs import prepare_payouts
from votremachine.payments.simulated import posting
from votremachine.pricing.rules.card import Unit
from votremachine.pricing.rules.offer import Offer, OfferedMachine
from votremachine.pricing.rules.price import Extras
from votremachine.worker import HANDLERS

START = datetime(2026, 6, 1, 6, tzinfo=UTC)
SECRET = b"what the simulated gateway signs with"
# What is booked: at once or on request, under each of the terms, at prices that leave cents over when they are halved,
# with a deposit or without; the last is paid by what it does.
OFFERED = [
    Listing("flexible", day=10_001, deposit=50_000),
    Listing("moderate", asks=True, day=9_999, deposit=30_001),
    Listing("strict", day=12_347),
    Listing("flexible", hectare=4_567, deposit=20_003),
]
# Every card that can be saved; the first pay without ado.
CARDS = [
    "tok_visa",
    "tok_short_hold",
    "tok_declines_renewal",
    "tok_webhooks_twice",
    "tok_webhooks_reordered",
    "tok_timeout_before",
    "tok_timeout_after",
    "tok_needs_authentication",
    "tok_authenticates_once",
    "tok_declined",
    "tok_insufficient_funds",
]
RENEWS = {"tok_visa", "tok_short_hold", "tok_webhooks_twice", "tok_webhooks_reordered", "tok_authenticates_once"}
PAYS = RENEWS | {"tok_declines_renewal"}
# When which sweep has something to do; lost holds count from the moment at which the gateway lets go of them.
_DUE = sa.text(
    """
    SELECT sweep, due FROM (
        SELECT 'drain_outbox' AS sweep, min(due_at) AS due FROM outbox
        UNION ALL SELECT 'carry_out_orders', min(next_at) FROM payment_orders
        UNION ALL SELECT 'keep_deposits', min(next_at) FROM deposits
        UNION ALL SELECT 'complete_returned', min(returned_at) + interval '48 hours' FROM bookings
            WHERE state = 'returned'
        UNION ALL SELECT 'expire_provisional', min(expires_at) FROM bookings WHERE state IN ('held', 'requested')
        UNION ALL SELECT 'post', min(due_at) FROM simulated_webhooks
        UNION ALL SELECT 'lapse', min(capture_before) FROM simulated_orders) AS every
    WHERE due IS NOT NULL
    """
)
_RATE_CARDS = sa.text("SELECT machine_id, id FROM rate_cards")
Answer = TypeVar("Answer")


@dataclass
class Renter:
    """Somebody who rents, and their cards by the tokens that name them."""

    who: Actor
    cards: dict[str, UUID]

    @property
    def party(self) -> UUID:
        return next(iter(self.who.seats))


@dataclass(frozen=True)
class Moment:
    """What stood in the database, and when."""

    now: datetime
    rows: Template


class Stage:
    """One world, whose clock is `now`, played in again and again; `lost_post` says of the next webhooks whether they
    get lost.

    One thing happens at a time, and chance is seeded: what is played the same way again ends the same way.
    """

    def __init__(self, url: str) -> None:
        self.now = START
        self.runner = asyncio.Runner()
        # With one connection nobody overtakes anybody.
        self.database = Database(url, pool_size=1, clock=lambda: self.now)
        self.gateway = LossyGateway(self.database)
        self.lost_post: list[bool] = []
        self.owner: Actor
        self.renters: list[Renter] = []
        self.machines: list[UUID] = []
        self._rate_cards: dict[UUID, UUID] = {}
        self._chance = Random(0)  # noqa: S311 -- the same each time, and no secret
        self._line = httpx.AsyncClient(transport=httpx.MockTransport(self._receive))
        self._read = posting.Reader([SECRET])
        self._opened: Moment

    def run(self, doing: Coroutine[Any, Any, Answer]) -> Answer:
        return self.runner.run(doing)

    def reset(self, moment: Moment | None = None) -> None:
        """As it was at some moment; when it was opened, if not said otherwise. The line is good."""
        back = moment or self._opened
        self.now = back.now
        self.lost_post, self.gateway.losses, self.gateway.said = [], [], {}
        self._chance.seed(1)
        self.run(put_back(self.database, back.rows))

    async def moment(self) -> Moment:
        """To come back to."""
        return Moment(self.now, await kept(self.database))

    def random_bytes(self, size: int) -> bytes:
        return self._chance.randbytes(size)

    async def open(self) -> None:
        """An owner with machines, and two renters with every card."""
        async with self.database.begin() as tx:
            await empty(tx)
            self.owner = await farmer(tx, "owner")
            self.machines = [await self._listed(tx, one) for one in OFFERED]
            self.renters = [Renter(await farmer(tx, name), {}) for name in ("anne", "bruno")]
        for renter in self.renters:
            renter.cards = {token: await self._card(renter, token) for token in CARDS}
        self._rate_cards = {row.machine_id: row.id for row in await self.rows(_RATE_CARDS)}
        for _ in range(2):
            await self.work()
        self._opened = await self.moment()

    async def _listed(self, tx: Tx, one: Listing) -> UUID:
        unit, minor = (Unit.HECTARE, one.hectare) if one.hectare else (Unit.DAY, one.day)
        return await listed(
            tx,
            self.owner,
            on_request=one.asks,
            rate=(unit, minor),
            cancellation=Cancellation(one.policy),
            deposit=one.deposit,
        )

    async def _card(self, renter: Renter, token: str) -> UUID:
        """A card that may pay, as far as its bank has a say in it yet."""
        async with self.database.begin() as tx:
            key = tx.new_id()
        saved = await self.gateway.save(key, token, "")
        if saved.standing is Standing.REQUIRES_ACTION:
            await self.gateway.authenticate(saved.client_secret, ok=True)
            proved = await self.gateway.look_up_saved(saved.reference)
            assert proved is not None
            saved = proved
        async with self.database.begin() as tx:
            return (await instruments.keep(tx, renter.who, renter.party, self.gateway.name, saved)).id

    def listing(self, machine: UUID) -> Listing:
        return OFFERED[self.machines.index(machine)]

    def listed(self, chosen: Collection[int]) -> dict[UUID, Listing]:
        """The machines of these numbers, in the order of their ids."""
        return {machine: self.listing(machine) for machine in sorted(self.machines[i] for i in chosen)}

    def offer(self, wanted: Rental) -> Offer:
        """What a quote promises for work that is measured, at the price that it must have."""
        extras = Extras(use={Unit.HECTARE: wanted.used})
        of_machines = (
            OfferedMachine(machine, self._rate_cards[machine], extras if listing.hectare else Extras())
            for machine, listing in wanted.machines.items()
        )
        until = self.now + 30 * timedelta(minutes=1)
        renter, price = wanted.renter, wanted.total
        return Offer(renter, wanted.start, wanted.end, tuple(of_machines), wanted.deposit, price, until)

    async def work(self) -> None:
        """One round of what the worker has to do by now, in the order of its seconds."""
        due = await self._due()
        for name, sweep in SWEEPS.items():
            if name in due and due[name] <= self.now:
                await sweep(self)

    async def settle(self) -> None:
        """The worker works on, and time passes, until nobody waits for anything any more."""
        for _ in range(300):
            due = await self._due()
            if not due:
                await prepare_payouts(_context(self))
                return
            self.now = max(self.now, min(due.values()))
            await self.work()
            self.now += timedelta(milliseconds=100)
        raise AssertionError(f"it never comes to rest: {due}")

    async def _due(self) -> dict[str, datetime]:
        return {row.sweep: row.due for row in await self.rows(_DUE)}

    async def die_at_work(self) -> None:
        """A worker that is killed after the gateway heard of its orders, and before it wrote down what it said."""
        for order in await self.database.run(take_due):
            await carry_out(self.gateway, order)

    async def post(self) -> None:
        """What the gateway has to tell is told, some of it in vain."""
        await posting.deliver(self.database, self._line, "http://here", SECRET, lambda: self.now)

    async def _receive(self, request: httpx.Request) -> httpx.Response:
        if self.lost_post and self.lost_post.pop(0):
            return httpx.Response(503)
        notice = self._read(request.headers, request.content, self.now)
        await self.database.run(lambda tx: notices.receive(tx, notice))
        return httpx.Response(204)

    async def rows(self, question: sa.Executable, values: Mapping[str, Any] | None = None) -> Any:
        async with self.database.read() as tx:
            return await tx.rows(question, values)

    async def read(self, question: Callable[[Tx], Awaitable[Answer]]) -> Answer:
        async with self.database.read() as tx:
            return await question(tx)


@contextmanager
def staged(url: str) -> Iterator[Stage]:
    """An open stage; meanwhile whoever asks the system for chance has the stage's."""
    stage = Stage(url)
    try:
        with patch.object(os, "urandom", stage.random_bytes):
            stage.run(stage.open())
            yield stage
    finally:
        stage.run(stage.database.close())
        stage.runner.close()


Sweep = Callable[[Stage], Coroutine[Any, Any, Any]]


def _context(stage: Stage) -> dict[str, Any]:
    return {"database": stage.database, "gateway": stage.gateway, "settings": Settings()}


def _of_worker(job: Callable[[dict[str, Any]], Coroutine[Any, Any, int]]) -> Sweep:
    return lambda stage: job(_context(stage))


# By name, as the machine chooses among them.
SWEEPS: dict[str, Sweep] = {
    "drain_outbox": lambda stage: drain(stage.database, HANDLERS),
    "expire_provisional": _of_worker(expire_provisional),
    "carry_out_orders": _of_worker(carry_out_orders),
    "keep_deposits": _of_worker(keep_deposits),
    "lapse": lambda stage: stage.gateway.lapse(),
    "post": Stage.post,
    "complete_returned": _of_worker(complete_returned),
    "warn_overdue": _of_worker(warn_overdue),
    "prepare_payouts": _of_worker(prepare_payouts),
}
