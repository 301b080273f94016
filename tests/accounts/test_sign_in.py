"""Registering, signing in and out, and tokens that speak for nobody."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import jwt
import pytest
import sqlalchemy as sa

from tests.people import PASSWORD, Person, World
from votremachine.accounts.rules import NotSignedIn
from votremachine.accounts.tokens import ACCESS_TOKEN_LIFE, Claims, Tokens
from votremachine.infra.database import Database

NOW = datetime(2026, 5, 4, 6, tzinfo=UTC)
SECRET = "a secret of thirty-two bytes or more"
CLAIMS = Claims(UUID(int=1), UUID(int=2))


async def login(http: httpx.AsyncClient, email: str, password: str) -> httpx.Response:
    return await http.post("/v1/auth/login", json={"email": email, "password": password})


async def test_signing_in_again_whatever_the_case_of_the_address(http: httpx.AsyncClient, world: World) -> None:
    await world.person("Claire@Ferme.example")
    answer = await login(http, "claire@ferme.EXAMPLE", PASSWORD)
    assert answer.status_code == 200
    token = answer.json()["access_token"]
    me = await Person(http, "", token).get("/me")
    assert (me.json()["email"], me.json()["seats"]) == ("claire@ferme.example", [])


async def test_a_wrong_password_and_an_unknown_address_are_told_alike(http: httpx.AsyncClient, world: World) -> None:
    await world.person("claire@ferme.example")
    wrong = await login(http, "claire@ferme.example", "not her password")
    unknown = await login(http, "clara@ferme.example", PASSWORD)
    for answer in (wrong, unknown):
        assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_failed")
    assert wrong.json()["detail"] == unknown.json()["detail"]


async def test_an_address_registers_once(http: httpx.AsyncClient, world: World) -> None:
    await world.person("claire@ferme.example")
    body = {"email": "CLAIRE@ferme.example", "password": PASSWORD, "name": "Claire"}
    again = await http.post("/v1/auth/register", json=body)
    assert (again.status_code, again.json()["code"]) == (409, "email_taken")


@pytest.mark.parametrize(
    "change",
    [
        {"email": "claire"},
        {"email": "a@b"},
        {"email": "claire@ferme.example\nBcc: all@ferme.example"},
        {"email": "<claire@ferme.example>"},
        {"email": "x" * 250 + "@ferme.example"},
        {"password": "short"},
        {"password": "x" * 201},
        {"name": ""},
        {"name": "a\x00b"},
        {"name": "a\r\nb"},
        {"language": "de"},
        {"role": "operator"},
    ],
)
async def test_a_bad_registration_makes_nobody(
    change: dict[str, str], http: httpx.AsyncClient, database: Database
) -> None:
    body = {"email": "claire@ferme.example", "password": PASSWORD, "name": "Claire"} | change
    answer = await http.post("/v1/auth/register", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    async with database.read() as tx:
        assert (await tx.execute(sa.text("SELECT count(*) FROM people"))).scalar_one() == 0


async def test_signing_out_ends_the_tokens_at_once(owner: Person) -> None:
    assert (await owner.get("/me")).status_code == 200
    assert (await owner.post("/auth/logout")).status_code == 204
    for path in ("/me", "/bookings", "/machines", "/inbox"):
        answer = await owner.get(path)
        assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")


async def test_a_refresh_token_is_good_once(http: httpx.AsyncClient, world: World) -> None:
    await world.person("claire@ferme.example")
    first = (await login(http, "claire@ferme.example", PASSWORD)).json()["refresh_token"]
    answers = await asyncio.gather(*(http.post("/v1/auth/refresh", json={"refresh_token": first}) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 9
    (second,) = (answer.json()["refresh_token"] for answer in answers if answer.status_code == 200)
    assert (await http.post("/v1/auth/refresh", json={"refresh_token": second})).status_code == 200


def test_a_token_speaks_for_its_person_until_it_expires() -> None:
    token = Tokens(SECRET).sign(CLAIMS, NOW)
    assert Tokens(SECRET).read(token, NOW + ACCESS_TOKEN_LIFE - timedelta(seconds=1)) == CLAIMS
    with pytest.raises(NotSignedIn):
        Tokens(SECRET).read(token, NOW + ACCESS_TOKEN_LIFE)


@pytest.mark.parametrize(
    "forged",
    [
        jwt.encode({"sub": str(UUID(int=1)), "sid": str(UUID(int=2)), "aud": "votremachine", "exp": NOW}, "x" * 32),
        jwt.encode({"sub": str(UUID(int=1)), "sid": str(UUID(int=2)), "aud": "other", "exp": NOW}, SECRET),
        jwt.encode({"sub": str(UUID(int=1)), "aud": "votremachine", "exp": NOW}, SECRET),
        jwt.encode({"sub": "me", "sid": str(UUID(int=2)), "aud": "votremachine", "exp": NOW}, SECRET),
        jwt.encode({"sub": str(UUID(int=1)), "sid": str(UUID(int=2)), "aud": "votremachine"}, SECRET),
        jwt.encode(
            {"sub": str(UUID(int=1)), "sid": str(UUID(int=2)), "aud": "votremachine", "exp": NOW}, "", algorithm="none"
        ),
        "",
        "a.b.c",
        "é",
    ],
    ids=["key", "audience", "no session", "no id", "no end", "no signature", "empty", "nonsense", "not ascii"],
)
def test_a_token_that_is_not_ours_speaks_for_nobody(forged: str) -> None:
    with pytest.raises(NotSignedIn):
        Tokens(SECRET).read(forged, NOW - timedelta(hours=1))


async def test_another_scheme_and_no_token_speak_for_nobody(owner: Person) -> None:
    for header in ("", "Bearer", "Bearer ", f"Basic {owner.token}", owner.token):
        answer = await owner.http.get("/v1/me", headers={"Authorization": header})
        assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")
