"""The daily message: what is not so any more by the time that it comes is not in it."""

from datetime import timedelta

import sqlalchemy as sa

from tests.infra.test_letters import Mailbox, mail_server
from tests.notifications.office import Office, open_office
from tests.notifications.test_on_its_way import morning, part
from tests.people import Json, Person, World
from votremachine.config import Settings


async def wishes(who: Person, **wanted: Json) -> None:
    seen = await who.get("/preferences")
    assert (await who.ask("PUT", "/preferences", wanted, If_Match=seen.headers["ETag"])).status_code == 200


async def gathered(office: Office, renter: Person, tractor: str) -> list[str]:
    """Two bookings of tomorrow, whose owner is to hear of them in the evening; their ids."""
    bookings = [
        await renter.booked([tractor], morning(5, hour), morning(5, hour) + timedelta(hours=2)) for hour in (8, 12)
    ]
    await office.hear()
    # That they were confirmed is another day's message.
    async with office.database.begin() as tx:
        await tx.execute(sa.text("DELETE FROM messages"))
        await tx.execute(sa.text("DELETE FROM reminders WHERE kind = 'digest'"))
    office.now = morning(4, 18)
    await office.remind()
    return [str(one["id"]) for one in bookings]


async def test_what_was_called_off_is_left_out(settings: Settings, world: World, owner: Person, renter: Person) -> None:
    tractor, box = await world.machine(owner), Mailbox()
    await wishes(owner, digest_at="20:00", language="en")
    async with mail_server(box) as port, open_office(settings, smtp_url=f"smtp://127.0.0.1:{port}") as office:
        first, _ = await gathered(office, renter, tractor)
        assert (await renter.act(first, "cancel", {})).status_code == 200
        office.now = morning(4, 20)
        await office.remind()
        (digest,) = [one for one in box.messages() if one["To"] == owner.email and "for you" in one["Subject"]]
    assert part(digest, "plain").count("comes for") == 1


async def test_so_is_what_was_called_off_or_read_while_the_daily_message_itself_waits(
    settings: Settings, world: World, owner: Person, renter: Person
) -> None:
    tractor, box = await world.machine(owner), Mailbox(data="451 later")
    await wishes(owner, digest_at="20:00", language="en")
    async with mail_server(box) as port, open_office(settings, smtp_url=f"smtp://127.0.0.1:{port}") as office:
        first, second = await gathered(office, renter, tractor)
        office.now = morning(4, 20)
        await office.remind()
        asked = "SELECT d.state FROM deliveries d JOIN messages m ON m.id = message_id WHERE kind = 'digest'"
        assert [row.state for row in await office.rows(asked)] == ["waiting"]
        assert (await renter.act(first, "cancel", {})).status_code == 200
        unread = [one for one in (await owner.get("/inbox")).json()["items"] if one["booking_id"] == second]
        assert (await owner.post("/inbox/read", {"ids": [one["id"] for one in unread]})).status_code == 204
        box._answers.clear()
        office.now += timedelta(minutes=1)
        await office.send()
        assert [row.state for row in await office.rows(asked)] == ["dropped"], "nothing of it is left to say"
    assert not [one for one in box.messages() if one["To"] == owner.email and "for you" in one["Subject"]]


async def test_who_cannot_be_sent_the_daily_message_gets_each_by_itself(
    settings: Settings, world: World, owner: Person, renter: Person
) -> None:
    tractor, box = await world.machine(owner), Mailbox()
    await wishes(owner, digest_at="20:00", language="en", kinds={"digest": {"channels": []}})
    async with mail_server(box) as port, open_office(settings, smtp_url=f"smtp://127.0.0.1:{port}") as office:
        await gathered(office, renter, tractor)
        eves = [str(one["Subject"]) for one in box.messages() if one["To"] == owner.email]
        assert len([one for one in eves if one.startswith("Tomorrow")]) == 2
        assert not await office.rows("SELECT id FROM reminders WHERE kind = 'digest'")
