"""A machine that was rented and came back, and the worker that invoices it."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest
import sqlalchemy as sa

from tests.damages.conftest import Yard
from tests.people import Json, Person, World, at
from votremachine.config import Settings
from votremachine.infra.database import Database


class Office(Yard):
    """A yard with an office that invoices."""

    async def completed(self, machine: str, *, days: float = 2) -> Json:
        """A booking that a card paid for, whose claim window is over."""
        booking = await self.back(machine, days=days)
        await self.over(booking)
        return booking

    async def over(self, booking: Json) -> None:
        """Nobody can claim damage any more."""
        await self.ago(booking, hours=49)
        await self.later()
        await self.work()

    async def invoices(self, who: Person, **asked: Any) -> list[Json]:
        """Those of somebody's party, oldest first."""
        question = "&".join(f"{name}={value}" for name, value in asked.items())
        answer = await who.get(f"/parties/{who.party_id}/invoices?{question}")
        assert answer.status_code == 200, answer.text
        return list(reversed(answer.json()["items"]))

    async def invoice(self, who: Person) -> Json:
        """The only one of somebody's party, whole."""
        (one,) = await self.invoices(who)
        return (await who.get(f"/invoices/{one['id']}")).json()

    async def records(self, who: Person, invoice: Json, minor: int, key: str = "", **more: Json) -> Any:
        """What somebody says was received of an invoice."""
        body = {"minor": minor, "means": "transfer", "received_on": invoice["issued_on"], **more}
        return await who.post(f"/invoices/{invoice['id']}/payments", body, Idempotency_Key=key or str(uuid4()))

    async def set(self, statement: str, **values: Any) -> None:
        async with self.people.begin() as tx:
            await tx.execute(sa.text(statement), values)

    async def rows(self, statement: str, **values: Any) -> list[Any]:
        async with self.people.read() as tx:
            return list(await tx.rows(sa.text(statement), values))


@pytest.fixture
async def office(database: Database, renter: Person, owner: Person, settings: Settings) -> Any:
    made = Office(database, renter, owner, msgspec.structs.replace(settings))
    yield made
    await made.database.close()


@pytest.fixture
async def tractor(world: World, owner: Person) -> str:
    return await world.machine(owner)


@pytest.fixture
async def cuma(world: World, renter: Person) -> Person:
    """A cooperative that the renter's farm is a member of."""
    made = await world.farmer("cuma@x.example", "CUMA des Pins", kind="cooperative")
    await renter.made(f"/parties/{made.party_id}/members", {"party_id": renter.party_id})
    await made.made(f"/parties/{made.party_id}/members/{renter.party_id}/approve")
    return made


@pytest.fixture
async def tractor_of_cuma(world: World, cuma: Person) -> str:
    return await world.machine(cuma)


async def on_account(office: Office, renter: Person, cuma: Person, machine: str) -> Json:
    """A booking on account that is over."""
    booking = await renter.booked([machine], at(3), at(4))
    office.owner = cuma
    await office.shifted(booking, timedelta(days=-3))
    await office.went(booking)
    await office.over(booking)
    return booking
