"""Hostile text in every text field of every body: a typed refusal and nothing stored, or kept as the text it is."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa
from litestar import Litestar

from tests.accounts.test_matrix import Scene
from tests.accounts.test_matrix import scene as scene  # noqa: PLC0414 -- a fixture
from tests.people import Json
from votremachine.infra.database import Database
from votremachine.infra.tables import metadata

# Never allowed anywhere: PostgreSQL has no place for NUL, and nobody writes a field of a hundred thousand letters.
REFUSED = {"null byte": "a\x00b", "endless": "é" * 100_000, "lone surrogate": "\ud800"}
# Harmless as text, if they are taken for nothing else.
ODD = {
    "sql": "'; DROP TABLE people; --",
    "sql number": "1 OR 1=1",
    "header": "x\r\nSet-Cookie: a=b",
    "template": "{0} {facts} %s ${x}",
    "path": "../../../../etc/passwd",
    "html": "<script>alert(1)</script>",
    "right to left": "abc\u202edef",
    "wide": "𝕏" * 50 + "\u0301" * 50,
}
Place = tuple[str, ...]


def text_fields(document: Json, schema: Json, where: Place = ()) -> Iterator[Place]:
    """Where a body has text, by the names on the way there."""
    for one in schema.get("oneOf", []) + schema.get("anyOf", []) + schema.get("allOf", []):
        yield from text_fields(document, one, where)
    if "$ref" in schema:
        yield from text_fields(document, document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], where)
    kind = schema.get("type")
    if where and (kind == "string" or (isinstance(kind, list) and "string" in kind)):
        yield where
    for name, inner in schema.get("properties", {}).items():
        yield from text_fields(document, inner, (*where, name))


def bodies(app: Litestar) -> Iterator[tuple[str, str, set[Place]]]:
    """Every route that takes JSON, with its text fields."""
    document = app.openapi_schema.to_schema()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            content = operation.get("requestBody", {}).get("content", {})
            if path.startswith("/v1/") and "application/json" in content:
                schema = content["application/json"]["schema"]
                yield method.upper(), path, set(text_fields(document, schema))


def with_text(body: Json, where: Place, text: str) -> Json:
    changed = deepcopy(body) or {}
    at: dict[str, Any] = changed
    for name in where[:-1]:
        if not isinstance(at.get(name), dict):
            at[name] = {}  # a text may stand where there may be several, by language
        at = at[name]
    at[where[-1]] = text
    return changed


async def send(scene: Scene, method: str, path: str, body: Json) -> httpx.Response:
    owner = scene.people["owner"]
    headers = {"Authorization": f"Bearer {owner.token}", "Content-Type": "application/json", "If-Match": '"1.x"'}
    headers["Idempotency-Key"] = str(uuid4())
    # ASCII, so that half a surrogate can be written, as "\\ud800".
    return await owner.http.request(method, f"/v1{scene.path(path)}", content=json.dumps(body), headers=headers)


async def stored(database: Database) -> str:
    """All text that is kept, but for challenges: they keep what was asked, and are held to the same."""
    async with database.read() as tx:
        return "".join([str(await tx.rows(sa.text(f"SELECT * FROM {table}"))) for table in metadata.tables])


def check_typed(answer: httpx.Response, case: str) -> None:
    assert answer.status_code < 500, case
    if not answer.is_success:
        assert answer.headers["content-type"] == "application/problem+json", case
        assert answer.json()["code"], case
    assert "set-cookie" not in answer.headers, case


@pytest.mark.parametrize("kind", REFUSED)
async def test_what_no_text_may_hold_is_refused_everywhere(
    kind: str, app: Litestar, scene: Scene, database: Database
) -> None:
    tried, before = 0, await stored(database)
    for method, path, fields in bodies(app):
        for where in fields:
            body = with_text(scene.body(method, path, "owner"), where, REFUSED[kind])
            answer, case = await send(scene, method, path, body), f"{method} {path} {'.'.join(where)}"
            check_typed(answer, case)
            assert not answer.is_success, case
            tried += 1
    assert tried > 60
    assert await stored(database) == before


@pytest.mark.parametrize("kind", ODD)
async def test_odd_text_is_kept_as_it_is_or_refused(kind: str, app: Litestar, scene: Scene, database: Database) -> None:
    for method, path, fields in bodies(app):
        for where in fields:
            body = with_text(scene.body(method, path, "owner"), where, ODD[kind])
            check_typed(await send(scene, method, path, body), f"{method} {path} {'.'.join(where)}")
    async with database.read() as tx:
        people = (await tx.execute(sa.text("SELECT count(*) FROM people"))).scalar_one()
    assert people == len(scene.people), "nobody was dropped, nobody was made"


async def test_no_body_takes_a_field_that_it_does_not_know(app: Litestar, scene: Scene, database: Database) -> None:
    before, tried = await stored(database), 0
    for method, path, fields in bodies(app):
        for name in ("id", "staff", "demo", "version", "is_admin", "party_kind", "password_hash"):
            if (name,) in fields:
                continue
            body = {**(scene.body(method, path, "owner") or {}), name: "1"}
            answer = await send(scene, method, path, body)
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input"), f"{method} {path} {name}"
            tried += 1
    assert tried > 150
    assert await stored(database) == before
