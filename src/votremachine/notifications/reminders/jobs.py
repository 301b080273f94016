"""What the worker does for reminders: the sweep hands them out, a job tells what it was given and sends it on."""

from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import structlog

from votremachine.damages.service import awaiting
from votremachine.infra.database import Database
from votremachine.notifications.delivering.posting import Posted
from votremachine.notifications.delivering.service.sending import Sender
from votremachine.notifications.handing_out import Work, hand_out
from votremachine.notifications.reminders.rules import Moments
from votremachine.notifications.reminders.service import calendars, documents, planning, telling

FIRST = UUID(int=0)  # sorts before every id
BATCH = 500

log = structlog.get_logger()


async def sweep_reminders(ctx: dict[str, Any]) -> int:
    """Hand out the reminders that are due; how many."""
    return await hand_out(ctx, WORK)


async def plan_unseen_calendars(ctx: dict[str, Any]) -> None:
    """See, batch by batch, whose calendar nobody looked at for long; again the same day changes nothing."""
    database: Database = ctx["database"]
    after: UUID | None = FIRST
    while after is not None:
        after = await database.run(partial(calendars.plan_unseen, after=after, moments=ctx["moments"]))


async def plan_again(ctx: dict[str, Any]) -> None:
    """Plan anew what is due within days: for who joined since, by moments that were set since, and of what is older
    than reminders. What is planned or told already stays as it is.
    """
    database: Database = ctx["database"]
    moments: Moments = ctx["moments"]
    after: UUID | None = FIRST
    while after is not None:
        after = await database.run(partial(documents.plan_ending, after=after, moments=moments))
    for look in (planning.coming, awaiting.disputed):
        after = FIRST
        while batch := await database.run(partial(look, after=after, limit=BATCH)):
            for booking_id in batch:
                # Each in its own transaction: a verb that waits for one waits for no other.
                await database.run(partial(planning.plan, booking_id=booking_id, moments=moments))
            after = batch[-1]


async def tell_reminders(ctx: dict[str, Any], ids: list[str], lease: str) -> int:
    """Tell those of these reminders that the lease still holds, send them, then look for more; how many were sent."""
    sender: Sender = ctx["sender"]
    until = datetime.fromisoformat(lease)
    posted = await _tell(ctx, [UUID(one) for one in ids], until)
    taken = await sender.send(posted, until)
    await hand_out(ctx, WORK)
    return taken


async def _tell(ctx: dict[str, Any], ids: list[UUID], lease: datetime) -> list[Posted]:
    """All at once; if that fails, one by one, so that the one at fault is found and the others are told."""
    database: Database = ctx["database"]
    moments: Moments = ctx["moments"]
    try:
        return await database.run(partial(telling.tell, ids=ids, lease=lease, moments=moments))
    except Exception as error:
        log.exception("reminders.not_told", reminders=len(ids))
        if len(ids) == 1:
            jitter = ctx["sender"].jitter()
            await database.run(partial(telling.failed, reminder_id=ids[0], lease=lease, error=error, jitter=jitter))
            return []
    return [posted for one in ids for posted in await _tell(ctx, [one], lease)]


WORK = Work(telling.DUE, tell_reminders.__name__, batch=200, most_held=1600)
