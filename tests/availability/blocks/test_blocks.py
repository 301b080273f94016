"""Blocks over HTTP and by the clock: what they take, what refuses them, what is left after each change."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.people import Json, Person, World, at
from tests.statements import Statements
from votremachine.availability.blocks.jobs import roll_forward
from votremachine.availability.blocks.rules import AHEAD, MOST_SERIES
from votremachine.config import Settings
from votremachine.infra.database import Database
from votremachine.infra.outbox import drain
from votremachine.kernel.span import Span, merge
from votremachine.worker import HANDLERS

HELD = sa.text(
    "SELECT ref_id, kind, lower(during) AS starts, upper(during) AS ends FROM occupancies"
    " WHERE machine_id = :machine ORDER BY during"
)
EVERYTHING = ("occupancies", "blocks", "lost_occurrences", "audit_log", "outbox")
Hours = Sequence[tuple[datetime, datetime]]


@pytest.fixture
async def tractor(world: World, owner: Person) -> str:
    return await world.machine(owner, horizon_days=730)


async def held(database: Database, machine: str, *kinds: str) -> Hours:
    async with database.read() as tx:
        rows = await tx.rows(HELD, {"machine": UUID(machine)})
    return [(row.starts, row.ends) for row in rows if row.kind in (kinds or ("block", "maintenance"))]


async def stored(database: Database) -> list[Any]:
    async with database.read() as tx:
        return [list(await tx.rows(sa.text(f"SELECT * FROM {table} ORDER BY 1"))) for table in EVERYTHING]


def daily(first: datetime, hours: int, *days: int) -> Hours:
    return [(first + timedelta(days=day), first + timedelta(days=day, hours=hours)) for day in days]


def series(first: datetime, hours: int, rrule: str, **more: Json) -> Json:
    return {"start": first.isoformat(), "end": (first + timedelta(hours=hours)).isoformat(), "rrule": rrule, **more}


def z(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"


async def change(who: Person, block: Json, body: Json, query: str = "") -> Any:
    tag = (await who.get(f"/blocks/{block['id']}")).headers["ETag"]
    return await who.ask("PATCH", f"/blocks/{block['id']}{query}", body, If_Match=tag)


# Noon in January: no change of clocks within the week.
NOON = datetime(datetime.now(UTC).year + 1, 1, 12, 12, tzinfo=UTC)


async def test_a_series_takes_each_occurrence(owner: Person, tractor: str, database: Database) -> None:
    left_out, added = NOON + timedelta(days=2), NOON + timedelta(days=9, hours=1)
    body = series(NOON, 2, "FREQ=DAILY;COUNT=4", exdates=[z(left_out)], rdates=[z(added)], note="Foins")
    made = await owner.made(f"/machines/{tractor}/blocks", body)
    assert await held(database, tractor) == [*daily(NOON, 2, 0, 1, 3), *daily(added, 2, 0)]
    assert (made["rrule"], made["note"], made["version"]) == ("FREQ=DAILY;COUNT=4", "Foins", 1)
    assert [datetime.fromisoformat(one) for one in made["exdates"] + made["rdates"]] == [left_out, added]
    assert (await owner.get(f"/blocks/{made['id']}")).json() == made
    assert (await owner.get(f"/machines/{tractor}/blocks")).json()["items"] == [made]


async def test_a_series_keeps_to_the_clocks_and_reaches_beyond_every_horizon(
    owner: Person, tractor: str, database: Database
) -> None:
    await owner.made(f"/machines/{tractor}/blocks", series(at(1), 2, "FREQ=WEEKLY"))
    times = await held(database, tractor)
    paris = [start.astimezone(tz=None) for start, _ in times]
    assert len(paris) == len(times)
    assert len({start.hour for start, _ in times}) == 2, "UTC hours of winter and of summer"
    assert times[-1][0] > datetime.now(UTC) + timedelta(days=730)


async def test_pages_of_blocks(owner: Person, tractor: str) -> None:
    made = [await owner.made(f"/machines/{tractor}/blocks", series(at(i), 1, "")) for i in range(1, 6)]
    seen: list[Json] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await owner.get(f"/machines/{tractor}/blocks?limit=2{cursor and f'&cursor={cursor}'}")).json()
        seen, cursor = seen + page["items"], page["next_cursor"]
    assert seen == made


@pytest.mark.parametrize(
    ("scope", "body", "left"),
    [
        ("scope=this&occurrence={2}", None, daily(NOON, 2, 0, 1, 3, 4)),
        ("scope=following&occurrence={2}", None, daily(NOON, 2, 0, 1)),
        ("scope=following&occurrence={0}", None, []),
        ("", None, []),
        ("scope=this&occurrence={2}", 3, sorted([*daily(NOON, 2, 0, 1, 3, 4), *daily(NOON, 2, 2.125)])),  # type: ignore[arg-type]
        ("scope=following&occurrence={2}", 3, [*daily(NOON, 2, 0, 1), *daily(NOON + timedelta(hours=3), 2, 2, 3, 4)]),
        ("scope=following&occurrence={0}", 3, daily(NOON + timedelta(hours=3), 2, 0, 1, 2, 3, 4)),
        ("scope=all", -3, daily(NOON - timedelta(hours=3), 2, 0, 1, 2, 3, 4)),
    ],
)
async def test_scopes(
    scope: str, body: int | None, left: Hours, owner: Person, tractor: str, database: Database
) -> None:
    made = await owner.made(f"/machines/{tractor}/blocks", series(NOON, 2, "FREQ=DAILY;COUNT=5"))
    query = "?" + scope.format(*(z(NOON + timedelta(days=day)) for day in range(5)))
    if body is None:
        answer = await owner.ask("DELETE", f"/blocks/{made['id']}{query}")
        assert answer.status_code == 204, answer.text
    else:
        named = 0 if "{2}" not in scope else 2
        answer = await change(owner, made, {"start": z(NOON + timedelta(days=named, hours=body))}, query)
        assert answer.status_code == 200, answer.text
        assert answer.json()["series_id"] == made["id"]
        assert (answer.json()["id"] == made["id"]) == ("{2}" not in scope)
    assert await held(database, tractor) == left


async def test_a_rule_a_note_and_a_kind_are_changed(owner: Person, tractor: str, database: Database) -> None:
    made = await owner.made(f"/machines/{tractor}/blocks", series(NOON, 2, "FREQ=DAILY;COUNT=5"))
    answer = await change(owner, made, {"rrule": "FREQ=DAILY;INTERVAL=2;COUNT=2", "kind": "maintenance"})
    assert (answer.status_code, answer.json()["version"]) == (200, 2)
    assert await held(database, tractor, "maintenance") == daily(NOON, 2, 0, 2)
    assert await held(database, tractor, "block") == []
    once = (await change(owner, made, {"rrule": "", "note": "Une fois"})).json()
    assert (once["rrule"], once["note"], await held(database, tractor)) == ("", "Une fois", daily(NOON, 2, 0))
    again = await change(owner, made, {"rrule": "FREQ=WEEKLY;COUNT=2"})
    assert (again.status_code, await held(database, tractor)) == (200, daily(NOON, 2, 0, 7))


async def test_a_change_that_meets_bookings_lists_them_and_changes_nothing(
    owner: Person, renter: Person, tractor: str, database: Database
) -> None:
    made = await owner.made(f"/machines/{tractor}/blocks", series(NOON, 2, "FREQ=DAILY;COUNT=5"))
    single = await owner.made(f"/machines/{tractor}/blocks", series(NOON - timedelta(days=2), 2, ""))
    hold = (await renter.book([tractor], NOON + timedelta(days=2, hours=3), NOON + timedelta(days=2, hours=5))).json()
    booked = await renter.booked([tractor], NOON + timedelta(days=3, hours=3), NOON + timedelta(days=3, hours=5))
    before, paths = await stored(database), f"/machines/{tractor}/blocks"
    later, third = z(NOON + timedelta(hours=4)), f"?scope=following&occurrence={z(NOON + timedelta(days=1))}"
    answers = [
        await owner.post(paths, series(NOON + timedelta(hours=4), 1, "FREQ=DAILY;COUNT=5")),
        await change(owner, made, {"start": later}),
        await change(owner, made, {"start": z(NOON + timedelta(days=1, hours=4))}, third),
        await change(owner, made, {"end": later}),
        await change(owner, single, {"rrule": "FREQ=DAILY;COUNT=6", "end": z(NOON - timedelta(days=2, hours=-4))}),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (409, "block_meets_bookings"), answer.text
        assert answer.json()["count"] == 2
        told = answer.json()["bookings"]
        assert [one["booking_id"] for one in told] == [hold["id"], booked["id"]]
        assert datetime.fromisoformat(told[0]["during"]["start"]) == NOON + timedelta(days=2, hours=3)
        assert told[0]["machine_id"] == tractor
    occurrence = f"?scope=this&occurrence={z(NOON + timedelta(days=2))}"
    one = await change(owner, made, {"start": z(NOON + timedelta(days=2, hours=4))}, occurrence)
    assert (one.status_code, [told["booking_id"] for told in one.json()["bookings"]]) == (409, [hold["id"]])
    assert await stored(database) == before
    assert (await change(owner, made, {"note": "Sans conflit"})).status_code == 200


async def test_no_more_than_twenty_bookings_are_listed(owner: Person, renter: Person, tractor: str) -> None:
    for day in range(22):
        await renter.booked([tractor], at(day + 1), at(day + 1, 2))
    answer = await owner.post(f"/machines/{tractor}/blocks", series(at(0.5), 24 * 30, ""))
    assert (answer.json()["count"], len(answer.json()["bookings"])) == (22, 20)
    french = await owner.post(f"/machines/{tractor}/blocks", series(at(0.5), 24 * 30, ""), Accept_Language="fr")
    assert "Des réservations occupent" in french.json()["detail"]


async def test_a_hold_that_ran_out_is_in_nobodys_way(
    owner: Person, renter: Person, tractor: str, database: Database
) -> None:
    assert (await renter.book([tractor], NOON, NOON + timedelta(hours=5))).status_code == 201
    async with database.begin() as tx:
        await tx.execute(sa.text("UPDATE occupancies SET expires_at = now() - interval '1 second'"))
    await owner.made(f"/machines/{tractor}/blocks", series(NOON, 2, "FREQ=DAILY;COUNT=2"))
    assert await held(database, tractor) == daily(NOON, 2, 0, 1)


async def test_blocks_that_meet_share_and_inherit(owner: Person, tractor: str, database: Database) -> None:
    winter = await owner.made(f"/machines/{tractor}/blocks", series(NOON, 48, ""))
    await owner.made(f"/machines/{tractor}/blocks", series(NOON - timedelta(hours=1), 2, "FREQ=DAILY;COUNT=4"))
    early, late = NOON - timedelta(hours=1), NOON + timedelta(hours=48)
    expected = [(early, NOON), (NOON, late), (late, late + timedelta(hours=1)), *daily(early, 2, 3)]
    assert await held(database, tractor) == expected
    assert (await owner.ask("DELETE", f"/blocks/{winter['id']}")).status_code == 204
    inherited = merge(Span(start, end) for start, end in await held(database, tractor))
    assert [(span.start, span.end) for span in inherited] == daily(early, 2, 0, 1, 2, 3)


async def test_an_imported_event_that_goes_leaves_its_time_to_the_block(
    owner: Person, tractor: str, database: Database
) -> None:
    async with database.begin() as tx:
        values = {"id": tx.new_id(), "machine": UUID(tractor), "s": NOON, "e": NOON + timedelta(hours=1)}
        insert = "INSERT INTO occupancies VALUES (:id, :machine, 'external', :id, tstzrange(:s, :e), tstzrange(:s, :e))"
        await tx.execute(sa.text(insert), values)
    await owner.made(f"/machines/{tractor}/blocks", series(NOON, 2, "FREQ=DAILY;COUNT=2"))
    assert await held(database, tractor) == [*daily(NOON + timedelta(hours=1), 1, 0), *daily(NOON, 2, 1)]
    async with database.begin() as tx:
        await tx.execute(sa.text("DELETE FROM occupancies WHERE kind = 'external'"))
    assert await roll_forward({"database": database}) == 1
    assert sum((end - start for start, end in await held(database, tractor)), timedelta()) == timedelta(hours=4)
    before = await stored(database)
    await roll_forward({"database": database})
    assert await stored(database) == before, "a second run finds nothing to do"


@pytest.mark.parametrize("days", [31, 92])
async def test_series_roll_forward_even_late_and_once(
    days: int, settings: Settings, owner: Person, tractor: str, database: Database
) -> None:
    await owner.made(f"/machines/{tractor}/blocks", series(at(1), 2, "FREQ=DAILY;INTERVAL=3"))
    before, now = await held(database, tractor), datetime.now(UTC) + timedelta(days=days)
    later = Database(settings.database_url, pool_size=2, clock=lambda: now)
    try:
        await roll_forward({"database": later})
        rolled = await stored(database)
        await roll_forward({"database": later})
    finally:
        await later.close()
    assert await stored(database) == rolled
    after = await held(database, tractor)
    assert after[: len(before)] == before
    assert after[-1][0] < now + AHEAD <= after[-1][0] + timedelta(days=3, hours=1)
    gaps = {(two - one).days for (one, _), (two, _) in pairwise(after)}
    assert gaps <= {2, 3}, "three local days, at times an hour less"


async def test_what_a_booking_keeps_out_is_told_once_and_taken_when_it_goes(
    owner: Person, renter: Person, tractor: str, database: Database
) -> None:
    made = await owner.made(f"/machines/{tractor}/blocks", series(NOON, 2, "FREQ=DAILY;COUNT=3"))
    async with database.begin() as tx:
        # As if the worker had been away for a year.
        await tx.execute(sa.text("DELETE FROM occupancies WHERE lower(during) > :noon"), {"noon": NOON})
    booking = await renter.booked([tractor], NOON + timedelta(days=1), NOON + timedelta(days=1, hours=1))
    for _ in range(2):
        await roll_forward({"database": database})
        await drain(database, HANDLERS)
    told = [one for one in (await owner.get("/inbox")).json()["items"] if one["kind"] == "OccurrencesLost"]
    assert [one["booking_id"] for one in told] == [booking["id"]]
    shown = (await owner.get(f"/blocks/{made['id']}")).json()
    assert [datetime.fromisoformat(one) for one in shown["lost"]] == [NOON + timedelta(days=1)]
    rest = (NOON + timedelta(days=1, hours=1), NOON + timedelta(days=1, hours=2))
    assert await held(database, tractor) == [*daily(NOON, 2, 0), rest, *daily(NOON, 2, 2)]
    assert (await change(owner, made, {"note": "Encore"})).status_code == 200, "it is known already"
    assert (await renter.act(booking["id"], "cancel", {})).status_code == 200
    await roll_forward({"database": database})
    assert sum((end - start for start, end in await held(database, tractor)), timedelta()) == timedelta(hours=6)
    assert (await owner.get(f"/blocks/{made['id']}")).json()["lost"] == []


BLINK = timedelta(microseconds=1000)
BAD: list[tuple[Json, int, str]] = [
    ({"rrule": "FREQ=HOURLY"}, 422, "bad_rule"),
    ({"rrule": "FREQ=DAILY;BYMONTHDAY=31;BYMONTH=2"}, 422, "rule_misses_start"),
    ({"rrule": "FREQ=DAILY", "start": (NOON + BLINK).isoformat()}, 422, "fraction_of_second"),
    ({"rrule": "FREQ=DAILY", "end": (NOON + timedelta(hours=1) + BLINK).isoformat()}, 422, "fraction_of_second"),
    ({"rdates": [(NOON + timedelta(days=1) + BLINK).isoformat()]}, 422, "fraction_of_second"),
    ({"rrule": "FREQ=DAILY", "exdates": [(NOON + BLINK).isoformat()]}, 422, "fraction_of_second"),
    ({"rrule": "X" * 301}, 422, "invalid_input"),
    ({"rrule": "FREQ=DAILY", "end": z(NOON)}, 422, "ends_before_start"),
    ({"rrule": "FREQ=DAILY", "end": z(NOON + timedelta(days=367))}, 422, "occurrence_too_long"),
    (
        {"rrule": "FREQ=DAILY", "start": "2027-10-31T02:30:00+02:00", "end": "2027-10-31T02:15:00+01:00"},
        422,
        "ends_before_start_on_clock",
    ),
    ({"rrule": "FREQ=DAILY", "start": "2027-01-12T12:00:00"}, 422, "naive_time"),
    ({"rrule": "FREQ=DAILY", "exdates": ["2027-01-12T12:00:00"]}, 422, "naive_time"),
    ({"rrule": "FREQ=DAILY", "rdates": ["1812-01-12T12:00:00Z"]}, 422, "out_of_time"),
    ({"rrule": "FREQ=DAILY", "exdates": ["9999-12-31T23:59:59Z"]}, 422, "out_of_time"),
    ({"rrule": "FREQ=DAILY", "rdates": [z(NOON)] * 401}, 422, "invalid_input"),
    ({"rrule": "FREQ=DAILY", "start": z(at(-400)), "end": z(at(-399.5))}, 422, "starts_too_long_ago"),
    ({"rrule": "FREQ=DAILY", "start": z(at(900)), "end": z(at(900, 1))}, 422, "never_takes_place"),
    ({"rrule": "FREQ=DAILY;COUNT=2", "start": z(at(-9)), "end": z(at(-9, 1))}, 422, "never_takes_place"),
    ({"rrule": "FREQ=DAILY;COUNT=1", "exdates": [z(NOON)]}, 422, "never_takes_place"),
]


@pytest.mark.parametrize(("wrong", "status", "code"), BAD)
async def test_a_series_that_makes_no_sense_is_refused(
    wrong: Json, status: int, code: str, owner: Person, tractor: str, database: Database
) -> None:
    before = await stored(database)
    answer = await owner.post(f"/machines/{tractor}/blocks", {**series(NOON, 2, ""), **wrong})
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert await stored(database) == before


async def test_a_fraction_of_a_second_is_named_when_a_series_is_moved_and_kept_by_a_single_block(
    owner: Person, tractor: str, database: Database
) -> None:
    made = await owner.made(f"/machines/{tractor}/blocks", series(NOON, 2, "FREQ=DAILY;COUNT=3"))
    for wrong, pointer in (("start", "/start"), ("end", "/end")):
        odd = (NOON + timedelta(hours=1) + BLINK).isoformat()
        answer = await change(owner, made, {wrong: odd})
        assert (answer.status_code, answer.json()["code"]) == (422, "fraction_of_second"), answer.text
        assert answer.json()["errors"][0]["pointer"] == pointer
    assert await held(database, tractor) == daily(NOON, 2, 0, 1, 2)
    once = {"start": (at(1) + BLINK).isoformat(), "end": (at(2) + BLINK).isoformat()}
    await owner.made(f"/machines/{tractor}/blocks", once)
    assert (await held(database, tractor))[0] == (at(1) + BLINK, at(2) + BLINK)


async def test_an_occurrence_must_be_named_and_be_one(owner: Person, tractor: str, database: Database) -> None:
    made = await owner.made(f"/machines/{tractor}/blocks", series(NOON, 2, "FREQ=DAILY;COUNT=5"))
    single = await owner.made(f"/machines/{tractor}/blocks", series(NOON - timedelta(days=9), 2, ""))
    before = await stored(database)
    for block, query, code in (
        (made, "?scope=this", "occurrence_needed"),
        (made, "?scope=following", "occurrence_needed"),
        (made, f"?scope=this&occurrence={z(NOON + timedelta(hours=1))}", "unknown_occurrence"),
        (made, f"?scope=this&occurrence={z(NOON + timedelta(days=5))}", "unknown_occurrence"),
        (made, "?scope=this&occurrence=2199-01-01T00:00:00Z", "unknown_occurrence"),
        (single, f"?scope=this&occurrence={z(NOON)}", "unknown_occurrence"),
        (made, "?scope=some", "invalid_input"),
    ):
        for answer in (
            await change(owner, block, {"note": "X"}, query),
            await owner.ask("DELETE", f"/blocks/{block['id']}{query}"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    naive = await owner.ask("DELETE", f"/blocks/{made['id']}?scope=this&occurrence=2027-01-01T00:00:00")
    assert naive.status_code == 422, naive.text
    assert await stored(database) == before


async def test_a_block_is_changed_by_who_read_it_last(owner: Person, tractor: str) -> None:
    made = await owner.made(f"/machines/{tractor}/blocks", series(NOON, 2, ""))
    tag = (await owner.get(f"/blocks/{made['id']}")).headers["ETag"]
    path = f"/blocks/{made['id']}"
    assert (await owner.ask("PATCH", path, {"note": "1"})).status_code == 428
    assert (await owner.ask("PATCH", path, {"note": "2"}, If_Match=tag)).status_code == 200
    assert (await owner.ask("PATCH", path, {"note": "3"}, If_Match=tag)).json()["code"] == "stale"


async def test_statements_do_not_grow_with_occurrences(owner: Person, tractor: str, statements: Statements) -> None:
    counts = []
    await owner.made(
        f"/machines/{tractor}/blocks", series(at(9), 1, "FREQ=DAILY;COUNT=2")
    )  # the connection's first words
    for day, rule in ((1, ""), (2, "FREQ=DAILY;COUNT=3"), (3, "FREQ=DAILY"), (4, "FREQ=DAILY")):
        with statements.counted() as seen:
            made = await owner.made(f"/machines/{tractor}/blocks", series(at(day, day), 1, rule))
        with statements.counted() as changing:
            assert (await change(owner, made, {"start": z(at(day, day + 5))})).status_code == 200
        counts.append((len(seen), len(changing)))
    # One more is the count of the series that a machine may have.
    assert max(counts)[0] - min(counts)[0] <= 1, counts
    assert len({changing for _, changing in counts[1:]}) == 1, counts


async def test_a_series_that_was_cut_short_and_moved_earlier_has_no_more_than_before(
    owner: Person, tractor: str, database: Database
) -> None:
    made = await owner.made(f"/machines/{tractor}/blocks", series(NOON, 2, "FREQ=DAILY"))
    cut = f"?scope=following&occurrence={z(NOON + timedelta(days=3))}"
    assert (await owner.ask("DELETE", f"/blocks/{made['id']}{cut}")).status_code == 204
    assert (await change(owner, made, {"start": z(NOON - timedelta(hours=36))})).status_code == 200
    assert await held(database, tractor) == daily(NOON - timedelta(hours=36), 2, 0, 1, 2)


async def test_two_heirs_of_one_time_share_it(owner: Person, tractor: str, database: Database) -> None:
    first = await owner.made(f"/machines/{tractor}/blocks", series(NOON, 4, ""))
    for rule in ("FREQ=DAILY;COUNT=2", ""):
        await owner.made(f"/machines/{tractor}/blocks", series(NOON, 4, rule))
    assert (await owner.ask("DELETE", f"/blocks/{first['id']}")).status_code == 204
    assert await held(database, tractor) == daily(NOON, 4, 0, 1)


async def test_a_machine_has_so_many_series(owner: Person, tractor: str, database: Database) -> None:
    await owner.made(f"/machines/{tractor}/blocks", series(NOON, 2, "FREQ=DAILY;COUNT=2"))
    names = (
        "machine_id, kind, note, created_by, created_at, series_id, version, zone, wall_start, wall_end, expanded_to"
    )
    more = f"INSERT INTO blocks (id, {names}) SELECT gen_random_uuid(), {names} FROM blocks, generate_series(1, :more)"
    async with database.begin() as tx:
        await tx.execute(sa.text(more), {"more": MOST_SERIES - 1})
    answer = await owner.post(f"/machines/{tractor}/blocks", series(NOON, 3, "FREQ=DAILY;COUNT=2"))
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_series")
    assert (await owner.post(f"/machines/{tractor}/blocks", series(NOON, 3, ""))).status_code == 201


async def test_a_booking_that_is_just_being_made_is_met(owner: Person, tractor: str, database: Database) -> None:
    async with database.begin() as tx:
        values = {"id": tx.new_id(), "machine": UUID(tractor), "s": NOON, "e": NOON + timedelta(hours=1)}
        insert = "INSERT INTO occupancies VALUES (:id, :machine, 'booking', :id, tstzrange(:s, :e), tstzrange(:s, :e))"
        await tx.execute(sa.text(insert), values)
        asked = owner.post(f"/machines/{tractor}/blocks", series(NOON - timedelta(days=1), 2, "FREQ=DAILY;COUNT=3"))
        asking = asyncio.create_task(asked)
        # It has looked, and waits to see what becomes of the booking.
        await asyncio.sleep(0.5)
        assert not asking.done()
    answer = await asking
    assert (answer.status_code, answer.json()["code"]) == (409, "block_meets_bookings")
    assert await held(database, tractor) == []


async def test_of_two_changes_at_once_one_is_stale(owner: Person, tractor: str, database: Database) -> None:
    made = await owner.made(f"/machines/{tractor}/blocks", series(NOON, 2, "FREQ=DAILY;COUNT=3"))
    for round_ in range(5):
        both = [change(owner, made, {"start": z(NOON + timedelta(hours=round_ * 2 + nth + 1))}) for nth in range(2)]
        answers = sorted([answer.status_code for answer in await asyncio.gather(*both)])
        assert answers in ([200, 412], [200, 200]), "one after the other is right, too"
    shown = (await owner.get(f"/blocks/{made['id']}")).json()
    start = datetime.fromisoformat(shown["during"]["start"]).astimezone(UTC)
    assert await held(database, tractor) == daily(start, 2, 0, 1, 2)


# The Monday on or after it.
MONDAY = NOON + timedelta(days=-NOON.weekday() % 7)


@pytest.mark.parametrize("scope", ["scope=all", "scope=following&occurrence={}"])
async def test_a_series_whose_rule_names_its_days_moves_within_them_only(
    scope: str, owner: Person, tractor: str, database: Database
) -> None:
    left_out = MONDAY + timedelta(days=9)
    body = series(MONDAY, 2, "FREQ=WEEKLY;BYDAY=MO,TU,WE;COUNT=6", exdates=[z(left_out)])
    made = await owner.made(f"/machines/{tractor}/blocks", body)
    before = await held(database, tractor)
    query = "?" + scope.format(z(MONDAY))
    refused = await change(owner, made, {"start": z(MONDAY + timedelta(days=1))}, query)
    assert (refused.status_code, refused.json()["code"]) == (422, "rule_names_days"), refused.text
    assert await held(database, tractor) == before
    later = await change(owner, made, {"start": z(MONDAY + timedelta(hours=2))}, query)
    assert later.status_code == 200, later.text
    assert await held(database, tractor) == [
        (start + timedelta(hours=2), end + timedelta(hours=2)) for start, end in before
    ]
    told = {"start": z(MONDAY + timedelta(days=1)), "rrule": "FREQ=WEEKLY;BYDAY=TU,WE,TH;COUNT=6"}
    moved = await change(owner, later.json(), told, "?scope=all")
    assert moved.status_code == 200, moved.text


@pytest.mark.parametrize("scope", ["", "&scope=all"])
async def test_an_occurrence_without_its_scope_is_not_all_of_the_series(
    scope: str, owner: Person, tractor: str, database: Database
) -> None:
    made = await owner.made(f"/machines/{tractor}/blocks", series(NOON, 2, "FREQ=DAILY;COUNT=5"))
    before = await held(database, tractor)
    query = f"?occurrence={z(NOON + timedelta(days=2))}{scope}"
    for answer in (
        await owner.ask("DELETE", f"/blocks/{made['id']}{query}"),
        await change(owner, made, {"note": "Foins"}, query),
    ):
        assert (answer.status_code, answer.json()["code"]) == (422, "scope_needed"), answer.text
    assert await held(database, tractor) == before


async def test_nothing_is_left_out_of_what_happens_once(owner: Person, tractor: str, database: Database) -> None:
    body = {"start": z(NOON), "end": z(NOON + timedelta(hours=2)), "exdates": [z(NOON)]}
    refused = await owner.post(f"/machines/{tractor}/blocks", body)
    assert (refused.status_code, refused.json()["code"]) == (422, "nothing_to_leave_out"), refused.text
    assert await held(database, tractor) == []
