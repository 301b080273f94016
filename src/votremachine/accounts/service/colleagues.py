"""The people of a party: who they are, their roles, their leaving, and inviting others by link."""

import secrets
from collections.abc import Collection, Sequence
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from votremachine.accounts.challenges import token_hash
from votremachine.accounts.events import RoleChanged
from votremachine.accounts.models import invitations, parties, people, seats
from votremachine.accounts.refusals import UnknownParty
from votremachine.accounts.rules import Actor, Role, Verb, require, require_self
from votremachine.accounts.schemas import ColleagueView, InvitationView, Invite, NewInvitation, SeatView
from votremachine.accounts.seating import (
    INVITATION_LIFE,
    InvitationGone,
    RoleTooHigh,
    check_admin_stays,
    may_grant,
)
from votremachine.accounts.service import audit
from votremachine.accounts.service.parties import party
from votremachine.infra.database import Tx


class Reachable(NamedTuple):
    """Somebody, and the address at which they are written to."""

    person_id: UUID
    name: str
    address: str


async def colleagues(tx: Tx, who: Actor, party_id: UUID) -> Sequence[ColleagueView]:
    """Everybody who acts for a party, by name. Raises `UnknownParty`."""
    require(Verb.READ_PARTY, who, owner=party_id, stranger=UnknownParty())
    found = await tx.rows(
        sa.select(people.c.id, people.c.name, seats.c.role)
        .join(seats, seats.c.person_id == people.c.id)
        .where(seats.c.party_id == party_id)
        .order_by(people.c.name, people.c.id)
    )
    return [ColleagueView(row.id, row.name, Role(row.role)) for row in found]


async def phones(tx: Tx, party_ids: Collection[UUID], roles: Collection[Role]) -> list[tuple[str, str]]:
    """Name and telephone number of those who act for these parties in one of `roles`, by name, where there is one."""
    found = await tx.rows(
        sa.select(people.c.name, people.c.phone)
        .join(seats, seats.c.person_id == people.c.id)
        .where(seats.c.party_id.in_(list(party_ids)), seats.c.role.in_(list(roles)), people.c.phone.is_not(None))
        .order_by(people.c.name, people.c.id)
    )
    return [(row.name, row.phone) for row in found]


async def reachable(tx: Tx, party_id: UUID, roles: Collection[Role]) -> list[Reachable]:
    """Those who act for a party in one of `roles` and can be written to: by telephone, or else by e-mail. Admins first,
    then who has been there longest.
    """
    address = sa.func.coalesce(people.c.phone, people.c.email)
    found = await tx.rows(
        sa.select(people.c.id, people.c.name, address.label("address"))
        .join(seats, seats.c.person_id == people.c.id)
        .where(seats.c.party_id == party_id, seats.c.role.in_(list(roles)), address.is_not(None))
        .order_by(seats.c.role != Role.ADMIN, people.c.id)
    )
    return [Reachable(row.id, row.name, row.address) for row in found]


async def change_role(tx: Tx, who: Actor, party_id: UUID, person_id: UUID, role: Role) -> None:
    """Give somebody another role. Raises `UnknownParty`, `NotAllowed`, `UnknownColleague`, `LastAdmin`."""
    require(Verb.CHANGE_ROLE, who, owner=party_id, stranger=UnknownParty())
    check_admin_stays(await lock_seats(tx, party_id), person_id, role)
    await tx.execute(seats.update().where(_seat(party_id, person_id)).values(role=role))
    await _tell_changed(tx, who, person_id)
    await audit.note(tx, who, "change_role", "person", person_id, party_id, role=role)


async def remove(tx: Tx, who: Actor, party_id: UUID, person_id: UUID) -> None:
    """Take somebody's seat away, or leave one's own. They may do nothing more for the party from the commit on.

    Raises `UnknownParty`, `NotAllowed`, `UnknownColleague`, `LastAdmin`, `NotInTheirPlace`.
    """
    if person_id == who.person_id and party_id in who.seats:
        require_self(who)
    else:
        require(Verb.CHANGE_ROLE, who, owner=party_id, stranger=UnknownParty())
    check_admin_stays(await lock_seats(tx, party_id), person_id, None)
    await tx.execute(seats.delete().where(_seat(party_id, person_id)))
    await _tell_changed(tx, who, person_id)
    await audit.note(tx, who, "remove", "person", person_id, party_id)


async def invite(tx: Tx, who: Actor, party_id: UUID, asked: Invite, public_url: str) -> NewInvitation:
    """A link by which one person may take a seat. Raises `UnknownParty`, `NotAllowed`, `RoleTooHigh`."""
    require(Verb.INVITE, who, owner=party_id, stranger=UnknownParty())
    if not may_grant(who.seats[party_id].role, asked.role):
        raise RoleTooHigh(pointer="/role")
    token, expires_at = secrets.token_urlsafe(32), tx.now + INVITATION_LIFE
    made = InvitationView(tx.new_id(), asked.role, asked.note, expires_at)
    values = {"id": made.id, "party_id": party_id, "role": made.role, "note": made.note, "invited_by": who.person_id}
    times = {"created_at": tx.now, "expires_at": expires_at}
    await tx.execute(invitations.insert(), values | times | {"token_hash": token_hash(token)})
    await audit.note(tx, who, "invite", "invitation", made.id, party_id, role=made.role)
    return NewInvitation(made.id, made.role, made.note, expires_at, token, f"{public_url}/invitation#{token}")


async def open_invitations(tx: Tx, who: Actor, party_id: UUID) -> Sequence[InvitationView]:
    """The invitations that nobody has taken yet. Raises `UnknownParty`, `NotAllowed`."""
    require(Verb.INVITE, who, owner=party_id, stranger=UnknownParty())
    rows = await tx.rows(
        sa.select(invitations)
        .where(invitations.c.party_id == party_id, invitations.c.expires_at > tx.now)
        .order_by(invitations.c.id)
    )
    return [InvitationView(row.id, Role(row.role), row.note, row.expires_at) for row in rows]


async def take_back(tx: Tx, who: Actor, party_id: UUID, invitation_id: UUID) -> None:
    """Make an invitation worthless. Raises `UnknownParty`, `NotAllowed`, `InvitationGone`."""
    require(Verb.INVITE, who, owner=party_id, stranger=UnknownParty())
    gone = await tx.execute(
        invitations.delete().where(invitations.c.id == invitation_id, invitations.c.party_id == party_id)
    )
    if gone.rowcount == 0:
        raise InvitationGone
    await audit.note(tx, who, "take_back", "invitation", invitation_id, party_id)


async def accept(tx: Tx, who: Actor, token: str) -> SeatView:
    """Take the seat of an invitation, which is used up; who has one there keeps it. Raises `InvitationGone`."""
    require_self(who)
    taken = await tx.row(
        invitations.delete()
        .where(invitations.c.token_hash == token_hash(token), invitations.c.expires_at > tx.now)
        .returning(invitations)
    )
    if taken is None:
        raise InvitationGone
    await tx.execute(
        insert(seats).values(person_id=who.person_id, party_id=taken.party_id, role=taken.role).on_conflict_do_nothing()
    )
    await audit.note(tx, who, "accept", "invitation", taken.id, taken.party_id)
    held = await tx.row(sa.select(seats.c.role).where(_seat(taken.party_id, who.person_id)))
    return SeatView(await party(tx, taken.party_id), Role(held.role if held else taken.role))


async def lock_seats(tx: Tx, party_id: UUID) -> dict[UUID, Role]:
    """The seats of a party, which nobody else changes until this transaction ends."""
    await tx.execute(sa.select(parties.c.id).where(parties.c.id == party_id).with_for_update())
    rows = await tx.rows(sa.select(seats.c.person_id, seats.c.role).where(seats.c.party_id == party_id))
    return {row.person_id: Role(row.role) for row in rows}


async def purge(tx: Tx) -> int:
    """Forget the invitations that ran out; how many there were."""
    return (await tx.execute(invitations.delete().where(invitations.c.expires_at <= tx.now))).rowcount


async def _tell_changed(tx: Tx, who: Actor, person_id: UUID) -> None:
    if person_id != who.person_id:
        tx.publish(RoleChanged(person_id=person_id))


def _seat(party_id: UUID, person_id: UUID) -> sa.ColumnElement[bool]:
    return sa.and_(seats.c.party_id == party_id, seats.c.person_id == person_id)
