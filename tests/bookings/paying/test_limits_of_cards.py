"""What cards cannot do: pay where they are not taken, pay another price, or trust a gateway that repeats itself."""

from datetime import datetime, timedelta
from uuid import UUID

import httpx
import msgspec
import sqlalchemy as sa

from tests.bookings.paying.conftest import Till
from tests.bookings.paying.test_confirming import begun, paid
from tests.people import Json, Person, at
from votremachine.app import create_app
from votremachine.config import Settings
from votremachine.infra.database import Database, utc_now
from votremachine.payments.gateway import Movement, Order, Standing
from votremachine.payments.orders import settling
from votremachine.payments.orders.carrying import carry_out
from votremachine.payments.orders.rules import Answer, State
from votremachine.payments.simulated.gateway import SimulatedGateway


async def test_cards_are_taken_only_where_the_operator_says_so(
    till: Till, renter: Person, tractor: str, settings: Settings
) -> None:
    assert Settings().card_payments is True
    card, booking = await till.card(), await till.held(tractor)
    without = create_app(msgspec.structs.replace(settings, card_payments=False))
    transport = httpx.ASGITransport(without)  # type: ignore[arg-type]
    async with without.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        there = Person(http, renter.email, renter.token, renter.party_id)
        refused = await there.act(booking["id"], "confirm", paid(card))
    assert (refused.status_code, refused.json()["code"]) == (402, "cards_not_taken"), refused.text
    assert await till.movements() == []


async def moved(renter: Person, booking: Json, start: datetime, end: datetime) -> httpx.Response:
    tag = (await renter.get(f"/bookings/{booking['id']}")).headers["ETag"]
    times = {"start": start.isoformat(), "end": end.isoformat()}
    return await renter.act(booking["id"], "reschedule", times, If_Match=tag)


async def test_a_hold_that_is_moved_stands_as_long_as_any_hold(
    till: Till, renter: Person, tractor: str, database: Database
) -> None:
    booking = await till.held(tractor)
    async with database.begin() as tx:
        for table in ("bookings", "occupancies"):
            await tx.execute(sa.text(f"UPDATE {table} SET expires_at = now() + interval '2 hours'"))
    answer = await moved(renter, booking, at(6), at(7))
    assert answer.status_code == 200, answer.text
    assert datetime.fromisoformat(answer.json()["expires_at"]) <= utc_now() + timedelta(minutes=15)


class Repeating(SimulatedGateway):
    """Says to a key what it said first, however things stand by now, as Stripe does."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.said: dict[UUID, Movement] = {}

    async def charge(self, order: Order) -> Movement:
        if order.key not in self.said:
            self.said[order.key] = await super().charge(order)
        return self.said[order.key]


async def test_a_gateway_that_repeats_itself_is_looked_up(till: Till, renter: Person, tractor: str) -> None:
    kept = await renter.made(f"/parties/{renter.party_id}/instruments", {"token": "tok_needs_authentication"})
    await till.gateway.authenticate(kept["client_secret"], ok=True)
    await renter.made(f"/instruments/{kept['id']}/prove")
    gateway, booking = Repeating(till.database), await till.held(tractor)
    order = await begun(till, booking, kept["id"])
    asked = await carry_out(gateway, order)
    assert isinstance(asked, Answer)
    assert asked.state is State.REQUIRES_ACTION
    async with till.database.begin() as tx:
        waiting = await settling.settle(tx, order, asked)
    assert waiting is not None
    await gateway.authenticate(asked.client_secret, ok=True)
    assert gateway.said[order.id].standing is Standing.REQUIRES_ACTION
    after = await carry_out(gateway, waiting)
    assert isinstance(after, Answer)
    assert after.state is State.DONE
