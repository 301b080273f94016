"""The devices on which a person is signed in, and ending their sessions."""

from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.models import sessions
from votremachine.accounts.refusals import UnknownSession
from votremachine.accounts.rules import Actor, require_self
from votremachine.accounts.schemas import SessionView
from votremachine.accounts.service import audit
from votremachine.accounts.service.sessions import end_sessions
from votremachine.infra.database import Tx


async def devices(tx: Tx, who: Actor) -> list[SessionView]:
    """Where a person is signed in, the last used first."""
    rows = await tx.rows(
        sa.select(sessions)
        .where(sessions.c.person_id == who.person_id, sessions.c.expires_at > tx.now)
        .order_by(sessions.c.used_at.desc(), sessions.c.id)
    )
    return [
        SessionView(row.id, row.device, row.created_at, row.used_at, row.id == who.session_id, row.reason)
        for row in rows
    ]


async def revoke(tx: Tx, who: Actor, session_id: UUID) -> None:
    """End one of a person's sessions. Raises `UnknownSession`, `NotInTheirPlace`."""
    require_self(who)
    ended = await tx.execute(
        sessions.delete().where(sessions.c.id == session_id, sessions.c.person_id == who.person_id)
    )
    if ended.rowcount == 0:
        raise UnknownSession
    await audit.note(tx, who, "revoke_session", "session", session_id)


async def revoke_others(tx: Tx, who: Actor) -> None:
    """End every session of a person but the one that asks. Raises `NotInTheirPlace`."""
    require_self(who)
    await end_sessions(tx, who.person_id, but=who.session_id)
    await audit.note(tx, who, "revoke_sessions", "person", who.person_id)
