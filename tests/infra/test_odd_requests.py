"""Requests that nobody sends by mistake: each gets a typed problem, and none a fault of ours."""

import asyncio
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from tests.people import PASSWORD, Person, World, at
from votremachine.infra.database import Database

JSON = {"Content-Type": "application/json"}
FAR = ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "1969-12-31T23:59:59Z", "2201-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"[" * 100_000, "invalid_input"),
        (b'{"email": ' + b"[" * 50_000, "invalid_input"),
        (b'{"email": "\xff", "password": "x"}', "bad_json"),
        (b'{"email": "a\\u0000@b.fr", "password": "x"}', "invalid_input"),
        (b'{"email": 5, "password": "x"}', "invalid_input"),
        (b'{"a/b~c": 1, "email": "a@b.fr", "password": "x"}', "invalid_input"),
        (b"NaN", "bad_json"),
    ],
)
async def test_a_body_made_to_break_something(content: bytes, code: str, http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/auth/login", content=content, headers=JSON)
    assert answer.json()["code"] == code, answer.text
    if b"a/b~c" in content:
        assert answer.json()["errors"][0]["pointer"] == "/a~1b~0c"


@pytest.mark.parametrize(
    "path", ["/%00", "/" + "a" * 300, "/" + "a/" * 200, "/schema/assets/%00", "/../pyproject.toml", "/.env"]
)
async def test_a_path_made_to_break_something(path: str, http: httpx.AsyncClient) -> None:
    answer = await http.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_path")


@pytest.mark.parametrize("far", FAR)
async def test_times_at_the_ends_of_the_calendar(far: str, world: World, owner: Person, renter: Person) -> None:
    tractor = await world.machine(owner)
    near = at(2).isoformat()
    early, late = (far, near) if far < "2000" else (near, far)
    span = {"start": early, "end": late}
    for person, method, path, body in (
        (renter, "POST", "/bookings", {"machine_ids": [tractor], **span}),
        (renter, "POST", "/quotes", {"machine_ids": [tractor], **span}),
        (owner, "POST", f"/machines/{tractor}/blocks", span),
        (owner, "GET", f"/machines/{tractor}/availability", None),
        (owner, "GET", f"/machines/{tractor}/agenda", None),
    ):
        query = httpx.QueryParams({"from": early, "to": late}) if method == "GET" else ""
        answer = await person.ask(method, f"{path}?{query}", body, Idempotency_Key="1")
        assert (answer.status_code, answer.json()["code"]) == (422, "out_of_time"), f"{path}: {answer.text}"


@pytest.mark.parametrize(
    "wrong", [{"start": 1_900_000_000}, {"start": "1900000000"}, {"start": 1.9e9}, {"start": "2030-01-01"}, {"note": 5}]
)
async def test_numbers_are_no_times_and_no_texts(
    wrong: dict[str, Any], world: World, owner: Person, renter: Person
) -> None:
    body = {"machine_ids": [await world.machine(owner)], "start": at(2).isoformat(), "end": at(3).isoformat()}
    answer = await renter.post("/bookings", body | wrong, Idempotency_Key="1")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input"), answer.text


@pytest.mark.parametrize("minor", ["12", "1e2", 12.5, 12.0, -1, 10**30, True])
async def test_money_is_a_whole_number(minor: Any, world: World, owner: Person) -> None:
    tractor = await world.machine(owner)
    answer = await owner.post(f"/machines/{tractor}/rates", {"rates": [{"unit": "day", "minor": minor}]})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input") if minor != 12.0 else True


@pytest.mark.parametrize("tag", ['"99999999999999999999.x"', '"' + "9" * 5000 + '.x"', '"-1.x"', '"١.x"'.encode()])
async def test_a_tag_that_was_never_given_is_stale(tag: Any, world: World, owner: Person) -> None:
    path = f"/v1/machines/{await world.machine(owner)}"
    sent = [("Authorization", f"Bearer {owner.token}"), ("If-Match", tag)]
    headers = httpx.Headers(
        [(name.encode(), value if isinstance(value, bytes) else value.encode()) for name, value in sent]
    )
    answer = await owner.http.patch(path, json={"title": "x"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (412, "stale")


@pytest.mark.parametrize("email", ["x@x.fr\n", "x\u200b@x.fr", "x\u202e@x.fr", "x\x7f@x.fr"])
async def test_characters_that_nobody_sees_make_no_account(email: str, http: httpx.AsyncClient) -> None:
    body = {"email": email, "password": PASSWORD, "name": "X"}
    assert (await http.post("/v1/auth/register", json=body)).status_code == 422
    for name in ("A\n", " ", "\u202eA"):
        assert (await http.post("/v1/auth/register", json=body | {"email": "x@x.fr", "name": name})).status_code == 422


async def test_eight_new_rate_cards_at_once(world: World, owner: Person, database: Database) -> None:
    tractor = await world.machine(owner)
    cards = [{"rates": [{"unit": "day", "minor": minor}]} for minor in range(8)]
    answers = await asyncio.gather(*(owner.post(f"/machines/{tractor}/rates", card) for card in cards))
    assert [answer.status_code for answer in answers] == [201] * 8
    async with database.read() as tx:
        in_force = sa.text("SELECT count(*) FROM rate_cards WHERE replaced_at IS NULL")
        assert (await tx.execute(in_force)).scalar_one() == 1


async def test_publishing_and_pausing_at_once_is_no_conflict(world: World, owner: Person) -> None:
    tractor = await world.machine(owner)
    verbs = ["publish", "pause"] * 4
    answers = await asyncio.gather(*(owner.post(f"/machines/{tractor}/{verb}") for verb in verbs))
    assert {answer.status_code for answer in answers} == {200}


async def test_changing_one_of_the_terms_leaves_the_others(world: World, owner: Person) -> None:
    tractor = await world.machine(owner, booking_mode="on_request", buffer_after_minutes=120)
    before = await owner.get(f"/machines/{tractor}")
    changed = await owner.ask(
        "PATCH", f"/machines/{tractor}", {"terms": {"lead_minutes": 60}}, If_Match=before.headers["ETag"]
    )
    assert changed.json()["terms"] == before.json()["terms"] | {"lead_minutes": 60}


async def test_a_replay_asks_who_is_asking(world: World, owner: Person, renter: Person) -> None:
    tractor = await world.machine(owner)
    assert (await renter.book([tractor], at(2), at(3), key="K")).status_code == 201
    await renter.post("/auth/logout")
    again = await renter.book([tractor], at(2), at(3), key="K")
    assert (again.status_code, again.json()["code"]) == (401, "not_signed_in")
    assert again.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("from=x&to=2027-01-01T00:00:00Z", "from"),
        ("from=2027-01-01T00:00:00Z&to=x", "to"),
        ("from=2027-01-01T00:00:00Z", "to"),
    ],
)
async def test_a_parameter_is_called_as_the_caller_calls_it(
    query: str, pointer: str, world: World, owner: Person
) -> None:
    tractor = await world.machine(owner)
    for path in ("availability", "substitutes"):
        answer = await owner.get(f"/machines/{tractor}/{path}?{query}")
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input"), answer.text
        assert [one["pointer"] for one in answer.json()["errors"]] == [pointer], path


async def test_a_header_and_a_scope_are_called_so_too(world: World, owner: Person) -> None:
    block = await owner.made(
        f"/machines/{await world.machine(owner)}/blocks", {"start": at(2).isoformat(), "end": at(3).isoformat()}
    )
    refused = await owner.ask("DELETE", f"/blocks/{block['id']}?scope=some", None)
    assert [one["pointer"] for one in refused.json()["errors"]] == ["scope"], refused.text
    refused = await owner.get("/events?follow=false", Last_Event_ID="9" * 81)
    assert [one["pointer"] for one in refused.json()["errors"]] == ["Last-Event-ID"], refused.text
