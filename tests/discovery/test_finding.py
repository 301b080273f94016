"""Finding machines: near a place, free for a period, page by page, as JSON and on a map."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from tests.cast import farmer
from tests.people import Json, Person, World, at
from votremachine.discovery.rules import NotAPlace, read_place
from votremachine.fleet import finding
from votremachine.fleet.finding import Place, Wanted
from votremachine.fleet.positions import Position, distance_m
from votremachine.infra.database import Database, Tx

HERE = Position(43.89, -0.5)
MANY = 3000
# Machines strewn over the Landes; every tenth stands where its neighbour stands, and every third is a plough.
STREW = sa.text(
    """
    INSERT INTO machines (id, party_id, category, category_number, title_fr, description_fr, make, model, commune,
        latitude, longitude, zone, state, booking_mode, buffer_before_minutes, buffer_after_minutes, min_minutes,
        max_minutes, lead_minutes, horizon_days, deposit_minor, currency, version, created_at,
        shown_latitude, shown_longitude)
    SELECT gen_random_uuid(), :party, CASE n % 3 WHEN 0 THEN 'plough' ELSE 'tractor' END,
        CASE n % 3 WHEN 0 THEN 8 ELSE 1 END, 'x', '', '', '', 'Dax', 0, 0, 'Europe/Paris', 'listed', 'instant',
        0, 0, 60, 43200, 0, 365, 0, 'EUR', 1, now(),
        43.4 + (n / 10) * 0.6180339887 % 1, -1.0 + (n / 10) * 0.7548776662 % 1
    FROM generate_series(1, :many) AS n
    """
)


async def strewn(database: Database, many: int = MANY) -> Any:
    """A farm's machines, and the person who owns them."""
    async with database.begin() as tx:
        owner = await farmer(tx, "owner")
        await tx.execute(STREW, {"party": next(iter(owner.seats)), "many": many})
    async with database.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(sa.text("VACUUM ANALYZE machines"))
    return owner


async def walk(tx: Tx, who: Any, wanted: Wanted, limit: int) -> list[sa.Row[Any]]:
    """Every page, one after the other."""
    rows: list[sa.Row[Any]] = []
    after: Place | None = None
    while page := await finding.search(tx, who, wanted, after, limit):
        rows += page
        after = finding.place(page[-1])
    return rows


async def test_pages_around_a_place_are_the_whole_in_order(database: Database) -> None:
    who = await strewn(database, 600)
    wanted = Wanted("tractor", None, HERE, 35_000)
    async with database.read() as tx:
        everything = await tx.rows(sa.text("SELECT id, shown_latitude, shown_longitude, category FROM machines"))
        pages = [await walk(tx, who, wanted, limit) for limit in (1000, 7, 50)]
    expected = sorted(
        (away, row.id)
        for row in everything
        if row.category == "tractor"
        and (away := round(distance_m(HERE, Position(row.shown_latitude, row.shown_longitude)))) <= 35_000
    )
    assert len(expected) > 50
    assert len({away for away, _ in expected}) < len(expected), "some stand equally far"
    for rows in pages:
        assert [(row.distance_m, row.id) for row in rows] == expected


@pytest.mark.parametrize("category", ["tractor", None])
async def test_the_index_answers(category: str | None, database: Database) -> None:
    who = await strewn(database)
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    sa.event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        async with database.read() as tx:
            assert len(await finding.search(tx, who, Wanted(category, None, HERE, 35_000), None, 51)) == 51
    finally:
        sa.event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    assert len(asked) == 2, "how far, then which"
    reach, page = [await explain(database, statement, parameters) for statement, parameters in asked]
    for plan in (reach, page):
        assert "machines_nearest_idx" in plan, plan
        assert "Seq Scan on machines" not in plan, plan
    assert "Order By: (point(shown_longitude, shown_latitude) <->" in reach, "nearest first, by the index itself"


async def explain(database: Database, statement: str, parameters: Sequence[Any]) -> str:
    """The plan by which the application's connections run one of its statements, whatever its values."""
    async with database.engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        await driver.execute(f"PREPARE asked AS {statement}")
        rows = await driver.fetch(f"EXPLAIN EXECUTE asked({', '.join(['NULL'] * len(parameters))})")
        await driver.execute("DEALLOCATE asked")
        return "\n".join(row[0] for row in rows)


async def test_only_what_is_free_for_the_period(world: World, owner: Person, renter: Person) -> None:
    free, taken, blocked, paused = [await world.machine(owner) for _ in range(4)]
    buffered = await world.machine(owner, buffer_before_minutes=120)
    long_lead = await world.machine(owner, lead_minutes=10 * 24 * 60)
    draft = await world.machine(owner, listed=False)
    await renter.booked([taken], at(2, 5), at(3))
    await renter.booked([buffered], at(1), at(2, -1))
    await owner.made(f"/machines/{blocked}/blocks", {"start": at(2).isoformat(), "end": at(2, 1).isoformat()})
    await owner.made(f"/machines/{paused}/pause")
    period = f"start={at(2):%FT%TZ}&end={at(3):%FT%TZ}"
    for who in (owner, renter):
        for query in (period, f"{period}&near=43.89,-0.5"):
            found = (await who.get(f"/machines?{query}")).json()["items"]
            assert [one["id"] for one in found] == [free], query
    later = f"start={at(20):%FT%TZ}&end={at(21):%FT%TZ}"
    found = (await renter.get(f"/machines?{later}")).json()["items"]
    assert [one["id"] for one in found] == [free, taken, blocked, buffered, long_lead]
    assert draft not in str(found)
    too_short = f"start={at(20):%FT%TZ}&end={at(20) + timedelta(minutes=30):%FT%TZ}"
    assert (await renter.get(f"/machines?{too_short}")).json()["items"] == []


async def test_pages_for_a_period_are_whole_where_much_is_taken(
    world: World, owner: Person, renter: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("votremachine.discovery.service.HUNDRED", 2)
    monkeypatch.setattr("votremachine.discovery.service.MOST_LOOKS", 2)
    machines = [await world.machine(owner) for _ in range(9)]
    busy = {1, 2, 3, 4, 5, 7}
    for number in busy:
        await renter.booked([machines[number]], at(2), at(3))
    for near in ("", "&near=43.89,-0.5"):
        seen: list[str] = []
        cursor = ""
        for _ in range(20):
            query = f"/machines?limit=2&start={at(2):%FT%TZ}&end={at(3):%FT%TZ}{near}{cursor}"
            page = (await renter.get(query)).json()
            seen += [one["id"] for one in page["items"]]
            if page["next_cursor"] is None:
                break
            cursor = f"&cursor={page['next_cursor']}"
        else:
            pytest.fail("the pages never end")
        assert sorted(seen) == sorted(machines[number] for number in range(9) if number not in busy)


async def test_a_map_is_geojson(world: World, owner: Person, renter: Person) -> None:
    machines = [await world.machine(owner) for _ in range(3)]
    query = "/machines?near=43.89,-0.5&limit=2"
    plain = await renter.get(query, Accept="application/geo+json;q=0.1, application/json;q=0.2")
    assert plain.headers["Content-Type"] == "application/json"
    answer = await renter.get(query, Accept="application/geo+json")
    assert answer.headers["Content-Type"].startswith("application/geo+json")
    assert "Accept" in answer.headers["Vary"].replace(",", " ").split()
    drawn = answer.json()
    check_geojson(drawn)
    plain = (await renter.get(query)).json()
    assert [one["id"] for one in drawn["features"]] == [one["id"] for one in plain["items"]]
    for feature, machine in zip(drawn["features"], plain["items"], strict=True):
        position = machine["position"]
        assert feature["geometry"]["coordinates"] == [position["longitude"], position["latitude"]]
        assert feature["properties"]["distance_m"] == machine["distance_m"]
        assert feature["properties"]["exact"] is False
    rest = await renter.get(f"{query}&cursor={drawn['next_cursor']}", Accept="application/geo+json")
    ids = {one["id"] for one in drawn["features"] + rest.json()["features"]}
    assert ids == set(machines)
    again = await renter.get(query, Accept="application/geo+json", If_None_Match=answer.headers["ETag"])
    assert again.status_code == 304
    assert (await renter.get(query, Accept="*/*")).json() == plain


def check_geojson(drawn: Json) -> None:
    """RFC 7946: 3.3, 3.2 and 3.1.2."""
    assert drawn["type"] == "FeatureCollection"
    assert isinstance(drawn["features"], list)
    for feature in drawn["features"]:
        assert feature["type"] == "Feature"
        assert isinstance(feature["properties"], dict)
        assert UUID(feature["id"])
        assert feature["geometry"]["type"] == "Point"
        longitude, latitude = feature["geometry"]["coordinates"]
        assert -180 <= longitude <= 180
        assert -90 <= latitude <= 90
    assert not drawn.keys() & {"coordinates", "geometries", "geometry", "properties"}, "RFC 7946, 7.1"


@pytest.mark.parametrize(
    ("query", "code", "pointer"),
    [
        ("near=43.9", "not_a_place", "near"),
        ("near=43,9,-0,5", "not_a_place", "near"),
        ("near=91,0", "not_a_place", "near"),
        ("near=0,181", "not_a_place", "near"),
        ("near=nan,nan", "not_a_place", "near"),
        ("near=43.9,-0.5&radius_km=0", "invalid_input", "radius_km"),
        ("near=43.9,-0.5&radius_km=151", "invalid_input", "radius_km"),
        ("category=spaceship", "unknown_category", "category"),
        ("start=2027-01-01T00:00:00Z", "half_a_period", "end"),
        ("end=2027-01-01T00:00:00Z", "half_a_period", "start"),
        ("start=2027-01-02T00:00:00Z&end=2027-01-01T00:00:00Z", "ends_before_start", "/end"),
        ("start=2027-01-02T00:00:00&end=2027-01-03T00:00:00Z", "naive_time", "/start"),
    ],
)
async def test_a_search_that_makes_no_sense(query: str, code: str, pointer: str, renter: Person) -> None:
    said = []
    for language in ("fr", "en"):
        answer = await renter.get(f"/machines?{query}", Accept_Language=language)
        assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
        assert answer.json()["errors"][0]["pointer"] == pointer
        said.append(answer.json()["errors"][0]["detail"])
    assert said[0] != said[1]


async def test_a_cursor_belongs_to_its_place(world: World, owner: Person) -> None:
    for _ in range(2):
        await world.machine(owner)
    cursor = (await owner.get("/machines?limit=1&near=43.89,-0.5")).json()["next_cursor"]
    assert (await owner.get(f"/machines?limit=1&near=43.89,-0.5&cursor={cursor}")).status_code == 200
    for other in ("", "&near=43.9,-0.5"):
        answer = await owner.get(f"/machines?limit=1{other}&cursor={cursor}")
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_cursor")


@given(st.text(max_size=40))
def test_any_text_is_a_place_or_is_refused(text: str) -> None:
    try:
        place = read_place(text)
    except NotAPlace:
        return
    assert abs(place.latitude) <= 90
    assert abs(place.longitude) <= 180


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_a_place_is_read_as_it_is_written(latitude: float, longitude: float) -> None:
    assert msgspec.structs.astuple(read_place(f"{latitude:.6f},{longitude:.6f}")) == (
        float(f"{latitude:.6f}"),
        float(f"{longitude:.6f}"),
    )
