"""What no fact planned: people who joined since, and what is older than reminders, is planned by the day's sweep."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from tests.notifications.office import Office, open_office
from tests.notifications.test_documents import proof
from tests.notifications.test_on_its_way import morning
from tests.people import Person, World
from votremachine.config import Settings
from votremachine.infra.database import Database
from votremachine.notifications.reminders.jobs import plan_again
from votremachine.notifications.reminders.service import documents

_JOIN = sa.text(
    "INSERT INTO seats (person_id, party_id, role) SELECT id, :party, 'member' FROM people WHERE email = :email"
)


async def again(office: Office) -> None:
    await plan_again({"database": office.database, "moments": office.moments})


async def before_reminders(database: Database) -> None:
    """As it was before there were any: facts were handed on, and nobody planned."""
    async with database.begin() as tx:
        await tx.execute(sa.text("DELETE FROM outbox"))
        await tx.execute(sa.text("DELETE FROM reminders"))


async def test_what_is_older_than_reminders_is_planned_once(
    settings: Settings, world: World, owner: Person, renter: Person, database: Database
) -> None:
    tractor = await world.machine(owner)
    soon = await renter.booked([tractor], morning(2), morning(3))
    later = await renter.booked([tractor], morning(9), morning(10))
    await before_reminders(database)
    async with open_office(settings, deliver_to_nobody=True) as office:
        for _ in range(2):
            await again(office)
        planned = [kind for kind, *_ in await office.reminders(soon["id"])]
        assert planned == [*["booking_tomorrow"] * 2, *["hand_over_soon"] * 2]
        assert await office.reminders(later["id"]) == [], "not yet"
        office.now = morning(7, 12)
        await again(office)
        assert len(await office.reminders(later["id"])) == 4
        office.now = morning(8, 18)
        await office.remind()
        await again(office)
        states = [state for kind, state, _ in await office.reminders(later["id"]) if kind == "booking_tomorrow"]
        assert states == ["told"] * 2, "what was told is not told again"


async def test_who_joins_a_farm_is_reminded_of_its_bookings(
    settings: Settings, world: World, owner: Person, renter: Person, database: Database
) -> None:
    tractor, colleague = await world.machine(owner), await world.person("colleague@x.example")
    booking = await renter.booked([tractor], morning(2), morning(3))
    async with open_office(settings, deliver_to_nobody=True) as office:
        await office.hear()
        async with database.begin() as tx:
            await tx.execute(_JOIN, {"party": renter.party_id, "email": colleague.email})
        await again(office)
        office.now = morning(1, 18)
        await office.remind()
    assert len(await office_reminders(database, booking["id"])) == 6
    assert [one["kind"] for one in (await colleague.get("/inbox")).json()["items"]] == ["booking_tomorrow"]


async def office_reminders(database: Database, subject: str) -> list[str]:
    async with database.read() as tx:
        asked = sa.text("SELECT kind FROM reminders WHERE subject = :subject")
        return [row.kind for row in await tx.rows(asked, {"subject": subject})]


async def test_proofs_that_are_older_than_reminders_are_told_of(
    settings: Settings, renter: Person, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "BATCH", 1)
    soon, late, over = await proof(renter, -300, 20), await proof(renter, -300, 300), await proof(renter, -300, -2)
    other = await proof(renter, -300, 10)
    await before_reminders(database)
    async with open_office(settings, deliver_to_nobody=True) as office:
        for _ in range(2):
            await again(office)
        assert await office.reminders(over["id"]) == []
        assert await office.reminders(late["id"]) == [], "in good time"
        # The one that ends in 300 days follows them.
        assert await office.reminders(soon["id"]) == await office.reminders(other["id"]) == []
        office.now = datetime.now(UTC) + timedelta(days=269)
        await again(office)
        assert [state for _, state, _ in await office.reminders(late["id"])] == ["planned"] * 2
        office.now = datetime.now(UTC).replace(hour=15) + timedelta(days=270)
        await office.remind()
        assert [state for _, state, _ in await office.reminders(late["id"])] == ["told", "planned"]
