"""What a claim rests on: condition reports of its machine that are signed and still stand, and the fuel they show."""

from uuid import uuid4

import httpx
import pytest

from tests.inspections.phone import Yard, soon
from tests.inspections.phone import ago as before
from tests.people import Json, Person, World

FUEL = {"kind": "fuel", "what": "Plein", "tank_litres": 200, "litre": 125}
REPAIR = {"kind": "repair", "what": "Capot", "net": 60_000}


@pytest.fixture
async def field(world: World, owner: Person, renter: Person) -> Yard:
    machine = await world.machine(owner)
    booking = await renter.booked([machine], *soon())
    return Yard(owner, renter, machine, booking["id"])


async def claims(field: Yard, *lines: Json) -> httpx.Response:
    return await field.owner.act(field.booking, "claims", {"reason": "Abîmé.", "lines": list(lines)})


def refused(answer: httpx.Response, code: str, pointer: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert answer.json()["errors"][0]["pointer"] == pointer


async def back(field: Yard) -> None:
    assert (await field.owner.act(field.booking, "check_in", {})).is_success


async def test_no_more_fuel_is_missing_than_the_last_signed_reports_show(field: Yard) -> None:
    await field.signed(field.report(fuel_eighths=7))
    came_back = await field.signed(field.report("check_in", fuel_eighths=4))
    refused(await claims(field, REPAIR, FUEL | {"eighths": 4}), "fuel_not_missing", "/lines/1/eighths")
    amendment = field.report("amendment", amends=came_back["id"], why="Mal lu", fuel_eighths=5)
    unsigned = await field.sent(amendment)
    refused(await claims(field, FUEL | {"eighths": 4}), "fuel_not_missing", "/lines/0/eighths")
    for side, who in (("renter", field.renter), ("owner", field.owner)):
        assert (await field.sign(unsigned, side, who)).is_success
    refused(await claims(field, FUEL | {"eighths": 3}), "fuel_not_missing", "/lines/0/eighths")
    made = await claims(field, FUEL | {"eighths": 2, "inspection_ids": [unsigned["id"]]})
    assert made.status_code == 201, made.text
    assert made.json()["asked"]["minor"] == 2 * 200 * 125 // 8


async def test_what_nobody_has_signed_neither_limits_nor_shows_anything(field: Yard) -> None:
    await field.signed(field.report(fuel_eighths=7))
    draft = await field.sent(field.report("check_in", fuel_eighths=7))
    await back(field)
    refused(
        await claims(field, REPAIR | {"inspection_ids": [draft["id"]]}), "report_not_signed", "/lines/0/inspection_ids"
    )
    made = await claims(field, FUEL | {"eighths": 3})
    assert made.status_code == 201, made.text


async def test_what_comes_back_fuller_than_it_left_lacks_nothing(field: Yard) -> None:
    await field.signed(field.report(fuel_eighths=3))
    await field.signed(field.report("check_in", fuel_eighths=8))
    answer = await claims(field, FUEL | {"eighths": 1})
    refused(answer, "fuel_not_missing", "/lines/0/eighths")
    assert "0 eighths" in answer.json()["detail"]


async def test_a_line_names_no_report_of_another_booking_nor_of_another_machine(
    world: World, owner: Person, renter: Person
) -> None:
    two, other = [await world.machine(owner) for _ in range(2)], await world.machine(owner)
    booking, elsewhere = [(await renter.booked(machines, *soon()))["id"] for machines in (two, [other])]
    here = [Yard(owner, renter, machine, booking) for machine in two]
    there = Yard(owner, renter, other, elsewhere)
    outs = [await yard.signed(yard.report()) for yard in here]
    strange = await there.signed(there.report())
    await back(here[0])
    for report in (strange, outs[1], {"id": str(uuid4())}):
        line = REPAIR | {"machine_id": two[0], "inspection_ids": [outs[0]["id"], report["id"]]}
        refused(await claims(here[0], line), "not_of_this_booking", "/lines/0/inspection_ids")
    made = await claims(here[0], REPAIR | {"machine_id": two[0], "inspection_ids": [outs[0]["id"]]})
    assert made.status_code == 201, made.text
    assert made.json()["lines"][0]["inspection_ids"] == [outs[0]["id"]]


async def test_a_report_that_was_amended_is_not_named_any_more(field: Yard) -> None:
    out = await field.signed(field.report())
    line = REPAIR | {"inspection_ids": [out["id"]]}
    amended = await field.signed(field.report("amendment", amends=out["id"], why="Vu après", made_at=before(minutes=1)))
    await back(field)
    refused(await claims(field, line), "report_amended", "/lines/0/inspection_ids")
    assert (await claims(field, line | {"inspection_ids": [amended["id"]]})).status_code == 201
