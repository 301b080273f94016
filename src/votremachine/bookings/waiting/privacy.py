"""What the waiting list has to say when a person asks for their data or leaves: who left waits for nothing."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.privacy import PersonalData
from votremachine.accounts.rules import Actor
from votremachine.bookings.waiting.models import waiting_entries
from votremachine.bookings.waiting.rules import State
from votremachine.bookings.waiting.service.store import in_state
from votremachine.infra.database import Tx


async def _export(tx: Tx, who: Actor) -> list[dict[str, Any]]:
    """What the person waited for."""
    own = sa.select(waiting_entries).where(waiting_entries.c.person_id == who.person_id)
    return [dict(row._mapping) for row in await tx.rows(own.order_by(waiting_entries.c.id))]


async def _forget(tx: Tx, person_id: UUID) -> None:
    """What they wrote is deleted; an offer that stands is their party's, and runs out by itself."""
    theirs = waiting_entries.c.person_id == person_id
    await _withdraw(tx, theirs)
    await tx.execute(waiting_entries.update().where(theirs).values(note=""))


async def _close_parties(tx: Tx, party_ids: Sequence[UUID]) -> None:
    """Nobody waits for them, nor for what they owned."""
    closed = list(party_ids)
    sides = sa.or_(waiting_entries.c.renter_party_id.in_(closed), waiting_entries.c.owner_party_id.in_(closed))
    await _withdraw(tx, sides)


async def _withdraw(tx: Tx, which: sa.ColumnElement[bool]) -> None:
    waiting = waiting_entries.update().where(in_state(State.WAITING), which)
    await tx.execute(waiting.values(state=State.WITHDRAWN, changed_at=tx.now))


WAITING = PersonalData("waiting_list", _export, _forget, close_parties=_close_parties)
