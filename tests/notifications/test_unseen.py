"""A calendar that nobody looked at for a month: its owner is told once, and not once they look."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.notifications.office import Office, open_office
from tests.people import Person, World
from votremachine.bookings.service import looks
from votremachine.config import Settings
from votremachine.notifications.reminders.jobs import plan_unseen_calendars

NOW = datetime(2027, 2, 1, 4, 37, tzinfo=UTC)


@pytest.fixture
async def office(settings: Settings) -> AsyncIterator[Office]:
    looks._noted.clear()
    async with open_office(settings, deliver_to_nobody=True) as office:
        yield office


async def day(office: Office, number: int, party: str) -> list[str]:
    """A day's sweep, twice, and its afternoon; what has become of the reminders of a party."""
    office.now = NOW + timedelta(days=number)
    for _ in range(2):
        await plan_unseen_calendars({"database": office.database, "moments": office.moments})
    office.now += timedelta(hours=10)
    await office.remind()
    return [state for _, state, _ in await office.reminders(party)]


async def test_once_a_month_until_somebody_looks(office: Office, world: World, owner: Person, renter: Person) -> None:
    await world.machine(owner)
    assert await day(office, 0, owner.party_id) == []
    assert await day(office, 30, owner.party_id) == []
    assert await day(office, 31, owner.party_id) == ["told"]
    assert await day(office, 45, owner.party_id) == ["told"]
    assert await day(office, 62, owner.party_id) == ["told", "told"]
    assert await office.reminders(renter.party_id) == [], "who lends nothing has nothing to look at"
    said = [one for one in (await owner.get("/inbox")).json()["items"] if one["kind"] == "calendar_unseen"]
    assert len(said) == 2
    assert said[0]["link"] == "/calendar"


async def test_a_look_is_noted_once_a_day_and_only_of_ones_own(
    office: Office, world: World, owner: Person, renter: Person
) -> None:
    machine = await world.machine(owner)
    seen = "SELECT seen_on, xmin::text AS written FROM calendar_looks WHERE party_id = :party"
    agenda = f"/machines/{machine}/agenda?view=week&date=2026-06-01"
    refused = await renter.get(agenda)
    assert refused.status_code == 403
    assert await office.rows(seen, party=owner.party_id) == []
    for path in (agenda, f"/parties/{owner.party_id}/agenda?view=week&date=2026-06-01"):
        assert (await owner.get(path)).is_success
    (first,) = await office.rows(seen, party=owner.party_id)
    assert first.seen_on == datetime.now(UTC).date()
    looks._noted.clear()
    assert (await owner.get(agenda)).is_success
    assert await office.rows(seen, party=owner.party_id) == [first], "the same day is not written again"


async def test_it_is_looked_at_again_before_it_is_told(office: Office, world: World, owner: Person) -> None:
    await world.machine(owner)
    await day(office, 0, owner.party_id)
    office.now = NOW + timedelta(days=31)
    await plan_unseen_calendars({"database": office.database, "moments": office.moments})
    async with office.database.begin() as tx:
        await tx.execute(looks._NOTE, {"party_id": owner.party_id, "seen_on": tx.now.date()})
    office.now += timedelta(hours=10)
    await office.remind()
    assert [state for _, state, _ in await office.reminders(owner.party_id)] == ["dropped"]


async def test_a_letter_that_waits_is_not_sent_once_somebody_looked(
    office: Office, world: World, owner: Person
) -> None:
    await world.machine(owner)
    seen = await owner.get("/preferences")
    late = {"quiet_from": "08:00", "quiet_until": "20:00"}
    assert (await owner.ask("PUT", "/preferences", late, If_Match=seen.headers["ETag"])).status_code == 200
    await day(office, 0, owner.party_id)
    assert await day(office, 31, owner.party_id) == ["told"]
    assert await office.send() == 0
    async with office.database.begin() as tx:
        await tx.execute(looks._NOTE, {"party_id": owner.party_id, "seen_on": tx.now.date()})
    assert office.now is not None
    office.now += timedelta(hours=8)
    assert await office.send() == 0
    (row,) = await office.rows("SELECT state FROM deliveries")
    assert row.state == "dropped"
