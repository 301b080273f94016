"""Links to calendars: made once, kept as a hash, listed with their last use, worthless once revoked."""

from hashlib import sha256

import httpx
import pytest
import sqlalchemy as sa

from tests.accounts.test_colleagues import invited
from tests.calendars.test_feeds import linked
from tests.people import PASSWORD, Person, World
from votremachine.infra import logs
from votremachine.infra.database import Database
from votremachine.infra.tables import metadata


def token_of(path: str) -> str:
    return path.removeprefix("/v1/calendars/").removesuffix(".ics")


async def test_a_token_is_told_once_and_kept_as_a_hash(
    world: World, http: httpx.AsyncClient, owner: Person, database: Database
) -> None:
    answer = await owner.post("/calendar-links", {"name": "Phone", "machine_id": await world.machine(owner)})
    made = answer.json()
    assert (answer.status_code, answer.headers["Cache-Control"]) == (201, "no-store")
    assert made["webcal"] == made["url"].replace("http://", "webcal://")
    token = token_of(made["url"].removeprefix("http://127.0.0.1:8000"))
    assert len(token) == 43
    (listed,) = (await owner.get("/calendar-links")).json()["items"]
    assert listed == {name: made[name] for name in listed if name != "used_at"} | {"used_at": None}
    await http.get(f"/v1/calendars/{token}.ics")
    (used,) = (await owner.get("/calendar-links")).json()["items"]
    assert used["used_at"] is not None
    async with database.read() as tx:
        kept = "".join([str(await tx.rows(sa.text(f"SELECT * FROM {table}"))) for table in metadata.tables])
    assert token not in kept
    assert str(sha256(token.encode()).digest()) in kept


async def test_revoked_and_unknown_tokens_are_told_apart_by_nobody(
    http: httpx.AsyncClient, owner: Person, database: Database
) -> None:
    path = await linked(owner)
    assert (await http.get(path)).status_code == 200
    (link,) = (await owner.get("/calendar-links")).json()["items"]
    assert (await owner.ask("DELETE", f"/calendar-links/{link['id']}")).status_code == 204
    answers = [await http.get(one) for one in (path, "/v1/calendars/nonsense.ics", path.removesuffix(".ics"))]
    told = [answer.json() | {"instance": "", "request_id": ""} for answer in answers]
    assert told[0]["code"] == "unknown_calendar"
    assert told == [told[0]] * 3
    assert {answer.status_code for answer in answers} == {404}
    french = await http.get(path, headers={"Accept-Language": "fr"})
    assert "calendrier" in french.json()["detail"]
    async with database.read() as tx:
        noted = await tx.rows(sa.text("SELECT verb FROM audit_log WHERE object_kind = 'calendar' ORDER BY id"))
    assert [row.verb for row in noted] == ["link", "revoke"]


async def test_who_lost_the_seat_lost_the_calendars(world: World, http: httpx.AsyncClient, owner: Person) -> None:
    tractor = await world.machine(owner)
    helper = await invited(owner, world, "helper@x.example", "member")
    paths = [await linked(helper, machine_id=tractor), await linked(helper, party_id=owner.party_id)]
    own = await linked(helper)
    body = (await http.get(own)).text
    assert [(await http.get(path)).status_code for path in paths] == [200, 200]
    everybody = (await owner.get(f"/calendar-links?party_id={owner.party_id}")).json()["items"]
    assert len(everybody) == 2, "the owner sees who may read their calendars"
    person = (await helper.get("/me")).json()["id"]
    assert (await owner.ask("DELETE", f"/parties/{owner.party_id}/people/{person}")).status_code == 204
    assert [(await http.get(path)).status_code for path in paths] == [404, 404]
    assert (await http.get(own)).text == body, "without a booking of that farm"
    assert (await helper.post("/me/close", {"current": PASSWORD})).status_code == 204
    assert (await http.get(own)).status_code == 404


async def test_an_owner_revokes_what_a_colleague_gave_away(
    world: World, http: httpx.AsyncClient, owner: Person
) -> None:
    helper = await invited(owner, world, "helper@x.example", "viewer")
    path = await linked(helper, party_id=owner.party_id)
    await linked(helper)
    (link,) = (await owner.get(f"/calendar-links?party_id={owner.party_id}")).json()["items"]
    assert (await helper.get(f"/calendar-links?party_id={owner.party_id}")).status_code == 403
    assert (await owner.ask("DELETE", f"/calendar-links/{link['id']}")).status_code == 204
    assert (await http.get(path)).status_code == 404
    (own,) = (await helper.get("/calendar-links")).json()["items"]
    assert (await owner.ask("DELETE", f"/calendar-links/{own['id']}")).status_code == 404


async def test_a_wish_for_two_calendars_makes_none(world: World, owner: Person, renter: Person) -> None:
    tractor = await world.machine(owner)
    both = await owner.post("/calendar-links", {"machine_id": tractor, "party_id": owner.party_id})
    assert (both.status_code, both.json()["code"]) == (422, "one_calendar")
    theirs = await renter.post("/calendar-links", {"party_id": owner.party_id})
    assert (theirs.status_code, theirs.json()["code"]) == (404, "unknown_party")
    for person in (owner, renter):
        assert (await person.get("/calendar-links")).json()["items"] == []


async def test_the_log_says_that_a_calendar_was_read_and_not_which(
    http: httpx.AsyncClient, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []

    class Heard:
        def info(self, event: str, **said: object) -> None:
            lines.append(f"{event} {said}")

    monkeypatch.setattr(logs, "log", Heard())
    path = await linked(owner)
    for one in (path, path.removesuffix(".ics"), path.replace("/v1/", "/v2/"), f"{path}/more"):
        answer = await http.get(one)
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert len(lines) == 5
    assert token_of(path) not in "".join(lines)
    assert "'path': '/v1/calendars/…'" in lines[1]
