"""Signing in with a password, and out: who it is for, what it tells, and what it leaves behind."""

import httpx
import pytest
import sqlalchemy as sa

from tests.people import PASSWORD, Person, World
from votremachine.accounts.passwords import Passwords
from votremachine.accounts.service.people import add_person
from votremachine.config import Settings
from votremachine.infra.database import Database


async def login(http: httpx.AsyncClient, email: str, password: str) -> httpx.Response:
    return await http.post("/v1/auth/login", json={"email": email, "password": password})


async def test_signing_in_again_whatever_the_case_of_the_address(http: httpx.AsyncClient, world: World) -> None:
    await world.person("Claire@Ferme.example")
    answer = await login(http, "claire@ferme.EXAMPLE", PASSWORD)
    assert answer.status_code == 200
    token = answer.json()["access_token"]
    me = await Person(http, "", token).get("/me")
    assert (me.json()["email"], me.json()["seats"]) == ("claire@ferme.example", [])


async def test_signing_in_with_a_phone_number_however_it_is_written(http: httpx.AsyncClient, world: World) -> None:
    wish = {"phone": "06 12 34 56 78", "password": PASSWORD, "name": "Claire"}
    await world.redeemed(await http.post("/v1/auth/register", json=wish), "+33612345678")
    for written in ("+33612345678", "0612345678", "06-12-34-56-78", "+33 6 12 34 56 78"):
        answer = await http.post("/v1/auth/login", json={"phone": written, "password": PASSWORD})
        assert answer.status_code == 200, written
        me = await Person(http, "", answer.json()["access_token"]).get("/me")
        assert (me.json()["phone"], me.json()["email"]) == ("+33612345678", None)


async def test_a_wrong_password_and_an_unknown_address_are_told_alike(http: httpx.AsyncClient, world: World) -> None:
    await world.person("claire@ferme.example")
    wrong = await login(http, "claire@ferme.example", "not her password")
    unknown = await login(http, "clara@ferme.example", PASSWORD)
    for answer in (wrong, unknown):
        assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_failed")
    assert wrong.json()["detail"] == unknown.json()["detail"]


async def test_every_sign_in_is_one_argon2_verification_whoever_it_is(
    http: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which takes nearly all of the time: the same work for nobody as for somebody."""
    await world.person("claire@ferme.example")
    done: list[str] = []
    matches = Passwords._matches

    def counted(self: Passwords, password_hash: str, password: str) -> bool:
        done.append(password_hash.rsplit("$", 2)[0])  # the parameters, without salt and hash
        return matches(self, password_hash, password)

    monkeypatch.setattr(Passwords, "_matches", counted)
    for email in ("claire@ferme.example", "nobody@ferme.example"):
        await login(http, email, "not the password")
    assert len(done) == 2
    assert done[0] == done[1], "the same parameters"


async def test_a_hash_of_older_parameters_is_renewed(
    http: httpx.AsyncClient, database: Database, settings: Settings
) -> None:
    older = Passwords(Settings(argon2_passes=settings.argon2_passes + 1))
    async with database.begin() as tx:
        await add_person(tx, "claire@ferme.example", "Claire", "fr", await older.hash(PASSWORD))

    async def kept() -> str:
        async with database.read() as tx:
            return str((await tx.execute(sa.text("SELECT password_hash FROM people"))).scalar_one())

    before = await kept()
    assert (await login(http, "claire@ferme.example", "not her password")).status_code == 401
    assert await kept() == before
    assert (await login(http, "claire@ferme.example", PASSWORD)).status_code == 200
    after = await kept()
    assert after != before
    assert not Passwords(settings).outdated(after)
    assert (await login(http, "claire@ferme.example", PASSWORD)).status_code == 200
    assert await kept() == after


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "one_address"),
        ({"email": "claire@ferme.example", "phone": "0612345678"}, "one_address"),
        ({"phone": "0612"}, "not_a_phone_number"),
        ({"phone": "+33 0 00 00 00 00"}, "not_a_phone_number"),
        ({"phone": "call me"}, "invalid_input"),
        ({"email": "claire"}, "invalid_input"),
    ],
)
async def test_an_address_is_one_and_exists(given: dict[str, str], code: str, http: httpx.AsyncClient) -> None:
    for path in ("login", "register", "codes", "resets"):
        more = {"password": PASSWORD} if path in {"login", "register"} else {}
        more |= {"name": "Claire"} if path == "register" else {}
        answer = await http.post(f"/v1/auth/{path}", json=given | more)
        assert (answer.status_code, answer.json()["code"]) == (422, code), path


async def test_signing_out_ends_the_tokens_at_once(owner: Person) -> None:
    assert (await owner.get("/me")).status_code == 200
    assert (await owner.post("/auth/logout")).status_code == 204
    for path in ("/me", "/bookings", "/machines", "/inbox"):
        answer = await owner.get(path)
        assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")


async def test_another_scheme_and_no_token_speak_for_nobody(owner: Person) -> None:
    for header in ("", "Bearer", "Bearer ", f"Basic {owner.token}", owner.token):
        answer = await owner.http.get("/v1/me", headers={"Authorization": header})
        assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")
