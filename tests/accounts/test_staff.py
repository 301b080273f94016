"""Support acts in a person's place only with a reason, which the person sees together with all that is done."""

import pytest
import sqlalchemy as sa

from tests.people import PASSWORD, Json, Person, World, at
from votremachine.accounts.refusals import UnknownPerson
from votremachine.accounts.rules import StaffRole
from votremachine.accounts.service.staff import PLACE_LIFE, appoint
from votremachine.infra.database import Database
from votremachine.infra.outbox import drain
from votremachine.worker import HANDLERS

REASON = "Called on 3 May: cannot find the button to cancel."


@pytest.fixture
async def support(world: World, database: Database) -> Person:
    return await staff(world, database, StaffRole.SUPPORT)


async def staff(world: World, database: Database, role: StaffRole) -> Person:
    person = await world.person(f"{role}@votremachine.example")
    async with database.begin() as tx:
        await appoint(tx, person.email, role)
    return person


async def in_place_of(support: Person, person: Person) -> Person:
    found = (await support.get(f"/staff/people?email={person.email}")).json()
    taken = await support.made("/staff/impersonations", {"person_id": found["id"], "reason": REASON})
    return Person(support.http, person.email, taken["access_token"], person.party_id)


async def test_support_acts_in_somebodys_place_and_they_see_it_all(
    support: Person, owner: Person, world: World, database: Database
) -> None:
    tractor = await world.machine(owner)
    before = {one["id"] for one in (await owner.get("/me/sessions")).json()}
    place = await in_place_of(support, owner)
    assert (await place.get("/me")).json()["in_their_place"] is True
    block = {"start": at(5).isoformat(), "end": at(6).isoformat()}
    assert (await place.post(f"/machines/{tractor}/blocks", block)).status_code == 201
    (theirs,) = [one for one in (await owner.get("/me/sessions")).json() if one["id"] not in before]
    assert theirs["reason"] == REASON
    log = (await owner.get("/me/audit")).json()["items"]
    done = {one["verb"]: one for one in log if one["by_staff"]}
    assert set(done) == {"take_place", "block"}
    assert done["take_place"]["facts"] == {"reason": REASON}
    assert done["block"]["session_id"] == theirs["id"]
    await drain(database, HANDLERS)
    assert [one["kind"] for one in (await owner.get("/inbox")).json()["items"]] == ["Impersonated"]
    assert (await owner.ask("DELETE", f"/me/sessions/{theirs['id']}")).status_code == 204, "they may end it"
    assert (await place.get("/me")).status_code == 401


async def test_what_is_a_persons_alone_is_not_done_in_their_place(support: Person, owner: Person) -> None:
    place = await in_place_of(support, owner)
    session = (await owner.get("/me/sessions")).json()[0]["id"]
    me = (await owner.get("/me")).json()["id"]
    for method, path, body in (
        ("PUT", "/me/password", {"password": "a new password", "current": PASSWORD}),
        ("POST", "/me/addresses", {"email": "x@x.example"}),
        ("DELETE", "/me/sessions", None),
        ("DELETE", f"/me/sessions/{session}", None),
        ("GET", "/me/export", None),
        ("POST", "/me/close", {"current": PASSWORD}),
        ("POST", "/invitations/accept", {"token": "x"}),
        ("PATCH", "/me", {"name": "Corrected"}),
        ("POST", "/parties", {"kind": "farm", "name": "X", "commune": "Dax"}),
        ("PUT", f"/parties/{owner.party_id}/iban", {"iban": ""}),
        ("POST", f"/parties/{owner.party_id}/invitations", {"role": "admin"}),
        ("PATCH", f"/parties/{owner.party_id}/people/{me}", {"role": "viewer"}),
        ("DELETE", f"/parties/{owner.party_id}/people/{me}", None),
        ("POST", "/calendar-links", {"name": "X", "party_id": owner.party_id}),
    ):
        refused = await place.ask(method, path, body)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_in_their_place"), path


async def test_it_takes_a_reason_and_a_person(support: Person, owner: Person, world: World, database: Database) -> None:
    person = (await owner.get("/me")).json()["id"]
    for reason in ("", "help", "x" * 501, "a reason\nof two lines"):
        assert (await support.post("/staff/impersonations", {"person_id": person, "reason": reason})).status_code == 422
    other = await staff(world, database, StaffRole.OPERATOR)
    for nobody in (support, other):
        body = {"person_id": (await nobody.get("/me")).json()["id"], "reason": REASON}
        refused = await support.post("/staff/impersonations", body)
        assert (refused.status_code, refused.json()["code"]) == (404, "unknown_person"), "no gain by another's place"
    assert (await support.get("/staff/people?email=nobody@x.example")).status_code == 404


async def test_only_support_takes_places(world: World, owner: Person, database: Database) -> None:
    person = (await owner.get("/me")).json()["id"]
    for role in (StaffRole.MEDIATOR, StaffRole.OPERATOR):
        other = await staff(world, database, role)
        refused = await other.post("/staff/impersonations", {"person_id": person, "reason": REASON})
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
        assert (await other.get(f"/staff/people?email={owner.email}")).status_code == 403


async def test_staff_read_what_others_may_not_and_write_nothing(
    world: World, support: Person, owner: Person, renter: Person
) -> None:
    tractor = await world.machine(owner)
    booking = await renter.booked([tractor], at(2), at(3))
    assert (await support.get(f"/bookings/{booking['id']}")).status_code == 200
    assert (await support.get(f"/parties/{owner.party_id}/details")).status_code == 200
    assert (await support.act(booking["id"], "cancel", {})).status_code == 403
    assert (await support.ask("PUT", f"/parties/{owner.party_id}/iban", {"iban": ""})).status_code == 403


async def test_who_is_staff_no_longer_is_out_of_others_places(
    support: Person, owner: Person, database: Database
) -> None:
    place = await in_place_of(support, owner)
    async with database.begin() as tx:
        await appoint(tx, support.email, None)
    assert (await place.get("/me")).status_code == 401
    assert (await support.get(f"/staff/people?email={owner.email}")).status_code == 403
    with pytest.raises(UnknownPerson):
        async with database.begin() as tx:
            await appoint(tx, "nobody@x.example", StaffRole.SUPPORT)


async def test_a_place_is_taken_for_half_an_hour_and_not_renewed(
    support: Person, owner: Person, database: Database
) -> None:
    place = await in_place_of(support, owner)
    async with database.begin() as tx:
        past = sa.text("UPDATE sessions SET expires_at = expires_at - CAST(:by AS interval) WHERE reason IS NOT NULL")
        await tx.execute(past, {"by": PLACE_LIFE})
        kept: Json = (await tx.execute(sa.text("SELECT refresh_hash FROM sessions WHERE reason IS NOT NULL"))).scalars()
        assert list(kept) == [None]
    assert (await place.get("/me")).status_code == 401
