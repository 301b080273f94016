"""The conventions of the HTTP contract, each in one place: problems, ETags, cursors, logs, OpenAPI, health."""

import json
from typing import Any
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa
from litestar import Litestar

from tests.people import Person, World, at
from votremachine.infra.database import Database
from votremachine.infra.keys import Keys
from votremachine.infra.languages import preferred
from votremachine.infra.pages import BadCursor, Cursors


async def test_an_unknown_path_a_wrong_method_and_nobody(http: httpx.AsyncClient) -> None:
    for method, path, status, code in (
        ("GET", "/v1/tractors", 404, "unknown_path"),
        ("GET", "/v1/machines/not-an-id", 404, "unknown_path"),
        ("DELETE", "/v1/machines", 405, "method_not_allowed"),
        ("GET", "/v1/me", 401, "not_signed_in"),
    ):
        answer = await http.request(method, path)
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (status, code), answer.text
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert problem["instance"] == path.partition("?")[0]
        assert problem["request_id"] == answer.headers["X-Request-Id"]


async def test_what_a_handler_depends_on_opens_no_task_group(renter: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened() -> None:
        raise AssertionError("0.1 ms of CPU for each request")

    monkeypatch.setattr("litestar._kwargs.kwargs_model.create_task_group", opened)
    assert (await renter.get("/bookings")).status_code == 200


async def test_a_wrong_method_is_told_the_right_ones(http: httpx.AsyncClient) -> None:
    answer = await http.delete("/v1/machines")
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


async def test_a_wrong_parameter_is_named(renter: Person) -> None:
    for wrong in ("limit=0", "limit=201", "limit=many", "party_id=me"):
        answer = await renter.get(f"/machines?{wrong}")
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
        assert [error["pointer"] for error in answer.json()["errors"]] == [wrong.partition("=")[0]]


async def test_a_fault_of_ours_is_told_without_its_trace(
    http: httpx.AsyncClient, renter: Person, database: Database
) -> None:
    async with database.begin() as tx:
        await tx.execute(sa.text("ALTER TABLE messages RENAME TO letters"))
    try:
        answer = await renter.get("/inbox", Accept_Language="fr")
    finally:
        async with database.begin() as tx:
            await tx.execute(sa.text("ALTER TABLE letters RENAME TO messages"))
    assert (answer.status_code, answer.json()["code"]) == (500, "unexpected")
    assert "messages" not in answer.text
    assert answer.json()["request_id"] == answer.headers["X-Request-Id"]


async def test_a_request_id_of_the_callers_is_kept_if_it_is_sane(http: httpx.AsyncClient) -> None:
    kept = await http.get("/health/live", headers={"X-Request-Id": "phone-0123456789"})
    assert kept.headers["X-Request-Id"] == "phone-0123456789"
    for bad in ("x", "a b c d e f g h", "x" * 100):
        answer = await http.get("/health/live", headers=[("X-Request-Id", bad)])
        assert answer.headers["X-Request-Id"] != bad


async def test_a_read_that_did_not_change_answers_304(world: World, owner: Person, renter: Person) -> None:
    path = f"/machines/{await world.machine(owner)}"
    first = await renter.get(path)
    tag = first.headers["ETag"]
    assert tag.startswith('"')
    for header in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        again = await renter.get(path, If_None_Match=header)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == tag
    assert (await renter.get(path, If_None_Match='"other"')).status_code == 200
    edited = await owner.ask(
        "PATCH", path, {"title": "Tracteur rouge"}, If_Match=(await owner.get(path)).headers["ETag"]
    )
    assert edited.status_code == 200, edited.text
    assert (await renter.get(path, If_None_Match=tag)).json()["title"] == "Tracteur rouge"


async def test_a_write_needs_the_tag_that_was_read_last(world: World, owner: Person) -> None:
    path = f"/machines/{await world.machine(owner)}"
    tag = (await owner.get(path)).headers["ETag"]
    without = await owner.ask("PATCH", path, {"title": "Un"})
    assert (without.status_code, without.json()["code"]) == (428, "if_match_required")
    assert (await owner.ask("PATCH", path, {"title": "Deux"}, If_Match=tag)).status_code == 200
    for stale in (tag, '"nonsense"', "*", ""):
        answer = await owner.ask("PATCH", path, {"title": "Trois"}, If_Match=stale)
        assert (answer.status_code, answer.json()["code"]) == (412, "stale")
    assert (await owner.get(path)).json()["title"] == "Deux"


async def test_pages_give_every_row_once_and_in_order(world: World, owner: Person) -> None:
    made = {await world.machine(owner) for _ in range(5)}
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await owner.get(f"/machines?limit=2{f'&cursor={cursor}' if cursor else ''}")).json()
        assert len(page["items"]) <= 2
        seen += [machine["id"] for machine in page["items"]]
        cursor = page["next_cursor"]
    assert seen == sorted(made)


async def test_a_cursor_is_good_for_its_own_list_and_unforged(world: World, owner: Person) -> None:
    for _ in range(2):
        await world.machine(owner)
    cursor = (await owner.get("/machines?limit=1")).json()["next_cursor"]
    for bad in (cursor[:-2] + "AA", "AAAA", "é", cursor + "x", "%00"):
        answer = await owner.get(f"/machines?cursor={bad}")
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_cursor")
    elsewhere = await owner.get(f"/bookings?cursor={cursor}")
    assert elsewhere.json()["code"] == "bad_cursor"


def test_a_cursor_of_another_secret_is_refused() -> None:
    cursor = Cursors(Keys("one secret")).write("list", "key")
    assert Cursors(Keys("one secret")).read("list", cursor, str) == "key"
    assert Cursors(Keys("a newer one", ["one secret"])).read("list", cursor, str) == "key"
    with pytest.raises(BadCursor):
        Cursors(Keys("another")).read("list", cursor, str)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "fr"),
        ("fr", "fr"),
        ("en", "en"),
        ("en-GB,en;q=0.9,fr;q=0.8", "en"),
        ("fr;q=0.3, en;q=0.7", "en"),
        ("de, es", "fr"),
        ("de, *;q=0.5", "fr"),
        ("en;q=0", "fr"),
        ("en;q=nonsense", "fr"),
    ],
)
def test_the_better_ranked_language_is_spoken(header: str, language: str) -> None:
    assert preferred(header) == language


async def test_every_answer_carries_the_security_headers(http: httpx.AsyncClient) -> None:
    for path in ("/", "/v1/categories", "/v1/nowhere", "/schema", "/health/live"):
        headers = (await http.get(path)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert ("unsafe-inline" in headers["Content-Security-Policy"]) == path.startswith("/schema")


async def test_long_answers_are_compressed(world: World, owner: Person) -> None:
    for _ in range(3):
        await world.machine(owner)
    for encoding in ("br", "gzip"):
        answer = await owner.get("/machines", Accept_Encoding=encoding)
        assert answer.headers["Content-Encoding"] == encoding
        assert len(answer.json()["items"]) == 3


async def test_the_service_says_what_it_lacks(http: httpx.AsyncClient, database: Database) -> None:
    assert (await http.get("/health/live")).json() == {"alive": True}
    ready = await http.get("/health/ready")
    assert (ready.status_code, ready.json()) == (200, {"database": True, "migrations": True, "redis": True})
    async with database.begin() as tx:
        await tx.execute(sa.text("UPDATE alembic_version SET version_num = version_num || 'x'"))
    try:
        behind = await http.get("/health/ready")
        assert (behind.status_code, behind.json()["migrations"]) == (503, False)
    finally:
        async with database.begin() as tx:
            await tx.execute(sa.text("UPDATE alembic_version SET version_num = rtrim(version_num, 'x')"))


def operations(app: Litestar) -> list[tuple[str, str, dict[str, Any]]]:
    document = app.openapi_schema.to_schema()
    return [
        (path, method, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if path.startswith("/v1")
    ]


def test_every_route_states_its_errors(app: Litestar) -> None:
    for path, method, operation in operations(app):
        stated, where = set(operation["responses"]), f"{method} {path}"
        if operation.get("security") != [{}]:
            assert "401" in stated, where
        if "requestBody" in operation:
            assert {"400", "413", "422"} <= stated, where
        if "{" in path:
            assert "404" in stated, where
        for status, response in operation["responses"].items():
            if int(status) >= 400 and response["content"]:
                assert list(response["content"]) == ["application/problem+json"], f"{where} {status}"


def test_every_header_that_a_route_insists_on_stands_in_its_document(app: Litestar) -> None:
    for path, method, operation in operations(app):
        named = {parameter["name"]: parameter["required"] for parameter in operation.get("parameters", [])}
        codes = ", ".join(response["description"] for response in operation["responses"].values()).split(", ")
        where = f"{method} {path}"
        assert ("If-Match" in named) == ("if_match_required" in codes), where
        assert ("Idempotency-Key" in named) == ("idempotency_key_invalid" in codes), where
    booking = app.openapi_schema.to_schema()["paths"]["/v1/bookings"]["post"]["parameters"]
    assert [(one["name"], one["in"], one["required"]) for one in booking] == [("Idempotency-Key", "header", True)]


async def test_the_document_is_openapi_31_and_needs_no_internet(http: httpx.AsyncClient) -> None:
    document = (await http.get("/schema/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    page = await http.get("/schema")
    assert page.status_code == 200
    assert "https://" not in page.text
    assert "http://" not in page.text
    for asset in ("swagger-ui-bundle.js", "swagger-ui.css", "swagger-ui-standalone-preset.js"):
        assert f"/schema/assets/{asset}" in page.text
        assert (await http.get(f"/schema/assets/{asset}")).status_code == 200


async def test_errors_that_happen_are_among_those_stated(
    http: httpx.AsyncClient, app: Litestar, world: World, owner: Person, renter: Person
) -> None:
    """A few refusals of one route, held against what its document promises."""
    stated = app.openapi_schema.to_schema()["paths"]["/v1/bookings"]["post"]["responses"]
    tractor = await world.machine(owner)
    await renter.booked([tractor], at(2), at(3))
    for answer in (
        await renter.book([tractor], at(2), at(3)),
        await renter.book([tractor], at(3), at(2)),
        await renter.book([str(uuid4())], at(3), at(4)),
        await renter.post("/bookings", {}),
        await http.post("/v1/bookings", json={}),
    ):
        code = answer.json()["code"]
        assert code in stated[str(answer.status_code)]["description"].split(", "), json.dumps(code)
