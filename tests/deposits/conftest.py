"""A renter with a card, an owner's machines, a clock that tests turn, and what became of the deposit."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
import sqlalchemy as sa

from tests.people import Json, Person, World, at
from votremachine.accounts.rules import Actor
from votremachine.accounts.service import absent
from votremachine.config import Settings
from votremachine.deposits.jobs import keep_deposits
from votremachine.deposits.rules import Deposit
from votremachine.deposits.service import store
from votremachine.infra.database import Database, Tx, utc_now
from votremachine.infra.outbox import drain
from votremachine.payments.gateway import Movement
from votremachine.payments.orders import service as orders
from votremachine.payments.orders.jobs import carry_out_orders
from votremachine.payments.orders.rules import PaymentOrder, Purpose
from votremachine.payments.simulated.gateway import SimulatedGateway
from votremachine.worker import HANDLERS

HELD = 100_000  # the deposit of the tests' machine
PLAIN = "tok_visa"


class Clock:
    """The hour of the worker and of the gateway; people live in the present."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return utc_now() + self.ahead

    def turn_to(self, when: datetime) -> None:
        self.ahead = when - utc_now()


class Vault:
    """The worker that keeps deposits, the gateway it speaks to, and a look into both."""

    def __init__(self, database: Database, renter: Person, owner: Person, settings: Settings) -> None:
        self.clock = Clock()
        self.database = Database(settings.database_url, pool_size=5, clock=self.clock)
        self.people = database
        self.renter, self.owner = renter, owner
        self.gateway = SimulatedGateway(self.database, self.clock)
        self.settings = settings

    @property
    def context(self) -> dict[str, Any]:
        return {"database": self.database, "gateway": self.gateway, "settings": self.settings}

    async def card(self, token: str = PLAIN) -> str:
        kept = await self.renter.made(f"/parties/{self.renter.party_id}/instruments", {"token": token})
        return str(kept["id"])

    async def confirmed(self, machine: str, token: str = PLAIN, *, day: float = 3, days: float = 1) -> Json:
        """A booking that was paid for with this card."""
        answer = await self.renter.book([machine], at(day), at(day + days))
        assert answer.status_code == 201, answer.text
        paid = {"payment": "card", "instrument_id": await self.card(token)}
        confirmed = await self.renter.act(answer.json()["id"], "confirm", paid)
        assert confirmed.status_code == 200, confirmed.text
        return confirmed.json()

    async def confirmed_with_proof(self, machine: str, token: str, *, day: float = 3) -> Json:
        """As `confirmed`, with a card whose holder must prove who they are each time."""
        kept = await self.renter.made(f"/parties/{self.renter.party_id}/instruments", {"token": token})
        await self.gateway.authenticate(kept["client_secret"], ok=True)
        await self.renter.made(f"/instruments/{kept['id']}/prove")
        booking = (await self.renter.book([machine], at(day), at(day + 1))).json()
        paid = {"payment": "card", "instrument_id": kept["id"]}
        asked = await self.renter.act(booking["id"], "confirm", paid)
        assert asked.status_code == 202, asked.text
        await self.gateway.authenticate(asked.json()["client_secret"], ok=True)
        confirmed = await self.renter.act(booking["id"], "confirm", paid)
        assert confirmed.status_code == 200, confirmed.text
        return confirmed.json()

    async def confirmed_whatever(self, machine: str, token: str) -> Json:
        """As `confirmed`, with a card whose gateway may lose its first answer."""
        booking = (await self.renter.book([machine], at(3), at(4))).json()
        paid = {"payment": "card", "instrument_id": await self.card(token)}
        answers = [await self.renter.act(booking["id"], "confirm", paid) for _ in range(2)]
        assert answers[-1].status_code == 200, answers[-1].text
        return booking

    async def work(self, when: datetime | None = None) -> None:
        """What the worker does at this hour until nothing is left: deposits, orders, and what follows from these."""
        if when is not None:
            self.clock.turn_to(when)
        await self.gateway.lapse()
        for _ in range(4):
            await keep_deposits(self.context)
            await carry_out_orders(self.context)
            await drain(self.database, HANDLERS)

    async def deposit(self, booking: Json) -> Deposit:
        async with self.database.read() as tx:
            return await store.of_booking(tx, UUID(booking["id"]))

    async def orders(self, booking: Json) -> Sequence[PaymentOrder]:
        """Those for the deposit, oldest first."""
        async with self.database.read() as tx:
            found = await orders.of_booking(tx, UUID(booking["id"]))
        return [one for one in found if one.purpose is Purpose.DEPOSIT]

    async def movements(self, booking: Json) -> list[Movement]:
        """What the gateway knows of the deposit's holds and payments, oldest first."""
        keys = [one.id for one in await self.orders(booking)]
        found = [await self.gateway.look_up(key) for key in keys]
        return [one for one in found if one is not None]

    async def books(self) -> dict[str, int]:
        """What stands on each kind of account; debits above zero."""
        async with self.database.read() as tx:
            return {row.code: int(row.minor) for row in await tx.rows(sa.text(_IN_LEDGER))}

    async def told(self, person: Person) -> list[str]:
        """What is in somebody's inbox about deposits, oldest first."""
        inbox = (await person.get("/inbox?limit=200")).json()["items"]
        return [one["kind"] for one in reversed(inbox) if one["kind"].startswith("Deposit")]

    async def does(self, person: Person, verb: Callable[[Tx, Actor], Awaitable[Any]]) -> None:
        """A verb of this person's, at the worker's hour."""
        person_id = UUID((await person.get("/me")).json()["id"])
        async with self.database.begin() as tx:
            who = await absent.person(tx, person_id)
            assert who is not None
            await verb(tx, who)

    async def shifted(self, booking: Json, by: timedelta) -> None:
        """The present comes to the booking: it, its time and its deposit are moved."""
        async with self.database.begin() as tx:
            moved = {"by": by, "id": UUID(booking["id"])}
            for statement in _SHIFTS:
                await tx.execute(sa.text(statement).bindparams(sa.bindparam("by", type_=sa.Interval)), moved)


_IN_LEDGER = """
    SELECT a.code, sum(e.minor) AS minor FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.account_id
    GROUP BY a.code HAVING sum(e.minor) <> 0
"""
_SHIFTS = (
    "UPDATE bookings SET starts = starts + :by, ends = ends + :by WHERE id = :id",
    "UPDATE deposits SET starts = starts + :by, keep_until = keep_until + :by, next_at = next_at + :by"
    " WHERE booking_id = :id",
)


@pytest.fixture
async def vault(database: Database, renter: Person, owner: Person, settings: Settings) -> Any:
    made = Vault(database, renter, owner, msgspec.structs.replace(settings))
    yield made
    await made.database.close()


@pytest.fixture
async def tractor(world: World, owner: Person) -> str:
    return await world.machine(owner)


@pytest.fixture
async def cooperative(world: World, renter: Person) -> Person:
    """A cooperative that the renter's farm is a member of."""
    cuma = await world.farmer("cuma@x.example", "CUMA des Pins", kind="cooperative")
    await renter.made(f"/parties/{cuma.party_id}/members", {"party_id": renter.party_id})
    await cuma.made(f"/parties/{cuma.party_id}/members/{renter.party_id}/approve")
    return cuma


async def decides(cuma: Person, *, give: bool) -> httpx.Response:
    tag = (await cuma.get(f"/parties/{cuma.party_id}/details")).headers["ETag"]
    return await cuma.ask("PATCH", f"/parties/{cuma.party_id}", {"members_give_deposits": give}, If_Match=tag)
