"""Another machine in the place of a broken one, over HTTP: what moves, what stays, who is told, what is refused."""

from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from tests.people import Json, Person, World, at
from tests.statements import Statements
from votremachine.bookings.replacing.service import planning
from votremachine.infra.database import Database
from votremachine.infra.outbox import drain
from votremachine.infra.tables import metadata
from votremachine.worker import HANDLERS

HOURS = [{"weekday": day, "opens": "00:00", "closes": "00:15"} for day in range(1, 8)]


async def replaced(owner: Person, machine: str, moves: list[tuple[Json, str]], **more: Any) -> Any:
    body = {
        "moves": [
            {"booking_id": booking["id"], "version": booking["version"], "to_machine_id": other}
            for booking, other in moves
        ],
        **more,
    }
    return await owner.post(f"/machines/{machine}/replace", body, Idempotency_Key=str(uuid4()))


async def occupied(database: Database) -> list[tuple[str, str]]:
    """By booking or block, the machine that it takes."""
    async with database.read() as tx:
        rows = await tx.rows(sa.text("SELECT ref_id, machine_id FROM occupancies ORDER BY lower(during), machine_id"))
    return [(str(row.ref_id), str(row.machine_id)) for row in rows]


async def stored(database: Database) -> Any:
    kept = [table for name, table in metadata.tables.items() if name not in {"idempotent_answers", "person_sessions"}]
    async with database.read() as tx:
        return {table.name: sorted(map(repr, await tx.rows(sa.select(table)))) for table in kept}


async def test_a_moved_booking_keeps_its_time_price_and_deposit(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    broken = await world.machine(owner, day=12_000)
    other = await world.machine(owner, day=50_000, buffer_before_minutes=30, buffer_after_minutes=60)
    booking = await renter.booked([broken], at(3), at(5))
    answer = await replaced(owner, broken, [(booking, other)], why="Boîte cassée")
    assert answer.status_code == 200, answer.text
    (moved,) = answer.json()["moved"]
    title = booking["machines"][0]["name"]
    changes = {"machines": [{"id": other, "name": title}], "version": 2, "stands_for": {other: broken}}
    assert moved == booking | changes
    assert answer.json()["left"] == []
    shown = (await renter.get(f"/bookings/{booking['id']}")).json()
    assert shown.pop("meeting")["places"][0]["machine_id"] == other
    assert shown.pop("deposit_state") is None
    assert shown == moved
    async with database.read() as tx:
        (row,) = await tx.rows(
            sa.text(
                "SELECT machine_id, lower(during) s, upper(during) e, lower(blocked) bs,"
                " upper(blocked) be FROM occupancies"
            )
        )
    assert (str(row.machine_id), row.s, row.e, row.bs, row.be) == (other, at(3), at(5), at(3, -0.5), at(5, 1))
    step = (await renter.get(f"/bookings/{booking['id']}/history")).json()[-1]
    assert (step["from_state"], step["to_state"]) == ("confirmed", "confirmed")
    assert step["why"] == f"{broken} → {other}: Boîte cassée"
    me = (await owner.get("/me")).json()["id"]
    assert step["by"] == me
    noted = (await owner.get("/me/audit")).json()["items"][0]
    assert (noted["verb"], noted["object_id"], noted["party_id"]) == ("replace", broken, owner.party_id)
    assert noted["facts"] == {"moved": {booking["id"]: other}}
    assert (await renter.book([broken], at(3), at(5))).status_code == 201, "the time of the broken one is free"


async def test_a_moved_booking_is_repriced_by_what_was_agreed(world: World, owner: Person, renter: Person) -> None:
    broken, other = await world.machine(owner, day=12_000), await world.machine(owner, day=50_000)
    third = await world.machine(owner, day=70_000)
    booking = await renter.booked([broken, third], at(3), at(3, 10))
    (moved,) = (await replaced(owner, broken, [(booking, other)])).json()["moved"]
    (again,) = (await replaced(owner, third, [(moved, broken)])).json()["moved"]
    assert again["stands_for"] == {other: broken, broken: third}
    before = {line["machine_id"]: line["net"]["minor"] for line in booking["price"]["lines"]}
    tag = (await renter.get(f"/bookings/{booking['id']}")).headers["ETag"]
    longer = await renter.act(booking["id"], "extend", {"end": at(4, 10).isoformat()}, If_Match=tag)
    assert longer.status_code == 200, longer.text
    after = {line["machine_id"]: line["net"]["minor"] for line in longer.json()["price"]["lines"]}
    days = after[broken] // 12_000
    assert days > before[broken] // 12_000
    assert after == {broken: days * 12_000, third: days * 70_000}
    tag = longer.headers["ETag"]
    back = await renter.act(
        booking["id"], "reschedule", {"start": at(8).isoformat(), "end": at(8, 10).isoformat()}, If_Match=tag
    )
    assert back.status_code == 200, back.text
    assert back.json()["price"] == booking["price"]


async def test_moved_back_nothing_is_noted_any_more(world: World, owner: Person, renter: Person) -> None:
    broken, other = await world.machine(owner), await world.machine(owner)
    booking = await renter.booked([broken], at(3), at(5))
    (moved,) = (await replaced(owner, broken, [(booking, other)])).json()["moved"]
    (back,) = (await replaced(owner, other, [(moved, broken)])).json()["moved"]
    assert back == booking | {"version": 3}


async def test_one_machine_of_a_group_is_replaced_and_the_other_stays(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    one, two, three = [await world.machine(owner) for _ in range(3)]
    booking = await renter.booked([one, two], at(3), at(5))
    (moved,) = (await replaced(owner, one, [(booking, three)])).json()["moved"]
    assert {machine["id"] for machine in moved["machines"]} == {two, three}
    assert sorted(await occupied(database)) == sorted([(booking["id"], two), (booking["id"], three)])
    refused = await replaced(owner, two, [(moved, three)])
    assert refused.json()["bookings"] == [{"booking_id": booking["id"], "reason": "taken"}]


async def test_a_request_goes_on_waiting_until_its_hour(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    broken = await world.machine(owner, booking_mode="on_request")
    other = await world.machine(owner)
    asked = await renter.booked([broken], at(3), at(5))
    (moved,) = (await replaced(owner, broken, [(asked, other)])).json()["moved"]
    assert (moved["state"], moved["expires_at"]) == ("requested", asked["expires_at"])
    async with database.read() as tx:
        (row,) = await tx.rows(
            sa.text(
                "SELECT o.expires_at FROM occupancies o JOIN bookings b"
                " ON b.id = o.ref_id AND b.expires_at = o.expires_at"
            )
        )
    assert row.expires_at is not None
    accepted = await owner.act(asked["id"], "accept")
    assert accepted.json()["state"] == "confirmed"


async def test_all_or_none(world: World, owner: Person, renter: Person, database: Database) -> None:
    broken, other, spare = [await world.machine(owner) for _ in range(3)]
    first = await renter.booked([broken], at(3), at(4))
    second = await renter.booked([broken], at(5), at(6))
    third = await renter.booked([broken], at(7), at(8))
    fourth = await renter.booked([broken], at(9), at(10))
    await renter.booked([other], at(5, 12), at(6, 12))
    assert (await renter.act(third["id"], "cancel", {})).status_code == 200
    before = await stored(database)
    answer = await replaced(owner, broken, [(first | {"version": 9}, spare), (second, other), (third, spare)])
    assert (answer.status_code, answer.json()["code"]) == (409, "plan_stale")
    assert {one["booking_id"]: one["reason"] for one in answer.json()["bookings"]} == {
        first["id"]: "changed",
        third["id"]: "changed",
        fourth["id"]: "left_out",
    }
    assert await stored(database) == before
    answer = await replaced(owner, broken, [(first, spare), (second, other)], leave_unassigned=True)
    assert answer.json()["bookings"] == [{"booking_id": second["id"], "reason": "taken"}]
    assert await stored(database) == before
    answer = await replaced(owner, broken, [(first, spare), (second, spare)], leave_unassigned=True)
    assert [one["id"] for one in answer.json()["moved"]] == [first["id"], second["id"]]
    assert answer.json()["left"] == [fourth["id"]]


async def test_a_hold_that_ran_out_is_in_nobodys_way(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    broken, other = await world.machine(owner), await world.machine(owner)
    booking = await renter.booked([broken], at(3), at(4))
    held = (await renter.book([other], at(3), at(4))).json()
    assert (await replaced(owner, broken, [(booking, other)])).json()["bookings"][0]["reason"] == "taken"
    async with database.begin() as tx:
        for table in ("bookings", "occupancies"):
            await tx.execute(sa.text(f"UPDATE {table} SET expires_at = now() WHERE expires_at IS NOT NULL"))
    assert (await replaced(owner, broken, [(booking, other)])).status_code == 200
    assert await occupied(database) == [(booking["id"], other)]
    assert (await renter.get(f"/bookings/{held['id']}")).json()["state"] == "expired"


async def test_a_request_that_ran_out_is_not_moved(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    broken, other = await world.machine(owner, booking_mode="on_request"), await world.machine(owner)
    asked = await renter.booked([broken], at(3), at(4))
    async with database.begin() as tx:
        await tx.execute(sa.text("UPDATE bookings SET expires_at = now()"))
    assert (await owner.made(f"/machines/{broken}/replacement-plan", {}))["bookings"] == []
    answer = await replaced(owner, broken, [(asked, other)])
    assert answer.json()["bookings"] == [{"booking_id": asked["id"], "reason": "changed"}]


async def test_another_machine_is_another_risk(world: World, owner: Person, renter: Person, database: Database) -> None:
    broken, other = await world.machine(owner), await world.machine(owner)
    booking = await renter.booked([broken], at(3), at(4))
    async with database.begin() as tx:
        await tx.execute(sa.text("UPDATE bookings SET at_risk = true"))
    (moved,) = (await replaced(owner, broken, [(booking, other)])).json()["moved"]
    assert moved["at_risk"] is False


async def test_a_plan_of_too_many_asks_for_a_shorter_time(
    world: World, owner: Person, renter: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = await world.machine(owner)
    monkeypatch.setattr(planning, "MOST_BOOKINGS", 1)
    await renter.booked([broken], at(3), at(4))
    await renter.booked([broken], at(6), at(7))
    path = f"/machines/{broken}/replacement-plan"
    refused = await owner.post(path, {})
    assert (refused.status_code, refused.json()["code"]) == (422, "too_many_to_move")
    assert len((await owner.made(path, {"end": at(5).isoformat()}))["bookings"]) == 1
    assert len((await owner.made(path, {"start": at(5).isoformat()}))["bookings"]) == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"start": at(5).isoformat(), "end": at(4).isoformat()}, "ends_before_start"),
        ({"end": at(-1).isoformat()}, "ends_before_start"),
        ({"start": "2027-01-01T00:00:00"}, "naive_time"),
        ({"end": "2300-01-01T00:00:00Z"}, "out_of_time"),
        ({"candidates": []}, "invalid_input"),
        ({"candidates": [str(uuid4())] * 11}, "invalid_input"),
    ],
)
async def test_a_plan_for_no_time_or_nobody(body: Json, code: str, world: World, owner: Person) -> None:
    broken, other = await world.machine(owner), str(uuid4())
    assert (await owner.post(f"/machines/{broken}/replacement-plan", body)).json()["code"] == code
    if code != "invalid_input":
        assert (await replaced(owner, broken, [({"id": other, "version": 1}, other)], **body)).json()["code"] == code


async def test_two_bookings_that_meet_do_not_share_a_machine(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    broken = await world.machine(owner)
    other = await world.machine(owner, buffer_after_minutes=120)
    one, two = await renter.booked([broken], at(3), at(4)), await renter.booked([broken], at(4), at(5))
    before = await stored(database)
    answer = await replaced(owner, broken, [(one, other), (two, other)])
    assert answer.json()["bookings"] == [{"booking_id": two["id"], "reason": "taken"}]
    assert await stored(database) == before


async def test_only_what_meets_the_period_must_be_moved(world: World, owner: Person, renter: Person) -> None:
    broken, other = await world.machine(owner), await world.machine(owner)
    near, far = await renter.booked([broken], at(3), at(4)), await renter.booked([broken], at(30), at(31))
    answer = await replaced(owner, broken, [(near, other)], end=at(10).isoformat())
    assert (answer.status_code, answer.json()["left"]) == (200, [])
    answer = await replaced(owner, broken, [(near, other)], end=at(10).isoformat())
    assert answer.json()["bookings"] == [{"booking_id": near["id"], "reason": "changed"}], "it is not there any more"
    assert (await replaced(owner, broken, [(far, other)])).status_code == 200


async def test_a_retry_has_one_effect(world: World, owner: Person, renter: Person) -> None:
    broken, other = await world.machine(owner), await world.machine(owner)
    booking = await renter.booked([broken], at(3), at(4))
    body = {"moves": [{"booking_id": booking["id"], "version": 1, "to_machine_id": other}]}
    path = f"/machines/{broken}/replace"
    assert (await owner.post(path, body)).json()["code"] == "idempotency_key_required"
    first, again = [await owner.post(path, body, Idempotency_Key="1") for _ in range(2)]
    assert (first.status_code, again.content) == (200, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (await renter.get(f"/bookings/{booking['id']}")).json()["version"] == 2


async def test_what_is_in_use_or_only_held_stays(world: World, owner: Person, renter: Person) -> None:
    broken, other = await world.machine(owner), await world.machine(owner)
    out = await renter.booked([broken], at(0, 1), at(1))
    assert (await owner.act(out["id"], "check_out")).status_code == 200
    held = (await renter.book([broken], at(3), at(4))).json()
    plan = await owner.made(f"/machines/{broken}/replacement-plan", {})
    assert plan["bookings"] == []
    assert [(one["booking_id"], one["state"]) for one in plan["staying"]] == [
        (out["id"], "in_use"),
        (held["id"], "held"),
    ]
    for booking in (out | {"version": 2}, held):
        answer = await replaced(owner, broken, [(booking, other)])
        assert answer.json()["bookings"] == [{"booking_id": booking["id"], "reason": "changed"}]


async def test_a_renter_who_waits_in_the_yard_may_get_another(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    broken, other = await world.machine(owner), await world.machine(owner)
    booking = await renter.booked([broken], at(0, 1), at(1))
    async with database.begin() as tx:
        late = {"starts": at(0, -1), "id": booking["id"]}
        await tx.execute(sa.text("UPDATE bookings SET starts = :starts WHERE id = CAST(:id AS uuid)"), late)
    assert (await replaced(owner, broken, [(booking, other)])).status_code == 200
    assert (await owner.act(booking["id"], "check_out")).json()["state"] == "in_use"
    async with database.begin() as tx:
        await tx.execute(sa.text("UPDATE bookings SET state = 'confirmed', ends = now() - interval '1 minute'"))
    over = booking | {"version": 3}
    answer = await replaced(owner, other, [(over, broken)])
    assert answer.json()["bookings"] == [{"booking_id": booking["id"], "reason": "changed"}]


@pytest.mark.parametrize("case", ["itself", "category", "stranger", "hidden", "nobody", "twice"])
async def test_what_cannot_stand_in(case: str, world: World, owner: Person, renter: Person, database: Database) -> None:
    broken, other = await world.machine(owner), await world.machine(owner)
    booking = await renter.booked([broken], at(3), at(4))
    trailer = await owner.made(
        "/machines",
        {
            "party_id": owner.party_id,
            "category": "trailer",
            "title": "Benne",
            "place": {"commune": "Dax", "latitude": 43.7, "longitude": -1.0},
        },
    )
    to = {
        "itself": broken,
        "category": trailer["id"],
        "stranger": await world.machine(renter),
        "hidden": await world.machine(renter, listed=False),
        "nobody": str(uuid4()),
        "twice": other,
    }[case]
    before = await stored(database)
    answer = await replaced(owner, broken, [(booking, to)] * (2 if case == "twice" else 1))
    code = {"hidden": "unknown_machine", "nobody": "unknown_machine", "twice": "moved_twice"}
    assert answer.json()["code"] == code.get(case, "not_a_substitute")
    assert await stored(database) == before
    if case != "twice":
        plan = await owner.post(f"/machines/{broken}/replacement-plan", {"candidates": [to]})
        assert plan.json()["code"] == code.get(case, "not_a_substitute")


async def test_a_booking_of_another_machine_is_not_told_of(world: World, owner: Person, renter: Person) -> None:
    """Neither one's own of another machine, nor anybody else's, nor one that does not exist."""
    broken, other = await world.machine(owner), await world.machine(owner)
    elsewhere = await renter.booked([other], at(3), at(4))
    theirs = await owner.booked([await world.machine(renter)], at(3), at(4))
    for booking in (elsewhere, theirs, {"id": str(uuid4()), "version": 1}):
        answer = await replaced(owner, broken, [(booking, other)])
        assert answer.json()["bookings"] == [{"booking_id": booking["id"], "reason": "changed"}]


async def test_hours_and_pairing_count_and_lead_and_length_do_not(world: World, owner: Person, renter: Person) -> None:
    broken = await world.machine(owner)
    closed = await world.machine(owner, hand_over=HOURS)
    paired = await world.machine(owner, pairing={"categories": ["trailer"]})
    strict = await world.machine(owner, lead_minutes=60 * 24 * 7, min_minutes=60 * 24 * 7, horizon_days=1)
    draft = await world.machine(owner, listed=False)
    paused = await world.machine(owner)
    assert (await owner.post(f"/machines/{paused}/pause")).status_code == 200
    booking = await renter.booked([broken], at(3, 0.5), at(4, 0.5))
    candidates = [closed, paired, strict, draft, paused]
    plan = await owner.made(f"/machines/{broken}/replacement-plan", {"candidates": candidates})
    (planned,) = plan["bookings"]
    assert [(one["machine_id"], one["obstacle"]) for one in planned["options"]] == [
        (closed, "nobody_there"),
        (paired, "pairing_missing"),
        (strict, None),
        (draft, "hidden"),
        (paused, None),
    ]
    assert planned["to_machine_id"] == strict
    for to, reason in ((closed, "nobody_there"), (paired, "pairing_missing"), (draft, "hidden")):
        answer = await replaced(owner, broken, [(booking, to)])
        assert answer.json()["bookings"] == [{"booking_id": booking["id"], "reason": reason}]
    assert (await replaced(owner, broken, [(booking, strict)])).status_code == 200


async def test_a_plan_changes_nothing_and_can_be_carried_out(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    broken, weak = await world.machine(owner), await world.machine(owner)
    tag = (await owner.get(f"/machines/{weak}")).headers["ETag"]
    assert (
        await owner.ask("PATCH", f"/machines/{weak}", {"attributes": {"power_hp": 90}}, If_Match=tag)
    ).status_code == 200
    one, two = await world.machine(owner), await world.machine(owner)
    for start in (3, 5, 7):
        await renter.booked([broken], at(start), at(start + 1))
    await renter.booked([one], at(5), at(6))
    before = await stored(database)
    plan = await owner.made(f"/machines/{broken}/replacement-plan", {})
    assert await stored(database) == before
    assert [one["machine"]["id"] for one in plan["candidates"]] == [one, two], "the weaker one is not proposed"
    assert {booking["to_machine_id"] for booking in plan["bookings"]} == {two}, "one that takes all takes all"
    assert [[option["obstacle"] for option in booking["options"]] for booking in plan["bookings"]] == [
        [None, None],
        ["taken", None],
        [None, None],
    ]
    named = await owner.made(f"/machines/{broken}/replacement-plan", {"candidates": [weak]})
    (candidate,) = named["candidates"]
    assert candidate["as_good"] == "no"
    assert candidate["differences"] == [
        {"attribute": "power_hp", "name": "the power in hp", "verdict": "no", "wanted": 120, "has": 90}
    ]
    moves = [({"id": b["booking_id"], "version": b["version"]}, b["to_machine_id"]) for b in plan["bookings"]]
    answer = await replaced(owner, broken, moves)
    assert len(answer.json()["moved"]) == 3
    nothing = await owner.made(f"/machines/{broken}/replacement-plan", {})
    assert nothing["bookings"] == []


async def test_substitutes_are_ones_own_first_then_free_ones_near_by(
    world: World, owner: Person, renter: Person
) -> None:
    broken, free, busy = [await world.machine(owner) for _ in range(3)]
    near, far = await world.machine(renter), await world.machine(renter)
    tag = (await renter.get(f"/machines/{far}")).headers["ETag"]
    place = {"commune": "Paris", "latitude": 48.85, "longitude": 2.35}
    assert (await renter.ask("PATCH", f"/machines/{far}", {"place": place}, If_Match=tag)).status_code == 200
    taken = await world.machine(renter)
    await owner.booked([taken], at(3), at(4))
    await renter.booked([busy], at(3), at(4))
    window = f"?from={at(3):%FT%TZ}&to={at(3, 10):%FT%TZ}"
    found = (await owner.get(f"/machines/{broken}/substitutes{window}")).json()
    told = [(one["machine"]["id"], one["movable"], one["as_good"]) for one in found["substitutes"]]
    assert told == [(free, True, "yes"), (near, False, "yes")]
    assert [one["distance_m"] < 1000 for one in found["substitutes"]] == [True, True]
    refused = await renter.get(f"/machines/{broken}/substitutes{window}")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")


async def test_both_sides_are_told_once_for_each_booking(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    broken, other = await world.machine(owner), await world.machine(owner)
    bookings = [await renter.booked([broken], at(day), at(day + 1)) for day in (3, 5)]
    await drain(database, HANDLERS)
    await replaced(owner, broken, [(one, other) for one in bookings])
    await drain(database, HANDLERS)
    told = [one for one in (await renter.get("/inbox")).json()["items"] if one["kind"] == "MachineReplaced"]
    assert {one["booking_id"] for one in told} == {one["id"] for one in bookings}
    assert len(told) == 2
    assert "may cancel" in told[0]["text"]
    french = (await renter.get("/inbox", Accept_Language="fr")).json()["items"][0]
    assert "peut annuler" in french["text"]
    assert not [one for one in (await owner.get("/inbox")).json()["items"] if one["kind"] == "MachineReplaced"]
    async with database.read() as tx:
        rows = await tx.rows(sa.text("SELECT body, parties FROM changes WHERE name = 'MachineReplaced'"))
    assert {row.body["booking_id"] for row in rows} == {one["id"] for one in bookings}
    for row in rows:
        assert set(row.body["machine_ids"]) == {broken, other}
        assert {str(party) for party in row.parties} == {owner.party_id, renter.party_id}


async def test_a_block_that_waited_for_the_time_takes_it(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    broken, other = await world.machine(owner), await world.machine(owner)
    booking = await renter.booked([broken], at(3), at(4))
    async with database.begin() as tx:
        # As a series that was rolled forward over a booking leaves it.
        await tx.execute(
            sa.text(
                "INSERT INTO blocks (id, machine_id, kind, note, during, rrule, rdates, exdates, series_id, version,"
                " created_by, created_at)"
                " SELECT b.id, CAST(:m AS uuid), 'block', '', tstzrange(:s, :e), '', '{}', '{}',"
                " b.id, 1, (SELECT id FROM people LIMIT 1), now() FROM bookings b"
            ),
            {"m": broken, "s": at(3), "e": at(4)},
        )
    assert (await replaced(owner, broken, [(booking, other)])).status_code == 200
    assert sorted(await occupied(database)) == sorted([(booking["id"], broken), (booking["id"], other)])
    async with database.read() as tx:
        names = [row.name for row in await tx.rows(sa.text("SELECT name FROM changes ORDER BY id"))]
    assert names[-2:] == ["MachineReplaced", "CalendarChanged"]


async def test_ten_bookings_cost_as_many_statements_as_one(
    world: World, owner: Person, renter: Person, statements: Statements
) -> None:
    broken, other, third = [await world.machine(owner) for _ in range(3)]
    bookings = [await renter.booked([broken], at(day), at(day, 20)) for day in range(2, 13)]
    await owner.made(f"/machines/{broken}/replacement-plan", {"end": at(3).isoformat()})
    extra = await renter.booked([broken], at(1), at(1, 20))
    # The connection's own first words.
    assert (await replaced(owner, broken, [(extra, other)], leave_unassigned=True)).status_code == 200
    with statements.counted() as plan_one:
        await owner.made(f"/machines/{broken}/replacement-plan", {"end": at(3).isoformat()})
    with statements.counted() as one:
        assert (await replaced(owner, broken, [(bookings[0], third)], end=at(3).isoformat())).status_code == 200
    with statements.counted() as plan_ten:
        plan = await owner.made(f"/machines/{broken}/replacement-plan", {})
    assert len(plan["bookings"]) == 10
    moves = [(booking, other if n % 2 else third) for n, booking in enumerate(bookings[1:])]
    with statements.counted() as ten:
        assert (await replaced(owner, broken, moves)).status_code == 200
    asked_one, asked_ten = ([one for one in seen if "SELECT" in one] for seen in (plan_one, plan_ten))
    assert len(asked_one) == len(asked_ten) <= 7, "\n".join(plan_ten)
    assert len(one) == len(ten) <= 15, "\n".join(ten)
