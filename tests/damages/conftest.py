"""A machine that came back broken, both sides, a mediator, and the worker that moves the money."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
import sqlalchemy as sa

from tests.deposits.conftest import PLAIN, Vault
from tests.people import Json, Person, World, at
from votremachine.accounts.rules import StaffRole
from votremachine.accounts.service.staff import appoint
from votremachine.bookings.jobs import complete_returned
from votremachine.config import Settings
from votremachine.damages.jobs import move_claims
from votremachine.damages.rules.claim import Claim
from votremachine.damages.service import store
from votremachine.infra.database import Database

REPAIR = {"kind": "repair", "what": "Capot", "net": 60_000}


def lines(*costs: int) -> list[Json]:
    return [REPAIR | {"net": cost} for cost in costs]


class Yard(Vault):
    """A vault whose machines come back broken."""

    async def back(self, machine: str, token: str = PLAIN, *, days: float = 1) -> Json:
        """A booking with a live deposit whose machine just came back."""
        booking = await self.confirmed(machine, token, days=days)
        await self.work(at(2, 1))
        await self.shifted(booking, timedelta(days=-3))
        await self.went(booking)
        return booking

    async def went(self, booking: Json) -> None:
        for verb in ("check_out", "check_in"):
            answer = await self.owner.act(booking["id"], verb, {})
            assert answer.status_code == 200, answer.text
        self.clock.ahead = timedelta(0)

    async def claim(self, booking: Json, *costs: int, **more: Json) -> Json:
        """A claim that must be taken."""
        answer = await self.claims(booking, *costs, **more)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def claims(self, booking: Json, *costs: int, **more: Json) -> httpx.Response:
        body = {"reason": "Le capot est enfoncé.", "lines": lines(*(costs or (60_000,))), **more}
        return await self.owner.act(booking["id"], "claims", body)

    async def says(self, who: Person, claim: Json, verb: str, body: Json = None) -> httpx.Response:
        """What somebody says to a claim as it is now."""
        now = await self.claim_now(claim)
        tag = f'"{now.version}.x"'
        path = f"/claims/{claim['id']}/{verb}"
        return await who.post(path, body, If_Match=tag, Idempotency_Key=str(uuid4()))

    async def said(self, who: Person, claim: Json, verb: str, body: Json = None) -> Json:
        answer = await self.says(who, claim, verb, body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def claim_now(self, claim: Json) -> Claim:
        async with self.database.read() as tx:
            return await store.load(tx, UUID(claim["id"]))

    async def later(self, **ahead: float) -> None:
        """The worker at a later hour, bookings and claims included."""
        self.clock.ahead += timedelta(**ahead)
        await complete_returned(self.context)
        await move_claims(self.context)
        await self.work()

    async def payable(self, claim: Json) -> list[int]:
        """What its owner is paid for a claim, by what came in; smallest first."""
        found = sa.text(
            "SELECT p.minor FROM payables p JOIN claims c USING (booking_id)"
            " WHERE c.id = :id AND p.id <> p.booking_id ORDER BY p.minor"
        )
        async with self.people.read() as tx:
            return [row.minor for row in await tx.rows(found, {"id": UUID(claim["id"])})]

    async def overdue(self, claim: Json) -> None:
        """The time to answer is over, and no sweep has been by."""
        await self._set("UPDATE claims SET due_at = now() WHERE id = :id", claim["id"])

    async def ago(self, booking: Json, *, hours: int) -> None:
        """The machine came back so long ago; nothing has been swept."""
        back = f"UPDATE bookings SET returned_at = now() - interval '{hours} hours' WHERE id = :id"
        await self._set(back, booking["id"])

    async def booked_ago(self, booking: Json, *, days: int) -> None:
        """It was booked so long ago."""
        then = f"UPDATE bookings SET created_at = now() - interval '{days} days' WHERE id = :id"
        await self._set(then, booking["id"])

    async def _set(self, statement: str, id_: str) -> None:
        async with self.people.begin() as tx:
            await tx.execute(sa.text(statement), {"id": UUID(id_)})

    async def told(self, person: Person) -> list[str]:
        """What is in somebody's inbox about claims, oldest first."""
        inbox = (await person.get("/inbox?limit=200")).json()["items"]
        kinds = [one["kind"] for one in reversed(inbox)]
        return [kind for kind in kinds if kind.startswith(("Claim", "Offer"))]


@pytest.fixture
async def yard(database: Database, renter: Person, owner: Person, settings: Settings) -> Any:
    made = Yard(database, renter, owner, msgspec.structs.replace(settings))
    yield made
    await made.database.close()


@pytest.fixture
async def tractor(world: World, owner: Person) -> str:
    return await world.machine(owner)


@pytest.fixture
async def mediator(world: World, database: Database) -> Person:
    """A mediator of the platform's."""
    person = await world.person("mediator@x.example")
    async with database.begin() as tx:
        await appoint(tx, person.email, StaffRole.MEDIATOR)
    return person
