"""A renter with a card, an owner's machines, and what became of the money."""

from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa

from tests.people import Json, Person, World, at
from votremachine.infra.database import Database
from votremachine.infra.outbox import drain
from votremachine.payments.gateway import Movement
from votremachine.payments.ledger.proof import prove
from votremachine.payments.orders.jobs import carry_out_orders
from votremachine.payments.simulated.gateway import SimulatedGateway
from votremachine.worker import HANDLERS

PLAIN = "tok_visa"


class Till:
    """The gateway, and the worker that speaks to it."""

    def __init__(self, database: Database, renter: Person, gateway: SimulatedGateway) -> None:
        self.database = database
        self.renter = renter
        self.gateway = gateway

    async def card(self, token: str = PLAIN) -> str:
        kept = await self.renter.made(f"/parties/{self.renter.party_id}/instruments", {"token": token})
        return str(kept["id"])

    async def held(self, machine: str, *, day: int = 3) -> Json:
        answer = await self.renter.book([machine], at(day), at(day + 1))
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def work(self) -> None:
        """What the worker does until nothing is left: orders, their outcomes, and what follows from these."""
        for _ in range(3):
            await carry_out_orders({"database": self.database, "gateway": self.gateway})
            await drain(self.database, HANDLERS)

    async def movements(self) -> list[Movement]:
        return [one async for one in self.gateway.movements(at(-1), at(1))]

    async def in_till(self) -> int:
        """What the gateway has of all that was ever charged, in cents."""
        return sum(one.captured - one.refunded for one in await self.movements())

    async def hurry(self) -> None:
        """What waits for its next try is tried now."""
        async with self.database.begin() as tx:
            await tx.execute(sa.text("UPDATE payment_orders SET next_at = now() WHERE next_at IS NOT NULL"))
            await tx.execute(sa.text("UPDATE outbox SET due_at = now()"))
        await self.work()

    async def check_squared(self) -> None:
        """Once nothing is under way any more, the gateway and the ledger say the same, order by order."""
        await self.hurry()
        await self.hurry()
        proof = await prove(self.database, self.gateway, at(-3), at(1))
        assert (proof.found, proof.differences) == (0, [])


@pytest.fixture
async def till(database: Database, renter: Person) -> AsyncIterator[Till]:
    """Whatever a test does, the money at the gateway is that of the ledger in the end."""
    made = Till(database, renter, SimulatedGateway(database))
    yield made
    await made.check_squared()


@pytest.fixture
async def tractor(world: World, owner: Person) -> str:
    return await world.machine(owner)


@pytest.fixture
async def on_request(world: World, owner: Person) -> str:
    return await world.machine(owner, booking_mode="on_request")
