"""What the clock does to maintenance: what comes due by date is proposed."""

from functools import partial
from typing import Any
from uuid import UUID

from votremachine.availability.maintenance.service.proposals import sweep
from votremachine.availability.maintenance.service.store import forget_forsaken
from votremachine.infra.database import Database

FIRST = UUID(int=0)


async def propose_maintenance(ctx: dict[str, Any]) -> int:
    """See to every machine that has plans without a proposal, one transaction each; how many there were."""
    database: Database = ctx["database"]
    await database.run(forget_forsaken)
    machines, after = 0, FIRST
    while (seen := await database.run(partial(sweep, after=after))) is not None:
        machines, after = machines + 1, seen
    return machines
