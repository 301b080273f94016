"""What the worker does for deliveries: the sweep hands them out, a job sends what it was given."""

from datetime import datetime
from typing import Any
from uuid import UUID

from votremachine.infra.database import Database
from votremachine.notifications.delivering.posting import Posted
from votremachine.notifications.delivering.rules import Channel
from votremachine.notifications.delivering.service import outcomes
from votremachine.notifications.delivering.service.sending import Sender
from votremachine.notifications.delivering.service.store import DUE
from votremachine.notifications.handing_out import Work, hand_out


async def sweep_deliveries(ctx: dict[str, Any]) -> int:
    """Hand out the deliveries that are due; how many."""
    return await hand_out(ctx, WORK)


async def send_deliveries(ctx: dict[str, Any], ids: list[str], lease: str) -> int:
    """Send those of these deliveries that the lease still holds, then look for more; how many were taken."""
    sender: Sender = ctx["sender"]
    until = datetime.fromisoformat(lease)
    async with ctx["database"].begin() as tx:
        rows = await DUE.still(tx, [UUID(one) for one in ids], until)
    taken = await sender.send([Posted(row.id, Channel(row.channel)) for row in rows], until)
    await hand_out(ctx, WORK)
    return taken


async def follow_up(ctx: dict[str, Any]) -> int:
    """Try the next channel for what was sent and not read in time; how many were looked at."""
    database: Database = ctx["database"]
    looked = 0
    while batch := await database.run(outcomes.follow_up):
        looked += batch
    return looked


# Channels take them one by one: few at a time, so that none is held long.
WORK = Work(DUE, send_deliveries.__name__, batch=50, most_held=200)
