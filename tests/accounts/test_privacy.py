"""A person's data in one archive, and their leaving: anonymised at once, kept where the law asks."""

import io
import zipfile
from datetime import timedelta

import httpx
import msgspec
import pytest
import sqlalchemy as sa

from tests.accounts.test_colleagues import invited
from tests.people import PASSWORD, Json, Person, World, at
from votremachine.accounts.service.privacy import KEPT_BY_LAW, NOBODY, forget_old_parties, purge_sessions
from votremachine.infra.database import Database
from votremachine.infra.outbox import drain
from votremachine.worker import HANDLERS


async def exported(person: Person) -> Json:
    answer = await person.get("/me/export")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert answer.headers["cache-control"] == "no-store"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return {name: msgspec.json.decode(archive.read(name)) for name in archive.namelist()}


async def close(person: Person) -> httpx.Response:
    return await person.post("/me/close", {"current": PASSWORD})


async def test_all_that_is_known_of_a_person_and_no_secret(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    booking = await renter.booked([await world.machine(owner)], at(2), at(3), note="After the rain")
    await renter.made(f"/parties/{renter.party_id}/instruments", {"token": "tok_visa"})
    await drain(database, HANDLERS)
    told, theirs = await exported(renter), await exported(owner)
    assert set(told) == {
        "account.json",
        "bookings.json",
        "deposits.json",
        "calendar_feeds.json",
        "calendar_links.json",
        "cards.json",
        "claims.json",
        "deliveries.json",
        "inbox.json",
        "invoices.json",
        "inspections.json",
        "machines.json",
        "waiting_list.json",
    }
    (person,) = told["account.json"]["person"]
    assert (person["email"], person["name"]) == (renter.email, "Renter")
    assert {one["booking_id"] for one in told["bookings.json"]} == {booking["id"]}
    assert {one["note"] for one in told["bookings.json"]} == {"After the rain"}
    assert [one["kind"] for one in theirs["inbox.json"]] == ["BookingConfirmed"]
    assert {one["verb"] for one in told["account.json"]["audit_log"]} >= {"sign_in", "found", "export"}
    assert [(one["last4"], "reference" in one) for one in told["cards.json"]] == [("4242", False)]
    assert theirs["cards.json"] == []
    written = str(told)
    assert owner.email not in written
    for secret in ("password_hash", "refresh_hash", "$argon2", "code_hash"):
        assert secret not in written


async def test_who_leaves_is_nobody_any_more(world: World, http: httpx.AsyncClient, database: Database) -> None:
    claire = await world.farmer("claire@ferme.example", "Ferme du Luy")
    await claire.made(f"/parties/{claire.party_id}/invitations", {})
    await http.post("/v1/auth/codes", json={"email": claire.email})
    async with database.read() as tx:
        before = (await tx.execute(sa.text("SELECT count(*) FROM audit_log"))).scalar_one()
    assert (await close(claire)).status_code == 204
    assert (await claire.get("/me")).status_code == 401
    async with database.read() as tx:
        (person,) = await tx.rows(sa.text("SELECT * FROM people"))
        left = {
            table: (await tx.execute(sa.text(f"SELECT count(*) FROM {table}"))).scalar_one()
            for table in ("seats", "sessions", "challenges", "messages", "reminders")
        }
        (party,) = await tx.rows(sa.text("SELECT name, closed_at FROM parties"))
        after = (await tx.execute(sa.text("SELECT count(*) FROM audit_log"))).scalar_one()
    assert (person.email, person.phone, person.password_hash, person.name) == (None, None, None, NOBODY)
    assert set(left.values()) == {0}, left
    assert party.closed_at is not None
    assert party.name == "Ferme du Luy", "what invoices name is kept"
    assert after == before + 1
    for path, body in (("login", {"password": PASSWORD}), ("codes", {})):
        answer = await http.post(f"/v1/auth/{path}", json={"email": claire.email, **body})
        assert answer.status_code == (401 if path == "login" else 202)
    again = await world.person(claire.email)
    assert (await again.get("/me")).json()["seats"] == [], "the address is free, the old account is not theirs"


async def test_machines_of_a_party_that_closed_are_off_the_market(world: World, owner: Person, renter: Person) -> None:
    listed, draft = await world.machine(owner), await world.machine(owner, listed=False)
    assert (await close(owner)).status_code == 204
    for machine in (listed, draft):
        assert (await renter.get(f"/machines/{machine}")).status_code == 404
    refused = await renter.book([listed], at(2), at(3), payment="on_account")
    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_machine")
    assert listed not in (await renter.get("/machines")).text


async def test_nobody_leaves_a_booking_behind(world: World, owner: Person, renter: Person) -> None:
    booking = await renter.booked([await world.machine(owner)], at(2), at(3))
    for person in (owner, renter):
        refused = await close(person)
        assert (refused.status_code, refused.json()["code"]) == (409, "bookings_stand")
        assert (await person.get("/me")).status_code == 200, "nothing was changed"
    assert (await renter.act(booking["id"], "cancel", {})).status_code == 200
    assert (await close(owner)).status_code == 204


async def test_nobody_leaves_others_without_an_admin(world: World, owner: Person) -> None:
    member = await invited(owner, world, "member@x.example", "member")
    refused = await close(owner)
    assert (refused.status_code, refused.json()["code"]) == (409, "last_admin")
    assert (await close(member)).status_code == 204
    assert (await close(owner)).status_code == 204


@pytest.mark.parametrize("body", [{}, {"current": "not the password"}])
async def test_a_telephone_left_on_a_table_closes_no_account(body: Json, http: httpx.AsyncClient, world: World) -> None:
    await world.person("claire@ferme.example")
    sign_in = {"email": "claire@ferme.example", "password": PASSWORD}
    pair = (await http.post("/v1/auth/login", json=sign_in)).json()
    claire = Person(http, "", pair["access_token"])
    refused = await claire.post("/me/close", body)
    assert (refused.status_code, refused.json()["code"]) == (403, "prove_it_is_you")
    assert (await claire.get("/me")).status_code == 200


async def test_names_go_when_the_law_no_longer_asks_for_them(world: World, database: Database) -> None:
    claire = await world.farmer("claire@ferme.example", "Ferme du Luy")
    await close(claire)
    for age, forgotten in ((KEPT_BY_LAW - timedelta(days=1), 0), (timedelta(days=2), 1), (timedelta(0), 0)):
        async with database.begin() as tx:
            older = sa.text("UPDATE parties SET closed_at = closed_at - CAST(:by AS interval)")
            await tx.execute(older, {"by": age})
            assert await forget_old_parties(tx) == forgotten
    async with database.read() as tx:
        assert (await tx.execute(sa.text("SELECT name FROM parties"))).scalar_one() == NOBODY


async def test_sessions_that_ran_out_are_forgotten(owner: Person, database: Database) -> None:
    async with database.begin() as tx:
        assert await purge_sessions(tx) == 0
        await tx.execute(sa.text("UPDATE sessions SET expires_at = :now"), {"now": tx.now})
        assert await purge_sessions(tx) == 1
    assert (await owner.get("/me")).status_code == 401
