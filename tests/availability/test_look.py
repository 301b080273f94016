"""Availability over HTTP: what a renter is told of a machine, and what they are not."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.people import Json, Person, World, at
from votremachine.infra.database import utc_now

PARIS = ZoneInfo("Europe/Paris")


async def asked(who: Person, machine: str, start: datetime, end: datetime) -> Json:
    answer = await who.get(f"/machines/{machine}/availability?from={start:%FT%TZ}&to={end:%FT%TZ}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def spans(found: list[Json]) -> list[tuple[datetime, ...]]:
    return [tuple(datetime.fromisoformat(one[edge]) for edge in ("start", "end")) for one in found]


def reasons(found: Json) -> list[tuple[str, datetime, datetime]]:
    return [
        (one["reason"], start, end)
        for one, (start, end) in zip(found["unbookable"], spans(found["unbookable"]), strict=True)
    ]


async def test_a_renter_is_told_why_not(world: World, owner: Person, renter: Person) -> None:
    terms: Json = {"buffer_before_minutes": 60, "buffer_after_minutes": 30, "min_minutes": 240, "horizon_days": 20}
    tractor = await world.machine(owner, lead_minutes=24 * 60, **terms)
    await renter.booked([tractor], at(3), at(4))
    note = {"start": at(4, 4).isoformat(), "end": at(5).isoformat(), "kind": "maintenance", "note": "vidange"}
    await owner.made(f"/machines/{tractor}/blocks", note)
    before = utc_now()
    found = await asked(renter, tractor, at(0), at(30))
    earliest, latest = reasons(found)[0][2], reasons(found)[-1][1]
    # As from the next minute on: what is told stays true, and the same, for a while.
    assert before + timedelta(days=1) <= earliest <= utc_now() + timedelta(days=1, minutes=1)
    assert (earliest.second, earliest.microsecond) == (0, 0)
    assert latest - earliest == timedelta(days=19)
    # The booking's buffers and the newcomer's own: the block needs none, but the newcomer keeps theirs.
    busy = [(at(3, -1.5), at(4, 1.5)), (at(4, 3.5), at(5, 1))]
    assert spans(found["busy"]) == busy
    assert spans(found["free"]) == [(earliest, busy[0][0]), (busy[1][1], latest)]
    assert reasons(found) == [
        ("too_soon", at(0), earliest),
        ("busy", *busy[0]),
        ("too_short", busy[0][1], busy[1][0]),
        ("busy", *busy[1]),
        ("beyond_horizon", latest, at(30)),
    ]
    assert found["hand_over"] is None
    told = str(found)
    assert not any(secret in told for secret in ("vidange", "maintenance", "Chalosse", renter.party_id))
    assert set(found["unbookable"][1]) == {"start", "end", "reason"}
    # A booking that is free is taken, one that is too short is refused as it was said.
    short = await renter.book([tractor], busy[0][1], busy[1][0])
    assert (short.status_code, short.json()["code"]) == (422, "too_short")
    assert (await renter.book([tractor], busy[1][1], busy[1][1] + timedelta(hours=4))).status_code == 201


async def test_hand_over_hours_come_with_the_exceptions_that_meet_the_window(
    world: World, owner: Person, renter: Person
) -> None:
    first = at(10).astimezone(PARIS).date()
    near = {"first": first.isoformat(), "last": (first + timedelta(days=1)).isoformat(), "hours": []}
    far = {"first": f"{at(200):%F}", "last": f"{at(201):%F}", "hours": [{"opens": "08:00", "closes": "09:00"}]}
    weekly = [{"weekday": day, "opens": "00:00", "closes": "24:00"} for day in range(1, 8)]
    tractor = await world.machine(owner, exceptions=[far, near])
    found = await asked(renter, tractor, at(2), at(40))
    assert found["hand_over"] == {"weekly": None, "exceptions": [near]}
    closed = (datetime(first.year, first.month, first.day, tzinfo=PARIS) + timedelta(days=days) for days in (0, 2))
    assert [one for one in reasons(found) if one[0] == "closed"] == [("closed", *closed)]
    assert spans(found["free"]) == [(at(2), at(40))], "a rental may pass over the closure"
    with_hours = await world.machine(owner, hand_over=weekly)
    found = await asked(renter, with_hours, at(2), at(40))
    assert found["hand_over"] == {"weekly": weekly, "exceptions": []}
    assert found["unbookable"] == []


async def test_a_machine_that_is_paused_cannot_be_booked_at_all(world: World, owner: Person, renter: Person) -> None:
    tractor = await world.machine(owner)
    await renter.booked([tractor], at(3), at(4))
    await owner.made(f"/machines/{tractor}/pause")
    found = await asked(renter, tractor, at(2), at(5))
    assert (found["free"], spans(found["busy"])) == ([], [(at(3), at(4))])
    assert reasons(found) == [("not_listed", at(2), at(5))]


async def test_what_lapsed_or_lies_outside_is_not_busy(world: World, owner: Person, renter: Person) -> None:
    tractor = await world.machine(owner, min_minutes=24 * 60)
    await renter.booked([tractor], at(2), at(3))
    await renter.booked([tractor], at(5), at(6))
    found = await asked(renter, tractor, at(3, 1), at(5, -1))
    assert (found["busy"], reasons(found)) == ([], [])
    assert spans(found["free"]) == [(at(3, 1), at(5, -1))]
    # The same window of a machine that is let for three days at least: what is in the way lies outside of it.
    three = await world.machine(owner, min_minutes=3 * 24 * 60)
    await owner.made(f"/machines/{three}/blocks", {"start": at(2).isoformat(), "end": at(3).isoformat()})
    await owner.made(f"/machines/{three}/blocks", {"start": at(5).isoformat(), "end": at(6).isoformat()})
    found = await asked(renter, three, at(3, 1), at(5, -1))
    assert (found["free"], reasons(found)) == ([], [("too_short", at(3, 1), at(5, -1))])


@pytest.mark.parametrize(("days", "status"), [(731, 200), (732, 422)])
async def test_a_window_of_24_months_and_no_longer(
    days: int, status: int, world: World, owner: Person, renter: Person
) -> None:
    tractor = await world.machine(owner)
    answer = await renter.get(f"/machines/{tractor}/availability?from={at(0):%FT%TZ}&to={at(days):%FT%TZ}")
    assert answer.status_code == status, answer.text
    if status == 422:
        assert (answer.json()["code"], answer.json()["errors"][0]["pointer"]) == ("window_too_long", "end")
        assert "731" in answer.json()["detail"]


async def test_an_unchanged_answer_is_not_sent_again(world: World, owner: Person, renter: Person) -> None:
    tractor = await world.machine(owner)
    path = f"/machines/{tractor}/availability?from={at(2):%FT%TZ}&to={at(9):%FT%TZ}"
    tag = (await renter.get(path)).headers["ETag"]
    assert (await renter.get(path, If_None_Match=tag)).status_code == 304
    await renter.booked([tractor], at(3), at(4))
    assert (await renter.get(path, If_None_Match=tag)).status_code == 200
