"""What the clock does to payouts: what is due is made into one for each owner."""

from functools import partial
from typing import Any
from uuid import UUID

from votremachine.infra.database import Database
from votremachine.payments.payouts.service import prepare

FIRST = UUID(int=0)


async def prepare_payouts(ctx: dict[str, Any]) -> int:
    """See to every owner who is owed something, one transaction each; how many there were."""
    database: Database = ctx["database"]
    owners, after = 0, FIRST
    while (seen := await database.run(partial(prepare, after=after))) is not None:
        owners, after = owners + 1, seen
    return owners
