"""An owner lists a machine as it really is: every fact, both languages, and what is missing said at once."""

import importlib
from typing import Any, get_args
from uuid import uuid4

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from tests.people import Json, Person, World, at
from votremachine.fleet.attributes import NAMES, Attributes
from votremachine.fleet.categories import categories
from votremachine.fleet.listing import Listing, missing
from votremachine.fleet.positions import Position
from votremachine.fleet.rules import Cancellation, Cleaning, Texts, Visibility
from votremachine.fleet.terms import Terms
from votremachine.infra.database import Database

TANKER = {
    "category": "slurry_tanker",
    "title": {"fr": "Tonne à lisier", "en": "Slurry tanker"},
    "description": {"fr": "Avec pendillards."},
    "make": "Joskin",
    "model": "Modulo2",
    "serial": "JSK-0042",
    "place": {"commune": "Dax", "latitude": 43.7077, "longitude": -1.0517},
    "deposit_minor": 80_000,
    "terms": {
        "booking_mode": "on_request",
        "hand_over": [{"weekday": day, "opens": "08:00", "closes": "18:00"} for day in range(1, 8)],
        "pairing": {"categories": ["tractor"], "members_exempt": True},
    },
    "attributes": {"capacity_m3": 8.4, "required_power_hp": 100, "pto_speeds": ["1000"], "licences": []},
    "meters": ["m3", "km", "m3"],
    "cancellation": "strict",
    "cleaning": "washed",
}


async def listed(owner: Person, **change: Json) -> Json:
    return await owner.made("/machines", {"party_id": owner.party_id, **TANKER, **change})


async def patch(who: Person, machine: str, body: Json, **headers: str) -> Any:
    tag = (await who.get(f"/machines/{machine}")).headers["ETag"]
    return await who.ask("PATCH", f"/machines/{machine}", body, **({"If_Match": tag} | headers))


def test_the_categories_and_the_attributes_speak_of_the_same_facts() -> None:
    known = {field.name for field in msgspec.structs.fields(Attributes)}
    assert known == NAMES.keys()
    for category in categories().values():
        assert category.needed <= category.attributes <= known, category.code
    assert {name for one in categories().values() for name in one.attributes} == known


def test_a_category_keeps_its_number() -> None:
    """The migration's numbers are in databases already."""
    frozen = importlib.import_module("votremachine.migrations.versions.0003_machines").NUMBERS
    numbers = {code: one.number for code, one in categories().items()}
    assert numbers | frozen == numbers
    assert len(set(numbers.values())) == len(numbers)


async def test_everything_that_is_said_is_told(owner: Person) -> None:
    made = await listed(owner)
    assert made == (await owner.get(f"/machines/{made['id']}")).json()
    assert made["title"] == "Slurry tanker"
    assert made["titles"] == TANKER["title"]
    assert made["description"] == "Avec pendillards.", "there is no English one"
    assert made["attributes"] == TANKER["attributes"], "an empty list is a fact, and kept"
    assert made["meters"] == ["m3", "km"]
    assert made["terms"]["pairing"] == {"categories": ["tractor"], "members_exempt": True}
    assert made["terms"]["hand_over"][0] == {"weekday": 1, "opens": "08:00", "closes": "18:00"}
    assert (made["cancellation"], made["cleaning"], made["serial"]) == ("strict", "washed", "JSK-0042")
    assert made["position"] == {"latitude": 43.7077, "longitude": -1.0517, "exact": True}
    french = await owner.get(f"/machines/{made['id']}", Accept_Language="fr")
    assert french.json()["title"] == "Tonne à lisier"


async def test_every_field_may_be_changed_and_the_rest_stays(owner: Person) -> None:
    machine = (await listed(owner))["id"]
    changes: list[tuple[Json, str, Any]] = [
        ({"title": "Tanker"}, "titles", {"fr": "Tonne à lisier", "en": "Tanker"}),
        ({"title": {"en": ""}}, "titles", {"fr": "Tonne à lisier", "en": ""}),
        ({"description": {"en": "With hoses."}}, "descriptions", {"fr": "Avec pendillards.", "en": "With hoses."}),
        ({"make": "Pichon"}, "make", "Pichon"),
        ({"model": "TCI"}, "model", "TCI"),
        ({"serial": "P-1"}, "serial", "P-1"),
        ({"zone": "Europe/Madrid"}, "zone", "Europe/Madrid"),
        ({"deposit_minor": 1}, "deposit", {"minor": 1, "currency": "EUR"}),
        ({"attributes": {"capacity_m3": 9}}, "attributes", {"capacity_m3": 9.0}),
        ({"meters": []}, "meters", []),
        ({"cancellation": "moderate"}, "cancellation", "moderate"),
        ({"cleaning": "swept"}, "cleaning", "swept"),
        ({"visibility": "named", "visible_to": [owner.party_id]}, "visible_to", [owner.party_id]),
        ({"visibility": "public"}, "visible_to", []),
        ({"category": "manure_spreader"}, "category", "manure_spreader"),
    ]
    for number, (body, field, value) in enumerate(changes, 2):
        answer = await patch(owner, machine, body)
        assert answer.status_code == 200, answer.text
        assert answer.json()[field] == value
        assert answer.json()["version"] == number
    moved = await patch(owner, machine, {"place": {"commune": "Mimizan", "latitude": 44.2, "longitude": -1.23}})
    assert (moved.json()["commune"], moved.json()["position"]["latitude"]) == ("Mimizan", 44.2)
    kept = await patch(owner, machine, {"terms": {"lead_minutes": 60}})
    assert kept.json()["terms"]["pairing"] is not None
    freed = await patch(owner, machine, {"terms": {"pairing": None, "hand_over": []}})
    assert (freed.json()["terms"]["pairing"], freed.json()["terms"]["hand_over"]) == (None, [])
    assert freed.json()["terms"]["lead_minutes"] == 60


WRONG: list[tuple[Json, str, str]] = [
    ({"attributes": {"capacity_m3": 8, "reach_m": 3}}, "attribute_does_not_apply", "/attributes/reach_m"),
    ({"attributes": {"year": 2199}}, "not_made_yet", "/attributes/year"),
    ({"attributes": {"colour": "red"}}, "invalid_input", "/attributes/colour"),
    ({"attributes": {"pto_speeds": ["666"]}}, "invalid_input", "/attributes/pto_speeds/0"),
    ({"attributes": {"capacity_m3": -1}}, "invalid_input", "/attributes/capacity_m3"),
    ({"title": {"fr": "", "en": ""}}, "untitled", "/title"),
    ({"zone": "Europe/Landes"}, "unknown_zone", "/zone"),
    ({"zone": "localtime"}, "unknown_zone", "/zone"),
    ({"category": "spaceship"}, "unknown_category", "/category"),
    ({"meters": ["mile"]}, "invalid_input", "/meters/0"),
    ({"visibility": "named"}, "nobody_named", "/visible_to"),
    ({"visible_to": [str(uuid4())]}, "nobody_named", "/visible_to"),
    ({"visibility": "cooperative"}, "not_a_cooperative", "/visibility"),
    (
        {"terms": {"hand_over": [{"weekday": 1, "opens": "18:00", "closes": "08:00"}]}},
        "hours_disagree",
        "/terms/hand_over/0/closes",
    ),
    (
        {"terms": {"hand_over": [{"weekday": 8, "opens": "08:00", "closes": "18:00"}]}},
        "invalid_input",
        "/terms/hand_over/0/weekday",
    ),
    (
        {"terms": {"hand_over": [{"weekday": 1, "opens": "8h", "closes": "18:00"}]}},
        "invalid_input",
        "/terms/hand_over/0/opens",
    ),
    ({"terms": {"pairing": {"categories": ["boat"]}}}, "unknown_category", "/terms/pairing/categories/0"),
    ({"terms": {"min_minutes": 600, "max_minutes": 60}}, "terms_disagree", "/terms/max_minutes"),
]


@pytest.mark.parametrize(("change", "code", "pointer"), WRONG)
async def test_what_is_wrong_is_refused_with_its_place(
    change: Json, code: str, pointer: str, owner: Person, database: Database
) -> None:
    body = {"party_id": owner.party_id, **TANKER, **change}
    said = []
    for language in ("fr", "en"):
        answer = await owner.post("/machines", body, Accept_Language=language)
        assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
        said.append(answer.json()["errors"][0]["detail"])
    assert said[0] != said[1]
    machine = await listed(owner)
    changed = await patch(owner, machine["id"], change)
    assert (changed.status_code, changed.json()["code"]) == (422, code), changed.text
    async with database.read() as tx:
        (row,) = await tx.rows(sa.text("SELECT count(*) AS machines, max(version) AS version FROM machines"))
    assert tuple(row) == (1, 1)


async def test_an_unknown_party_cannot_be_named(owner: Person) -> None:
    nobody = {"visibility": "named", "visible_to": [str(uuid4())]}
    answer = await owner.post("/machines", {"party_id": owner.party_id, **TANKER, **nobody})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_party")


async def test_publishing_says_all_that_is_missing_at_once(owner: Person) -> None:
    bare = await listed(owner, make="", model="", attributes={})
    expected = {
        "fr": ["Ajoutez la marque.", "Ajoutez le modèle.", "Ajoutez un prix.", "Ajoutez la capacité en m³."],
        "en": ["Add the make.", "Add the model.", "Add a price.", "Add the capacity in m³."],
    }
    for language, sentences in expected.items():
        answer = await owner.post(f"/machines/{bare['id']}/publish", Accept_Language=language)
        assert (answer.status_code, answer.json()["code"]) == (409, "machine_not_complete")
        assert [error["detail"] for error in answer.json()["errors"]] == sentences
        pointers = [error["pointer"] for error in answer.json()["errors"]]
        assert pointers == ["/make", "/model", "/rates", "/attributes/capacity_m3"]
    assert (await owner.get(f"/machines/{bare['id']}")).json()["state"] == "draft"
    await patch(owner, bare["id"], {"make": "Joskin", "model": "M", "attributes": {"capacity_m3": 8}})
    await owner.made(f"/machines/{bare['id']}/rates", {"rates": [{"unit": "day", "minor": 1000}]})
    assert (await owner.made(f"/machines/{bare['id']}/publish"))["state"] == "listed"
    emptied = await patch(owner, bare["id"], {"attributes": {}})
    assert (emptied.status_code, emptied.json()["code"]) == (409, "machine_not_complete"), "what is listed stays whole"


async def test_a_machine_listed_before_more_was_asked_can_still_be_changed(
    world: World, owner: Person, database: Database
) -> None:
    machine = await world.machine(owner)
    async with database.begin() as tx:
        await tx.execute(sa.text("UPDATE machines SET attributes = '{}'"))
    assert (await patch(owner, machine, {"deposit_minor": 5})).status_code == 200
    worse = await patch(owner, machine, {"make": ""})
    assert [error["pointer"] for error in worse.json()["errors"]] == ["/make"]
    assert (await owner.get(f"/machines/{machine}")).json()["make"] == "Valtra"


@given(st.sampled_from(sorted(categories())), st.data())
def test_missing_is_exactly_what_is_not_there(code: str, data: st.DataObject) -> None:
    category = categories()[code]
    given_names = data.draw(st.sets(st.sampled_from(sorted(category.attributes))))
    make, model, priced = data.draw(st.booleans()), data.draw(st.booleans()), data.draw(st.booleans())
    listing = Listing(
        category=code,
        titles=Texts("x"),
        descriptions=Texts(),
        make="m" * make,
        model="m" * model,
        serial="",
        commune="Dax",
        position=Position(43.7, -1.05),
        zone="Europe/Paris",
        deposit_minor=0,
        terms=Terms(),
        attributes=Attributes(**{name: _any_value(name) for name in given_names}),
        meters=(),
        visibility=Visibility.PUBLIC,
        invited=frozenset(),
        cancellation=Cancellation.FLEXIBLE,
        cleaning=Cleaning.AS_FOUND,
    )
    barn = code == "storage_space"
    expected = {f"/attributes/{name}" for name in category.needed - given_names}
    expected |= {path for path, there in (("/make", make or barn), ("/model", model or barn)) if not there}
    expected |= set() if priced else {"/rates"}
    assert {error.pointer for error in missing(listing, priced=priced)} == expected


def _any_value(name: str) -> Any:
    field = next(field for field in msgspec.structs.fields(Attributes) if field.name == name)
    kind = next(one for one in get_args(field.type) if one is not type(None))
    return () if isinstance(msgspec.inspect.type_info(kind), msgspec.inspect.VarTupleType) else 1


async def test_a_machine_lives_as_its_table_says(world: World, owner: Person, renter: Person) -> None:
    machine = await world.machine(owner, listed=False)
    booked = None
    for verb, status, state in (
        ("pause", 409, "draft"),
        ("publish", 200, "listed"),
        ("publish", 200, "listed"),
        ("pause", 200, "paused"),
        ("pause", 200, "paused"),
        ("publish", 200, "listed"),
        ("retire", 200, "retired"),
        ("retire", 200, "retired"),
        ("publish", 409, "retired"),
        ("pause", 409, "retired"),
    ):
        if verb == "retire" and booked is None:
            booked = await renter.booked([machine], at(2), at(3))
        answer = await owner.post(f"/machines/{machine}/{verb}")
        assert answer.status_code == status, answer.text
        if status == 409:
            assert answer.json()["code"] == "illegal_transition"
        assert (await owner.get(f"/machines/{machine}")).json()["state"] == state
    assert booked is not None
    assert (await renter.get(f"/bookings/{booked['id']}")).json()["state"] == "confirmed", "what stands is kept"
    assert (await renter.get(f"/machines/{machine}")).status_code == 404
    assert (await owner.get(f"/machines/{machine}")).json()["version"] == 5, "a repeat changes nothing"


async def test_a_tag_that_is_stale_changes_nothing(owner: Person) -> None:
    machine = (await listed(owner))["id"]
    tag = (await owner.get(f"/machines/{machine}")).headers["ETag"]
    await patch(owner, machine, {"make": "Pichon"})
    stale = await patch(owner, machine, {"make": "Samson"}, If_Match=tag)
    assert (stale.status_code, stale.json()["code"]) == (412, "stale")
    assert (await owner.get(f"/machines/{machine}")).json()["make"] == "Pichon"
