"""The owner's view of one machine and of the fleet: everything in it, names too, and three questions at most."""

from urllib.parse import quote

import sqlalchemy as sa

from tests.bookings.test_statements import Statements, statements
from tests.people import Json, Person, World, at
from votremachine.infra.database import Database

__all__ = ["statements"]


def window(first: float, last: float) -> str:
    return f"from={quote(at(first).isoformat())}&to={quote(at(last).isoformat())}"


async def agenda(who: Person, path: str, first: float = 0, last: float = 30) -> Json:
    answer = await who.get(f"{path}/agenda?{window(first, last)}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def brief(entries: list[Json]) -> list[tuple[str, str | None]]:
    return [(one["kind"], one.get("state")) for one in entries]


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
    assert first["during"] != first["blocked"], "the buffer is seen"
    assert (noted["note"], "recurs" in noted, again["recurs"]) == ("Foins", False, True)
    assert "late" not in first
    whole = await agenda(owner, f"/parties/{owner.party_id}")
    by_machine = {row["machine"]["id"]: row for row in whole["items"]}
    assert by_machine[tractor] == one
    assert brief(by_machine[other]["entries"]) == [("booking", "requested")]
    assert [row["machine"]["id"] for row in whole["items"]] == sorted([tractor, other])


async def test_who_is_late_is_seen_whatever_the_window(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    tractor = await world.machine(owner)
    booking = await renter.booked([tractor], at(0, 1), at(0, 3))
    assert (await owner.act(booking["id"], "check_out")).status_code == 200
    async with database.begin() as tx:
        for table, column in (("bookings", "id"), ("occupancies", "ref_id")):
            times = (
                "starts = starts - interval '9 h', ends = ends - interval '9 h'"
                if table == "bookings"
                else "during = tstzrange(lower(during) - interval '9 h', upper(during) - interval '9 h'), "
                "blocked = tstzrange(lower(blocked) - interval '9 h', upper(blocked) - interval '9 h')"
            )
            await tx.execute(sa.text(f"UPDATE {table} SET {times} WHERE {column} = :id"), {"id": booking["id"]})
    for first, last in ((-1, 1), (-0.05, 1)):
        (entry,) = (await agenda(owner, f"/machines/{tractor}", first, last))["entries"]
        assert (entry["ref_id"], entry["state"], entry["late"]) == (booking["id"], "in_use", True)
    assert (await agenda(owner, f"/machines/{tractor}", 1, 2))["entries"] == []


async def test_a_hold_that_ran_out_is_not_in_it(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    tractor = await world.machine(owner)
    assert (await renter.book([tractor], at(2), at(3))).status_code == 201
    assert brief((await agenda(owner, f"/machines/{tractor}"))["entries"]) == [("booking", "held")]
    async with database.begin() as tx:
        for table in ("bookings", "occupancies"):
            await tx.execute(sa.text(f"UPDATE {table} SET expires_at = now() - interval '1 second'"))
    assert (await agenda(owner, f"/machines/{tractor}"))["entries"] == []


async def test_a_fleet_costs_no_more_than_a_machine(
    world: World, owner: Person, renter: Person, statements: Statements
) -> None:
    machines = [await world.machine(owner) for _ in range(4)]
    path = f"/parties/{owner.party_id}/agenda?{window(0, 90)}"
    seen = []
    for machine in machines[:1], machines:
        for number, one in enumerate(machine):
            await renter.booked([one], at(3 + 2 * len(machine) + number), at(4 + 2 * len(machine) + number))
        with statements.counted() as counted:
            assert (await owner.get(path)).status_code == 200
        seen.append(len(counted))
    assert max(seen) <= 3, seen
    assert seen[1] <= seen[0]


async def test_pages_windows_and_strangers(world: World, owner: Person, renter: Person) -> None:
    made = sorted([await world.machine(owner) for _ in range(3)])
    path = f"/parties/{owner.party_id}/agenda?{window(0, 30)}"
    first = (await owner.get(f"{path}&limit=2")).json()
    rest = (await owner.get(f"{path}&limit=2&cursor={first['next_cursor']}")).json()
    assert [one["machine"]["id"] for one in first["items"] + rest["items"]] == made
    assert rest["next_cursor"] is None
    tagged = await owner.get(path)
    assert (await owner.get(path, If_None_Match=tagged.headers["ETag"])).status_code == 304
    long = await owner.get(f"/parties/{owner.party_id}/agenda?{window(0, 101)}")
    assert (long.status_code, long.json()["code"]) == (422, "window_too_long")
    assert (await owner.get(f"{path}&limit=61")).status_code == 422
    assert (await renter.get(path)).status_code == 404
    assert (await renter.get(f"/machines/{made[0]}/agenda?{window(0, 30)}")).status_code == 403
