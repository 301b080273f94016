"""The people of the demo, the farms, cooperatives and contractor they act for, and who is a member of what."""

from collections.abc import Mapping
from uuid import UUID

import msgspec

from votremachine.accounts.refusals import AddressTaken
from votremachine.accounts.rules import Actor, Role, Seat
from votremachine.accounts.schemas import CreateParty
from votremachine.accounts.service.adhesions import approve, ask_to_join
from votremachine.accounts.service.parties import create_party, give_seat
from votremachine.accounts.service.people import add_person, person_at
from votremachine.demo.hours import Hours
from votremachine.demo.world import DemoMember, DemoParty, DemoPerson, communes, world
from votremachine.infra.database import Tx

# Days before today, early enough for every booking of the world.
REGISTERED, FOUNDED, ASKED, APPROVED = -120, -119, -110, -107


class DemoStands(Exception):
    """The first person of the demo is there, and so all of it is: it was planted in one transaction."""


class Cast:
    """Everybody by their key in the world, as those who act."""

    def __init__(self, people: Mapping[str, UUID], parties: Mapping[str, UUID]) -> None:
        self.parties = parties
        self._actors = {one.key: _actor(one, people, parties) for one in world().people}
        self._admins = {one.key: one.admin for one in world().parties}

    def actor(self, person: str) -> Actor:
        return self._actors[person]

    def admin(self, party: str) -> Actor:
        return self._actors[self._admins[party]]


async def stands(tx: Tx) -> bool:
    """Whether the first person of the demo is there."""
    return await person_at(tx, world().people[0].email) is not None


async def gather(hours: Hours, password_hash: str) -> Cast:
    """Register everybody, found their parties, join the cooperatives. Raises `DemoStands`."""
    people = await _register(hours, password_hash)
    parties = await _found(hours, people)
    cast = Cast(people, parties)
    for party in world().parties:
        for cooperative in party.cooperatives:
            await _join(hours, cast, party.key, cooperative)
    return cast


async def _register(hours: Hours, password_hash: str) -> dict[str, UUID]:
    tx, people, known = hours.on(REGISTERED, "09:00"), world().people, dict[str, UUID]()
    for person in people:
        try:
            known[person.key] = await add_person(tx, person.email, person.name, person.language, password_hash)
        except AddressTaken as error:
            if person is people[0]:
                raise DemoStands from error
            raise
    return known


async def _found(hours: Hours, people: Mapping[str, UUID]) -> dict[str, UUID]:
    tx, known = hours.on(FOUNDED, "10:00"), dict[str, UUID]()
    for party in world().parties:
        founder = Actor(people[party.admin], "", "fr", {})
        asked = {"kind": party.kind, "name": party.name, "commune": communes()[party.commune]}
        made = await create_party(tx, founder, msgspec.convert(asked, CreateParty), demo=True)
        known[party.key] = made.id
        for member in party.members:
            await give_seat(tx, people[member.person], made.id, member.role)
    return known


async def _join(hours: Hours, cast: Cast, party: str, cooperative: str) -> None:
    farm, cuma = cast.parties[party], cast.parties[cooperative]
    await ask_to_join(hours.on(ASKED, "11:00"), cast.admin(party), cuma, farm)
    await approve(hours.on(APPROVED, "18:00"), cast.admin(cooperative), cuma, farm)


def _actor(person: DemoPerson, people: Mapping[str, UUID], parties: Mapping[str, UUID]) -> Actor:
    seats = [_seat_in(party, person.key, parties) for party in world().parties]
    held = {seat.party_id: seat for seat in seats if seat is not None}
    return Actor(people[person.key], person.name, person.language, held)


def _seat_in(party: DemoParty, person: str, parties: Mapping[str, UUID]) -> Seat | None:
    members = [DemoMember(party.admin, Role.ADMIN), *party.members]
    role = next((member.role for member in members if member.person == person), None)
    if role is None:
        return None
    cooperatives = frozenset(parties[key] for key in party.cooperatives)
    return Seat(parties[party.key], party.name, role, demo=True, cooperatives=cooperatives)
