"""What is known of cards when a person asks for their data or leaves."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.privacy import PersonalData
from votremachine.accounts.rules import Actor
from votremachine.infra.database import Tx
from votremachine.payments.instruments.models import instruments
from votremachine.payments.instruments.rules import State

# The gateway's own names of a card are no more a person's data than a key to it.
_TOLD = [instruments.c[name] for name in ("id", "party_id", "state", "brand", "last4", "expires", "created_at")]


async def _export(tx: Tx, who: Actor) -> list[dict[str, Any]]:
    """The cards that the person kept, for whichever party."""
    own = sa.select(*_TOLD).where(instruments.c.person_id == who.person_id).order_by(instruments.c.id)
    return [dict(row._mapping) for row in await tx.rows(own)]


async def _close_parties(tx: Tx, party_ids: Sequence[UUID]) -> None:
    """Nobody pays for these parties any more."""
    theirs = instruments.c.party_id.in_(list(party_ids))
    await tx.execute(instruments.update().where(theirs).values(state=State.REMOVED))


CARDS = PersonalData("cards", _export, close_parties=_close_parties)
