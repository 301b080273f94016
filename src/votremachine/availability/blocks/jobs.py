"""What the clock does to blocks: series are known ever further ahead, and what was given back is taken again."""

from functools import partial
from typing import Any
from uuid import UUID

from votremachine.availability.blocks.service.filling import sweep
from votremachine.infra.database import Database

FIRST = UUID(int=0)


async def roll_forward(ctx: dict[str, Any]) -> int:
    """See to every machine that has blocks, one transaction each; how many there were.

    A run that was missed costs nothing but its day: the database says what is due.
    """
    database: Database = ctx["database"]
    machines, after = 0, FIRST
    while (seen := await database.run(partial(sweep, after=after))) is not None:
        machines, after = machines + 1, seen
    return machines
