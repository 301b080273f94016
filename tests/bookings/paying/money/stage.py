"""Where the machine plays: the real services on the real database, a bad line to the gateway, and a worker by hand."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import sqlalchemy as sa

from tests.bookings.paying.money.lossy import LossyGateway
from tests.cast import farmer, listed
from tests.emptying import empty
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
from votremachine.payments.orders import service as orders
from votremachine.payments.orders.carrying import carry_out
from votremachine.payments.orders.jobs import carry_out_orders
from votremachine.payments.payouts.jobs import prepare_payouts
from votremachine.payments.simulated import posting
from votremachine.worker import HANDLERS

SECRET = b"what the simulated gateway signs with"
# What is booked: at once or on request, under each of the terms, at prices that leave cents over when they are halved,
# with a deposit or without.
OFFERED = [("flexible", False, 10_001, 50_000), ("moderate", True, 9_999, 30_001), ("strict", False, 12_347, 0)]
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
_NEXT = sa.text(
    """
    SELECT min(due) AS due FROM (
        SELECT min(due_at) AS due FROM outbox UNION ALL SELECT min(next_at) FROM payment_orders
        UNION ALL SELECT min(next_at) FROM deposits
        UNION ALL SELECT min(returned_at) + interval '48 hours' FROM bookings WHERE state = 'returned'
        UNION ALL SELECT min(expires_at) FROM bookings WHERE state IN ('held', 'requested')
        UNION ALL SELECT min(due_at) FROM simulated_webhooks
        UNION ALL SELECT min(capture_before) FROM simulated_orders) AS every
    """
)


@dataclass
class Renter:
    """Somebody who rents; their cards by the tokens that name them, kept when they are first wanted."""

    who: Actor
    cards: dict[str, UUID]

    @property
    def party(self) -> UUID:
        return next(iter(self.who.seats))


class Stage:
    """One world, whose clock is `now`; `lost_post` says of the next webhooks whether they get lost."""

    def __init__(self, url: str, now: datetime) -> None:
        self.now = now
        self.database = Database(url, pool_size=4, clock=lambda: self.now)
        self.gateway = LossyGateway(self.database)
        self.lost_post: list[bool] = []
        self._read = posting.Reader([SECRET])
        self.owner: Actor
        self.renters: list[Renter] = []
        self.machines: list[UUID] = []
        self.terms: dict[UUID, str] = {}

    async def open(self) -> None:
        async with self.database.begin() as tx:
            await empty(tx)
            self.owner = await farmer(tx, "owner")
            self.machines = [
                await listed(
                    tx, self.owner, on_request=asks, day=day, cancellation=Cancellation(terms), deposit=deposit
                )
                for terms, asks, day, deposit in OFFERED
            ]
            self.terms = dict(zip(self.machines, (name for name, *_ in OFFERED), strict=True))
            self.renters = [Renter(await farmer(tx, name), {}) for name in ("anne", "bruno")]

    async def card(self, renter: Renter, token: str) -> UUID:
        """A card that may pay, as far as its bank has a say in it yet."""
        if token not in renter.cards:
            renter.cards[token] = await self._kept(renter, token)
        return renter.cards[token]

    async def _kept(self, renter: Renter, token: str) -> UUID:
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

    async def work(self) -> None:
        """One round of all that the worker does, in the order of its seconds."""
        for sweep in SWEEPS.values():
            await sweep(self)

    async def settle(self) -> None:
        """The worker works on, and time passes, until nobody waits for anything any more."""
        for _ in range(400):
            await self.work()
            async with self.database.read() as tx:
                due: datetime | None = (await tx.execute(_NEXT)).scalar_one()
            if due is None:
                return
            self.now = max(self.now + timedelta(seconds=1), due)
        raise AssertionError("it never comes to rest")

    async def die_at_work(self) -> None:
        """A worker that is killed after the gateway heard of its orders, and before it wrote down what it said."""
        for order in await self.database.run(orders.take_due):
            await carry_out(self.gateway, order)

    async def post(self) -> None:
        """What the gateway has to tell is told, some of it in vain."""
        async with httpx.AsyncClient(transport=httpx.MockTransport(self._receive)) as line:
            await posting.deliver(self.database, line, "http://here", SECRET, lambda: self.now)

    async def _receive(self, request: httpx.Request) -> httpx.Response:
        if self.lost_post and self.lost_post.pop(0):
            return httpx.Response(503)
        notice = self._read(request.headers, request.content, self.now)
        await self.database.run(lambda tx: notices.receive(tx, notice))
        return httpx.Response(204)

    async def rows(self, question: sa.Executable, values: Mapping[str, Any] | None = None) -> Any:
        async with self.database.read() as tx:
            return await tx.rows(question, values)

    async def read(self, question: Callable[[Tx], Awaitable[Any]]) -> Any:
        async with self.database.read() as tx:
            return await question(tx)


Sweep = Callable[[Stage], Coroutine[Any, Any, Any]]


def _of_worker(job: Callable[[dict[str, Any]], Coroutine[Any, Any, int]]) -> Sweep:
    return lambda stage: job({"database": stage.database, "gateway": stage.gateway, "settings": Settings()})


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
