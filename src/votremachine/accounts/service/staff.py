"""The platform's staff: who they are, finding a person, and acting in a person's place with a reason."""

from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.addresses import one_address
from votremachine.accounts.events import Impersonated
from votremachine.accounts.models import people, seats, sessions
from votremachine.accounts.refusals import NotAllowed, UnknownPerson
from votremachine.accounts.rules import Actor, Role, StaffRole, Verb, require
from votremachine.accounts.schemas import FoundPerson, Impersonate, SeatView
from votremachine.accounts.service import audit
from votremachine.accounts.service.parties import party_views
from votremachine.accounts.service.people import person_at
from votremachine.accounts.tokens import Claims
from votremachine.infra.database import Tx

PLACE_LIFE = timedelta(minutes=30)


async def find_person(tx: Tx, who: Actor, *, email: str | None, phone: str | None) -> FoundPerson:
    """The person with exactly this address. Raises `NotAllowed`, `OneAddress`, `NotAPhoneNumber`, `UnknownPerson`."""
    require(Verb.FIND_PERSON, who, stranger=NotAllowed())
    person_id = await person_at(tx, one_address(email, phone))
    if person_id is None:
        raise UnknownPerson
    await audit.note(tx, who, "find", "person", person_id)
    return await _found(tx, person_id)


async def impersonate(tx: Tx, who: Actor, asked: Impersonate) -> Claims:
    """A short session in a person's place; they are told, with the reason. Raises `NotAllowed`, `UnknownPerson`.

    Staff cannot take each other's place: nobody gains rights by it.
    """
    require(Verb.IMPERSONATE, who, stranger=NotAllowed())
    person = await tx.row(
        sa.select(people.c.id).where(
            people.c.id == asked.person_id, people.c.closed_at.is_(None), people.c.staff.is_(None)
        )
    )
    if person is None:
        raise UnknownPerson
    claims = Claims(asked.person_id, tx.new_id())
    values = {"id": claims.session_id, "person_id": claims.person_id, "impersonator_id": who.person_id}
    times = {"created_at": tx.now, "used_at": tx.now, "expires_at": tx.now + PLACE_LIFE}
    await tx.execute(sessions.insert(), values | times | {"reason": asked.reason})
    tx.publish(Impersonated(person_id=claims.person_id))
    theirs = Actor(claims.person_id, "", "", {}, session_id=claims.session_id, impersonator_id=who.person_id)
    await audit.note(tx, theirs, "take_place", "person", claims.person_id, reason=asked.reason)
    await audit.note(tx, who, "take_place", "person", claims.person_id, reason=asked.reason)
    return claims


async def appoint(tx: Tx, address: str, role: StaffRole | None) -> UUID:
    """Make somebody staff, or no longer; what they do in others' places ends. Raises `UnknownPerson`.

    Only the operator's own command line does this.
    """
    person_id = await person_at(tx, address)
    if person_id is None:
        raise UnknownPerson
    await tx.execute(people.update().where(people.c.id == person_id).values(staff=role))
    await tx.execute(sessions.delete().where(sessions.c.impersonator_id == person_id))
    await audit.note(tx, Actor(person_id, "", "", {}), "appoint", "person", person_id, role=role)
    return person_id


async def everybody(tx: Tx) -> list[UUID]:
    """All who are staff."""
    return [
        row.id
        for row in await tx.rows(
            sa.select(people.c.id).where(people.c.staff.is_not(None), people.c.closed_at.is_(None))
        )
    ]


async def _found(tx: Tx, person_id: UUID) -> FoundPerson:
    rows = await tx.rows(
        sa.select(people.c.name, seats.c.party_id, seats.c.role)
        .select_from(people.outerjoin(seats, seats.c.person_id == people.c.id))
        .where(people.c.id == person_id)
    )
    views = await party_views(tx, [row.party_id for row in rows if row.party_id])
    return FoundPerson(
        person_id, rows[0].name, [SeatView(views[row.party_id], Role(row.role)) for row in rows if row.party_id]
    )


async def staff_of(tx: Tx, role: StaffRole) -> list[UUID]:
    """Everybody who has this role for the platform."""
    found = sa.select(people.c.id).where(people.c.staff == role, people.c.closed_at.is_(None)).order_by(people.c.id)
    return [row.id for row in await tx.rows(found)]
