"""The outbox: facts committed with their cause, carried upwards afterwards, exactly once as far as the database goes.

A fact and the effects of its handlers are taken off and written in one transaction, each behind its own savepoint,
so a worker that dies anywhere leaves the fact to the next. A handler that fails is tried again later; the fact is
never dropped. Redis has no part in it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
import structlog

from votremachine.infra.database import Database, Tx
from votremachine.infra.publishing import outbox
from votremachine.kernel.events import Event

Handler = Callable[[Tx, Any], Awaitable[None]]
Handlers = Mapping[type[Event], Sequence[Handler]]

BATCH = 100
# Waits of 2, 4, 8 … seconds between two tries of a failing handler, an hour at most.
LONGEST_WAIT = timedelta(hours=1)

# Somebody should look at what has been put off this often, whatever the reason: for an hour by then.
PUT_OFF_FOR_LONG = 10

log = structlog.get_logger()


class NotYet(Exception):
    """Raised by a handler for which it is too early: nothing is wrong, and the fact comes again a little later."""


_DUE = (
    sa.select(outbox.c.id, outbox.c.name, outbox.c.body, outbox.c.attempts)
    .where(outbox.c.due_at <= sa.bindparam("now"))
    .order_by(outbox.c.due_at, outbox.c.id)
    .limit(BATCH)
    .with_for_update(skip_locked=True)
)


async def drain(database: Database, handlers: Handlers) -> int:
    """Deliver the facts that are due, oldest first; how many were delivered."""
    delivered = 0
    while True:
        taken, done = await _drain_batch(database, handlers)
        delivered += done
        if taken < BATCH:
            return delivered


async def _drain_batch(database: Database, handlers: Handlers) -> tuple[int, int]:
    by_name = {event.__name__: event for event in handlers}
    async with database.begin() as tx:
        facts = await tx.rows(_DUE, {"now": tx.now})
        done = []
        for fact in facts:
            if await _deliver(tx, fact, by_name, handlers):
                done.append(fact.id)
        if done:
            await tx.execute(outbox.delete().where(outbox.c.id.in_(done)))
    return len(facts), len(done)


async def _deliver(tx: Tx, fact: sa.Row[Any], by_name: Mapping[str, type[Event]], handlers: Handlers) -> bool:
    """Hand one fact to each of its handlers, all or none; False when one failed and the fact must wait."""
    kind = by_name.get(fact.name)
    if kind is None:
        # A fact nobody listens to is delivered by being forgotten.
        return True
    try:
        async with tx.savepoint():
            event = msgspec.convert(fact.body, kind)
            for handle in handlers[kind]:
                await handle(tx, event)
    except Exception as error:  # one bad handler must not hold up the facts behind it
        await _postpone(tx, fact, error)
        return False
    return True


async def _postpone(tx: Tx, fact: sa.Row[Any], error: Exception) -> None:
    wait = min(timedelta(seconds=2 ** min(fact.attempts + 1, 12)), LONGEST_WAIT)
    if isinstance(error, NotYet) and fact.attempts < PUT_OFF_FOR_LONG:
        log.info("outbox.not_yet", outbox_event=fact.name, outbox_id=str(fact.id), why=repr(error))
    else:
        log.error("outbox.handler_failed", outbox_event=fact.name, outbox_id=str(fact.id), exc_info=error)
    await tx.execute(
        outbox.update()
        .where(outbox.c.id == fact.id)
        .values(attempts=fact.attempts + 1, due_at=tx.now + wait, last_error=repr(error))
    )
