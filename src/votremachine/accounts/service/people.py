"""People: registering, and how they see themselves."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from votremachine.accounts.models import people
from votremachine.accounts.passwords import hash_password
from votremachine.accounts.rules import Actor, EmailTaken
from votremachine.accounts.schemas import Me, Register, SeatView
from votremachine.accounts.service.parties import party_views
from votremachine.infra.database import Database, Tx


async def register(database: Database, asked: Register) -> UUID:
    """A new person; raises `EmailTaken`. Hashes outside the transaction."""
    password_hash = await hash_password(asked.password)
    async with database.begin() as tx:
        return await add_person(tx, asked, password_hash)


async def add_person(tx: Tx, asked: Register, password_hash: str) -> UUID:
    """A new person whose password is hashed already; raises `EmailTaken`."""
    added = await tx.row(
        insert(people)
        .values(
            id=tx.new_id(),
            email=asked.email.lower(),
            name=asked.name,
            language=asked.language,
            password_hash=password_hash,
            created_at=tx.now,
        )
        .on_conflict_do_nothing()
        .returning(people.c.id)
    )
    if added is None:
        raise EmailTaken(pointer="/email")
    return UUID(int=added.id.int)


async def me(tx: Tx, who: Actor) -> Me:
    """A person as they see themselves."""
    email = (await tx.execute(sa.select(people.c.email).where(people.c.id == who.person_id))).scalar_one()
    known = await party_views(tx, who.seats)
    held = [SeatView(known[seat.party_id], seat.role) for seat in who.seats.values()]
    return Me(who.person_id, email, who.name, who.language, held)
