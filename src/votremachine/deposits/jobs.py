"""What the clock does to deposits: look at what is due, in batches, until nothing is left."""

from datetime import timedelta
from functools import partial
from typing import Any

from votremachine.deposits.service import holding
from votremachine.infra.database import Database


async def keep_deposits(ctx: dict[str, Any]) -> int:
    """Hold, renew and give up deposits as their hours come; how many were looked at."""
    database: Database = ctx["database"]
    longest: timedelta = ctx["gateway"].capabilities.longest_hold
    margin = timedelta(hours=ctx["settings"].deposit_margin_hours)
    looked = 0
    while batch := await database.run(partial(holding.keep, longest_hold=longest, margin=margin)):
        looked += batch
    return looked
