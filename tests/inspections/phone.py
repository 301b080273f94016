"""A phone in the farmyard: makes condition reports and photos by itself, and sends them when and how a test says."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import httpx
import msgspec

from tests.people import Json, Person, at
from tests.shots import different
from votremachine.infra.database import Database
from votremachine.infra.tables import metadata
from votremachine.inspections.checklists import checklist
from votremachine.inspections.rules.chain import canonical, content_hash
from votremachine.inspections.rules.report import Content
from votremachine.kernel.ids import uuid7

_made = 0
STROKES = [[[100, 500], [200, 300], [300, 700]], [[400, 500], [600, 500]]]


# What a report says that does not say it.
NOTHING: Json = {"next_booking_id": None, "amends": None, "meters": [], "tyres": [], "damage": [], "driver": None}
NOTHING |= {"notes": "", "why": ""}


def fresh_id() -> str:
    """The next id that a phone chooses."""
    global _made  # noqa: PLW0603 -- a counter
    _made += 1
    return str(uuid7(datetime.now(UTC), _made.to_bytes(10)))


def photo(number: int) -> bytes:
    """A small photo unlike those of other numbers."""
    return different(number)


def hashed(content: bytes) -> str:
    return sha256(content).hexdigest()


def reported(
    machine: str, kind: str = "check_out", photos: list[bytes] | None = None, category: str = "tractor"
) -> Json:
    """A report that a phone made just now."""
    now = datetime.now(UTC)
    return {
        "id": fresh_id(),
        "machine_id": machine,
        "kind": kind,
        "made_at": now.isoformat(),
        "cleanliness": "clean",
        "fuel_eighths": 6,
        "checklist": [{"item": one.code, "grade": "good"} for one in checklist(category)],
        "photos": [{"sha256": hashed(one), "taken_at": now.isoformat()} for one in photos or []],
    }


def hash_of(report: Json, booking: str, category: str = "tractor") -> str:
    """What both sides sign of a report, as a phone that is offline works it out by itself."""
    said = NOTHING | report | {"booking_id": booking, "category": category}
    return content_hash(canonical(msgspec.convert(said, Content))).hex()


async def unsigned(database: Database, machine: str, booking: str, person: str) -> str:
    """The id of a report that stands in the database though its booking is not confirmed."""
    body = reported(machine) | {"booking_id": booking, "category": "tractor"}
    content = canonical(msgspec.convert(NOTHING | body, Content))
    values = {"content": content, "content_hash": content_hash(content), "sent_by": UUID(person)}
    columns = {"id": UUID(body["id"]), "booking_id": UUID(booking), "machine_id": UUID(machine), "kind": "check_out"}
    async with database.begin() as tx:
        times = {"state": "complete", "sent_at": tx.now}
        await tx.execute(metadata.tables["inspections"].insert(), values | columns | times)
    return str(body["id"])


@dataclass
class Yard:
    """A machine, a booking of it that begins within the hour, and the people of both sides."""

    owner: Person
    renter: Person
    machine: str
    booking: str
    category: str = "tractor"
    damage: list[Json] = field(default_factory=list)

    def report(self, kind: str = "check_out", *, photos: list[bytes] | None = None, **more: Any) -> Json:
        """What a phone made just now."""
        return reported(self.machine, kind, photos, self.category) | more

    async def send(self, report: Json, who: Person | None = None, booking: str = "", **headers: str) -> httpx.Response:
        return await (who or self.owner).post(f"/bookings/{booking or self.booking}/inspections", report, **headers)

    async def sent(self, report: Json, who: Person | None = None, booking: str = "") -> Json:
        answer = await self.send(report, who, booking)
        assert answer.is_success, answer.text
        return answer.json()

    async def put(self, inspection: str, content: bytes, who: Person | None = None, name: str = "") -> httpx.Response:
        person = who or self.owner
        headers = {"Authorization": f"Bearer {person.token}", "Content-Type": "image/png", "Accept-Language": "en"}
        path = f"/v1/inspections/{inspection}/photos/{name or hashed(content)}"
        return await person.http.put(path, content=content, headers=headers)

    async def sign(self, view: Json, side: str, who: Person, **more: Any) -> httpx.Response:
        body = {"side": side, "content_hash": view["content_hash"], **more}
        return await who.post(f"/inspections/{view['id']}/signatures", body)

    async def signed(self, report: Json, booking: str = "") -> Json:
        """A report that both sides confirm, each in their session."""
        view = await self.sent(report, booking=booking)
        for side, who in (("renter", self.renter), ("owner", self.owner)):
            answer = await self.sign(view, side, who)
            assert answer.is_success, answer.text
        return answer.json()

    async def state(self, booking: str = "") -> str:
        return str((await self.owner.get(f"/bookings/{booking or self.booking}")).json()["state"])


def soon() -> tuple[datetime, datetime]:
    """From within the hour to tomorrow."""
    return at(0, 1), at(1)


def ago(**of: float) -> str:
    return (datetime.now(UTC) - timedelta(**of)).isoformat()
