"""Handing out what is due: leased by the database, carried by Redis. What Redis loses is due again when its lease ends.

A job that is done looks for more by itself, so a long queue does not wait for the next sweep; and never more is handed
out than can be done in the life of a lease.
"""

from functools import partial
from typing import Any, NamedTuple

import structlog
from arq.connections import ArqRedis
from redis.exceptions import RedisError

from votremachine.infra.database import Database
from votremachine.notifications.delivering.rules import LEASE
from votremachine.notifications.leasing import Queue

log = structlog.get_logger()


class Work(NamedTuple):
    """A queue, the job that is given its rows, how many at a time, and how many may be held by all workers."""

    queue: Queue
    job: str
    batch: int
    most_held: int


async def hand_out(ctx: dict[str, Any], work: Work) -> int:
    """Enqueue batches of what is due until nothing is or enough is held; how many were handed out."""
    database: Database = ctx["database"]
    handed = 0
    async with database.read() as tx:
        if not await work.queue.is_due(tx):
            return 0
        room = work.most_held - await work.queue.held(tx)
    while room >= work.batch and not ctx["stopping"].is_set():
        batch = await _hand_out(database, ctx["redis"], work)
        handed, room = handed + batch, room - work.batch
        if batch < work.batch:
            break
    return handed


async def _hand_out(database: Database, redis: ArqRedis, work: Work) -> int:
    ids, lease = await database.run(partial(work.queue.lease, most=work.batch, life=LEASE))
    if not ids:
        return 0
    try:
        # The same batch under the same lease is the same job.
        job_id = f"{work.job}:{ids[0]}:{lease.timestamp()}"
        await redis.enqueue_job(work.job, [str(one) for one in ids], lease.isoformat(), _job_id=job_id)
    except (RedisError, OSError) as error:
        log.warning("worker.not_enqueued", job=work.job, error=repr(error))
        await database.run(lambda tx: work.queue.hand_back(tx, ids, lease))
        return 0
    return len(ids)
