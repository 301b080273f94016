"""A proof of insurance that ends is told of, until another follows it."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.inspections.phone import photo
from tests.notifications.office import Office, open_office
from tests.people import Json, Person
from votremachine.config import Settings


async def proof(renter: Person, first: int, last: int, *, sent: bool = True) -> Json:
    """Of these days from today on."""
    today = datetime.now(UTC).date()
    days = {name: (today + timedelta(days=one)).isoformat() for name, one in (("from", first), ("until", last))}
    asked = {"insurer": "Groupama", "policy_number": "1", **{f"valid_{name}": day for name, day in days.items()}}
    made = await renter.made(f"/parties/{renter.party_id}/insurances", asked)
    if sent:
        headers = {"Authorization": f"Bearer {renter.token}", "Content-Type": "image/png"}
        answer = await renter.http.put(f"/v1/insurances/{made['id']}/document", content=photo(3), headers=headers)
        assert answer.is_success, answer.text
    return made


async def told_by(office: Office, days: int, subject: str) -> list[str]:
    """What becomes of the reminders of a proof, on the day so many days from now, in the afternoon."""
    office.now = datetime.now(UTC).replace(hour=15) + timedelta(days=days)
    await office.remind()
    return [state for _, state, _ in await office.reminders(subject)]


@pytest.mark.parametrize(
    ("followed", "first"),
    [("", "told"), ("whole", "dropped"), ("without its document", "told"), ("after a gap", "told")],
)
async def test_who_may_add_the_next_is_told_twice(
    followed: str, first: str, renter: Person, settings: Settings
) -> None:
    async with open_office(settings, deliver_to_nobody=True) as office:
        one = await proof(renter, 0, 90)
        await office.hear()
        (first_at, last_at) = [at for _, _, at in await office.reminders(one["id"])]
        assert last_at.date() - first_at.date() == timedelta(days=23)
        if followed:
            begins = 93 if followed == "after a gap" else 91
            await proof(renter, begins, 400, sent=followed != "without its document")
        assert await told_by(office, 60, one["id"]) == [first, "planned"]
        if followed:
            return
        inbox = (await renter.get("/inbox", Accept_Language="en")).json()["items"]
        (message,) = [one["text"] for one in inbox if one["kind"] == "document_expiring"]
        assert "(Groupama)" in message
        assert await told_by(office, 83, one["id"]) == ["told", "told"]


async def test_a_proof_that_ends_soon_is_told_of_once_and_one_that_ended_never(
    renter: Person, settings: Settings
) -> None:
    async with open_office(settings, deliver_to_nobody=True) as office:
        soon, over = await proof(renter, -90, 20), await proof(renter, -90, -5)
        await office.hear()
        assert [state for _, state, _ in await office.reminders(soon["id"])] == ["planned"]
        assert await office.reminders(over["id"]) == []
        assert await told_by(office, 30, soon["id"]) == ["dropped"], "found too late"


async def test_a_letter_that_waits_for_the_morning_is_not_sent_once_another_follows(
    renter: Person, settings: Settings
) -> None:
    seen = await renter.get("/preferences")
    late = {"quiet_from": "08:00", "quiet_until": "20:00"}
    assert (await renter.ask("PUT", "/preferences", late, If_Match=seen.headers["ETag"])).status_code == 200
    async with open_office(settings, deliver_to_nobody=True) as office:
        one = await proof(renter, 0, 90)
        await office.hear()
        assert await told_by(office, 60, one["id"]) == ["told", "planned"]
        assert await sent_later(office) == []
        await proof(renter, 91, 400)
        assert await sent_later(office, hours=8) == ["dropped"]


async def sent_later(office: Office, hours: int = 0) -> list[str]:
    """What has become, some hours later, of what was on its way."""
    assert office.now is not None
    office.now += timedelta(hours=hours)
    await office.send()
    return [row.state for row in await office.rows("SELECT state FROM deliveries WHERE state <> 'waiting'")]
