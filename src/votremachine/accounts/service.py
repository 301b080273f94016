"""The verbs of accounts: register, sign in and out, create a party, join a cooperative, and who is asking."""

import secrets
from collections.abc import Collection, Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from votremachine.accounts.models import adhesions, parties, people, seats, sessions
from votremachine.accounts.passwords import hash_password, verify_password
from votremachine.accounts.rules import (
    Actor,
    EmailTaken,
    NotACooperative,
    NotSignedIn,
    PartyKind,
    Role,
    Seat,
    SignInFailed,
    UnknownParty,
    Verb,
    require,
)
from votremachine.accounts.schemas import Adhesion, CreateParty, Me, PartyView, Register, SeatView, SignIn
from votremachine.accounts.tokens import Claims
from votremachine.infra.database import Database, Tx

SESSION_LIFE = timedelta(days=60)

_ACTOR = (
    sa.select(
        people.c.id.label("person_id"),
        people.c.name,
        people.c.language,
        seats.c.party_id,
        seats.c.role,
        parties.c.name.label("party_name"),
        parties.c.demo,
        sa.select(sa.func.array_agg(adhesions.c.cooperative_id))
        .where(adhesions.c.party_id == seats.c.party_id, adhesions.c.approved_at.is_not(None))
        .scalar_subquery()
        .label("cooperatives"),
    )
    .select_from(sessions.join(people).outerjoin(seats.join(parties), seats.c.person_id == people.c.id))
    .where(
        sessions.c.id == sa.bindparam("session"),
        sessions.c.person_id == sa.bindparam("person"),
        sessions.c.expires_at > sa.bindparam("now"),
    )
)


async def register(database: Database, asked: Register) -> UUID:
    """A new person; raises `EmailTaken`. Hashes outside the transaction."""
    password_hash = await hash_password(asked.password)
    async with database.begin() as tx:
        return await _add_person(tx, asked, password_hash)


async def _add_person(tx: Tx, asked: Register, password_hash: str) -> UUID:
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


async def sign_in(database: Database, asked: SignIn) -> tuple[Claims, str]:
    """A new session: its claims and its refresh token; raises `SignInFailed`, as slowly for nobody as for somebody."""
    async with database.read() as tx:
        person = await tx.row(
            sa.select(people.c.id, people.c.password_hash).where(people.c.email == asked.email.lower())
        )
    if not await verify_password(person.password_hash if person else None, asked.password) or person is None:
        raise SignInFailed
    async with database.begin() as tx:
        return await _open_session(tx, person.id)


async def refresh(tx: Tx, refresh_token: str) -> tuple[Claims, str]:
    """The next pair of a session; the old refresh token is spent. Raises `NotSignedIn`."""
    following = secrets.token_urlsafe(32)
    session = await tx.row(
        sessions.update()
        .where(sessions.c.refresh_hash == _digest(refresh_token), sessions.c.expires_at > tx.now)
        .values(refresh_hash=_digest(following), expires_at=tx.now + SESSION_LIFE)
        .returning(sessions.c.id, sessions.c.person_id)
    )
    if session is None:
        raise NotSignedIn
    return Claims(session.person_id, session.id), following


async def sign_out(tx: Tx, claims: Claims) -> None:
    """End the session; its access tokens are worth nothing from the commit on."""
    await tx.execute(
        sessions.delete().where(sessions.c.id == claims.session_id, sessions.c.person_id == claims.person_id)
    )


async def actor(tx: Tx, claims: Claims) -> Actor:
    """The person behind a token, with every seat, in one statement; raises `NotSignedIn` when the session ended."""
    found = await tx.rows(_ACTOR, {"session": claims.session_id, "person": claims.person_id, "now": tx.now})
    if not found:
        raise NotSignedIn
    held = {row.party_id: _seat(row) for row in found if row.party_id is not None}
    return Actor(found[0].person_id, found[0].name, found[0].language, held)


async def me(tx: Tx, who: Actor) -> Me:
    """A person as they see themselves."""
    email = (await tx.execute(sa.select(people.c.email).where(people.c.id == who.person_id))).scalar_one()
    known = await party_views(tx, who.seats)
    held = [SeatView(known[seat.party_id], seat.role) for seat in who.seats.values()]
    return Me(who.person_id, email, who.name, who.language, held)


async def create_party(tx: Tx, who: Actor, asked: CreateParty, *, demo: bool) -> PartyView:
    """A new party with its founder as admin. `demo` parties book on account everywhere."""
    party = PartyView(tx.new_id(), asked.kind, asked.name, asked.commune)
    await tx.execute(
        parties.insert(),
        {
            "id": party.id,
            "kind": party.kind,
            "name": party.name,
            "commune": party.commune,
            "demo": demo,
            "version": 1,
            "created_at": tx.now,
        },
    )
    await tx.execute(seats.insert(), {"person_id": who.person_id, "party_id": party.id, "role": Role.ADMIN})
    return party


async def party_views(tx: Tx, ids: Collection[UUID]) -> Mapping[UUID, PartyView]:
    """The public face of each of these parties, in one statement."""
    found = await tx.rows(sa.select(parties).where(parties.c.id.in_(list(ids))))
    return {row.id: PartyView(row.id, PartyKind(row.kind), row.name, row.commune) for row in found}


async def party(tx: Tx, party_id: UUID) -> PartyView:
    """The public face of one party; raises `UnknownParty`."""
    known = await party_views(tx, [party_id])
    if party_id not in known:
        raise UnknownParty
    return known[party_id]


async def people_of(tx: Tx, party_id: UUID, roles: Collection[Role]) -> list[UUID]:
    """The people who hold one of `roles` in a party."""
    found = await tx.rows(
        sa.select(seats.c.person_id).where(seats.c.party_id == party_id, seats.c.role.in_(list(roles)))
    )
    return [row.person_id for row in found]


async def ask_to_join(tx: Tx, who: Actor, cooperative_id: UUID, party_id: UUID) -> Adhesion:
    """A party asks to become a member of a cooperative; asking again changes nothing.

    Raises `UnknownParty`, `NotAllowed`, `NotACooperative`.
    """
    require(Verb.JOIN_COOPERATIVE, who, owner=party_id, stranger=UnknownParty())
    if (await party(tx, cooperative_id)).kind is not PartyKind.COOPERATIVE:
        raise NotACooperative
    await tx.execute(
        insert(adhesions)
        .values(party_id=party_id, cooperative_id=cooperative_id, asked_at=tx.now)
        .on_conflict_do_nothing()
    )
    return Adhesion(await party(tx, party_id), approved=await _approved(tx, cooperative_id, party_id))


async def approve(tx: Tx, who: Actor, cooperative_id: UUID, party_id: UUID) -> Adhesion:
    """The cooperative lets a party in. Raises `UnknownParty` when it never asked, `NotAllowed`."""
    require(Verb.ADMIT_MEMBER, who, owner=cooperative_id, stranger=UnknownParty())
    changed = await tx.execute(
        adhesions.update()
        .where(adhesions.c.cooperative_id == cooperative_id, adhesions.c.party_id == party_id)
        .values(approved_at=sa.func.coalesce(adhesions.c.approved_at, tx.now))
    )
    if changed.rowcount == 0:
        raise UnknownParty
    return Adhesion(await party(tx, party_id), approved=True)


async def _approved(tx: Tx, cooperative_id: UUID, party_id: UUID) -> bool:
    found = await tx.row(
        sa.select(adhesions.c.approved_at).where(
            adhesions.c.cooperative_id == cooperative_id, adhesions.c.party_id == party_id
        )
    )
    return found is not None and found.approved_at is not None


async def _open_session(tx: Tx, person_id: UUID) -> tuple[Claims, str]:
    claims, refresh_token = Claims(person_id, tx.new_id()), secrets.token_urlsafe(32)
    await tx.execute(
        sessions.insert(),
        {
            "id": claims.session_id,
            "person_id": person_id,
            "refresh_hash": _digest(refresh_token),
            "created_at": tx.now,
            "expires_at": tx.now + SESSION_LIFE,
        },
    )
    return claims, refresh_token


def _seat(row: sa.Row[Any]) -> Seat:
    return Seat(row.party_id, row.party_name, Role(row.role), row.demo, frozenset(row.cooperatives or ()))


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()
