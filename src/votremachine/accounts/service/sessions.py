"""Sessions: signing in and out, the next pair of tokens, and who is behind a token."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.models import adhesions, parties, people, seats, sessions
from votremachine.accounts.passwords import verify_password
from votremachine.accounts.rules import Actor, NotSignedIn, Role, Seat, SignInFailed
from votremachine.accounts.schemas import SignIn
from votremachine.accounts.tokens import Claims
from votremachine.infra.database import Database, Tx
from votremachine.infra.idempotency import Identify

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
    # One outer join after the other, each an index lookup; joined first, seats and parties would be read whole.
    .select_from(
        sessions.join(people)
        .outerjoin(seats, seats.c.person_id == people.c.id)
        .outerjoin(parties, parties.c.id == seats.c.party_id)
    )
    .where(
        sessions.c.id == sa.bindparam("session"),
        sessions.c.person_id == sa.bindparam("person"),
        sessions.c.expires_at > sa.bindparam("now"),
    )
)


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
    return _read_actor(await tx.rows(_ACTOR, _actor_values(tx.now, claims)))


def identify(claims: Claims) -> Identify[Actor]:
    """The same question, to be asked beside another one."""
    return Identify(_ACTOR, partial(_actor_values, claims=claims), _read_actor)


def _actor_values(now: datetime, claims: Claims) -> dict[str, Any]:
    return {"session": claims.session_id, "person": claims.person_id, "now": now}


def _read_actor(found: Sequence[sa.Row[Any]]) -> Actor:
    if not found:
        raise NotSignedIn
    held = {row.party_id: _seat(row) for row in found if row.party_id is not None}
    return Actor(found[0].person_id, found[0].name, found[0].language, held)


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
