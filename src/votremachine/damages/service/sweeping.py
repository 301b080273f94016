"""What the clock makes of claims: who is to answer is reminded, and silence goes to mediation, never to yes."""

import sqlalchemy as sa

from votremachine.damages.events import ClaimWaits
from votremachine.damages.models import claims
from votremachine.damages.rules.claim import Look, plan
from votremachine.damages.service import store
from votremachine.damages.service.answering import to_mediation
from votremachine.infra.database import Tx

BATCH = 100
_DUE = (
    sa.select(claims)
    .where(claims.c.next_at <= sa.bindparam("now", type_=sa.DateTime(timezone=True)))
    .order_by(claims.c.next_at)
    .limit(BATCH)
    .with_for_update(skip_locked=True)
)


async def move(tx: Tx) -> int:
    """Look at a batch of the claims whose hour has come; how many."""
    rows = await tx.rows(_DUE, {"now": tx.now})
    for row in rows:
        claim = store.from_row(row)
        look, next_at = plan(claim, tx.now)
        if look is Look.ESCALATE:
            await to_mediation(tx, claim, by=None, why="silence")
            continue
        if look is Look.REMIND:
            tx.publish(store.fact(ClaimWaits, claim, turn=claim.turn or ""))
        # No change of the claim: who has read it may still answer.
        await tx.execute(claims.update().where(claims.c.id == claim.id).values(next_at=next_at))
    return len(rows)
