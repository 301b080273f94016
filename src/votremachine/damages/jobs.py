"""What the clock does to claims: look at what is due, in batches, until nothing is left."""

from functools import partial
from typing import Any

from votremachine.damages.rules.claim import Patience
from votremachine.damages.service import sweeping
from votremachine.infra.database import Database


async def move_claims(ctx: dict[str, Any]) -> int:
    """Take on the claims that nobody answered, or decided, in time; how many there were."""
    database: Database = ctx["database"]
    moved, move = 0, partial(sweeping.move, patience=Patience.of(ctx["settings"]))
    while batch := await database.run(move):
        moved += batch
    return moved
