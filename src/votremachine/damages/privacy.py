"""What claims have to say when a person asks for their data: they are kept, as accounting law asks."""

from typing import Any

import sqlalchemy as sa

from votremachine.accounts.privacy import PersonalData
from votremachine.accounts.rules import Actor
from votremachine.damages.models import claim_evidence, claim_offers, claim_transitions
from votremachine.infra.database import Tx

_STEPS = sa.select(
    *(claim_transitions.c[name] for name in ("claim_id", "from_state", "to_state", "at", "why"))
).order_by(claim_transitions.c.id)
_OFFERS = sa.select(*(claim_offers.c[name] for name in ("claim_id", "side", "minor", "note", "at"))).order_by(
    claim_offers.c.id
)
_FILES = sa.select(*(claim_evidence.c[name] for name in ("id", "claim_id", "media_type", "bytes", "at"))).order_by(
    claim_evidence.c.id
)


async def _export(tx: Tx, who: Actor) -> dict[str, Any]:
    """Every step that the person took, every offer they made, and the files that they sent."""
    asked = {
        "steps": _STEPS.where(claim_transitions.c.by == who.person_id),
        "offers": _OFFERS.where(claim_offers.c.by == who.person_id),
        "evidence": _FILES.where(claim_evidence.c.by == who.person_id),
    }
    return {name: [dict(row._mapping) for row in await tx.rows(wanted)] for name, wanted in asked.items()}


CLAIMS = PersonalData("claims", _export)
