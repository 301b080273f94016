"""The case `feed_import`: an outside calendar of ten thousand events is read and takes a machine's time.

In this process, as the worker does it; each round all of its times are others than before, so that all are given back
and claimed. Its latencies are those of whole imports.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from resource import RUSAGE_SELF, getrusage
from uuid import UUID
from zoneinfo import ZoneInfo

from benchmarks.client import Sample, WrongAnswer
from benchmarks.world import World
from votremachine.availability.feeds import rules
from votremachine.availability.feeds.reading import read
from votremachine.availability.feeds.rules import Feed
from votremachine.availability.feeds.service import filling, store
from votremachine.infra.database import Database, Tx

EVENTS = 10_000
Measure = Callable[[float], Awaitable[Sample]]


@asynccontextmanager
async def feed_import(world: World) -> AsyncIterator[Measure]:
    """Events imported; `done` counts them one by one."""
    database, machine = Database(world.stack.database_url), UUID(world.machines[-1])
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    by = await world.database.fetchval("SELECT id FROM people LIMIT 1")
    # Of its own: nobody else has time of it.
    await world.database.execute("DELETE FROM occupancies WHERE machine_id = $1", machine)
    async with database.begin() as tx:
        feed = Feed(tx.new_id(), machine, "bench", b"", "", tx.now, tx.now + timedelta(days=1))
        await store.add(tx, feed, by)
    bodies, turns = [_calendar(now, minutes) for minutes in (0, 20)], count()

    async def once(body: bytes) -> None:
        found = read(body, ZoneInfo("Europe/Paris"), rules.window_at(now))

        async def verb(tx: Tx) -> None:
            await filling.apply(tx, feed, found.spans)

        await database.run(verb)

    async def measure(seconds: float) -> Sample:
        began, took = time.perf_counter(), list[float]()
        while not took or time.perf_counter() - began < seconds:
            at = time.perf_counter()
            await once(bodies[next(turns) % 2])
            took.append(time.perf_counter() - at)
        return Sample(EVENTS * len(took), time.perf_counter() - began, took)

    yield measure
    held = await world.database.fetchval("SELECT count(*) FROM occupancies WHERE machine_id = $1", machine)
    if held != EVENTS:
        raise WrongAnswer(f"{held} of {EVENTS} events take time")
    print(f"feed_import: the importing process took {getrusage(RUSAGE_SELF).ru_maxrss // 1024} MiB at most", flush=True)
    await database.close()


def _calendar(first: datetime, minutes: int) -> bytes:
    starts = (first + timedelta(minutes=minutes + 105 * i) for i in range(EVENTS))
    events = (
        f"BEGIN:VEVENT\r\nUID:{start:%Y%m%dT%H%M}@x.example\r\nDTSTAMP:20260101T000000Z\r\n"
        f"DTSTART:{start:%Y%m%dT%H%M%SZ}\r\nDTEND:{start + timedelta(hours=1):%Y%m%dT%H%M%SZ}\r\n"
        "SUMMARY:Réservé\r\nDESCRIPTION:Arrivée par la cour\\, clés chez la voisine.\r\nEND:VEVENT\r\n"
        for start in starts
    )
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{''.join(events)}END:VCALENDAR\r\n".encode()
