"""What the clock does to feeds: those that are due are fetched, outside of any transaction, and applied in one each."""

import asyncio
import random
import time
from functools import partial
from typing import Any
from uuid import UUID

import structlog

from votremachine.availability.feeds import reading, refusals, rules
from votremachine.availability.feeds.rules import Feed
from votremachine.availability.feeds.service import outcomes, refills, store
from votremachine.fleet import service as fleet
from votremachine.infra.database import Database, DatabaseAway, RunAgain
from votremachine.infra.fetching.failures import FetchFailed
from votremachine.infra.fetching.fetcher import Fetcher, Known, NotModified
from votremachine.infra.keys import Seal, Unreadable
from votremachine.kernel.errors import DomainError

AT_ONCE, MOST = 6, 24
# No new ones are taken after this: four turns of a minute each must end before the worker's patience does.
GOES_ON_SECONDS = 30.0
# What is wrong with the feed, not with us.
REFUSALS: tuple[type[DomainError], ...] = (FetchFailed, *refusals.REFUSALS)
ACCEPT = "text/calendar, */*;q=0.1"

FIRST = UUID(int=0)  # sorts before every id

log = structlog.get_logger()


async def fetch_feeds(ctx: dict[str, Any]) -> int:
    """Fetch the feeds that are due; how many. What fails at one feed is kept from the others."""
    database: Database = ctx["database"]
    until = time.monotonic() + GOES_ON_SECONDS
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(feed: Feed) -> None:
        async with turn:
            try:
                await fetch(database, ctx["fetcher"], ctx["feed_seal"], feed)
            except (RunAgain, DatabaseAway) as error:
                # No trouble of this feed's. Its lease runs out, and it is tried again.
                log.warning("feeds.fetch_put_off", feed_id=str(feed.id), error=repr(error))
            except Exception:
                log.exception("feeds.fetch_broke", feed_id=str(feed.id))
                await _broke(database, feed)

    fetched = 0
    while feeds := await database.run(partial(store.lease, most=MOST)):
        await asyncio.gather(*map(one, feeds))
        fetched += len(feeds)
        if time.monotonic() > until:
            break
    return fetched


async def _broke(database: Database, feed: Feed) -> None:
    try:
        await database.run(partial(outcomes.broke, leased=feed, jitter=_jitter()))
    except Exception:
        # Not even that can be written: its lease runs out, and it is tried again.
        log.exception("feeds.not_noted", feed_id=str(feed.id))


async def fetch(database: Database, fetcher: Fetcher, seal: Seal, feed: Feed) -> None:
    """Fetch one feed that was leased, and write down what it came to."""
    jitter = _jitter()
    async with database.read() as tx:
        now, machine, ours = tx.now, await fleet.machine(tx, feed.machine_id), await outcomes.ours(tx, feed)
    try:
        known = Known() if rules.wants_all(feed, now) else Known(feed.etag, feed.last_modified)
        answer = await fetcher.get(_opened(seal, feed), known, ACCEPT)
        if isinstance(answer, NotModified):
            await database.run(partial(outcomes.unchanged, leased=feed, jitter=jitter))
            return
        window = rules.window_at(now)
        read = await asyncio.to_thread(reading.read, answer.body, machine.zone, window, ours)
    except REFUSALS as error:
        await database.run(partial(outcomes.failed, leased=feed, error=error, jitter=jitter))
        return
    await database.run(partial(outcomes.read, leased=feed, reading=read, known=answer.known, jitter=jitter))


def _jitter() -> float:
    return random.random()  # noqa: S311 -- no secret


def _opened(seal: Seal, feed: Feed) -> str:
    """The address of a feed; raises `FetchFailed` when its key is not kept any more."""
    try:
        return seal.open(feed.url_sealed)
    except Unreadable as error:
        raise FetchFailed from error


async def purge_past(ctx: dict[str, Any]) -> int:
    """Forget the events that were over 90 days ago, and what they took; how many there were."""
    database: Database = ctx["database"]
    purged = 0
    while batch := await database.run(store.purge):
        purged += batch
    return purged


async def take_freed(ctx: dict[str, Any]) -> int:
    """Let feeds take the time that others gave back, one machine after the other; how many machines there were."""
    database: Database = ctx["database"]
    machines, after = 0, FIRST
    while True:
        async with database.read() as tx:
            due = await refills.due(tx, after)
        for machine_id in due:
            try:
                await database.run(partial(refills.refill, machine_id=machine_id))
            except Exception:  # one bad machine must not hold up the others
                log.exception("feeds.refill_failed", machine_id=str(machine_id))
                await database.run(partial(refills.put_off, machine_id=machine_id))
        machines += len(due)
        if len(due) < refills.BATCH:
            return machines
        after = due[-1]
