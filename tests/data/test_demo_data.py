"""The data in the package parses, every key refers to something, and the demo world obeys its own rules.

Each check is a function of the data, so that a broken copy can be shown to fail it (`BREAKAGES`).
"""

import copy
import csv
import json
import math
from collections import Counter
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import pytest

World = dict[str, Any]

LIVE = {"completed", "returned", "in_use", "confirmed", "requested"}
END_STATES = LIVE | {"cancelled", "declined"}
MAY_BOOK = {"admin", "manager", "member"}
ROLES = MAY_BOOK | {"treasurer", "viewer"}
CLOCK_CHANGE = 60  # minutes: a local span may last an hour less or more than its wall times say


def read_csv(name: str) -> list[dict[str, str]]:
    text = (files("votremachine") / "data" / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines(), strict=True))


def load() -> World:
    world: World = json.loads((files("votremachine") / "data" / "demo.json").read_text(encoding="utf-8"))
    for name in ("categories", "tariffs", "communes"):
        world[name] = read_csv(f"{name}.csv")
    return world


def by_key(rows: list[dict[str, Any]], key: str = "key") -> dict[str, dict[str, Any]]:
    found = {row[key]: row for row in rows}
    assert len(found) == len(rows), f"a {key} is there twice"
    return found


def minutes(moment: World) -> int:
    hours, _, rest = str(moment["time"]).partition(":")
    assert 0 <= int(hours) < 24, "not a time"
    assert 0 <= int(rest) < 60, "not a time"
    return int(moment["day"]) * 1440 + int(hours) * 60 + int(rest)


def span(row: World) -> tuple[int, int]:
    start, end = minutes(row["start"]), minutes(row["end"])
    assert start < end, f"{row['key']} ends before it starts"
    return start, end


def km(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    a, b = math.radians(lat), math.radians(other_lat)
    half = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(math.radians(other_lon - lon) / 2) ** 2
    return 2 * 6371 * math.asin(math.sqrt(half))


def members_of(party: World) -> dict[str, str]:
    return {party["admin"]: "admin"} | {m["person"]: m["role"] for m in party["members"]}


def check_shape(world: World) -> None:
    for table in ("people", "parties", "machines", "bookings", "blocks"):
        assert len({tuple(row) for row in world[table]}) == 1, f"{table} are not all of one shape"


def check_tables(world: World) -> None:
    for row in by_key(world["categories"], "code").values():
        columns = ("code", "number", "fr", "en", "typical_units", "attributes")
        assert all(row[column] for column in columns), "a category lacks a fact"
    for row in by_key(world["tariffs"], "machine").values():
        assert 0 < float(row["price_eur_low"]) <= float(row["price_eur_high"]), "a tariff is not a range"


def check_communes(world: World) -> None:
    for insee, row in by_key(world["communes"], "insee").items():
        assert len(insee) == 5, f"{insee} is not an INSEE code of the Landes"
        assert insee.startswith("40"), f"{insee} is not an INSEE code of the Landes"
        assert len(row["postcode"]) == 5, f"{insee} has no postcode of the Landes"
        assert row["postcode"].startswith("40"), f"{insee} has no postcode of the Landes"
        assert row["name"].strip(), f"{insee} has no name"
        assert 43.48 <= float(row["lat"]) <= 44.54, f"{insee} is outside the Landes"
        assert -1.53 <= float(row["lon"]) <= 0.14, f"{insee} is outside the Landes"
    names = Counter(row["name"] for row in world["communes"])
    assert max(names.values()) == 1, "a name is there twice"


def check_people(world: World) -> None:
    people = by_key(world["people"])
    by_key(world["people"], "email")
    for person in people.values():
        assert person["email"].endswith("@demo.votremachine.example"), "an e-mail might reach somebody"
        assert person["language"] in {"fr", "en"}, "an unknown language"
    assert len(world["password"]) >= 12, "the password is too short"


def check_parties(world: World) -> None:
    parties, people = by_key(world["parties"]), by_key(world["people"])
    communes = by_key(world["communes"], "insee")
    for key, party in parties.items():
        assert party["kind"] in {"farm", "cooperative", "contractor"}, f"{key} is of no kind"
        assert party["commune"] in communes, f"{key} stands in no known commune"
        members = members_of(party)
        assert members.keys() <= people.keys(), f"{key} has a member who is nobody"
        assert len(members) == 1 + len(party["members"]), f"{key} has a member twice"
        assert set(members.values()) <= ROLES, f"{key} has an unknown role"
        for cooperative in party["cooperatives"]:
            assert parties[cooperative]["kind"] == "cooperative", f"{key} is a member of no cooperative"
            assert party["kind"] == "farm", f"{key} is a member but no farm"
    assert Counter(p["kind"] for p in parties.values()) == {"farm": 15, "cooperative": 2, "contractor": 1}, (
        "not the parties of the demo"
    )


def check_machines(world: World) -> None:
    machines, parties = by_key(world["machines"]), by_key(world["parties"])
    categories, tariffs = by_key(world["categories"], "code"), by_key(world["tariffs"], "machine")
    communes = by_key(world["communes"], "insee")
    for key, machine in machines.items():
        assert machine["party"] in parties, f"{key} belongs to nobody"
        assert machine["category"] in categories, f"{key} is of no category"
        assert machine["tariff"] is None or machine["tariff"] in tariffs, f"{key} is priced from no tariff"
        assert machine["commune"] in communes, f"{key} stands in no known commune"
        town = communes[machine["commune"]]
        away = km(machine["lat"], machine["lon"], float(town["lat"]), float(town["lon"]))
        assert away <= 3, f"{key} stands {away:.1f} km from its commune"
        assert machine["state"] in {"listed", "paused", "draft"}, f"{key} is in no state"
        assert machine["booking_mode"] in {"instant", "on_request"}, f"{key} has no booking mode"
        texts = ("title", "title_en", "description", "make", "model", "basis")
        assert all(machine[text] for text in texts), f"{key} lacks a text"
        applies = categories[machine["category"]]["attributes"].split(";")
        said = machine["attributes"].keys()
        assert said <= {name.rstrip("!") for name in applies}, f"{key} says what does not apply"
        needed = {name.rstrip("!") for name in applies if name.endswith("!")}
        assert needed <= said or machine["state"] == "draft", f"{key} cannot be published"
    assert len(machines) == 40, "not 40 machines"
    assert len({m["category"] for m in machines.values()}) >= 20, "too few categories"


def check_rules_and_prices(world: World) -> None:
    for machine in world["machines"]:
        key, day, week = machine["key"], machine["day_minor"], machine["week_minor"]
        assert 0 <= machine["buffer_before_minutes"] <= 240, f"{key} has a buffer out of bounds"
        assert 0 <= machine["buffer_after_minutes"] <= 240, f"{key} has a buffer out of bounds"
        assert 0 < machine["min_minutes"] < machine["max_minutes"], f"{key} has no possible duration"
        assert 0 <= machine["lead_minutes"] < machine["horizon_days"] * 1440, f"{key} can never be booked"
        assert machine["max_minutes"] <= machine["horizon_days"] * 1440, f"{key} has a horizon too near"
        assert day > 0, f"{key} is free"
        assert machine["deposit_minor"] >= day, f"{key} asks for a deposit below a day"
        assert week is None or day < week <= 7 * day, f"{key} has a week that no one would take"
        for name, value in machine.items():
            assert type(value) is int or not name.endswith(("_minor", "_minutes")) or value is None, (
                f"{key} counts in parts"
            )


def check_bookings(world: World) -> None:
    machines, parties = by_key(world["machines"]), by_key(world["parties"])
    for key, booking in by_key(world["bookings"]).items():
        assert booking["end_state"] in END_STATES, f"{key} ends in no state"
        assert booking["machines"], f"{key} books nothing"
        assert set(booking["machines"]) <= machines.keys(), f"{key} books no machine"
        assert len(set(booking["machines"])) == len(booking["machines"]), f"{key} books a machine twice"
        booked = [machines[machine] for machine in booking["machines"]]
        owners = {machine["party"] for machine in booked}
        assert len(owners) == 1, f"{key} has several owners"
        assert booking["renter"] in parties, f"{key} is booked for nobody"
        assert booking["renter"] not in owners, f"{key} rents its own machine"
        assert members_of(parties[booking["renter"]]).get(booking["by"]) in MAY_BOOK, f"{key} is booked by a stranger"
        if booking["end_state"] in {"requested", "declined"}:
            assert {m["booking_mode"] for m in booked} == {"on_request"}, f"{key} asks for an instant machine"
        assert {m["state"] for m in booked} == {"listed"}, f"{key} books a machine that is not listed"


def check_cooperatives_lend_to_members(world: World) -> None:
    machines, parties = by_key(world["machines"]), by_key(world["parties"])
    for booking in world["bookings"]:
        owner = machines[booking["machines"][0]]["party"]
        if parties[owner]["kind"] == "cooperative":
            assert owner in parties[booking["renter"]]["cooperatives"], f"{booking['key']} books as no member"


def check_durations(world: World) -> None:
    machines = by_key(world["machines"])
    for booking in world["bookings"]:
        start, end = span(booking)
        for machine in (machines[key] for key in booking["machines"]):
            assert end - start - CLOCK_CHANGE >= machine["min_minutes"], f"{booking['key']} is too short"
            assert end - start + CLOCK_CHANGE <= machine["max_minutes"], f"{booking['key']} is too long"


def check_times_fit_states(world: World) -> None:
    """Whatever the time of day at which the world is loaded."""
    machines = by_key(world["machines"])
    for booking in world["bookings"]:
        key, state, (start, end) = booking["key"], booking["end_state"], span(booking)
        if state in {"completed", "returned"}:
            assert end <= 0, f"{key} is not over"
        if state == "returned":
            assert booking["end"]["day"] == -1, f"{key} came back long ago"
        if state == "in_use":
            assert start <= 0, f"{key} is not under way"
            assert end >= 1440, f"{key} is not under way"
        if state in {"confirmed", "requested"}:
            earliest = 1440 + CLOCK_CHANGE + max(machines[m]["lead_minutes"] for m in booking["machines"])
            assert start >= (2880 if state == "requested" else 1440), f"{key} starts too soon"
            assert start >= earliest, f"{key} leaves too little notice"
            horizon = min(machines[m]["horizon_days"] for m in booking["machines"])
            assert end <= horizon * 1440, f"{key} is beyond the horizon"


def check_blocks(world: World) -> None:
    machines = by_key(world["machines"])
    for key, block in by_key(world["blocks"]).items():
        span(block)
        assert block["kind"] in {"block", "maintenance"}, f"{key} is of no kind"
        assert block["machine"] in machines, f"{key} blocks no machine"
        assert block["note"], f"{key} says nothing"


def check_no_overlap(world: World) -> None:
    machines = by_key(world["machines"])
    taken: dict[str, list[tuple[int, int, str]]] = {key: [] for key in machines}
    held = [(key, b) for b in world["bookings"] if b["end_state"] in LIVE for key in b["machines"]]
    for key, row in held + [(b["machine"], b) for b in world["blocks"]]:
        start, end = span(row)
        machine = machines[key]
        blocked = start - machine["buffer_before_minutes"], end + machine["buffer_after_minutes"]
        taken[key].append((*blocked, row["key"]))
    for key, spans in taken.items():
        latest, holder = -math.inf, ""
        for start, end, row_key in sorted(spans):
            assert latest + CLOCK_CHANGE <= start, f"{key} is taken twice, by {holder} and {row_key}"
            latest, holder = end, row_key


CHECKS: list[Callable[[World], None]] = [
    check_shape,
    check_tables,
    check_communes,
    check_people,
    check_parties,
    check_machines,
    check_rules_and_prices,
    check_bookings,
    check_cooperatives_lend_to_members,
    check_durations,
    check_times_fit_states,
    check_blocks,
    check_no_overlap,
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_data_keeps(check: Callable[[World], None]) -> None:
    check(load())


Path = tuple[str | int, ...]

ALL_TRACTORS = [machine | {"category": "tractor", "attributes": {"power_hp": 100}} for machine in load()["machines"]]

# What is broken (a table, a row, a field, the wrong value), the check that must notice, and what it says.
BREAKAGES: list[tuple[Path, Any, Callable[[World], None], str]] = [
    (("categories", 0, "fr"), "", check_tables, "lacks a fact"),
    (("categories", 0, "code"), "combine", check_tables, "there twice"),
    (("tariffs", 0, "price_eur_low"), "99", check_tables, "not a range"),
    (("communes", 0, "insee"), "4001", check_communes, "not an INSEE code"),
    (("communes", 0, "insee"), "64001", check_communes, "not an INSEE code"),
    (("communes", 0, "postcode"), "4000", check_communes, "no postcode"),
    (("communes", 0, "postcode"), "32400", check_communes, "no postcode"),
    (("communes", 0, "name"), " ", check_communes, "no name"),
    (("communes", 0, "name"), "Dax", check_communes, "a name is there twice"),
    (("communes", 0, "lat"), "45.0", check_communes, "outside the Landes"),
    (("communes", 0, "lon"), "1.1048", check_communes, "outside the Landes"),
    (("people", "claire-dupouy", "email"), "claire@ferme.example", check_people, "might reach somebody"),
    (("people", "claire-dupouy", "email"), "pascal.tauzin@demo.votremachine.example", check_people, "there twice"),
    (("people", "claire-dupouy", "language"), "eu", check_people, "unknown language"),
    (("password",), "court", check_people, "too short"),
    (("parties", "airial", "kind"), "bank", check_parties, "of no kind"),
    (("parties", "airial", "kind"), "contractor", check_parties, "member but no farm"),
    (("parties", "canard", "kind"), "contractor", check_parties, "not the parties"),
    (("parties", "airial", "commune"), "40999", check_parties, "no known commune"),
    (("parties", "airial", "admin"), "nobody", check_parties, "who is nobody"),
    (("parties", "airial", "admin"), "lucas-perromat", check_parties, "a member twice"),
    (("parties", "airial", "members", 0, "role"), "king", check_parties, "unknown role"),
    (("parties", "airial", "cooperatives"), ["meule"], check_parties, "no cooperative"),
    (("machines", "cx590", "party"), "nobody", check_machines, "belongs to nobody"),
    (("machines", "cx590", "category"), "boat", check_machines, "of no category"),
    (("machines", "cx590", "tariff"), "boat", check_machines, "no tariff"),
    (("machines", "cx590", "commune"), "40999", check_machines, "no known commune"),
    (("machines", "cx590", "lat"), 43.9, check_machines, "km from its commune"),
    (("machines", "cx590", "state"), "sold", check_machines, "in no state"),
    (("machines", "cx590", "booking_mode"), "never", check_machines, "no booking mode"),
    (("machines", "cx590", "basis"), "", check_machines, "lacks a text"),
    (("machines", "cx590", "title_en"), "", check_machines, "lacks a text"),
    (("machines", "cx590", "attributes"), {"power_hp": 258}, check_machines, "cannot be published"),
    (("machines", "cx590", "attributes"), {"reach_m": 3}, check_machines, "says what does not apply"),
    (("machines", "cx590", "key"), "arion-630", check_machines, "there twice"),
    (("machines",), [], check_machines, "not 40 machines"),
    (("machines",), ALL_TRACTORS, check_machines, "too few categories"),
    (("blocks", 0), {"key": "k01"}, check_shape, "not all of one shape"),
    (("machines", "cx590", "buffer_before_minutes"), 241, check_rules_and_prices, "buffer out of bounds"),
    (("machines", "cx590", "buffer_after_minutes"), -1, check_rules_and_prices, "buffer out of bounds"),
    (("machines", "cx590", "min_minutes"), 99999, check_rules_and_prices, "no possible duration"),
    (("machines", "cx590", "lead_minutes"), 999999, check_rules_and_prices, "never be booked"),
    (("machines", "cx590", "max_minutes"), 999999, check_rules_and_prices, "horizon too near"),
    (("machines", "cx590", "day_minor"), 0, check_rules_and_prices, "is free"),
    (("machines", "cx590", "day_minor"), 93100.5, check_rules_and_prices, "counts in parts"),
    (("machines", "cx590", "deposit_minor"), 1, check_rules_and_prices, "deposit below a day"),
    (("machines", "cx590", "week_minor"), 999999, check_rules_and_prices, "no one would take"),
    (("bookings", "b01", "end_state"), "lost", check_bookings, "in no state"),
    (("bookings", "b01", "machines"), [], check_bookings, "books nothing"),
    (("bookings", "b01", "machines"), ["boat"], check_bookings, "books no machine"),
    (("bookings", "b01", "machines"), ["cx590", "cx590"], check_bookings, "a machine twice"),
    (("bookings", "b01", "machines"), ["cx590", "cr790"], check_bookings, "several owners"),
    (("bookings", "b01", "renter"), "nobody", check_bookings, "for nobody"),
    (("bookings", "b01", "renter"), "cuma-garluche", check_bookings, "its own machine"),
    (("bookings", "b01", "by"), "claire-dupouy", check_bookings, "by a stranger"),
    (("bookings", "b01", "end_state"), "declined", check_bookings, "an instant machine"),
    (("machines", "cx590", "state"), "paused", check_bookings, "not listed"),
    (("bookings", "b01", "renter"), "canard", check_cooperatives_lend_to_members, "as no member"),
    (("bookings", "b01", "end", "day"), -30, check_durations, "ends before it starts"),
    (("bookings", "b01", "end", "time"), "24:00", check_durations, "not a time"),
    (("bookings", "b01", "end", "time"), "20:60", check_durations, "not a time"),
    (("machines", "cx590", "min_minutes"), 3601, check_durations, "too short"),
    (("machines", "cx590", "max_minutes"), 3600, check_durations, "too long"),
    (("bookings", "b01", "end", "day"), 0, check_times_fit_states, "is not over"),
    (("bookings", "b01", "end_state"), "returned", check_times_fit_states, "long ago"),
    (("bookings", "b24", "start", "day"), 1, check_times_fit_states, "not under way"),
    (("bookings", "b24", "end", "day"), 0, check_times_fit_states, "not under way"),
    (("bookings", "b29", "start", "day"), 0, check_times_fit_states, "starts too soon"),
    (("bookings", "b39", "start", "day"), 1, check_times_fit_states, "starts too soon"),
    (("machines", "variant-480", "lead_minutes"), 2880, check_times_fit_states, "too little notice"),
    (("machines", "variant-480", "horizon_days"), 3, check_times_fit_states, "beyond the horizon"),
    (("blocks", "k01", "kind"), "party", check_blocks, "of no kind"),
    (("blocks", "k01", "machine"), "boat", check_blocks, "no machine"),
    (("blocks", "k01", "note"), "", check_blocks, "says nothing"),
    (("blocks", "k01", "end", "day"), -20, check_blocks, "ends before it starts"),
    (("blocks", "k10", "start", "day"), 12, check_no_overlap, "taken twice"),
    (("bookings", "b38", "start", "day"), 12, check_no_overlap, "taken twice"),
    (("bookings", "b45", "end_state"), "confirmed", check_no_overlap, "taken twice, by b45 and b31"),
    (("machines", "jd-6120m", "buffer_after_minutes"), 9999, check_no_overlap, "taken twice"),
    (("machines", "jd-6120m", "buffer_before_minutes"), 9999, check_no_overlap, "taken twice"),
]


def broken(path: Path, value: Any) -> World:
    world = copy.deepcopy(load())
    place: Any = world
    for step in path[:-1]:
        place = by_key(place)[step] if isinstance(place, list) and isinstance(step, str) else place[step]
    assert place[path[-1]] != value, "this breaks nothing"
    place[path[-1]] = value
    return world


@pytest.mark.parametrize(("path", "value", "check", "says"), BREAKAGES)
def test_broken_data_is_noticed(path: Path, value: Any, check: Callable[[World], None], says: str) -> None:
    with pytest.raises(AssertionError, match=says):
        check(broken(path, value))


def test_cancelled_time_is_free_again() -> None:
    """The world shows it: a cancelled booking lies where a confirmed one now stands."""
    bookings = by_key(load()["bookings"])
    assert bookings["b45"]["end_state"] == "cancelled"
    assert span(bookings["b45"])[0] == span(bookings["b31"])[0]
    assert bookings["b45"]["machines"] == bookings["b31"]["machines"]
