"""What holds planning, telling and handing out together, each by itself: without it, one of these fails."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, time, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from arq.connections import ArqRedis

from tests.infra.test_letters import Mailbox, mail_server
from tests.notifications.crowd import gather
from tests.notifications.office import Office, open_office
from tests.notifications.test_channels import give_phone
from tests.notifications.test_on_its_way import morning, part
from tests.notifications.test_reminder_rules import MOMENTS, booking, moments_of, paris
from tests.people import Person, World
from votremachine.accounts.rules import Role
from votremachine.bookings.rules import State
from votremachine.config import Settings
from votremachine.infra.database import Database
from votremachine.notifications.channels.port import NotTaken
from votremachine.notifications.circles import Circle
from votremachine.notifications.delivering.jobs import follow_up
from votremachine.notifications.delivering.posting import Notice, post
from votremachine.notifications.delivering.rules import AWAY_FOR, MOST_ATTEMPTS, MOST_MISSED, Channel
from votremachine.notifications.delivering.service.outcomes import Result
from votremachine.notifications.handing_out import Work, hand_out
from votremachine.notifications.hours import end_of_hours
from votremachine.notifications.preferences.rules import Preferences, next_digest, send_at
from votremachine.notifications.reminders import jobs
from votremachine.notifications.reminders.service import planning, telling
from votremachine.notifications.reminders.service.planning import wanted_of
from votremachine.notifications.reminders.service.telling import DUE
from votremachine.notifications.reminders.wants import planned
from votremachine.notifications.rules import Lack, Missing, Side

PARIS = ZoneInfo("Europe/Paris")
REUNION, GUADELOUPE = ZoneInfo("Indian/Reunion"), ZoneInfo("America/Guadeloupe")
EVERY_ROLE = {UUID(int=10 + place): role for place, role in enumerate(Role)}


def test_hours_that_end_now_end_tomorrow_again() -> None:
    seven = paris(2026, 6, 1, 7)
    assert end_of_hours(seven, PARIS, time(7)).astimezone(PARIS) == paris(2026, 6, 2, 7)
    assert next_digest(Preferences(digest_at=time(7)), seven).astimezone(PARIS) == paris(2026, 6, 2, 7)


def test_a_request_waits_since_it_was_one_not_since_it_was_held() -> None:
    """What is held for a quarter of an hour first is asked at the end of that: a day before it runs out."""
    held, asked = paris(2026, 6, 1, 8), paris(2026, 6, 1, 8, 14)
    start = paris(2026, 6, 9, 8)
    one = booking(
        start,
        start + timedelta(days=1),
        State.REQUESTED,
        created_at=held,
        expires_at=asked + timedelta(days=1),
    )
    assert moments_of("request_waiting", one) == [asked + timedelta(hours=2), asked + timedelta(hours=12)]


@pytest.mark.parametrize("kind", ["departure_report_missing", "return_report_missing"])
def test_a_report_is_planned_for_both_whoever_is_to_act_now(kind: str) -> None:
    start = paris(2026, 6, 2, 12)
    state, lack = (
        (State.CONFIRMED, Lack.DEPARTURE_REPORT) if kind.startswith("dep") else (State.IN_USE, Lack.RETURN_REPORT)
    )
    one = booking(start, start + timedelta(hours=6), state)
    found = planned(one, PARIS, MOMENTS, {lack: Missing((Side.OWNER,))})
    assert {wanted.side for wanted in found if wanted.kind == kind} == {Side.OWNER, Side.RENTER}


@pytest.mark.parametrize(
    ("kind", "state", "roles"),
    [
        ("overdue", State.IN_USE, {Role.ADMIN, Role.MANAGER, Role.MEMBER}),
        ("overdue_escalated", State.IN_USE, {Role.ADMIN, Role.MANAGER}),
        ("request_waiting", State.REQUESTED, {Role.ADMIN, Role.MANAGER}),
        ("request_expiring", State.REQUESTED, {Role.ADMIN, Role.MANAGER}),
    ],
)
def test_each_kind_is_for_those_who_can_do_something_about_it(kind: str, state: State, roles: set[Role]) -> None:
    start = paris(2026, 6, 9, 12)
    expires = paris(2026, 6, 3, 12) if state is State.REQUESTED else None
    one = booking(start, start + timedelta(hours=6), state, expires_at=expires, created_at=paris(2026, 6, 2, 12))
    circle: Circle = {Side.OWNER: EVERY_ROLE, Side.RENTER: {}}
    wants = [wanted for wanted in planned(one, PARIS, MOMENTS) if wanted.kind == kind]
    assert {EVERY_ROLE[wanted.person_id] for wanted in wanted_of(one, wants, circle)} == roles


@pytest.mark.parametrize("zone", [REUNION, GUADELOUPE, PARIS])
def test_a_machine_far_away_is_reminded_of_on_its_own_clocks(zone: ZoneInfo) -> None:
    """Neither has a summer time; the people may be anywhere."""
    for month, day in ((3, 28), (10, 24), (7, 1)):
        start = datetime(2026, month, day + 1, 7, tzinfo=zone)
        one = booking(start, start + timedelta(days=1))
        (eve,) = moments_of("booking_tomorrow", one, zone)
        assert eve.astimezone(zone) == datetime(2026, month, day, 18, tzinfo=zone)
        # Two hours before seven it is night there.
        (soon,) = moments_of("hand_over_soon", one, zone)
        assert soon.astimezone(zone) == datetime(2026, month, day, 21, tzinfo=zone)


def test_quiet_hours_are_on_the_clocks_of_the_person_not_of_the_machine() -> None:
    """18:00 in Guadeloupe is midnight in Paris, in summer; 18:00 on La Réunion is the afternoon."""
    eve = datetime(2026, 7, 1, 18, tzinfo=GUADELOUPE)
    assert send_at("booking_tomorrow", Preferences(zone=GUADELOUPE), eve) == eve
    assert send_at("booking_tomorrow", Preferences(), eve).astimezone(PARIS) == paris(2026, 7, 2, 7)
    afternoon = datetime(2026, 7, 1, 18, tzinfo=REUNION)
    assert send_at("booking_tomorrow", Preferences(), afternoon) == afternoon
    assert send_at("booking_tomorrow", Preferences(zone=REUNION), datetime(2026, 7, 1, 23, tzinfo=REUNION)).astimezone(
        REUNION
    ) == datetime(2026, 7, 2, 7, tzinfo=REUNION)


async def test_a_machine_on_la_reunion_and_an_owner_in_paris(
    settings: Settings, world: World, owner: Person, renter: Person, database: Database
) -> None:
    """The same from a booking to a letter: told at its 18:00, in words of its clocks, at 16:00 or 15:00 in Paris."""
    tractor = await world.machine(owner)
    async with database.begin() as tx:
        await tx.execute(sa.text("UPDATE machines SET zone = 'Indian/Reunion'"))
    start = morning(6, 8).astimezone(REUNION).replace(hour=8)
    booked = await renter.booked([tractor], start, start + timedelta(hours=8))
    eve = start.replace(hour=18) - timedelta(days=1)
    box = Mailbox()
    async with mail_server(box) as port, open_office(settings, smtp_url=f"smtp://127.0.0.1:{port}") as office:
        await office.hear()
        due = [at for kind, _, at in await office.reminders(booked["id"]) if kind == "booking_tomorrow"]
        assert due == [eve.astimezone(UTC)] * 2
        office.now = eve
        await office.remind()
    letters = [one for one in box.messages() if one["Subject"].startswith("Demain")]
    assert {str(one["Subject"]) for one in letters} == {"Demain à 8 h : Tracteur 120 ch"}


async def test_who_plans_a_booking_keeps_others_from_it_until_it_is_done(
    settings: Settings, world: World, owner: Person, renter: Person, database: Database
) -> None:
    tractor = await world.machine(owner)
    one = UUID((await renter.booked([tractor], morning(5), morning(6)))["id"])
    key = int.from_bytes(one.bytes[8:], signed=True) ^ planning._OURS
    free = sa.text("SELECT pg_try_advisory_xact_lock(:key) AS got")
    async with database.begin() as first:
        await planning.plan(first, one, MOMENTS)
        async with database.begin() as second:
            assert [row.got for row in await second.rows(free, {"key": key})] == [False]
    async with database.begin() as third:
        assert [row.got for row in await third.rows(free, {"key": key})] == [True]


async def test_planning_anew_what_is_so_already_writes_nothing(
    settings: Settings, world: World, owner: Person, renter: Person, database: Database
) -> None:
    tractor = await world.machine(owner)
    one = UUID((await renter.booked([tractor], morning(5), morning(6)))["id"])
    written = sa.text("SELECT id, xmin::text AS version FROM reminders ORDER BY id")
    seen = []
    for _ in range(2):
        async with database.begin() as tx:
            await planning.plan(tx, one, MOMENTS)
        async with database.read() as tx:
            seen.append([(row.id, row.version) for row in await tx.rows(written)])
    assert len(seen[0]) == 4
    assert seen[0] == seen[1]


async def test_who_acts_for_a_farm_no_more_is_not_reminded(
    settings: Settings, world: World, owner: Person, renter: Person, database: Database
) -> None:
    tractor, box = await world.machine(owner), Mailbox()
    await renter.booked([tractor], morning(5), morning(6))
    async with mail_server(box) as port, open_office(settings, smtp_url=f"smtp://127.0.0.1:{port}") as office:
        await office.hear()
        async with database.begin() as tx:
            gone = "UPDATE seats SET role = 'viewer' FROM people p WHERE p.id = person_id AND email = :email"
            await tx.execute(sa.text(gone), {"email": owner.email})
        office.now = morning(4, 18)
        await office.remind()
    assert [str(one["To"]) for one in box.messages() if one["Subject"].startswith("Demain")] == [renter.email]


async def test_a_reminder_that_cannot_be_told_is_left_to_people_in_the_end(
    settings: Settings, database: Database
) -> None:
    await gather(database, 1)
    async with open_office(settings, deliver_to_nobody=True) as office:
        async with office.database.begin() as tx:
            await tx.execute(sa.text("UPDATE reminders SET kind = 'nonsense'"))
        ctx = {"database": office.database, "moments": office.moments, "sender": office.sender}
        for tried in range(1, MOST_ATTEMPTS + 1):
            (row,) = await office.rows("SELECT due_at FROM reminders")
            office.now = max(row.due_at, datetime.now(UTC))
            async with office.database.begin() as tx:
                ids, lease = await DUE.lease(tx, 9, timedelta(seconds=50))
            assert await jobs._tell(ctx, ids, lease) == []
            (row,) = await office.rows("SELECT state, attempts, lease_until FROM reminders")
            expected = "dead" if tried == MOST_ATTEMPTS else "planned"
            assert (row.state, row.attempts, row.lease_until) == (expected, tried, None)


class NeverStopping:
    @staticmethod
    def is_set() -> bool:
        return False


@asynccontextmanager
async def handing(database: Database, url: str) -> AsyncIterator[dict[str, Any]]:
    redis = ArqRedis(unix_socket_path=urlsplit(url).path) if url.startswith("unix") else ArqRedis.from_url(url)
    try:
        yield {"database": database, "redis": redis, "stopping": NeverStopping()}
    finally:
        await redis.aclose()


async def test_no_more_is_handed_out_than_can_be_done(database: Database, settings: Settings) -> None:
    await gather(database, 20)
    work = Work(telling.DUE, "tell_reminders", batch=3, most_held=9)
    async with handing(database, settings.redis_url) as ctx:
        handed = [await hand_out(ctx, work) for _ in range(2)]
        assert handed == [9, 0], "as many as may be held, then none before they are done"
        async with database.begin() as tx:
            assert await telling.DUE.held(tx) == 9
        await ctx["redis"].flushdb()


async def test_what_redis_does_not_take_is_due_again_at_once(database: Database) -> None:
    await gather(database, 5)
    work = Work(telling.DUE, "tell_reminders", batch=3, most_held=9)
    async with handing(database, "redis://127.0.0.1:1") as ctx:
        assert await hand_out(ctx, work) == 0
    async with database.begin() as tx:
        assert await telling.DUE.held(tx) == 0
        assert len((await DUE.lease(tx, 9, timedelta(seconds=50)))[0]) == 5


async def outcomes(office: Office, kind: str) -> list[tuple[str, str, int]]:
    rows = await office.rows(
        "SELECT channel, state, attempts FROM deliveries d JOIN messages m ON m.id = message_id WHERE kind = :kind "
        "ORDER BY d.id",
        kind=kind,
    )
    return [(row.channel, row.state, row.attempts) for row in rows]


@pytest.mark.parametrize("where", ["rcpt", "data"])
async def test_an_address_that_there_is_not_is_given_up_at_once_and_the_next_channel_taken(
    where: str, settings: Settings, world: World, owner: Person, renter: Person, database: Database
) -> None:
    """550: to the recipient, or after the message. Urgent, so an SMS follows; nothing else is held up by it."""
    await give_phone(database, owner)
    tractor, box = await world.machine(owner, booking_mode="on_request"), Mailbox(**{where: "550 no such user"})
    await renter.booked([tractor], morning(5), morning(6))
    async with mail_server(box) as port, open_office(settings, smtp_url=f"smtp://127.0.0.1:{port}") as office:
        await office.all()
        assert await outcomes(office, "BookingRequested") == [("email", "dead", 1), ("sms", "waiting", 0)]
        (row,) = await office.rows("SELECT last_error FROM deliveries WHERE state = 'dead'")
        assert "550" in row.last_error
        await office.send()
        assert await outcomes(office, "BookingRequested") == [("email", "dead", 1), ("sms", "sent", 1)]
    assert [one["kind"] for one in (await owner.get("/inbox")).json()["items"]] == ["BookingRequested"]


async def test_a_mail_program_unsubscribes_with_one_click(
    settings: Settings, world: World, owner: Person, renter: Person
) -> None:
    """RFC 8058, 3.2: a POST of that one field, as a form or in parts, without cookies or a token."""
    tractor, box = await world.machine(owner), Mailbox()
    booked = await renter.booked([tractor], morning(5), morning(6))
    address = "https://vm.example"
    async with (
        mail_server(box) as port,
        open_office(settings, smtp_url=f"smtp://127.0.0.1:{port}", public_url=address) as office,
    ):
        await office.hear()
        office.now = morning(4, 18)
        await office.remind()
    for who, sent in (
        (renter, {"data": {"List-Unsubscribe": "One-Click"}}),
        (owner, {"files": {"List-Unsubscribe": (None, "One-Click")}}),
    ):
        (letter,) = [one for one in box.messages() if one["To"] == who.email]
        assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        link = str(letter["List-Unsubscribe"]).strip("<> ")
        assert link.startswith(f"{address}/v1/unsubscribe/")
        # The letter's foot has the same link, and both parts of it.
        assert link in part(letter, "plain")
        assert link in part(letter, "html").replace("&amp;", "&")
        thread = f"<booking.{booked['id']}@votremachine.example>"
        assert (letter["References"].strip(), letter["In-Reply-To"].strip()) == (thread, thread)
        answer = await who.http.post(link.removeprefix(address), **sent)
        assert answer.status_code == 204, answer.text
        kinds = {one["kind"]: one["channels"] for one in (await who.get("/preferences")).json()["kinds"]}
        assert (kinds["booking_tomorrow"], kinds["hand_over_soon"]) == (["push"], ["push", "email"])


async def test_after_its_rest_a_provider_may_fail_three_times_again(settings: Settings) -> None:
    async with open_office(settings) as office:
        sender, missed = office.sender, Result(UUID(int=1), refusal=NotTaken("away", away=True))
        office.now = began = datetime.now(UTC)
        sender._mind(Channel.EMAIL, [missed] * MOST_MISSED)
        assert sender.away_until == {Channel.EMAIL: began + AWAY_FOR}
        office.now = began + AWAY_FOR
        sender._mind(Channel.EMAIL, [missed] * (MOST_MISSED - 1))
        assert sender.away_until == {Channel.EMAIL: began + AWAY_FOR}
        sender._mind(Channel.EMAIL, [missed])
        assert sender.away_until == {Channel.EMAIL: office.now + AWAY_FOR}


async def test_what_is_urgent_and_lies_unread_goes_by_sms_and_what_is_not_stays(
    settings: Settings, world: World, owner: Person, renter: Person, database: Database
) -> None:
    for who, phone in ((owner, "+33612345678"), (renter, "+33687654321")):
        await give_phone(database, who, phone)
    tractor, box = await world.machine(owner, booking_mode="on_request"), Mailbox()
    booked = await renter.booked([tractor], morning(5), morning(6))
    async with mail_server(box) as port, open_office(settings, smtp_url=f"smtp://127.0.0.1:{port}") as office:
        await office.all()
        assert await outcomes(office, "BookingRequested") == [("email", "sent", 1)]
        office.now = datetime.now(UTC) + timedelta(minutes=14)
        assert await follow_up({"database": office.database}) == 0
        office.now += timedelta(minutes=2)
        # It ends: each is looked at once.
        assert await follow_up({"database": office.database}) == 1
        assert await follow_up({"database": office.database}) == 0
        assert await outcomes(office, "BookingRequested") == [("email", "sent", 1), ("sms", "waiting", 0)]
        await office.send()
        assert await outcomes(office, "BookingRequested") == [("email", "sent", 1), ("sms", "sent", 1)]
        # What is not urgent lies in the mailbox, and an SMS costs money.
        assert (await owner.act(booked["id"], "accept")).is_success
        office.now = morning(1, 12)
        await office.all()
        assert [channel for channel, *_ in await outcomes(office, "BookingConfirmed")] == ["email"]
        office.now += timedelta(hours=9)
        assert await follow_up({"database": office.database}) == 0
        assert [channel for channel, *_ in await outcomes(office, "BookingConfirmed")] == ["email"]


async def test_what_was_read_while_it_waited_is_not_sent(
    settings: Settings, world: World, owner: Person, renter: Person
) -> None:
    tractor, box = await world.machine(owner, booking_mode="on_request"), Mailbox(data="451 later")
    await renter.booked([tractor], morning(5), morning(6))
    async with mail_server(box) as port, open_office(settings, smtp_url=f"smtp://127.0.0.1:{port}") as office:
        await office.all()
        assert await outcomes(office, "BookingRequested") == [("email", "waiting", 1)]
        (newest,) = (await owner.get("/inbox")).json()["items"]
        assert (await owner.post("/inbox/read", {"ids": [newest["id"]]})).status_code == 204
        box._answers.clear()
        office.now = datetime.now(UTC) + timedelta(minutes=1)
        await office.send()
        assert await outcomes(office, "BookingRequested") == [("email", "dropped", 1)]
    assert box.messages() == []


@pytest.mark.parametrize(("verb", "kind", "codes"), [("cancel", "BookingCancelled", 0), (None, "BookingRequested", 1)])
async def test_only_what_asks_for_a_decision_comes_with_a_code(
    verb: str | None,
    kind: str,
    codes: int,
    settings: Settings,
    world: World,
    owner: Person,
    renter: Person,
    database: Database,
) -> None:
    await give_phone(database, owner)
    tractor = await world.machine(owner, booking_mode="on_request")
    seen = await owner.get("/preferences")
    wanted = {"kinds": {kind: {"channels": ["sms"]}}}
    assert (await owner.ask("PUT", "/preferences", wanted, If_Match=seen.headers["ETag"])).status_code == 200
    booked = await renter.booked([tractor], morning(5), morning(6))
    async with open_office(settings) as office:
        if verb:
            assert (await renter.act(booked["id"], verb, {})).is_success
        await office.all()
        assert ("sms", "sent", 1) in await outcomes(office, kind)
        assert len(await office.rows("SELECT id FROM sms_codes")) == codes


async def test_whose_account_is_closed_is_told_nothing(settings: Settings, renter: Person, database: Database) -> None:
    """Their seats are gone by then; a fact about themselves may still be under way."""
    async with database.begin() as tx:
        (row,) = await tx.rows(sa.text("SELECT id FROM people WHERE email = :email"), {"email": renter.email})
        await tx.execute(sa.text("UPDATE people SET closed_at = now() WHERE id = :id"), {"id": row.id})
        assert await post(tx, [Notice(row.id, "PasswordChanged", {})]) == []
        assert not await tx.rows(sa.text("SELECT id FROM messages"))
