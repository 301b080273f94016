"""A rental and its deposit through Stripe: over our HTTP API and by our worker, against a Stripe-compatible server.

Saved, charged, held, renewed before the hold ends, captured in part, the rest given back, refunded; an answer that was
lost, a webhook in its place; and in the end Stripe's own list is what the ledger says.
"""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
import sqlalchemy as sa

from tests.damages.conftest import Yard
from tests.deposits.conftest import HELD
from tests.payments.conftest import stripe_server
from tests.people import Json, Person, World, at
from votremachine.app import create_app
from votremachine.config import Settings
from votremachine.damages.jobs import move_claims
from votremachine.deposits.jobs import keep_deposits
from votremachine.deposits.rules import State
from votremachine.infra.outbox import drain
from votremachine.payments.gateway import Movement, Order, OutcomeUnknown, Standing
from votremachine.payments.ledger.proof import prove
from votremachine.payments.notices.rules import signed
from votremachine.payments.orders.jobs import carry_out_orders
from votremachine.payments.stripe.gateway import StripeGateway
from votremachine.payments.stripe.reading import KEY
from votremachine.worker import HANDLERS

# Stripe's client speaks to httpx as older versions of it wanted.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

SECRET, WEBHOOKS = "sk_test_journey", "whsec_journey"
VISA, PROOF, DECLINED = "pm_card_visa", "pm_card_authentication", "pm_card_declined"


class Deaf(StripeGateway):
    """Asks Stripe, and does not hear the first answer to a hold."""

    heard = False

    async def hold(self, order: Order) -> Movement:
        made = await super().hold(order)
        if self.heard:
            return made
        self.heard = True
        raise OutcomeUnknown("the line broke")


class Office(Yard):
    """Both sides at a service that takes its cards through Stripe, and its worker."""

    def __init__(
        self, database: Any, renter: Person, owner: Person, settings: Settings, http: httpx.AsyncClient
    ) -> None:
        renter, owner = (Person(http, one.email, one.token, one.party_id) for one in (renter, owner))
        super().__init__(database, renter, owner, settings)
        self.http, self.url = http, settings.stripe_api_base
        self.stripe = self._gateway(StripeGateway)

    def _gateway(self, kind: type[StripeGateway]) -> StripeGateway:
        return kind(SECRET, api_base=self.url, clock=self.clock)

    @property
    def context(self) -> dict[str, Any]:
        return {"database": self.database, "gateway": self.stripe, "settings": self.settings}

    async def work(self, when: datetime | None = None) -> None:
        """The worker and Stripe at this hour."""
        if when is not None:
            self.clock.turn_to(when)
            async with httpx.AsyncClient(headers={"Authorization": f"Bearer {SECRET}"}) as stripe:
                ahead = {"ahead": str(self.clock.ahead.total_seconds())}
                assert (await stripe.post(f"{self.url}/_clock", data=ahead)).status_code == 200
        for _ in range(4):
            await keep_deposits(self.context)
            await carry_out_orders(self.context)
            await move_claims(self.context)
            await drain(self.database, HANDLERS)

    async def on_the_phone(self, client_secret: str) -> None:
        """The cardholder proves who they are, in Stripe's own form."""
        reference = client_secret.partition("_secret_")[0]
        of_card = reference.startswith("seti_")
        path = f"setup_intents/{reference}/confirm" if of_card else f"payment_intents/{reference}/_authenticate"
        said = {"client_secret": client_secret} | ({} if of_card else {"success": "true"})
        async with httpx.AsyncClient(headers={"Authorization": "Bearer sk_test_phone"}) as phone:
            assert (await phone.post(f"{self.url}/v1/{path}", data=said)).is_success

    async def webhook(self, key: UUID, kind: str) -> int:
        """Stripe posts an event about an order; what it is answered."""
        shown = {"object": "payment_intent", "id": "pi_1", "metadata": {KEY: str(key)}}
        body = json.dumps({"id": f"evt_{key}", "object": "event", "type": kind, "data": {"object": shown}}).encode()
        headers = {"Stripe-Signature": signed(WEBHOOKS.encode(), body, datetime.now(UTC))}
        return (await self.http.post("/v1/webhooks/stripe", content=body, headers=headers)).status_code

    async def all_movements(self) -> dict[UUID, Movement]:
        return {one.key: one async for one in self.stripe.movements(at(-1), at(30))}

    async def movements(self, booking: Json) -> list[Movement]:
        known = await self.all_movements()
        return [known[one.id] for one in await self.orders(booking) if one.id in known]

    async def in_till(self) -> int:
        return sum(one.captured - one.refunded for one in (await self.all_movements()).values())

    async def check_proved(self) -> None:
        """Stripe's own list says of each order what the ledger says."""
        proof = await prove(self.database, self.stripe, at(-1), at(30))
        assert (proof.found, proof.differences) == (0, [])
        assert proof.orders > 0


@pytest.fixture
def url() -> Iterator[str]:
    """Of a server of its own: what it lists in the end is all ours, and its clock is turned."""
    with stripe_server() as made:
        yield made


@asynccontextmanager
async def office(url: str, database: Any, renter: Person, owner: Person, settings: Settings) -> AsyncIterator[Office]:
    chosen = msgspec.structs.replace(
        settings,
        gateway="stripe",
        stripe_secret_key=SECRET,
        stripe_webhook_secrets=WEBHOOKS,
        stripe_api_base=url,
    )
    app = create_app(chosen)
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://stripe") as http:
        made = Office(database, renter, owner, chosen, http)
        await made.work(datetime.now(UTC))
        try:
            yield made
        finally:
            await made.stripe.close()
            await made.database.close()


async def read(who: Person, booking: Json) -> Json:
    return (await who.get(f"/bookings/{booking['id']}/payments")).json()


async def test_from_the_saved_card_to_the_last_cent(
    url: str, database: Any, renter: Person, owner: Person, world: World, settings: Settings
) -> None:
    tractor = await world.machine(owner)
    async with office(url, database, renter, owner, settings) as there:
        # Charged, and the card kept for the deposit of a rental that outlives one hold.
        booking = await there.confirmed(tractor, VISA, day=3, days=10)
        await there.work()
        price = booking["price"]["total"]["minor"]
        assert await there.in_till() == price
        assert (await there.deposit(booking)).state is State.SAVED

        # It begins: the card is asked, the answer is lost, and a webhook makes the worker look.
        await there.shifted(booking, timedelta(days=-3))
        hearing, there.stripe = there.stripe, there._gateway(Deaf)
        await there.work()
        await there.stripe.close()
        there.stripe = hearing
        (asked,) = await there.orders(booking)
        assert (asked.state, (await there.deposit(booking)).state) == ("pending", State.SAVED)
        await there.work()
        assert (await there.deposit(booking)).state is State.SAVED, "not before its next try, or the webhook"
        assert await there.webhook(asked.id, "payment_intent.amount_capturable_updated") == 204
        await there.work()
        first = await there.deposit(booking)
        assert (first.state, first.held) == (State.AUTHORISED, HELD)
        assert first.capture_before is not None
        assert timedelta(days=6.9) < first.capture_before - datetime.now(UTC) <= timedelta(days=7)
        assert (await there.owner.act(booking["id"], "check_out")).status_code == 200

        # A day before the hold ends another one stands, and only then the first goes back.
        await there.work(first.capture_before - timedelta(hours=23))
        second = await there.deposit(booking)
        assert second.capture_before is not None
        assert second.capture_before - first.capture_before > timedelta(days=5.9)
        holds = await there.movements(booking)
        assert [one.standing for one in holds] == [Standing.RELEASED, Standing.HELD]
        assert (await there.books())["holds_at_gateway"] == HELD

        # It comes back broken: 600.00 of the deposit are taken, the rest goes back.
        await there.work(datetime.now(UTC))
        assert (await there.owner.act(booking["id"], "check_in", {})).status_code == 200
        claim = await there.claim(booking, 60_000)
        await there.said(there.renter, claim, "accept")
        await there.work()
        over = await there.deposit(booking)
        assert (over.state, over.captured, over.released) == (State.PARTIALLY_CAPTURED, 60_000, HELD - 60_000)
        taken = (await there.movements(booking))[-1]
        assert (taken.standing, taken.captured, taken.refunded) == (Standing.SUCCEEDED, 60_000, 0)
        assert "holds_at_gateway" not in await there.books()
        assert await there.in_till() == price + 60_000
        assert (await there.claim_now(claim)).state == "settled"

        # And another booking is called off in time.
        other = await there.confirmed(tractor, VISA, day=20)
        assert (await there.renter.act(other["id"], "cancel", {})).status_code == 200
        await there.work()
        assert await there.in_till() == price + 60_000
        refunded = await read(there.renter, other)
        assert refunded["refunded"] == other["price"]["total"] == refunded["paid"]
        assert (await there.deposit(other)).state is State.RELEASED
        await there.check_proved()


async def test_a_cardholder_who_must_prove_who_they_are(
    url: str, database: Any, renter: Person, owner: Person, world: World, settings: Settings
) -> None:
    """When the card is kept, when it pays, and for the deposit, which nobody can get off-session."""
    tractor = await world.machine(owner)
    async with office(url, database, renter, owner, settings) as there:
        before = await there.in_till()
        path = f"/parties/{there.renter.party_id}/instruments"
        kept = await there.renter.made(path, {"token": PROOF})
        if kept.get("client_secret"):
            await there.on_the_phone(kept["client_secret"])
            await there.renter.made(f"/instruments/{kept['id']}/prove")
        booking = (await there.renter.book([tractor], at(0, 1), at(1, 1))).json()
        paid = {"payment": "card", "instrument_id": kept["id"]}
        asked = await there.renter.act(booking["id"], "confirm", paid)
        assert asked.status_code == 202, asked.text
        assert await there.in_till() == before
        await there.on_the_phone(asked.json()["client_secret"])
        answer = await there.renter.act(booking["id"], "confirm", paid)
        assert (answer.status_code, answer.json()["state"]) == (200, "confirmed"), answer.text
        assert await there.in_till() == before + booking["price"]["total"]["minor"]
        await there.work()
        assert (await there.deposit(booking)).state is State.FAILED, "nobody was there"
        refused = await there.owner.act(booking["id"], "check_out")
        assert (refused.status_code, refused.json()["code"]) == (409, "deposit_missing")
        give = {"instrument_id": kept["id"]}
        asked = await there.renter.act(booking["id"], "deposit", give)
        assert asked.status_code == 202, asked.text
        await there.on_the_phone(asked.json()["client_secret"])
        answer = await there.renter.act(booking["id"], "deposit", give)
        assert (answer.status_code, answer.json()["state"]) == (200, "authorised"), answer.text
        assert (await there.owner.act(booking["id"], "check_out")).status_code == 200


async def test_a_declined_card_and_then_another(
    url: str, database: Any, renter: Person, owner: Person, world: World, settings: Settings
) -> None:
    tractor = await world.machine(owner)
    async with office(url, database, renter, owner, settings) as there:
        before = await there.in_till()
        booking = (await there.renter.book([tractor], at(3), at(4))).json()
        refused = await there.renter.act(
            booking["id"], "confirm", {"payment": "card", "instrument_id": await there.card(DECLINED)}
        )
        assert (refused.status_code, refused.json()["code"]) == (402, "card_declined")
        answer = await there.renter.act(
            booking["id"], "confirm", {"payment": "card", "instrument_id": await there.card(VISA)}
        )
        assert (answer.status_code, answer.json()["state"]) == (200, "confirmed"), answer.text
        assert await there.in_till() == before + booking["price"]["total"]["minor"]
        told = [(one["state"], one["reason"]) for one in (await read(there.renter, booking))["payments"]]
        assert told == [("declined", "declined"), ("done", None)]
        async with there.database.read() as tx:
            left = sa.text("SELECT count(*) FROM payment_orders WHERE settled_at IS NULL")
            assert (await tx.execute(left)).scalar() == 0
