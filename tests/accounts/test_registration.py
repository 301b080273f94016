"""Challenges: registering, signing in with a code, resetting a password, adding an address. Nobody learns from an
answer whether an account exists, and a proof is good once.
"""

import asyncio
import re
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa

from tests.people import PASSWORD, Json, Letters, Person, World
from tests.statements import Statements
from votremachine.accounts.challenges import LIFE, MOST_ATTEMPTS, Proofs, Purpose
from votremachine.accounts.credentials import Credentials
from votremachine.accounts.service.challenges import LEASE, purge, send_letters
from votremachine.config import Settings
from votremachine.infra.database import Database
from votremachine.infra.keys import Keys
from votremachine.infra.letters import Letter, NotSent

CLAIRE = "claire@ferme.example"
LINK = re.compile(r"https?://\S+#([0-9a-f-]{36})\.(\S+)")
WISH = {"email": CLAIRE, "password": PASSWORD, "name": "Claire"}


class Killed(BaseException):
    """What ends a worker in the middle of a letter."""


async def redeem(http: httpx.AsyncClient, asked: Json, **proof: str) -> httpx.Response:
    return await http.post(f"/v1/auth/challenges/{asked['id']}/redeem", json=proof)


async def ask(http: httpx.AsyncClient, what: str, email: str = CLAIRE) -> Json:
    return (await http.post(f"/v1/auth/{what}", json={"email": email})).json()


async def rows(database: Database, statement: str) -> list[Json]:
    async with database.read() as tx:
        return [row._asdict() for row in await tx.rows(sa.text(statement))]


async def later(database: Database, by: timedelta) -> None:
    """As if every challenge had been asked for that much earlier."""
    async with database.begin() as tx:
        await tx.execute(sa.text("UPDATE challenges SET expires_at = expires_at - CAST(:by AS interval)"), {"by": by})


async def test_an_account_is_made_when_its_address_is_proved_and_not_before(
    http: httpx.AsyncClient, world: World, database: Database
) -> None:
    asked = await http.post("/v1/auth/register", json=WISH)
    assert asked.status_code == 202
    code = await world.code(CLAIRE)
    assert await rows(database, "SELECT id FROM people") == []
    assert (await http.post("/v1/auth/login", json={"email": CLAIRE, "password": PASSWORD})).status_code == 401
    pair = (await redeem(http, asked.json(), code=code)).json()
    me = (await Person(http, "", pair["access_token"]).get("/me")).json()
    assert (me["email"], me["name"], me["language"], me["seats"]) == (CLAIRE, "Claire", "fr", [])
    assert (await http.post("/v1/auth/login", json={"email": CLAIRE, "password": PASSWORD})).status_code == 200


async def test_the_answers_are_the_same_with_and_without_an_account(
    http: httpx.AsyncClient, world: World, letters: Letters
) -> None:
    await world.person(CLAIRE)
    for path, more in (("register", {"password": "another password", "name": "X"}), ("codes", {}), ("resets", {})):
        known, unknown = [
            await http.post(f"/v1/auth/{path}", json={"email": email, **more}) for email in (CLAIRE, "nobody@x.example")
        ]
        assert known.status_code == unknown.status_code == 202
        assert known.json().keys() == unknown.json().keys()
        assert set(known.headers) == set(unknown.headers)
        await letters(CLAIRE)
        for asked in (known.json(), unknown.json()):
            wrong = await redeem(http, asked, code="000000", password=PASSWORD)
            assert (wrong.status_code, wrong.json()["code"]) == (401, "proof_failed")


async def test_asking_costs_the_same_statements_with_and_without_an_account(
    http: httpx.AsyncClient, world: World, statements: Statements
) -> None:
    await world.person(CLAIRE)
    counted = []
    for email in (CLAIRE, "nobody@x.example"):
        statements.sent.clear()
        for path in ("codes", "resets"):
            await http.post(f"/v1/auth/{path}", json={"email": email})
        counted.append(statements.asked)
    assert counted[0] == counted[1]
    assert len(counted[0]) == 2


async def test_registering_twice_signs_in_and_changes_nothing(
    http: httpx.AsyncClient, world: World, letters: Letters, database: Database
) -> None:
    await world.person(CLAIRE)
    before = await rows(database, "SELECT * FROM people")
    asked = await http.post("/v1/auth/register", json={**WISH, "password": "another password", "name": "Mallory"})
    assert "déjà un compte" in (await letters(CLAIRE))[-1] or "account already" in (await letters(CLAIRE))[-1]
    assert (await world.redeemed(asked, CLAIRE))["access_token"]
    assert await rows(database, "SELECT * FROM people") == before


async def test_two_who_register_with_one_address_do_not_get_each_others_account(
    http: httpx.AsyncClient, world: World
) -> None:
    mallory = (await http.post("/v1/auth/register", json={**WISH, "password": "mallory's own"})).json()
    await world.code(CLAIRE)
    claire = (await http.post("/v1/auth/register", json=WISH)).json()
    code = await world.code(CLAIRE)
    assert (await redeem(http, mallory, code=code)).status_code == 401
    assert (await redeem(http, claire, code=code)).status_code == 200
    assert (await http.post("/v1/auth/login", json={"email": CLAIRE, "password": PASSWORD})).status_code == 200


async def test_a_farmer_who_forgot_the_password_gets_in_with_a_code(http: httpx.AsyncClient, world: World) -> None:
    await world.person(CLAIRE)
    asked = await http.post("/v1/auth/codes", json={"email": CLAIRE})
    pair = await world.redeemed(asked, CLAIRE)
    claire = Person(http, CLAIRE, pair["access_token"])
    assert (await claire.ask("PUT", "/me/password", {"password": "a new password"})).status_code == 204
    assert (await http.post("/v1/auth/login", json={"email": CLAIRE, "password": "a new password"})).status_code == 200


async def test_nobody_is_written_to_who_has_no_account(http: httpx.AsyncClient, letters: Letters) -> None:
    for what in ("codes", "resets"):
        await ask(http, what, "nobody@x.example")
    assert await letters("nobody@x.example") == []


async def test_a_code_is_good_once_even_at_the_same_moment(http: httpx.AsyncClient, world: World) -> None:
    await world.person(CLAIRE)
    asked = await ask(http, "codes")
    code = await world.code(CLAIRE)
    answers = await asyncio.gather(*(redeem(http, asked, code=code) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 7


async def test_a_code_bears_five_tries(http: httpx.AsyncClient, world: World) -> None:
    await world.person(CLAIRE)
    for tries, status in ((MOST_ATTEMPTS - 1, 200), (MOST_ATTEMPTS, 401)):
        asked = await ask(http, "codes")
        code = await world.code(CLAIRE)
        wrong = f"{(int(code) + 1) % 10**6:06}"
        for _ in range(tries):
            assert (await redeem(http, asked, code=wrong)).status_code == 401
        assert (await redeem(http, asked, code=code)).status_code == status


@pytest.mark.parametrize(("what", "purpose"), [("codes", Purpose.SIGN_IN), ("resets", Purpose.RESET)])
async def test_a_code_runs_out(
    what: str, purpose: Purpose, http: httpx.AsyncClient, world: World, database: Database
) -> None:
    await world.person(CLAIRE)
    asked = await ask(http, what)
    code = await world.code(CLAIRE)
    await later(database, LIFE[purpose])
    assert (await redeem(http, asked, code=code, password=PASSWORD)).status_code == 401


async def test_a_reset_by_link_ends_every_session(http: httpx.AsyncClient, world: World, letters: Letters) -> None:
    before = await world.person(CLAIRE)
    asked = await ask(http, "resets")
    found = LINK.search((await letters(CLAIRE))[-1])
    assert found
    assert found[1] == asked["id"]
    token = found[2]
    assert (await redeem(http, asked, token=token[:-1], password="a new password")).status_code == 401
    missing = await redeem(http, asked, token=token)
    assert (missing.status_code, missing.json()["code"]) == (422, "password_needed")
    done = await redeem(http, asked, token=token, password="a new password")
    assert done.status_code == 200
    assert (await redeem(http, asked, token=token, password="and another")).status_code == 401
    assert (await before.get("/me")).status_code == 401
    assert (await Person(http, "", done.json()["access_token"]).get("/me")).status_code == 200
    assert (await http.post("/v1/auth/login", json={"email": CLAIRE, "password": PASSWORD})).status_code == 401
    assert (await http.post("/v1/auth/login", json={"email": CLAIRE, "password": "a new password"})).status_code == 200


async def test_an_address_is_added_when_it_is_proved(http: httpx.AsyncClient, world: World, letters: Letters) -> None:
    claire = await world.person(CLAIRE)
    asked = (await claire.post("/me/addresses", {"phone": "06 12 34 56 78"})).json()
    code = await world.code("+33612345678")
    assert (await claire.get("/me")).json()["phone"] is None
    public = await redeem(http, asked, code=code)
    assert public.status_code == 401, "only who asked may prove it"
    other = await world.person("mallory@x.example")
    stolen = await other.post(f"/me/addresses/{asked['id']}/redeem", {"code": code})
    assert (stolen.status_code, stolen.json()["code"]) == (401, "proof_failed")
    me = await claire.post(f"/me/addresses/{asked['id']}/redeem", {"code": code})
    assert (me.status_code, me.json()["phone"], me.json()["email"]) == (200, "+33612345678", CLAIRE)


async def test_an_address_of_somebody_else_is_not_added_nor_told(
    http: httpx.AsyncClient, world: World, letters: Letters
) -> None:
    await world.person(CLAIRE)
    mallory = await world.person("mallory@x.example")
    free = await mallory.post("/me/addresses", {"email": "free@x.example"})
    taken = await mallory.post("/me/addresses", {"email": CLAIRE})
    assert free.status_code == taken.status_code == 202
    assert not re.search(r"\d{6}", (await letters(CLAIRE))[-1]), "no code for who has the address"
    for asked in (free, taken):
        wrong = await mallory.post(f"/me/addresses/{asked.json()['id']}/redeem", {"code": "000000"})
        assert wrong.status_code == 401


async def test_of_two_who_prove_one_address_the_second_is_refused(world: World) -> None:
    first, second = await world.person("one@x.example"), await world.person("two@x.example")
    asked = {}
    for person in (first, second):
        challenge = (await person.post("/me/addresses", {"phone": "+33612345678"})).json()["id"]
        asked[person.email] = (challenge, await world.code("+33612345678"))
    answers = []
    for person in (first, second):
        challenge, code = asked[person.email]
        answers.append(await person.post(f"/me/addresses/{challenge}/redeem", {"code": code}))
    assert [answer.status_code for answer in answers] == [200, 409]
    assert answers[1].json()["code"] == "address_taken"
    assert (await second.get("/me")).json()["phone"] is None


async def test_neither_codes_nor_tokens_nor_passwords_stand_in_the_database(
    http: httpx.AsyncClient, world: World, letters: Letters, database: Database
) -> None:
    await world.person(CLAIRE)
    await ask(http, "resets")
    text = (await letters(CLAIRE))[-1]
    code, link = re.findall(r"\b\d{6}\b", text)[0], LINK.search(text)
    kept = str(await rows(database, "SELECT * FROM challenges")) + str(await rows(database, "SELECT * FROM outbox"))
    assert link
    assert link[2] not in kept
    assert f"'{code}'" not in kept
    assert PASSWORD not in kept


async def test_a_letter_that_was_not_taken_is_sent_again_with_another_code(
    http: httpx.AsyncClient, world: World, database: Database, settings: Settings
) -> None:
    await world.person(CLAIRE)
    asked = await ask(http, "codes")
    proofs, seen = Credentials.of(settings).proofs, list[str]()

    class Broken:
        async def send(self, letter: Letter) -> None:
            seen.append(re.findall(r"\b\d{6}\b", letter.text)[0])
            raise NotSent("451 try again")

    assert await send_letters(database, Broken(), proofs, settings.link_base) == 0
    assert await send_letters(database, Broken(), proofs, settings.link_base) == 0
    assert len(seen) == 1, "not at once"
    async with database.begin() as tx:
        await tx.execute(sa.text("UPDATE challenges SET send_at = :now WHERE send_at IS NOT NULL"), {"now": tx.now})
    code = await world.code(CLAIRE)
    if code != seen[0]:
        assert (await redeem(http, asked, code=seen[0])).status_code == 401
    assert (await redeem(http, asked, code=code)).status_code == 200


async def test_two_workers_send_a_letter_once_and_a_dead_ones_again(
    http: httpx.AsyncClient, world: World, database: Database, settings: Settings
) -> None:
    await world.person(CLAIRE)
    await ask(http, "codes")
    proofs, sent = Credentials.of(settings).proofs, list[str]()

    class Slow:
        async def send(self, letter: Letter) -> None:
            await asyncio.sleep(0.05)
            sent.append(letter.text)

    class Dying:
        async def send(self, _: Letter) -> None:
            raise Killed

    with pytest.raises(Killed):
        await send_letters(database, Dying(), proofs, "")
    assert await send_letters(database, Slow(), proofs, "") == 0, "its lease still runs"
    async with database.begin() as tx:
        await tx.execute(sa.text("UPDATE challenges SET send_at = send_at - CAST(:by AS interval)"), {"by": LEASE})
    both = await asyncio.gather(*(send_letters(database, Slow(), proofs, "") for _ in range(2)))
    assert (sorted(both), len(sent)) == ([0, 1], 1)


async def test_what_ran_out_a_day_ago_is_forgotten(http: httpx.AsyncClient, database: Database) -> None:
    await ask(http, "codes", "nobody@x.example")
    async with database.begin() as tx:
        assert await purge(tx) == 0
    await later(database, timedelta(days=1) + LIFE[Purpose.SIGN_IN])
    async with database.begin() as tx:
        assert await purge(tx) == 1


def test_a_code_is_right_for_its_own_challenge_and_key_alone() -> None:

    one, other = UUID(int=1), UUID(int=2)
    proofs = Proofs(Keys("a secret"))
    kept = proofs.code_hash(one, "123456")
    assert proofs.right_code(one, kept, "123456")
    assert Proofs(Keys("a newer secret", ["a secret"])).right_code(one, kept, "123456")
    assert not proofs.right_code(one, kept, "123457")
    assert not proofs.right_code(other, kept, "123456")
    assert not proofs.right_code(one, None, "")
    assert not Proofs(Keys("another")).right_code(one, kept, "123456")
