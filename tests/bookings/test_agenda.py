"""The owner's view of one machine and of the fleet: everything in it, names too, and three questions at most."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from tests.availability.feeds.test_feeds import Clockwork, busy, followed
from tests.availability.feeds.test_feeds import clockwork as clockwork  # noqa: PLC0414 -- a fixture
from tests.availability.maintenance.test_maintenance import CHECK
from tests.bookings.fleets import plant_fleet
from tests.feed_server import FeedServer, calendar, feed_server
from tests.people import Json, Person, World, at
from tests.statements import Statements
from votremachine.bookings.jobs import complete_returned
from votremachine.infra.database import Database

PARIS = ZoneInfo("Europe/Paris")
DAYTIME = [{"weekday": day, "opens": "07:00", "closes": "19:00"} for day in range(1, 7)]
STALE = sa.text(
    """
    INSERT INTO occupancies (id, machine_id, kind, ref_id, during, blocked)
    SELECT uuidv7(), :machine, 'booking', :booking, span, span FROM (SELECT tstzrange(:start, :end) AS span) AS one
    """
)
# A month of 60 machines with 20 entries each, as it travels. See docs/calendars.md, "Sized for a phone".
MOST_BYTES_OF_A_FULL_MONTH = 48_000


@pytest.fixture
async def server() -> AsyncIterator[FeedServer]:
    async with feed_server() as server:
        yield server


def window(first: float, last: float) -> str:
    return f"from={quote(at(first).isoformat())}&to={quote(at(last).isoformat())}"


async def agenda(who: Person, path: str, first: float = 0, last: float = 30) -> Json:
    return await read(who, path, window(first, last))


async def read(who: Person, path: str, query: str) -> Json:
    answer = await who.get(f"{path}/agenda?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def entries(who: Person, machine: str, first: float = 0, last: float = 30) -> list[Json]:
    return list((await agenda(who, f"/machines/{machine}", first, last))["entries"])


def brief(entries: list[Json]) -> list[tuple[str, str | None]]:
    return [(one["kind"], one.get("state")) for one in entries]


def instants(span: Json) -> tuple[datetime, datetime]:
    return datetime.fromisoformat(span["start"]), datetime.fromisoformat(span["end"])


async def shift(database: Database, booking: str, hours: int) -> None:
    """Let a booking and its time have been so many hours earlier."""
    by = f"- interval '{hours} h'"
    async with database.begin() as tx:
        for text in (
            f"UPDATE bookings SET starts = starts {by}, ends = ends {by}, out_at = out_at {by} WHERE id = :id",
            f"UPDATE occupancies SET during = tstzrange(lower(during) {by}, upper(during) {by}),"
            f" blocked = tstzrange(lower(blocked) {by}, upper(blocked) {by}) WHERE ref_id = :id",
        ):
            await tx.execute(sa.text(text), {"id": booking})


async def test_everything_that_takes_time_stands_in_it(world: World, owner: Person, renter: Person) -> None:
    tractor = await world.machine(owner, buffer_after_minutes=60)
    other = await world.machine(owner, booking_mode="on_request")
    held = (await renter.book([tractor], at(2), at(3))).json()
    await renter.booked([tractor], at(4), at(5))
    await renter.booked([other], at(6), at(7))
    block = {"start": at(8).isoformat(), "end": at(9).isoformat(), "note": "Foins"}
    await owner.made(f"/machines/{tractor}/blocks", block)
    weekly = {"start": at(10).isoformat(), "end": at(11).isoformat(), "rrule": "FREQ=WEEKLY;COUNT=2"}
    await owner.made(f"/machines/{tractor}/blocks", block | weekly | {"kind": "maintenance"})
    one = await agenda(owner, f"/machines/{tractor}")
    assert brief(one["entries"]) == [
        ("booking", "held"),
        ("booking", "confirmed"),
        ("block", None),
        ("maintenance", None),
        ("maintenance", None),
    ]
    first, _, noted, again, _ = one["entries"]
    assert (first["ref_id"], first["expires_at"], first["renter"]["id"]) == (
        held["id"],
        held["expires_at"],
        renter.party_id,
    )
    assert first["renter"]["name"] == "Ferme de la Chalosse"
    assert first["buffer_after_minutes"] == 60
    assert not {"buffer_before_minutes", "buffer_after_minutes"} & noted.keys(), "nothing is kept free around a block"
    assert (noted["note"], "recurs" in noted, again["recurs"]) == ("Foins", False, True)
    assert not {"late", "late_until", "clashes", "occurrence"} & first.keys()
    assert instants(one["window"]) == (at(0), at(30))
    assert (one["state"], one["zone"]) == ("listed", "Europe/Paris")
    whole = await agenda(owner, f"/parties/{owner.party_id}")
    by_machine = {row["machine"]["id"]: row for row in whole["items"]}
    assert by_machine[tractor] == one
    assert brief(by_machine[other]["entries"]) == [("booking", "requested")]
    assert [row["machine"]["id"] for row in whole["items"]] == sorted([tractor, other])


async def test_an_occurrence_is_named_by_its_true_start_even_where_it_was_cut(world: World, owner: Person) -> None:
    tractor = await world.machine(owner)
    await owner.made(f"/machines/{tractor}/blocks", {"start": at(2).isoformat(), "end": at(2, 3).isoformat()})
    series = {"start": at(2).isoformat(), "end": at(2, 5).isoformat(), "rrule": "FREQ=DAILY;COUNT=3", "note": "Moisson"}
    block = await owner.made(f"/machines/{tractor}/blocks", series)
    _, cut, full, _ = await entries(owner, tractor)
    assert (cut["ref_id"], instants(cut["during"]), instants(cut["whole"])) == (
        block["id"],
        (at(2, 3), at(2, 5)),
        (at(2), at(2, 5)),
    )
    assert datetime.fromisoformat(cut["occurrence"]) == at(2)
    assert (datetime.fromisoformat(full["occurrence"]), "whole" in full) == (at(3), False)
    naming = f"/blocks/{block['id']}?scope=this&occurrence={quote(cut['occurrence'])}"
    assert (await owner.ask("DELETE", naming)).status_code == 204
    assert [one["ref_id"] for one in await entries(owner, tractor)].count(block["id"]) == 2


async def test_maintenance_that_is_proposed_stands_in_it_until_it_is_decided(
    world: World, owner: Person, renter: Person
) -> None:
    tractor = await world.machine(owner)
    await owner.made(f"/machines/{tractor}/maintenance-plans", CHECK | {"last_on": str(at(-360).date())})
    (one,) = await entries(owner, tractor)
    assert (one["kind"], one["note"]) == ("proposal", "Contrôle")
    assert date.fromisoformat(one["due_on"]) >= at(0).date()
    await renter.booked([tractor], *instants(one["during"])), "it takes no time"
    assert sorted(brief(await entries(owner, tractor))) == [("booking", "confirmed"), ("proposal", None)]
    assert (await owner.post(f"/maintenance-proposals/{one['ref_id']}/dismiss")).is_success
    assert brief(await entries(owner, tractor)) == [("booking", "confirmed")]


async def test_outside_calendars_stand_in_it_by_name_and_their_clashes_are_flagged(
    world: World, owner: Person, renter: Person, server: FeedServer, clockwork: Clockwork
) -> None:
    tractor = await world.machine(owner)
    booking = await renter.booked([tractor], at(3), at(4))
    await renter.booked([tractor], at(8), at(9))
    server.say(calendar(busy("a", at(2), at(3, 6)), busy("b", at(6), at(7))))
    feed = await followed(owner, tractor, server)
    assert await clockwork.fetch() == 1
    cut, clashing, whole, other = await entries(owner, tractor)
    named = {"id": feed["id"], "name": "Gîte"}
    assert [one["feed"] for one in (cut, whole)] == [named, named]
    assert instants(cut["during"]) == (at(2), at(3))
    assert instants(cut["whole"]) == (at(2), at(3, 6))
    assert (cut.get("clash"), whole.get("clash"), "whole" in whole) == (True, None, False)
    assert clashing["ref_id"] == booking["id"]
    ((clash),) = clashing["clashes"]
    assert (clash["feed"], instants(clash["during"])) == (named, (at(3), at(3, 6)))
    assert "clashes" not in other
    assert "note" not in whole, "the feed's name is said once"


async def test_who_is_late_is_seen_whatever_the_window(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    tractor = await world.machine(owner)
    booking = await renter.booked([tractor], at(0, 1), at(0, 3))
    assert (await owner.act(booking["id"], "check_out")).status_code == 200
    await shift(database, booking["id"], 9)
    for first, last in ((-1, 1), (-0.05, 1)):
        (entry,) = await entries(owner, tractor, first, last)
        assert (entry["ref_id"], entry["state"], entry["late"]) == (booking["id"], "in_use", True)
        assert "late_until" not in entry, "nobody knows yet"
    assert await entries(owner, tractor, 1, 2) == []


async def test_what_is_over_is_still_seen_with_how_late_it_came_back(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    tractor, other = [await world.machine(owner) for _ in range(2)]
    booking = await renter.booked([tractor, other], at(0, 1), at(0, 3))
    assert (await owner.act(booking["id"], "check_out")).status_code == 200
    await shift(database, booking["id"], 99)
    back = at(0, -60)
    assert (await owner.act(booking["id"], "check_in", {"at": back.isoformat()})).status_code == 200

    async def seen(state: str) -> None:
        for first, last in ((-5, 0), (-3.5, 0)):
            for machine in (tractor, other):
                (entry,) = await entries(owner, machine, first, last)
                assert (entry["ref_id"], entry["state"], entry["late"]) == (booking["id"], state, True)
                assert instants(entry["during"])[1] == at(0, -96)
                assert datetime.fromisoformat(entry["late_until"]) == back
        assert await entries(owner, tractor, -2.4, 0) == []
        assert await entries(owner, tractor, -9, -5) == []

    await seen("returned")
    assert await complete_returned({"database": database}) == 1
    await seen("completed")
    fleet = await agenda(owner, f"/parties/{owner.party_id}", -5, 0)
    assert [brief(row["entries"]) for row in fleet["items"]] == [[("booking", "completed")]] * 2


async def test_what_fell_through_is_not_in_it(world: World, owner: Person, renter: Person, database: Database) -> None:
    tractor = await world.machine(owner)
    called_off = await renter.booked([tractor], at(4), at(5))
    assert (await renter.act(called_off["id"], "cancel", {"why": "pluie"})).is_success
    # As if it had been called off between two of the questions.
    async with database.begin() as tx:
        await tx.execute(
            STALE, {"machine": UUID(tractor), "booking": UUID(called_off["id"]), "start": at(4), "end": at(5)}
        )
    assert (await renter.book([tractor], at(2), at(3))).status_code == 201
    assert brief(await entries(owner, tractor)) == [("booking", "held")]
    async with database.begin() as tx:
        for table in ("bookings", "occupancies"):
            await tx.execute(
                sa.text(f"UPDATE {table} SET expires_at = now() - interval '1 second' WHERE expires_at > now()")
            )
    assert await entries(owner, tractor) == [], "a hold that ran out"


async def test_a_week_and_a_month_are_those_of_the_machines_own_calendar(world: World, owner: Person) -> None:
    paris = await world.machine(owner)
    reunion = await world.machine(owner)
    tag = (await owner.get(f"/machines/{reunion}")).headers["ETag"]
    moved = await owner.ask("PATCH", f"/machines/{reunion}", {"zone": "Indian/Reunion"}, If_Match=tag)
    assert moved.status_code == 200, moved.text
    for query, machine, first, last, hours in (
        ("view=week&date=2026-10-25", paris, "2026-10-19T00:00:00+02:00", "2026-10-26T00:00:00+01:00", 169),
        ("view=week&date=2027-03-22", paris, "2027-03-22T00:00:00+01:00", "2027-03-29T00:00:00+02:00", 167),
        ("view=month&date=2028-02-29", paris, "2028-02-01T00:00:00+01:00", "2028-03-01T00:00:00+01:00", 29 * 24),
        ("view=month&date=2027-03-31", paris, "2027-03-01T00:00:00+01:00", "2027-04-01T00:00:00+02:00", 31 * 24 - 1),
        ("view=week&date=2027-01-01", reunion, "2026-12-28T00:00:00+04:00", "2027-01-04T00:00:00+04:00", 168),
    ):
        one = await read(owner, f"/machines/{machine}", query)
        assert one["window"] == {"start": first, "end": last}
        assert instants(one["window"])[1] - instants(one["window"])[0] == timedelta(hours=hours)
        fleet = (await read(owner, f"/parties/{owner.party_id}", query))["items"]
        assert one in fleet
        assert {row["window"]["start"][:10] for row in fleet} == {first[:10]}, "one date is one column"
    # 22:30 in Paris is the next day in Réunion.
    late = datetime(2027, 5, 31, 20, 30, tzinfo=UTC)
    for machine in (paris, reunion):
        span = {"start": late.isoformat(), "end": (late + timedelta(hours=1)).isoformat()}
        await owner.made(f"/machines/{machine}/blocks", span)
    may, june = [
        {
            row["machine"]["id"]: len(row["entries"])
            for row in (await read(owner, f"/parties/{owner.party_id}", q))["items"]
        }
        for q in ("view=month&date=2027-05-01", "view=month&date=2027-06-30")
    ]
    assert (may, june) == ({paris: 1, reunion: 0}, {paris: 0, reunion: 1})


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "one_window"),
        ("view=week", "one_window"),
        ("date=2027-01-01", "one_window"),
        ("from=2027-01-01T00:00:00Z", "one_window"),
        ("from=2027-01-01T00:00:00Z&to=2027-01-02T00:00:00Z&view=week&date=2027-01-01", "one_window"),
        ("from=2027-01-01T00:00:00Z&view=month&date=2027-01-01", "one_window"),
        ("view=year&date=2027-01-01", "invalid_input"),
        ("view=week&date=2027-02-30", "invalid_input"),
        ("view=week&date=tomorrow", "invalid_input"),
        ("view=month&date=0001-01-01", "out_of_time"),
        ("view=week&date=9999-12-31", "out_of_time"),
        ("from=2027-01-01T00:00:00&to=2027-01-02T00:00:00", "naive_time"),
        ("from=2027-01-02T00:00:00Z&to=2027-01-02T00:00:00Z", "ends_before_start"),
        ("from=2020-01-01T00:00:00Z&to=2027-01-02T00:00:00Z", "window_too_long"),
    ],
)
async def test_windows_that_are_none_are_refused(query: str, code: str, world: World, owner: Person) -> None:
    tractor = await world.machine(owner)
    for path in (f"/machines/{tractor}", f"/parties/{owner.party_id}"):
        answer = await owner.get(f"{path}/agenda?{query}")
        assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text


async def test_closed_days_can_be_drawn(world: World, owner: Person) -> None:
    week = [{"weekday": day, "opens": "08:00", "closes": "12:00"} for day in range(1, 6)]
    afternoon = [{"weekday": 1, "opens": "14:00", "closes": "18:00"}]
    closed = [{"first": "2027-06-10", "last": "2027-06-11"}]
    tractor = await world.machine(owner, hand_over=afternoon + week, exceptions=closed)
    free = await world.machine(owner)
    morning = {"opens": "08:00", "closes": "12:00"}
    one = await read(owner, f"/machines/{tractor}", "view=week&date=2027-06-10")
    assert one["hand_over"] == [
        {"first": "2027-06-07", "last": "2027-06-07", "hours": [morning, {"opens": "14:00", "closes": "18:00"}]},
        {"first": "2027-06-08", "last": "2027-06-09", "hours": [morning]},
        {"first": "2027-06-10", "last": "2027-06-13", "hours": []},
    ]
    assert "hand_over" not in await read(owner, f"/machines/{free}", "view=week&date=2027-06-10")


async def test_a_retired_machine_is_seen_where_it_worked(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    tractor, blocked, never = [await world.machine(owner) for _ in range(3)]
    booking = await renter.booked([tractor], at(0, 1), at(0, 3))
    assert (await owner.act(booking["id"], "check_out")).status_code == 200
    await shift(database, booking["id"], 99)
    assert (await owner.act(booking["id"], "check_in", {"at": at(0, -96).isoformat()})).status_code == 200
    assert await complete_returned({"database": database}) == 1
    await owner.made(f"/machines/{blocked}/blocks", {"start": at(-4).isoformat(), "end": at(-3).isoformat()})
    for machine in (tractor, blocked, never):
        await owner.made(f"/machines/{machine}/retire")
    then = (await agenda(owner, f"/parties/{owner.party_id}", -6, 0))["items"]
    assert {row["machine"]["id"]: (row["state"], len(row["entries"])) for row in then} == {
        tractor: ("retired", 1),
        blocked: ("retired", 1),
    }
    assert (await agenda(owner, f"/parties/{owner.party_id}", 1, 9))["items"] == []
    assert brief(await entries(owner, tractor, -6, 0)) == [("booking", "completed")]
    assert await entries(owner, never, -6, 0) == []
    assert (await renter.get(f"/machines/{tractor}/agenda?{window(-6, 0)}")).status_code == 404


@pytest.fixture
async def full(world: World, owner: Person, renter: Person, database: Database) -> str:
    """One of 60 machines with 20 entries each in May 2027: a month that an owner would like to have."""
    tractor = await world.machine(owner, buffer_before_minutes=30, buffer_after_minutes=60)
    booking = await renter.booked([tractor], at(3), at(4))
    planted = {"owner": owner.party_id, "renter": renter.party_id, "machine": tractor, "booking": booking["id"]}
    tag = (await owner.get(f"/machines/{tractor}")).headers["ETag"]
    hours = {"terms": {"hand_over": DAYTIME}}
    assert (await owner.ask("PATCH", f"/machines/{tractor}", hours, If_Match=tag)).status_code == 200
    await plant_fleet(database, month=datetime(2027, 5, 1, tzinfo=PARIS), machines=60, entries=20, **planted)
    return tractor


async def test_a_season_of_sixty_machines_is_three_questions(owner: Person, full: str, statements: Statements) -> None:
    season = "from=2027-04-01T00:00:00Z&to=2027-07-01T00:00:00Z"
    path = f"/parties/{owner.party_id}/agenda?{season}"
    await owner.get(path)  # the connection's own first words
    for machines in (1, 3, 60):
        with statements.counted() as counted:
            found = (await owner.get(f"{path}&limit={machines}")).json()
        assert [len(row["entries"]) for row in found["items"]] == [20] * machines
        assert len(counted) == 3, "\n".join(counted)
    with statements.counted() as counted:
        assert len((await read(owner, f"/machines/{full}", season))["entries"]) == 20
    assert len(counted) == 3, "\n".join(counted)


async def test_a_full_month_of_a_fleet_travels_to_a_phone(owner: Person, full: str) -> None:
    path = f"/parties/{owner.party_id}/agenda?view=month&date=2027-05-01"
    answer = await owner.get(path, Accept_Encoding="gzip")
    assert answer.headers["Content-Encoding"] == "gzip"
    sent = int(answer.headers["Content-Length"])
    kinds = [one["kind"] for row in answer.json()["items"] for one in row["entries"]]
    assert (len(kinds), kinds.count("booking"), kinds.count("external")) == (1200, 840, 120)
    assert sent <= MOST_BYTES_OF_A_FULL_MONTH
    again = await owner.get(path, If_None_Match=answer.headers["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    assert re.fullmatch(r'"0\.[0-9a-f]{24}"', answer.headers["ETag"])
    await owner.made(f"/machines/{full}/blocks", {"start": "2027-05-31T20:00:00Z", "end": "2027-05-31T21:00:00Z"})
    assert (await owner.get(path, If_None_Match=answer.headers["ETag"])).status_code == 200


async def test_pages_and_strangers(world: World, owner: Person, renter: Person) -> None:
    made = sorted([await world.machine(owner) for _ in range(3)])
    path = f"/parties/{owner.party_id}/agenda?{window(0, 30)}"
    first = (await owner.get(f"{path}&limit=2")).json()
    rest = (await owner.get(f"{path}&limit=2&cursor={first['next_cursor']}")).json()
    assert [one["machine"]["id"] for one in first["items"] + rest["items"]] == made
    assert rest["next_cursor"] is None
    assert (await owner.get(f"{path}&cursor=x")).json()["code"] == "bad_cursor"
    long = await owner.get(f"/parties/{owner.party_id}/agenda?{window(0, 101)}")
    assert (long.status_code, long.json()["code"]) == (422, "window_too_long")
    assert (await owner.get(f"{path}&limit=61")).status_code == 422
    assert (await renter.get(path)).json()["code"] == "unknown_party"
    assert (await owner.get(f"/parties/{made[0]}/agenda?{window(0, 30)}")).json()["code"] == "unknown_party"
    assert (await renter.get(f"/machines/{made[0]}/agenda?{window(0, 30)}")).json()["code"] == "not_allowed"
    nothing = f"/machines/{owner.party_id}/agenda?{window(0, 30)}"
    assert (await owner.get(nothing)).json()["code"] == "unknown_machine"
