"""What the clock does to claims: look at what is due, in batches, until nothing is left."""

from typing import Any

from votremachine.damages.service import sweeping
from votremachine.infra.database import Database


async def move_claims(ctx: dict[str, Any]) -> int:
    """Take on the claims that nobody answered, or decided, in time; how many there were."""
    database: Database = ctx["database"]
    moved = 0
    while batch := await database.run(sweeping.move):
        moved += batch
    return moved
