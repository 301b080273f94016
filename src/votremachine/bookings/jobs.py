"""What the clock does to bookings: jobs that look up what is due, in batches, until nothing is left."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from uuid import UUID

from votremachine.bookings.service import decide, handover
from votremachine.infra.database import Database, Tx


async def expire_provisional(ctx: dict[str, Any]) -> int:
    """Expire the holds and requests that ran out, and give their time back."""
    return await _until_done(ctx["database"], decide.expire)


async def complete_returned(ctx: dict[str, Any]) -> int:
    """Complete the bookings whose claim window has closed."""
    return await _until_done(ctx["database"], handover.complete)


async def warn_overdue(ctx: dict[str, Any]) -> int:
    """Warn those whose machine may not be back in time; how many batches of overdue bookings there were."""
    database: Database = ctx["database"]
    after: UUID | None = handover.FIRST
    batches = 0
    while after is not None:
        after = await database.run(partial(handover.warn_overdue, after=after))
        batches += 1
    return batches


async def _until_done(database: Database, sweep: Callable[[Tx], Awaitable[int]]) -> int:
    swept = 0
    while batch := await database.run(sweep):
        swept += batch
    return swept
