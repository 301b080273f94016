"""Maintenance over HTTP and by the clock."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.availability.blocks.test_blocks import held, stored
from tests.people import Json, Person, World, at
from votremachine.availability.maintenance.jobs import propose_maintenance
from votremachine.availability.maintenance.rules.plans import MOST_PLANS
from votremachine.config import Settings
from votremachine.infra.database import Database
from votremachine.infra.outbox import drain
from votremachine.worker import HANDLERS

OIL = {"title": "Vidange", "minutes": 120, "meter": "engine_hour", "every_units": "250", "last_value": "1000"}
CHECK = {"title": "Contrôle", "minutes": 60, "every_months": 12}


@pytest.fixture
async def tractor(world: World, owner: Person) -> str:
    machine = await world.machine(owner)
    tag = (await owner.get(f"/machines/{machine}")).headers["ETag"]
    edited = await owner.ask("PATCH", f"/machines/{machine}", {"meters": ["engine_hour"]}, If_Match=tag)
    assert edited.status_code == 200, edited.text
    return machine


async def read(who: Person, machine: str, value: str, **more: Json) -> Any:
    return await who.post(f"/machines/{machine}/readings", {"meter": "engine_hour", "value": value, **more})


async def proposed(who: Person, machine: str) -> list[Json]:
    return list((await who.get(f"/machines/{machine}/maintenance-proposals")).json()["items"])


async def test_a_meter_that_comes_near_proposes_once_and_blocks_when_accepted(
    owner: Person, tractor: str, database: Database
) -> None:
    plan = await owner.made(f"/machines/{tractor}/maintenance-plans", OIL)
    assert (await read(owner, tractor, "1200")).status_code == 201
    assert await proposed(owner, tractor) == []
    assert (await read(owner, tractor, "1230.5")).status_code == 201
    assert (await read(owner, tractor, "1231")).status_code == 201
    await propose_maintenance({"database": database})
    (one,) = await proposed(owner, tractor)
    assert (one["plan_id"], one["state"], one["block_id"]) == (plan["id"], "proposed", None)
    assert await held(database, tractor) == [], "a proposal blocks nothing"
    await drain(database, HANDLERS)
    assert [m["kind"] for m in (await owner.get("/inbox")).json()["items"]].count("MaintenanceDue") == 1
    accepted = (await owner.post(f"/maintenance-proposals/{one['id']}/accept")).json()
    span = tuple(datetime.fromisoformat(one["during"][edge]) for edge in ("start", "end"))
    assert await held(database, tractor, "maintenance") == [span]
    assert span[1] - span[0] == timedelta(hours=2)
    block = (await owner.get(f"/blocks/{accepted['block_id']}")).json()
    assert (accepted["state"], block["kind"], block["note"]) == ("accepted", "maintenance", "Vidange")
    await read(owner, tractor, "1260")
    assert len(await proposed(owner, tractor)) == 1, "accepted, and not yet done"
    assert (await owner.post(f"/maintenance-proposals/{one['id']}/dismiss")).json()["code"] == "proposal_decided"


async def test_done_with_a_reading_begins_the_next_round(owner: Person, tractor: str) -> None:
    plan = await owner.made(f"/machines/{tractor}/maintenance-plans", OIL)
    await read(owner, tractor, "1240")
    (first,) = await proposed(owner, tractor)
    path = f"/maintenance-plans/{plan['id']}/done"
    assert (await owner.post(path, {})).json()["code"] == "reading_needed"
    assert (await owner.post(path, {"value": "1239"})).json()["code"] == "meter_runs_backwards"
    assert (await proposed(owner, tractor))[0]["state"] == "proposed", "a refusal changes nothing"
    done = (await owner.post(path, {"value": "1255"})).json()
    assert Decimal(done["last_value"]) == 1255
    assert [one["state"] for one in await proposed(owner, tractor)] == ["dismissed"]
    await read(owner, tractor, "1479")
    assert len(await proposed(owner, tractor)) == 1
    await read(owner, tractor, "1480")
    second, old = await proposed(owner, tractor)
    assert (second["state"], old["id"]) == ("proposed", first["id"])


async def test_by_date_the_clock_proposes_even_late(
    settings: Settings, owner: Person, tractor: str, database: Database
) -> None:
    await owner.made(f"/machines/{tractor}/maintenance-plans", {**CHECK, "last_on": f"{at(-1):%F}"})
    for days, expected in ((300, 0), (352, 1), (450, 1)):
        now = datetime.now(UTC) + timedelta(days=days)
        later = Database(settings.database_url, pool_size=2, clock=lambda now=now: now)  # type: ignore[misc]
        for _ in range(2):
            await propose_maintenance({"database": later})
        await later.close()
        assert len(await proposed(owner, tractor)) == expected, days


async def test_a_time_that_was_taken_meanwhile_is_refused_and_another_proposed(
    owner: Person, renter: Person, tractor: str, database: Database
) -> None:
    await owner.made(f"/machines/{tractor}/maintenance-plans", {**CHECK, "last_on": f"{at(-400):%F}"})
    (one,) = await proposed(owner, tractor)
    start, end = (datetime.fromisoformat(one["during"][edge]) for edge in ("start", "end"))
    booking = await renter.booked([tractor], start, end + timedelta(hours=1))
    refused = await owner.post(f"/maintenance-proposals/{one['id']}/accept")
    assert (refused.status_code, refused.json()["code"]) == (409, "block_meets_bookings")
    assert [told["booking_id"] for told in refused.json()["bookings"]] == [booking["id"]]
    assert await held(database, tractor) == []
    (anew,) = await proposed(owner, tractor)
    assert (anew["id"], refused.json()["proposal"]) == (one["id"], anew)
    assert anew["during"] != one["during"]
    assert (await owner.post(f"/maintenance-proposals/{one['id']}/accept")).status_code == 200


async def test_two_that_come_due_together_are_proposed_apart(owner: Person, tractor: str) -> None:
    for title in ("Un", "Deux"):
        body = {**CHECK, "title": title, "last_on": f"{at(-400):%F}"}
        await owner.made(f"/machines/{tractor}/maintenance-plans", body)
    both = await proposed(owner, tractor)
    assert len(both) == 2
    late, early = sorted((one["during"] for one in both), key=lambda during: during["start"], reverse=True)
    assert datetime.fromisoformat(early["end"]) <= datetime.fromisoformat(late["start"])
    for one in both:
        assert (await owner.post(f"/maintenance-proposals/{one['id']}/accept")).status_code == 200


async def test_two_that_one_reading_brings_near_are_proposed_apart(owner: Person, tractor: str) -> None:
    for _ in range(2):
        await owner.made(f"/machines/{tractor}/maintenance-plans", OIL)
    await read(owner, tractor, "1240")
    starts = {one["during"]["start"] for one in await proposed(owner, tractor)}
    assert len(starts) == 2


async def test_a_meter_that_was_replaced(owner: Person, tractor: str) -> None:
    await read(owner, tractor, "5000", read_at=at(-3).isoformat())
    for value, read_at in (("4999", at(0)), ("5001", at(-9))):
        answer = await read(owner, tractor, value, read_at=read_at.isoformat())
        assert (answer.status_code, answer.json()["code"]) == (409, "meter_runs_backwards")
        assert answer.json()["value"] == "5000.00"
    assert (await read(owner, tractor, "3", why="Compteur changé")).status_code == 201
    assert (await read(owner, tractor, "4")).status_code == 201
    values = [one["value"] for one in (await owner.get(f"/machines/{tractor}/readings")).json()["items"]]
    assert [Decimal(value) for value in values] == [4, 3, 5000]


async def test_a_digit_too_many_is_found_and_so_are_two_readings_of_one_moment(owner: Person, tractor: str) -> None:
    moment = at(-1).isoformat()
    assert (await read(owner, tractor, "1234.5", read_at=moment)).status_code == 201
    for value, read_at, code in (("12345", at(0).isoformat(), "meter_jumps"), ("1240", moment, "read_twice")):
        answer = await read(owner, tractor, value, read_at=read_at)
        assert (answer.status_code, answer.json()["code"]) == (409, code), answer.text
        assert (answer.json()["value"], answer.json()["errors"][0]["pointer"]) == ("1234.50", "/value")
    assert (await read(owner, tractor, "1234.50", read_at=moment)).status_code == 201, "the same again is no news"
    assert (await read(owner, tractor, "1240", read_at=moment, why="Mal lu")).status_code == 201
    assert (await read(owner, tractor, "12345", why="Compteur d'occasion")).status_code == 201


@pytest.mark.parametrize("every", ["250", "250.00", "2.5e2"])
async def test_a_plan_is_told_as_a_meter_shows(every: str, owner: Person, tractor: str) -> None:
    plan = await owner.made(f"/machines/{tractor}/maintenance-plans", {**OIL, "every_units": every})
    assert (plan["every_units"], plan["last_value"]) == ("250.00", "1000.00")
    assert (await owner.get(f"/machines/{tractor}/maintenance-plans")).json() == [plan]


async def test_nothing_is_planned_for_a_machine_that_is_retired(
    owner: Person, renter: Person, tractor: str, database: Database
) -> None:
    span = {"start": at(5).isoformat(), "end": at(6).isoformat()}
    block = await owner.made(f"/machines/{tractor}/blocks", span)
    await owner.made(f"/machines/{tractor}/maintenance-plans", {**CHECK, "last_on": f"{at(-400):%F}"})
    (proposal,) = await proposed(owner, tractor)
    await owner.made(f"/machines/{tractor}/maintenance-plans", OIL)
    assert (await owner.post(f"/machines/{tractor}/retire")).status_code == 200
    before = await stored(database)
    tag = (await owner.get(f"/blocks/{block['id']}")).headers["ETag"]
    for answer in (
        await owner.post(f"/machines/{tractor}/blocks", {"start": at(7).isoformat(), "end": at(8).isoformat()}),
        await owner.ask("PATCH", f"/blocks/{block['id']}", {"end": at(7).isoformat()}, If_Match=tag),
        await owner.post(f"/machines/{tractor}/feeds", {"name": "Gîte", "url": "https://x.example/a.ics"}),
        await owner.post(f"/machines/{tractor}/maintenance-plans", OIL),
        await owner.post(f"/maintenance-proposals/{proposal['id']}/accept"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "machine_retired"), answer.text
    assert await stored(database) == before
    # Its last hour is read all the same, and proposes nothing; what is planned goes.
    assert (await read(owner, tractor, "1240")).status_code == 201
    assert len(await proposed(owner, tractor)) == 1
    assert (await owner.ask("DELETE", f"/blocks/{block['id']}")).status_code == 204


@pytest.mark.parametrize(
    ("path", "wrong", "code"),
    [
        ("readings", {"meter": "hectare", "value": "1"}, "no_such_meter"),
        ("readings", {"meter": "engine_hour", "value": "-1"}, "no_reading"),
        ("readings", {"meter": "engine_hour", "value": "NaN"}, "no_reading"),
        ("readings", {"meter": "engine_hour", "value": "1e99999"}, "no_reading"),
        ("readings", {"meter": "engine_hour", "value": "1", "read_at": "2026-01-01T00:00:00"}, "naive_time"),
        ("readings", {"meter": "engine_hour", "value": "1", "read_at": "9999-12-31T23:59:59Z"}, "out_of_time"),
        ("readings", {"meter": "engine_hour", "value": "1", "read_at": at(1).isoformat()}, "read_in_future"),
        ("maintenance-plans", CHECK, "plan_disagrees"),
        ("maintenance-plans", {**CHECK, **OIL}, "plan_disagrees"),
        ("maintenance-plans", {**OIL, "meter": None}, "plan_disagrees"),
        ("maintenance-plans", {**OIL, "every_units": "0"}, "plan_disagrees"),
        ("maintenance-plans", {**OIL, "last_value": None}, "plan_disagrees"),
        ("maintenance-plans", {**OIL, "meter": "bale"}, "no_such_meter"),
        ("maintenance-plans", {**OIL, "every_units": "-5"}, "no_reading"),
        ("maintenance-plans", {**CHECK, "last_on": f"{at(2):%F}"}, "read_in_future"),
        ("maintenance-plans", {**CHECK, "last_on": "0001-01-01"}, "out_of_time"),
        ("maintenance-plans", {**CHECK, "last_on": "2026-01-01", "every_months": 0}, "invalid_input"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    path: str, wrong: Json, code: str, owner: Person, tractor: str, database: Database
) -> None:
    before = await stored(database)
    answer = await owner.post(f"/machines/{tractor}/{path}", wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert await stored(database) == before
    assert (await owner.get(f"/machines/{tractor}/{path}")).json() in ([], {"items": [], "next_cursor": None})


async def test_a_machine_has_so_many_plans(owner: Person, tractor: str) -> None:
    for _ in range(MOST_PLANS):
        plan = await owner.made(f"/machines/{tractor}/maintenance-plans", OIL)
    answer = await owner.post(f"/machines/{tractor}/maintenance-plans", OIL)
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_plans")
    assert (await owner.ask("DELETE", f"/maintenance-plans/{plan['id']}")).status_code == 204
    assert len((await owner.get(f"/machines/{tractor}/maintenance-plans")).json()) == MOST_PLANS - 1


async def test_done_never_goes_back(owner: Person, tractor: str) -> None:
    plan = await owner.made(f"/machines/{tractor}/maintenance-plans", CHECK | {"last_on": "2026-10-28"})
    path = f"/maintenance-plans/{plan['id']}/done"
    back = await owner.post(path, {"on": "2026-10-27"})
    assert (back.status_code, back.json()["code"]) == (409, "done_before"), back.text
    of_no_meter = await owner.post(path, {"value": "5"})
    assert (of_no_meter.status_code, of_no_meter.json()["code"]) == (422, "plan_disagrees")
    assert (await owner.get(f"/machines/{tractor}/maintenance-plans")).json()[0]["last_on"] == "2026-10-28"
    badly = await owner.post(path, {"on": "x"}, Accept_Language="fr")
    assert badly.json()["errors"][0]["detail"] == "Date invalide (AAAA-MM-JJ)"


async def test_done_after_the_meter_was_replaced(owner: Person, tractor: str) -> None:
    plan = await owner.made(f"/machines/{tractor}/maintenance-plans", OIL)
    await read(owner, tractor, "1240")
    path = f"/maintenance-plans/{plan['id']}/done"
    assert (await owner.post(path, {"value": "3"})).json()["code"] == "meter_runs_backwards"
    done = await owner.post(path, {"value": "3", "why": "Compteur remplacé"})
    assert done.status_code == 200, done.text
    assert Decimal(done.json()["last_value"]) == 3


async def test_what_was_accepted_and_deleted_is_proposed_anew(owner: Person, tractor: str, database: Database) -> None:
    await owner.made(f"/machines/{tractor}/maintenance-plans", OIL)
    await read(owner, tractor, "1240")
    (first,) = await proposed(owner, tractor)
    accepted = (await owner.post(f"/maintenance-proposals/{first['id']}/accept")).json()
    await propose_maintenance({"database": database})
    assert [one["id"] for one in await proposed(owner, tractor)] == [first["id"]]
    assert (await owner.ask("DELETE", f"/blocks/{accepted['block_id']}")).status_code == 204
    await propose_maintenance({"database": database})
    (anew,) = await proposed(owner, tractor)
    assert (anew["id"] != first["id"], anew["state"]) == (True, "proposed")
