"""Refresh tokens: rotated at every use; a copy that is used ends the family and tells the person."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from tests.people import PASSWORD, Json, Person, World
from votremachine.accounts.refreshing import Refreshing
from votremachine.infra.database import Database
from votremachine.infra.keys import Keys
from votremachine.infra.outbox import drain
from votremachine.worker import HANDLERS

REFRESHING = Refreshing(Keys("a secret of thirty-two bytes or more"))


async def signed_in(http: httpx.AsyncClient, world: World) -> Json:
    await world.person("claire@ferme.example")
    return (await http.post("/v1/auth/login", json={"email": "claire@ferme.example", "password": PASSWORD})).json()


async def refresh(http: httpx.AsyncClient, token: str, key: str = "") -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return await http.post("/v1/auth/refresh", json={"refresh_token": token}, headers=headers)


async def alive(http: httpx.AsyncClient, pair: Json) -> bool:
    return (await Person(http, "", pair["access_token"]).get("/me")).status_code == 200


async def test_each_is_good_once_and_gets_the_next(http: httpx.AsyncClient, world: World) -> None:
    pair = await signed_in(http, world)
    seen = {pair["refresh_token"]}
    for _ in range(3):
        answer = await refresh(http, pair["refresh_token"])
        assert answer.status_code == 200
        pair = answer.json()
        assert await alive(http, pair)
        seen.add(pair["refresh_token"])
    assert len(seen) == 4


async def test_using_an_old_one_ends_the_whole_family_and_tells_the_person(
    http: httpx.AsyncClient, world: World, database: Database
) -> None:
    first = await signed_in(http, world)
    other = (await http.post("/v1/auth/login", json={"email": "claire@ferme.example", "password": PASSWORD})).json()
    second = (await refresh(http, first["refresh_token"])).json()
    third = (await refresh(http, second["refresh_token"])).json()
    stolen = await refresh(http, first["refresh_token"])
    assert (stolen.status_code, stolen.json()["code"]) == (401, "not_signed_in")
    assert not await alive(http, third)
    assert (await refresh(http, third["refresh_token"])).status_code == 401
    assert await alive(http, other), "another device is another family"
    await drain(database, HANDLERS)
    inbox = (await Person(http, "", other["access_token"]).get("/inbox")).json()["items"]
    assert [one["kind"] for one in inbox] == ["RefreshTokenReused"]
    log = (await Person(http, "", other["access_token"]).get("/me/audit")).json()["items"]
    assert "refresh_token_reused" in {one["verb"] for one in log}


async def test_fifty_at_once_leave_one_family_alive_or_none(
    http: httpx.AsyncClient, world: World, database: Database
) -> None:
    pair = await signed_in(http, world)
    answers = await asyncio.gather(*(refresh(http, pair["refresh_token"]) for _ in range(50)))
    assert {answer.status_code for answer in answers} <= {200, 401}
    won = [answer.json() for answer in answers if answer.status_code == 200]
    assert len(won) <= 1
    async with database.read() as tx:
        left = (await tx.execute(sa.text("SELECT count(*) FROM sessions WHERE NOT by_code"))).scalar_one()
    assert left == 0, "49 copies were used"


async def test_a_phone_that_lost_the_answer_asks_again_with_its_key(http: httpx.AsyncClient, world: World) -> None:
    first = await signed_in(http, world)
    once = (await refresh(http, first["refresh_token"], "a-key")).json()
    again = (await refresh(http, first["refresh_token"], "a-key")).json()
    assert again["refresh_token"] == once["refresh_token"]
    fifty = await asyncio.gather(*(refresh(http, first["refresh_token"], "a-key") for _ in range(50)))
    assert {(one.status_code, one.json()["refresh_token"]) for one in fifty} == {(200, once["refresh_token"])}
    assert await alive(http, again)
    assert (await refresh(http, once["refresh_token"], "next")).status_code == 200
    late = await refresh(http, first["refresh_token"], "a-key")
    assert late.status_code == 401, "what was answered then has been used: now it is a copy"
    assert not await alive(http, again)


async def test_another_key_does_not_help_who_has_a_copy(http: httpx.AsyncClient, world: World) -> None:
    first = await signed_in(http, world)
    once = (await refresh(http, first["refresh_token"], "a-key")).json()
    assert (await refresh(http, first["refresh_token"], "b-key")).status_code == 401
    assert not await alive(http, once)


async def test_nonsense_is_refused_and_ends_nothing(http: httpx.AsyncClient, world: World) -> None:
    pair = await signed_in(http, world)
    token = pair["refresh_token"]
    for nonsense in ("", "x", "é", token[:-1], token[:-4] + "AAA=", token + "A", "A" * len(token)):
        answer = await refresh(http, nonsense)
        assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in"), nonsense
    assert await alive(http, pair)


async def test_a_session_that_ran_out_is_not_renewed(http: httpx.AsyncClient, world: World, database: Database) -> None:
    pair = await signed_in(http, world)
    async with database.begin() as tx:
        await tx.execute(sa.text("UPDATE sessions SET expires_at = :now"), {"now": tx.now - timedelta(seconds=1)})
    assert (await refresh(http, pair["refresh_token"])).status_code == 401
    assert not await alive(http, pair)


async def test_nothing_that_renews_stands_in_the_database(
    http: httpx.AsyncClient, world: World, database: Database
) -> None:
    pair = await signed_in(http, world)
    async with database.read() as tx:
        kept = str(await tx.rows(sa.text("SELECT refresh_hash FROM sessions")))
    assert pair["refresh_token"] not in kept


@given(st.uuids(), st.binary(min_size=32, max_size=32), st.data())
def test_only_what_was_made_is_recognised(session: Any, secret: bytes, data: st.DataObject) -> None:
    token = REFRESHING.make(session, secret)
    assert REFRESHING.session_of(token) == session
    assert Refreshing(Keys("another secret of thirty-two bytes")).session_of(token) is None
    place = data.draw(st.integers(0, len(token) - 2))
    other = data.draw(st.sampled_from("ABCabc019-_").filter(lambda letter: letter != token[place]))
    changed = token[:place] + other + token[place + 1 :]
    assert REFRESHING.session_of(changed) is None
