"""The people of a party: invitations by link, roles, leaving, and the last admin who stays."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from tests.people import Json, Person, World
from votremachine.accounts.rules import Relation, Role, Verb, permits
from votremachine.accounts.seating import (
    INVITATION_LIFE,
    LastAdmin,
    UnknownColleague,
    check_admin_stays,
    may_grant,
)
from votremachine.infra.database import Database

ids = st.integers(0, 4).map(lambda number: UUID(int=number))


async def invited(owner: Person, world: World, email: str, role: str) -> Person:
    link = await owner.made(f"/parties/{owner.party_id}/invitations", {"role": role, "note": email})
    person = await world.person(email)
    person.party_id = owner.party_id
    seat = await person.made("/invitations/accept", {"token": link["token"]})
    assert seat["role"] == role
    return person


async def person_id(person: Person) -> str:
    return str((await person.get("/me")).json()["id"])


async def roles(person: Person) -> Json:
    listed = (await person.get(f"/parties/{person.party_id}/people")).json()
    return sorted((one["name"], one["role"]) for one in listed)


async def test_who_has_the_link_takes_the_seat_once(owner: Person, world: World) -> None:
    link = await owner.made(f"/parties/{owner.party_id}/invitations", {"role": "member"})
    assert link["link"].endswith(f"#{link['token']}")
    assert link["token"] not in (await owner.get(f"/parties/{owner.party_id}/invitations")).text
    both = [await world.person("one@x.example"), await world.person("two@x.example")]
    took = await asyncio.gather(*(one.post("/invitations/accept", {"token": link["token"]}) for one in both))
    assert sorted(answer.status_code for answer in took) == [200, 404]
    assert len(await roles(owner)) == 2
    assert (await owner.get(f"/parties/{owner.party_id}/invitations")).json() == []


async def test_an_invitation_runs_out_and_can_be_taken_back(owner: Person, world: World, database: Database) -> None:
    path = f"/parties/{owner.party_id}/invitations"
    old, back = [await owner.made(path, {}) for _ in range(2)]
    assert (await owner.ask("DELETE", f"{path}/{back['id']}")).status_code == 204
    async with database.begin() as tx:
        ago = sa.text("UPDATE invitations SET expires_at = expires_at - CAST(:by AS interval)")
        await tx.execute(ago, {"by": INVITATION_LIFE + timedelta(seconds=1)})
    person = await world.person("late@x.example")
    for link in (old, back):
        refused = await person.post("/invitations/accept", {"token": link["token"]})
        assert (refused.status_code, refused.json()["code"]) == (404, "invitation_gone")


async def test_who_has_a_seat_keeps_it_when_they_follow_a_link(owner: Person) -> None:
    link = await owner.made(f"/parties/{owner.party_id}/invitations", {"role": "viewer"})
    assert (await owner.made("/invitations/accept", {"token": link["token"]}))["role"] == "admin"


async def test_a_manager_invites_nobody_who_may_do_more(owner: Person, world: World) -> None:
    manager = await invited(owner, world, "manager@x.example", "manager")
    path = f"/parties/{owner.party_id}/invitations"
    statuses = {role: (await manager.post(path, {"role": role})).status_code for role in Role}
    assert statuses == {"admin": 403, "treasurer": 403, "manager": 201, "member": 201, "viewer": 201}


async def test_a_person_who_was_removed_has_lost_access_at_once(owner: Person, world: World) -> None:
    member = await invited(owner, world, "member@x.example", "member")
    tractor = await world.machine(owner, listed=False)
    assert (await member.get(f"/machines/{tractor}")).status_code == 200
    gone = await owner.ask("DELETE", f"/parties/{owner.party_id}/people/{await person_id(member)}")
    assert gone.status_code == 204
    assert (await member.get(f"/machines/{tractor}")).status_code == 404
    assert (await member.get(f"/parties/{owner.party_id}/people")).status_code == 404


async def test_the_last_admin_stays(owner: Person, world: World) -> None:
    me, path = await person_id(owner), f"/parties/{owner.party_id}/people"
    member = await invited(owner, world, "member@x.example", "member")
    for answer in (
        await owner.ask("DELETE", f"{path}/{me}"),
        await owner.ask("PATCH", f"{path}/{me}", {"role": "viewer"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "last_admin")
    assert (await owner.ask("PATCH", f"{path}/{await person_id(member)}", {"role": "admin"})).status_code == 204
    assert (await owner.ask("DELETE", f"{path}/{me}")).status_code == 204
    assert await roles(member) == [("Member", "admin")]


async def test_two_admins_who_leave_at_once_do_not_both(owner: Person, world: World) -> None:
    other = await invited(owner, world, "other@x.example", "admin")
    both = [(owner, await person_id(owner)), (other, await person_id(other))]
    left = await asyncio.gather(
        *(person.ask("DELETE", f"/parties/{owner.party_id}/people/{own}") for person, own in both)
    )
    assert sorted(answer.status_code for answer in left) == [204, 409]


async def test_who_is_no_colleague_is_unknown(owner: Person, renter: Person) -> None:
    stranger = await person_id(renter)
    for method, body in (("PATCH", {"role": "viewer"}), ("DELETE", None)):
        answer = await owner.ask(method, f"/parties/{owner.party_id}/people/{stranger}", body)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_colleague")


async def test_the_list_of_people_takes_the_same_statements_however_many(
    owner: Person, world: World, database: Database
) -> None:
    path = f"/parties/{owner.party_id}/people"
    assert len((await owner.get(path)).json()) == 1
    for number in range(3):
        await invited(owner, world, f"m{number}@x.example", "viewer")
    assert [role for _, role in await roles(owner)].count("viewer") == 3


@given(st.dictionaries(ids, st.sampled_from(Role)), ids, st.none() | st.sampled_from(Role))
def test_a_party_that_had_an_admin_always_has_one(held: dict[UUID, Role], who: UUID, becomes: Role | None) -> None:
    after = {**held, who: becomes}
    if who not in held:
        with pytest.raises(UnknownColleague):
            check_admin_stays(held, who, becomes)
    elif Role.ADMIN in after.values():
        check_admin_stays(held, who, becomes)
    else:
        with pytest.raises(LastAdmin):
            check_admin_stays(held, who, becomes)


@given(st.sampled_from(Role), st.sampled_from(Role), st.sampled_from(Verb))
def test_nobody_gives_away_what_they_may_not_do_themselves(granter: Role, role: Role, verb: Verb) -> None:
    own, given_away = {Relation.OWNER: granter}, {Relation.OWNER: role}
    assert not (may_grant(granter, role) and permits(verb, given_away) and not permits(verb, own))
    assert may_grant(Role.ADMIN, role)
    assert may_grant(granter, granter)
