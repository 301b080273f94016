"""What the clock does to claims: look at what is due, in batches, until nothing is left."""

from typing import Any

from votremachine.damages.service import sweeping
from votremachine.infra.database import Database


async def move_claims(ctx: dict[str, Any]) -> int:
    """Remind who is to answer, and send to mediation what nobody answered; how many were looked at."""
    database: Database = ctx["database"]
    moved = 0
    while batch := await database.run(sweeping.move):
        moved += batch
    return moved
