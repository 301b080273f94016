"""Who sees which machine, by every way of asking, and where they are told that it stands."""

from dataclasses import dataclass

import pytest

from tests.people import Json, Person, World, at
from votremachine.fleet.positions import Position, blurred, distance_m
from votremachine.fleet.service import exact_positions
from votremachine.infra.database import Database

EXACT = Position(43.8911, -0.5009)
# Who sees a machine of the cooperative, by its state and visibility.
ASKING = ("stranger", "named", "asked", "member", "own")
MATRIX = {
    ("listed", "public"): ("stranger", "named", "asked", "member", "own"),
    ("listed", "cooperative"): ("member", "own"),
    ("listed", "named"): ("named", "own"),
    ("paused", "public"): ("stranger", "named", "asked", "member", "own"),
    ("paused", "cooperative"): ("member", "own"),
    ("paused", "named"): ("named", "own"),
    ("draft", "public"): ("own",),
    ("draft", "named"): ("own",),
    ("retired", "public"): ("own",),
    ("retired", "cooperative"): ("own",),
}


@dataclass
class Cast:
    people: dict[str, Person]
    own: Person


@pytest.fixture
async def cast(world: World) -> Cast:
    """A cooperative with a member, a farm that only asked to be one, one that is named, and a stranger."""
    own = await world.farmer("cuma@x.example", "CUMA", kind="cooperative")
    people = {who: await world.farmer(f"{who}@x.example", who.title()) for who in ASKING[:-1]} | {"own": own}
    join = f"/parties/{own.party_id}/members"
    for who in ("asked", "member"):
        await people[who].made(join, {"party_id": people[who].party_id})
    await own.made(f"{join}/{people['member'].party_id}/approve")
    return Cast(people, own)


async def a_machine(world: World, cast: Cast, state: str, visibility: str) -> str:
    machine = await world.machine(cast.own, listed=False)
    named = [cast.people["named"].party_id] if visibility == "named" else []
    tag = (await cast.own.get(f"/machines/{machine}")).headers["ETag"]
    body: Json = {"visibility": visibility, "visible_to": named}
    changed = await cast.own.ask("PATCH", f"/machines/{machine}", body, If_Match=tag)
    assert changed.status_code == 200, changed.text
    if state != "draft":
        await cast.own.made(f"/machines/{machine}/publish")
    if state in {"paused", "retired"}:
        await cast.own.made(f"/machines/{machine}/{state.removesuffix('d')}")
    return machine


@pytest.mark.parametrize(("state", "visibility"), sorted(MATRIX))
async def test_who_sees_what_by_every_way_of_asking(world: World, cast: Cast, state: str, visibility: str) -> None:
    machine = await a_machine(world, cast, state, visibility)
    window = f"from={at(0):%FT%TZ}&to={at(30):%FT%TZ}"
    near = f"near={EXACT.latitude},{EXACT.longitude}"
    for who in ASKING:
        person, sees = cast.people[who], who in MATRIX[state, visibility]
        for path in ("", "/rates", f"/availability?{window}"):
            assert (await person.get(f"/machines/{machine}{path}")).status_code == (200 if sees else 404), (who, path)
        in_lists = sees and (who == "own" or state == "listed")
        for query in ("", f"?{near}", f"?category=tractor&party_id={cast.own.party_id}"):
            assert (machine in (await person.get(f"/machines{query}")).text) == in_lists, (who, query)
        on_a_map = await person.get(f"/machines?{near}", Accept="application/geo+json")
        assert (machine in on_a_map.text) == in_lists, who
        quote = await person.post(
            "/quotes", {"machine_ids": [machine], "start": at(2).isoformat(), "end": at(3).isoformat()}
        )
        assert (quote.status_code == 404) == (not sees), who


async def test_only_a_party_that_sees_a_machine_books_it(world: World, cast: Cast) -> None:
    machine = await a_machine(world, cast, "listed", "cooperative")
    member = cast.people["member"]
    other = (await member.made("/parties", {"kind": "farm", "name": "Autre", "commune": "Dax"}))["id"]
    refused = await member.book([machine], at(2), at(3), renter_party_id=other)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_for_this_party")
    wish = {"machine_ids": [machine], "start": at(2).isoformat(), "end": at(3).isoformat()}
    for party, status in ((other, 409), (member.party_id, 200)):
        quoted = await member.post("/quotes", {**wish, "renter_party_id": party})
        assert quoted.status_code == status, "what may not be booked is not promised"
    assert (await member.book([machine], at(2), at(3), renter_party_id=member.party_id)).status_code == 201
    assert (await cast.people["stranger"].book([machine], at(2), at(3))).status_code == 404


async def test_strangers_get_the_commune_and_a_place_nearby_always_the_same(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    machine = await world.machine(owner)
    seen = set()
    for path in (f"/machines/{machine}", f"/machines/{machine}", "/machines?near=43.9,-0.5", "/machines"):
        told = (await renter.get(path)).json()
        told = told["items"][0] if "items" in told else told
        assert told["position"]["exact"] is False
        assert told["serial"] is None
        assert told["visible_to"] is None
        seen.add((told["position"]["latitude"], told["position"]["longitude"]))
    assert len(seen) == 1
    assert Position(*seen.pop()) == blurred(EXACT)
    own = (await owner.get(f"/machines/{machine}")).json()
    assert own["position"] == {"latitude": EXACT.latitude, "longitude": EXACT.longitude, "exact": True}
    async with database.read() as tx:
        positions = await exact_positions(tx, [machine])  # type: ignore[list-item]
    assert list(positions.values()) == [EXACT]


async def test_the_true_place_is_in_nothing_that_strangers_read(world: World, owner: Person, renter: Person) -> None:
    machine = await world.machine(owner)
    for accept in ("application/json", "application/geo+json"):
        for path in (f"/machines/{machine}", "/machines", "/machines?near=43.8911,-0.5009&radius_km=5"):
            text = (await renter.get(path, Accept=accept)).text
            assert "43.8911" not in text
            assert "-0.5009" not in text


async def test_a_small_radius_finds_the_place_that_is_told_and_not_the_true_one(
    world: World, owner: Person, renter: Person
) -> None:
    """Else a stranger would close in on the yard by asking often enough."""
    machine = await world.machine(owner)
    told = (await renter.get(f"/machines/{machine}")).json()["position"]
    at_it = (await renter.get(f"/machines?near={told['latitude']:.6f},{told['longitude']:.6f}&radius_km=1")).json()
    assert [one["distance_m"] for one in at_it["items"]] == [0]
    at_the_yard = (await renter.get(f"/machines?near={EXACT.latitude},{EXACT.longitude}&radius_km=1")).json()
    assert at_the_yard["items"][0]["distance_m"] == round(distance_m(EXACT, blurred(EXACT)))
