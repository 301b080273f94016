"""Bad input gets a clear, typed problem in the caller's language, and changes nothing."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from tests.people import Person, World, at
from votremachine.infra.database import Database

ROWS = sa.text(
    """
    SELECT (SELECT count(*) FROM bookings) AS bookings, (SELECT count(*) FROM occupancies) AS occupancies,
           (SELECT count(*) FROM outbox) AS facts, (SELECT count(*) FROM idempotent_answers) AS answers
    """
)


@pytest.fixture
async def tractor(world: World, owner: Person) -> str:
    return await world.machine(owner, min_minutes=120, max_minutes=3 * 24 * 60, lead_minutes=180, horizon_days=90)


@pytest.fixture(autouse=True)
async def nothing_written(database: Database) -> AsyncIterator[None]:
    """Whatever a test of this file sends, not a row is written by it."""
    yield
    async with database.read() as tx:
        (row,) = await tx.rows(ROWS)
    assert tuple(row) == (0, 0, 0, 0)


def times(start: float, end: float) -> dict[str, str]:
    return {"start": at(start).isoformat(), "end": at(end).isoformat()}


@pytest.mark.parametrize(
    ("change", "status", "code", "pointer"),
    [
        (times(3, 2), 422, "ends_before_start", "/end"),
        (times(2, 2), 422, "ends_before_start", "/end"),
        (times(-2, -1), 422, "in_the_past", "/start"),
        (times(2 / 24, 1), 422, "too_soon", "/start"),
        (times(89, 91), 422, "beyond_horizon", "/end"),
        (times(2, 2 + 1 / 24), 422, "too_short", "/end"),
        (times(2, 6), 422, "too_long", "/end"),
        ({"start": "2030-01-01T08:00:00"}, 422, "naive_time", "/start"),
        ({"end": "2030-01-01T08:00:00"}, 422, "naive_time", "/end"),
        ({"start": "tomorrow"}, 422, "invalid_input", "/start"),
        ({"start": "2030-02-30T08:00:00Z"}, 422, "invalid_input", "/start"),
        ({"start": None}, 422, "invalid_input", "/start"),
        ({"machine_ids": [str(uuid4())]}, 404, "unknown_machine", None),
        ({"machine_ids": ["tractor"]}, 422, "invalid_input", "/machine_ids/0"),
        ({"machine_ids": []}, 422, "invalid_input", "/machine_ids"),
        ({"machine_ids": [str(uuid4())] * 11}, 422, "invalid_input", "/machine_ids"),
        ({"renter_party_id": str(uuid4())}, 404, "unknown_party", None),
        ({"payment": "gold"}, 422, "invalid_input", "/payment"),
        ({"colour": "green"}, 422, "invalid_input", "/colour"),
        ({"note": "a\x00b"}, 422, "invalid_input", "/note"),
        ({"note": "x" * 1001}, 422, "invalid_input", "/note"),
    ],
)
async def test_a_wrong_field(
    change: dict[str, Any], status: int, code: str, pointer: str | None, tractor: str, renter: Person
) -> None:
    body = {"machine_ids": [tractor], **times(2, 3)} | change
    answer = await renter.post("/bookings", body, Idempotency_Key=str(uuid4()))
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["type"] == f"urn:votremachine:problem:{code}"
    assert [error["pointer"] for error in problem.get("errors", [])] == ([pointer] if pointer else [])


async def test_a_missing_field_is_named(tractor: str, renter: Person) -> None:
    answer = await renter.post("/bookings", {"machine_ids": [tractor]}, Idempotency_Key="1")
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/start"]


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"{", 400, "bad_json"),
        (b"", 400, "bad_json"),
        (b"\xff\xfe", 400, "bad_json"),
        (b"[]", 422, "invalid_input"),
        (b"null", 422, "invalid_input"),
        (b'{"note": "' + b"x" * 10 * 1024 * 1024 + b'"}', 413, "body_too_large"),
    ],
    ids=["half", "empty", "not text", "a list", "null", "10 MB"],
)
async def test_a_body_that_is_none(content: bytes, status: int, code: str, renter: Person) -> None:
    headers = {"Authorization": f"Bearer {renter.token}", "Idempotency-Key": "1", "Content-Type": "application/json"}
    answer = await renter.http.post("/v1/bookings", content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def test_ones_own_machine(tractor: str, owner: Person) -> None:
    answer = await owner.book([tractor], at(2), at(3))
    assert (answer.status_code, answer.json()["code"]) == (422, "own_machine")


async def test_a_paused_machine_and_a_draft(world: World, owner: Person, renter: Person) -> None:
    paused, draft = await world.machine(owner), await world.machine(owner, listed=False)
    await owner.made(f"/machines/{paused}/pause")
    refused = await renter.book([paused], at(2), at(3))
    assert (refused.status_code, refused.json()["code"]) == (409, "machine_not_bookable")
    unseen = await renter.book([draft], at(2), at(3))
    assert (unseen.status_code, unseen.json()["code"]) == (404, "unknown_machine")


async def test_a_machine_that_lost_its_price(tractor: str, renter: Person, database: Database) -> None:
    async with database.begin() as tx:
        await tx.execute(sa.text("UPDATE rate_cards SET replaced_at = now()"))
    answer = await renter.book([tractor], at(2), at(3))
    assert (answer.status_code, answer.json()["code"]) == (409, "no_price")


async def test_machines_of_two_owners(world: World, owner: Person, tractor: str, renter: Person) -> None:
    rival = await world.farmer("rival@ferme.example", "Ferme du Tursan")
    answer = await renter.book([tractor, await world.machine(rival)], at(2), at(3))
    assert (answer.status_code, answer.json()["code"]) == (422, "several_owners")


async def test_an_unknown_zone_and_category(owner: Person) -> None:
    machine = {
        "party_id": owner.party_id,
        "category": "tractor",
        "title": "Tracteur",
        "place": {"commune": "Dax", "latitude": 43.7, "longitude": -1.05},
    }
    for change, code in (
        ({"zone": "Europe/Landes"}, "unknown_zone"),
        ({"zone": "../etc/passwd"}, "unknown_zone"),
        ({"category": "spaceship"}, "unknown_category"),
        ({"terms": {"min_minutes": 600, "max_minutes": 60}}, "terms_disagree"),
        ({"place": {"commune": "Dax", "latitude": 143.7, "longitude": -1.05}}, "invalid_input"),
    ):
        answer = await owner.post("/machines", machine | change)
        assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text


async def test_problems_speak_the_callers_language(tractor: str, renter: Person) -> None:
    body = {"machine_ids": [tractor], **times(3, 2)}
    french = await renter.post("/bookings", body, Idempotency_Key="1", Accept_Language="fr-FR,en;q=0.5")
    assert french.json()["detail"] == "La fin doit venir après le début."
    assert french.headers["Content-Language"] == "fr"
    english = await renter.post("/bookings", body, Idempotency_Key="1", Accept_Language="en-GB,fr;q=0.9")
    assert english.json()["detail"] == "The end must come after the start."
    assert english.headers["Content-Language"] == "en"
    unknown = await renter.post("/bookings", body | {"colour": "green"}, Idempotency_Key="1", Accept_Language="fr")
    assert unknown.json()["errors"] == [{"pointer": "/colour", "detail": "Le champ « colour » est inconnu"}]


async def test_the_clock_moves_the_past(tractor: str, renter: Person) -> None:
    """The bound is the present, to the second, and not the day."""
    start = at(0, 1) - timedelta(hours=1, seconds=1)
    answer = await renter.book([tractor], start, start + timedelta(hours=5))
    assert answer.json()["code"] == "in_the_past"
