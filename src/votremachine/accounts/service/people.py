"""People: registering, how they see themselves, and what they change of it."""

from collections.abc import Collection, Mapping
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from votremachine.accounts.addresses import is_phone
from votremachine.accounts.models import people
from votremachine.accounts.refusals import AddressTaken
from votremachine.accounts.rules import Actor, Seat, require_self
from votremachine.accounts.schemas import EditMe, Me, SeatView
from votremachine.accounts.service import audit
from votremachine.accounts.service.parties import party_views
from votremachine.infra.database import Tx


class Addresses(NamedTuple):
    """Where a person is reached, and in which language."""

    email: str | None
    phone: str | None
    language: str


_ADDRESSES = sa.select(people.c.id, people.c.email, people.c.phone, people.c.language).where(
    people.c.id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))), people.c.closed_at.is_(None)
)


def has(address: str) -> sa.ColumnElement[bool]:
    """Whether a person has this address; nobody whose account is closed has one."""
    return people.c[_column(address)] == address


async def add_person(tx: Tx, address: str, name: str, language: str, password_hash: str) -> UUID:
    """A new person whose address was proved and whose password is hashed; raises `AddressTaken`."""
    added = await tx.row(
        insert(people)
        .values(
            {
                "id": tx.new_id(),
                _column(address): address,
                "name": name,
                "language": language,
                "password_hash": password_hash,
                "created_at": tx.now,
            }
        )
        .on_conflict_do_nothing()
        .returning(people.c.id)
    )
    if added is None:
        raise AddressTaken(pointer=f"/{_column(address)}")
    return UUID(int=added.id.int)


async def person_at(tx: Tx, address: str) -> UUID | None:
    """Who has this address, if anybody does."""
    found = await tx.row(sa.select(people.c.id).where(has(address)))
    return None if found is None else UUID(int=found.id.int)


async def addresses(tx: Tx, ids: Collection[UUID]) -> Mapping[UUID, Addresses]:
    """Where each of these people is reached, in one statement; without those whose account is closed."""
    found = await tx.rows(_ADDRESSES, {"ids": list(ids)})
    return {row.id: Addresses(row.email, row.phone, row.language) for row in found}


async def put_address(tx: Tx, person_id: UUID, address: str) -> None:
    """Give a person an address that they proved, in place of their other of that sort; raises `AddressTaken`."""
    try:
        async with tx.savepoint():
            await tx.execute(people.update().where(people.c.id == person_id).values({_column(address): address}))
    except IntegrityError as error:
        raise AddressTaken from error


async def me(tx: Tx, who: Actor) -> Me:
    """A person as they see themselves."""
    row = (await tx.execute(sa.select(people.c.email, people.c.phone).where(people.c.id == who.person_id))).one()
    return Me(
        id=who.person_id,
        email=row.email,
        phone=row.phone,
        name=who.name,
        language=who.language,
        seats=await seat_views(tx, who.seats),
        staff=who.staff,
        in_their_place=who.impersonator_id is not None,
    )


async def seat_views(tx: Tx, held: Mapping[UUID, Seat]) -> list[SeatView]:
    """Seats by party, as their person sees them."""
    known = await party_views(tx, held)
    return [SeatView(known[seat.party_id], seat.role) for seat in held.values()]


async def edit_me(tx: Tx, who: Actor, asked: EditMe) -> Me:
    """Change one's name or language. Raises `NotInTheirPlace`."""
    require_self(who)
    given: dict[str, str] = {}
    if asked.name is not None:
        given["name"] = asked.name
    if asked.language is not None:
        given["language"] = asked.language
    if given:
        await tx.execute(people.update().where(people.c.id == who.person_id).values(given))
        await audit.note(tx, who, "edit", "person", who.person_id, changed=sorted(given))
    changed = Actor(
        who.person_id, given.get("name", who.name), given.get("language", who.language), who.seats, who.staff
    )
    return await me(tx, changed)


def _column(address: str) -> str:
    return "phone" if is_phone(address) else "email"
