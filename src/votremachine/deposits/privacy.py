"""What deposits have to say when a person asks for their data: they are kept, as accounting law asks."""

from typing import Any

import sqlalchemy as sa

from votremachine.accounts.privacy import PersonalData
from votremachine.accounts.rules import Actor
from votremachine.deposits.models import deposit_transitions, deposits
from votremachine.infra.database import Tx


async def _export(tx: Tx, who: Actor) -> list[dict[str, Any]]:
    """Every step that the person took in deposits: cards given, and waivers with their reasons."""
    taken = (
        sa.select(
            deposit_transitions.c.at,
            deposit_transitions.c.from_state,
            deposit_transitions.c.to_state,
            deposit_transitions.c.why,
            deposits.c.booking_id,
            deposits.c.minor,
            deposits.c.currency,
        )
        .join(deposits, deposits.c.id == deposit_transitions.c.deposit_id)
        .where(deposit_transitions.c.by == who.person_id)
        .order_by(deposit_transitions.c.at, deposit_transitions.c.id)
    )
    return [dict(row._mapping) for row in await tx.rows(taken)]


DEPOSITS = PersonalData("deposits", _export)
