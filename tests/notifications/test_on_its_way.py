"""From a booking to the letter: through a real mail server, at the hour that it is due, and only while it is true."""

from datetime import datetime, timedelta
from email.message import EmailMessage
from zoneinfo import ZoneInfo

from tests.infra.test_letters import Mailbox, mail_server
from tests.notifications.office import open_office
from tests.people import Person, World, at
from votremachine.config import Settings

PARIS = ZoneInfo("Europe/Paris")


def morning(days: int, hour: int = 8) -> datetime:
    """An hour of a day on the clocks of the machines."""
    return (datetime.now(PARIS) + timedelta(days=days)).replace(hour=hour, minute=0, second=0, microsecond=0)


def part(letter: EmailMessage, kind: str) -> str:
    """The plain text of a letter, or its HTML."""
    found = letter.get_body((kind,))
    assert found is not None
    return str(found.get_content())


async def test_both_sides_are_reminded_the_day_before_by_letter(
    settings: Settings, world: World, owner: Person, renter: Person
) -> None:
    tractor, box = await world.machine(owner), Mailbox()
    start = morning(5)
    booking = await renter.booked([tractor], start, start + timedelta(days=2))
    async with (
        mail_server(box) as port,
        open_office(settings, smtp_url=f"smtp://127.0.0.1:{port}", public_url="https://vm.example") as office,
    ):
        await office.all()
        before = len(box.messages())
        assert [kind for kind, *_ in await office.reminders(booking["id"])] == [
            *["booking_tomorrow"] * 2,
            *["hand_over_soon"] * 2,
        ]
        office.now = morning(4, 17)
        await office.remind()
        assert len(box.messages()) == before
        office.now = morning(4, 18)
        for _ in range(2):
            await office.remind()
            await office.send()
        letters = [message for message in box.messages() if message["Subject"].startswith("Demain")]
    assert sorted(str(one["To"]) for one in letters) == [owner.email, renter.email]
    letter = next(one for one in letters if one["To"] == renter.email)
    assert letter["Subject"] == "Demain à 8 h : Tracteur 120 ch"
    text = part(letter, "plain")
    assert "Votre location de Tracteur 120 ch commence demain à 8 h, chez Ferme du Marsan." in text
    assert f"https://vm.example/bookings/{booking['id']}" in text
    html = part(letter, "html")
    assert f'href="https://vm.example/bookings/{booking["id"]}"' in html
    assert letter["References"].strip() == f"<booking.{booking['id']}@votremachine.example>"
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert (await renter.get("/inbox")).json()["items"][0]["kind"] == "booking_tomorrow"


async def test_what_was_called_off_is_not_reminded_of(
    settings: Settings, world: World, owner: Person, renter: Person
) -> None:
    tractor, box = await world.machine(owner), Mailbox()
    booking = await renter.booked([tractor], morning(5), morning(6))
    async with mail_server(box) as port, open_office(settings, smtp_url=f"smtp://127.0.0.1:{port}") as office:
        await office.all()
        assert (await renter.act(booking["id"], "cancel", {})).status_code == 200
        # Its facts are not handed on yet: what is due is looked at again all the same.
        office.now, before = morning(4, 18), len(box.messages())
        await office.remind()
        assert len(box.messages()) == before
        assert {state for _, state, _ in await office.reminders(booking["id"])} == {"dropped"}


async def test_a_letter_that_waits_is_not_sent_once_it_is_untrue(
    settings: Settings, world: World, owner: Person, renter: Person
) -> None:
    tractor, box = await world.machine(owner), Mailbox(data="451 later")
    booking = await renter.booked([tractor], morning(5), morning(6))
    async with mail_server(box) as port, open_office(settings, smtp_url=f"smtp://127.0.0.1:{port}") as office:
        await office.all()
        office.now = morning(4, 18)
        await office.remind()
        waiting = "SELECT attempts, state FROM deliveries d JOIN messages m ON m.id = message_id WHERE kind = :kind"
        assert [tuple(row) for row in await office.rows(waiting, kind="booking_tomorrow")] == [(1, "waiting")] * 2
        moved = await renter.get(f"/bookings/{booking['id']}")
        again = {"start": morning(7).isoformat(), "end": morning(8).isoformat()}
        answer = await renter.act(booking["id"], "reschedule", again, If_Match=moved.headers["ETag"])
        assert answer.status_code == 200, answer.text
        box._answers.clear()
        office.now = morning(4, 19)
        await office.send()
        assert [row.state for row in await office.rows(waiting, kind="booking_tomorrow")] == ["dropped"] * 2
    assert not [one for one in box.messages() if "Demain" in one["Subject"]]


async def test_moved_away_and_back_is_planned_once(
    settings: Settings, world: World, owner: Person, renter: Person
) -> None:
    tractor = await world.machine(owner)
    booking = await renter.booked([tractor], morning(5), morning(6))
    async with open_office(settings) as office:
        await office.hear()
        first = await office.reminders(booking["id"])
        for day in (7, 5):
            seen = await renter.get(f"/bookings/{booking['id']}")
            span = {"start": morning(day).isoformat(), "end": morning(day + 1).isoformat()}
            await renter.act(booking["id"], "reschedule", span, If_Match=seen.headers["ETag"])
            await office.hear()
        assert [one for one in await office.reminders(booking["id"]) if one[1] == "planned"] == first


async def test_who_waits_for_an_answer_is_not_forgotten(
    settings: Settings, world: World, owner: Person, renter: Person
) -> None:
    tractor = await world.machine(owner, booking_mode="on_request")
    booking = await renter.booked([tractor], at(9), at(10))
    async with open_office(settings) as office:
        await office.hear()
        kinds = [kind for kind, *_ in await office.reminders(booking["id"])]
        assert set(kinds) == {"request_waiting", "request_expiring"}
        assert (await owner.act(booking["id"], "accept")).status_code == 200
        await office.hear()
        planned = {kind for kind, state, _ in await office.reminders(booking["id"]) if state == "planned"}
        assert planned == {"booking_tomorrow", "hand_over_soon"}
