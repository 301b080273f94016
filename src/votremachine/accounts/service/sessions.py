"""Sessions: signing in and out, the next pair of tokens, and who is behind a token."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from votremachine.accounts.events import RefreshTokenReused
from votremachine.accounts.models import adhesions, parties, people, seats, sessions
from votremachine.accounts.passwords import Passwords
from votremachine.accounts.refreshing import SECRET_BYTES, Refreshing, digest
from votremachine.accounts.refusals import NotSignedIn, SignInFailed
from votremachine.accounts.rules import Actor, Role, Seat, StaffRole
from votremachine.accounts.schemas import SignIn
from votremachine.accounts.service import audit
from votremachine.accounts.service.people import has
from votremachine.accounts.tokens import Claims
from votremachine.infra.database import Database, Tx
from votremachine.infra.identify import Identify
from votremachine.infra.statements import Prepared

SESSION_LIFE = timedelta(days=60)
# How long after signing in with a code a person may do what otherwise needs the password.
FRESH = timedelta(minutes=10)


class Opened(NamedTuple):
    """A session that was opened or renewed: whom it speaks for, and the token that gets the next pair."""

    claims: Claims
    refresh_token: str


_ACTOR = (
    sa.select(
        people.c.id.label("person_id"),
        people.c.name,
        people.c.language,
        people.c.staff,
        sessions.c.id.label("session_id"),
        sessions.c.impersonator_id,
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
        sessions.join(people, people.c.id == sessions.c.person_id)
        .outerjoin(seats, seats.c.person_id == people.c.id)
        .outerjoin(parties, parties.c.id == seats.c.party_id)
    )
    .where(
        sessions.c.id == sa.bindparam("session"),
        sessions.c.person_id == sa.bindparam("person"),
        sessions.c.expires_at > sa.bindparam("now"),
    )
)

_ACTOR_ALONE = Prepared(_ACTOR)

# One row for each seat, and one without a party for who has none.
_ALIVE = (
    sa.select(sessions.c.id, seats.c.party_id, seats.c.role)
    .select_from(sessions.outerjoin(seats, seats.c.person_id == sessions.c.person_id))
    .where(
        sessions.c.id == sa.func.any(sa.bindparam("sessions", type_=ARRAY(sa.Uuid))),
        sessions.c.expires_at > sa.bindparam("now"),
    )
)


async def sign_in(
    database: Database, passwords: Passwords, refreshing: Refreshing, asked: SignIn, device: str
) -> Opened:
    """A new session; raises `SignInFailed`, as slowly for nobody as for somebody.

    A password whose hash was made with older parameters is hashed anew.
    """
    address = asked.address()
    async with database.read() as tx:
        person = await tx.row(sa.select(people.c.id, people.c.password_hash).where(has(address)))
    hashed = person.password_hash if person else None
    if not await passwords.verify(hashed, asked.password) or person is None or hashed is None:
        raise SignInFailed
    renewed = await passwords.hash(asked.password) if passwords.outdated(hashed) else None
    async with database.begin() as tx:
        if renewed:
            # Only if nobody changed the password meanwhile.
            unchanged = sa.and_(people.c.id == person.id, people.c.password_hash == hashed)
            await tx.execute(people.update().where(unchanged).values(password_hash=renewed))
        return await open_session(tx, refreshing, person.id, device)


async def refresh(tx: Tx, refreshing: Refreshing, token: str, key: str | None) -> Opened | None:
    """The next pair of a session; the old refresh token is spent. None when it is not, or no longer, good.

    A token that was spent before is a copy in somebody's hands: its session ends, and the person is told. Not so when
    it comes with the same Idempotency-Key as the first time, and what was answered then is still unused: then that is
    answered again. The transaction must be committed whatever comes out.
    """
    session_id = refreshing.session_of(token)
    secret = secrets.token_bytes(SECRET_BYTES) if key is None else refreshing.following(token, key)
    current = await tx.row(
        sa.select(sessions).where(_holds(session_id, token), sessions.c.expires_at > tx.now).with_for_update()
    )
    if current is None:
        return None
    following = refreshing.make(current.id, secret)
    if current.refresh_hash not in {digest(token), digest(following)}:
        await _end_reused(tx, current)
        return None
    await tx.execute(
        sessions.update()
        .where(sessions.c.id == current.id)
        .values(refresh_hash=digest(following), used_at=tx.now, expires_at=tx.now + SESSION_LIFE)
    )
    return Opened(Claims(current.person_id, current.id), following)


async def sign_out(tx: Tx, claims: Claims) -> None:
    """End the session; its access tokens are worth nothing from the commit on."""
    ended = await tx.row(
        sessions.delete()
        .where(sessions.c.id == claims.session_id, sessions.c.person_id == claims.person_id)
        .returning(sessions.c.impersonator_id)
    )
    if ended is not None:
        whose = Actor(claims.person_id, "", "", {}, None, claims.session_id, ended.impersonator_id)
        await audit.note(tx, whose, "sign_out", "session", claims.session_id)


async def end_sessions(tx: Tx, person_id: UUID, *, but: UUID | None = None) -> None:
    """End every session of a person, but one if it is named."""
    ended = sessions.delete().where(sessions.c.person_id == person_id)
    await tx.execute(ended if but is None else ended.where(sessions.c.id != but))


async def open_session(
    tx: Tx, refreshing: Refreshing, person_id: UUID, device: str, *, by_code: bool = False
) -> Opened:
    """A new session of a person who proved who they are, on a device described as its browser or app does."""
    session_id = tx.new_id()
    token = refreshing.make(session_id, secrets.token_bytes(SECRET_BYTES))
    values = {
        "id": session_id,
        "person_id": person_id,
        "refresh_hash": digest(token),
        "device": device,
        "by_code": by_code,
    }
    times = {"created_at": tx.now, "used_at": tx.now, "expires_at": tx.now + SESSION_LIFE}
    await tx.execute(sessions.insert(), values | times)
    await audit.note(tx, Actor(person_id, "", "", {}, session_id=session_id), "sign_in", "session", session_id)
    return Opened(Claims(person_id, session_id), token)


async def actor(tx: Tx, claims: Claims) -> Actor:
    """The person behind a token, with every seat, in one statement; raises `NotSignedIn` when the session ended."""
    return _read_actor(await tx.rows(_ACTOR_ALONE, _actor_values(tx.now, claims)))


async def alive(tx: Tx, ids: Collection[UUID]) -> Mapping[UUID, Mapping[UUID, Role]]:
    """Those of these sessions that have not ended, each with the seats of its person by party, in one statement."""
    found: dict[UUID, dict[UUID, Role]] = {}
    for row in await tx.rows(_ALIVE, {"sessions": list(ids), "now": tx.now}):
        held = found.setdefault(row.id, {})
        if row.party_id is not None:
            held[row.party_id] = Role(row.role)
    return found


def identify(claims: Claims) -> Identify[Actor]:
    """The same question, to be asked beside another one."""
    return Identify(_ACTOR, partial(_actor_values, claims=claims), _read_actor)


def _actor_values(now: datetime, claims: Claims) -> dict[str, Any]:
    return {"session": claims.session_id, "person": claims.person_id, "now": now}


def _read_actor(found: Sequence[sa.Row[Any]]) -> Actor:
    if not found:
        raise NotSignedIn
    first = found[0]
    held = {row.party_id: _seat(row) for row in found if row.party_id is not None}
    staff = StaffRole(first.staff) if first.staff else None
    return Actor(first.person_id, first.name, first.language, held, staff, first.session_id, first.impersonator_id)


def _holds(session_id: UUID | None, token: str) -> sa.ColumnElement[bool]:
    # Tokens of before this version have no mark: they are known by their hash alone, and followed by one that has.
    return sessions.c.refresh_hash == digest(token) if session_id is None else sessions.c.id == session_id


async def _end_reused(tx: Tx, session: sa.Row[Any]) -> None:
    await tx.execute(sessions.delete().where(sessions.c.id == session.id))
    tx.publish(RefreshTokenReused(person_id=session.person_id))
    whose = Actor(session.person_id, "", "", {}, session_id=session.id)
    await audit.note(tx, whose, "refresh_token_reused", "session", session.id)


def _seat(row: sa.Row[Any]) -> Seat:
    return Seat(row.party_id, row.party_name, Role(row.role), row.demo, frozenset(row.cooperatives or ()))
