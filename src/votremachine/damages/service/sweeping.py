"""What the clock makes of claims: silence goes to mediation, and a mediation that nobody ends, ends; never by a yes."""

import sqlalchemy as sa

from votremachine.damages.events import ClaimStalled, ClaimUnresolved
from votremachine.damages.models import claims
from votremachine.damages.rules.claim import STANDARD_PATIENCE, Claim, Due, Patience, State, due
from votremachine.damages.service import store
from votremachine.damages.service.answering import to_mediation
from votremachine.deposits.service import ending
from votremachine.infra.database import Tx

BATCH = 100
# What waits for somebody has an hour.
_DUE = (
    sa.select(claims)
    .where(claims.c.due_at <= sa.bindparam("now", type_=sa.DateTime(timezone=True)))
    .order_by(claims.c.due_at)
    .limit(BATCH)
    .with_for_update(skip_locked=True)
)


async def move(tx: Tx, patience: Patience = STANDARD_PATIENCE) -> int:
    """Take on a batch of the claims whose time is over; how many."""
    rows = await tx.rows(_DUE, {"now": tx.now})
    for row in rows:
        claim = store.from_row(row)
        match due(claim):
            case Due.ESCALATE:
                await to_mediation(tx, claim, patience, by=None, why="silence")
            case Due.STALL:
                await _stall(tx, claim, patience)
            case Due.GIVE_UP:
                await _give_up(tx, claim)
    return len(rows)


async def _stall(tx: Tx, claim: Claim, patience: Patience) -> None:
    """Staff is told. The rest of the time begins now, however late that is: nobody is told of what is over already."""
    until = tx.now + patience.staff
    # No change of the claim: who has read it may still decide.
    await tx.execute(claims.update().where(claims.c.id == claim.id).values(stalled_at=tx.now, due_at=until))
    tx.publish(store.fact(ClaimStalled, claim, minor=claim.asked, until=until))


async def _give_up(tx: Tx, claim: Claim) -> None:
    await store.step(tx, claim, State.UNRESOLVED, ClaimUnresolved, by=None, due_at=None)
    await ending.let_go(tx, claim.booking_id, claim.id)
