"""What the clock makes of claims: silence goes to mediation, never to yes."""

import sqlalchemy as sa

from votremachine.damages.models import claims
from votremachine.damages.service import store
from votremachine.damages.service.answering import to_mediation
from votremachine.infra.database import Tx

BATCH = 100
# Only who is to answer has an hour.
_DUE = (
    sa.select(claims)
    .where(claims.c.due_at <= sa.bindparam("now", type_=sa.DateTime(timezone=True)))
    .order_by(claims.c.due_at)
    .limit(BATCH)
    .with_for_update(skip_locked=True)
)


async def move(tx: Tx) -> int:
    """Send a batch of the claims that nobody answered in time to mediation; how many."""
    rows = await tx.rows(_DUE, {"now": tx.now})
    for row in rows:
        await to_mediation(tx, store.from_row(row), by=None, why="silence")
    return len(rows)
