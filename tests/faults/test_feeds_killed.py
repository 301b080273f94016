"""A process that dies while it takes a feed's times: what stood stands, and the next fetch mends it."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.availability.feeds.test_feeds import busy, followed, look
from tests.feed_server import FeedServer, calendar, feed_server
from tests.people import Person, World, at
from votremachine.accounts.credentials import keys_of
from votremachine.availability.feeds.jobs import fetch_feeds
from votremachine.availability.rules import Claim, Taker
from votremachine.availability.service import claims
from votremachine.config import Settings
from votremachine.infra.database import Database, Tx
from votremachine.infra.fetching.fetcher import Fetcher
from votremachine.infra.keys import Seal
from votremachine.kernel.span import Span

PATIENCE_SECONDS = 20
# What the worker does each minute, once.
FETCH = """
import asyncio
from votremachine.accounts.credentials import keys_of
from votremachine.availability.feeds.jobs import fetch_feeds
from votremachine.config import read_settings
from votremachine.infra.database import Database
from votremachine.infra.fetching.fetcher import Fetcher
from votremachine.infra.keys import Seal

async def main():
    settings = read_settings()
    seal = Seal(keys_of(settings), "calendar feeds")
    database = Database(settings.database_url)
    await fetch_feeds({"database": database, "fetcher": Fetcher(allow_private=True), "feed_seal": seal})

asyncio.run(main())
"""
# Somebody in the midst of a transaction that waits for another's: of all our statements only a claim does that here.
WAITS = sa.text(
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    " AND query LIKE 'INSERT INTO occupancies%'"
)


class GaveUp(Exception):
    pass


@asynccontextmanager
async def rival(database: Database) -> AsyncIterator[Tx]:
    """A transaction that is not committed in the end."""
    with suppress(GaveUp):
        async with database.begin() as tx:
            yield tx
            raise GaveUp


ENDED = sa.text("SELECT count(*) FROM pg_stat_activity WHERE pid = :pid")
HELD = sa.text("SELECT lower(during) AS s, upper(during) AS e FROM occupancies WHERE kind = 'external' ORDER BY during")
WANTED = sa.text("SELECT lower(during) AS s, upper(during) AS e FROM feed_events ORDER BY during")
DUE = sa.text("UPDATE calendar_feeds SET due_at = now() - interval '1 second'")
LEASE_OVER = sa.text("UPDATE calendar_feeds SET leased_until = now() WHERE lease IS NOT NULL RETURNING id")


@pytest.fixture
async def server() -> AsyncIterator[FeedServer]:
    async with feed_server() as server:
        yield server


async def times(database: Database, question: sa.TextClause) -> list[tuple[datetime, datetime]]:
    async with database.read() as tx:
        return [(row.s, row.e) for row in await tx.rows(question)]


async def test_a_process_that_is_killed_in_the_midst_leaves_the_last_known_times_and_the_next_fetch_mends_it(
    settings: Settings, world: World, owner: Person, server: FeedServer, database: Database
) -> None:
    tractor = await world.machine(owner)
    seal = Seal(keys_of(settings), "calendar feeds")
    ctx = {"database": database, "fetcher": Fetcher(allow_private=True), "feed_seal": seal}
    stood = [(at(2), at(3)), (at(5), at(6))]
    server.say(calendar(*(busy(str(i), *span) for i, span in enumerate(stood))))
    feed = await followed(owner, tractor, server)
    await fetch_feeds(ctx)
    before = await look(owner, feed)
    wanted = [(at(2, 1), at(3)), (at(8), at(9)), (at(11), at(12))]
    server.say(calendar(*(busy(str(i), *span) for i, span in enumerate(wanted))))
    async with database.begin() as tx:
        await tx.execute(DUE)

    # Somebody who has not committed wants the last of these, so the process waits with all else written.
    async with rival(database) as tx:
        # It waits for as long as a process needs to start, on whatever computer.
        await tx.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        wish = Claim(UUID(tractor), Span(*wanted[-1]), claims.NO_BUFFERS)
        await claims.claim(tx, Taker.BLOCK, tx.new_id(), [wish])
        process = await _started(settings)
        try:
            pid = await _waiting(database)
            process.send_signal(signal.SIGKILL)
        finally:
            await process.wait()
    await _ended(database, pid)

    assert await times(database, HELD) == stood
    assert await times(database, WANTED) == stood
    assert await look(owner, feed) == {**before, "next_fetch_at": (await look(owner, feed))["next_fetch_at"]}
    assert await fetch_feeds(ctx) == 0, "it is still leased to the dead"
    async with database.begin() as tx:
        assert len(await tx.rows(LEASE_OVER)) == 1
    assert await fetch_feeds(ctx) == 1
    assert await times(database, HELD) == await times(database, WANTED) == wanted
    assert (await look(owner, feed))["state"] == "ok"


async def _started(settings: Settings) -> asyncio.subprocess.Process:
    variables = {"VOTREMACHINE_DATABASE_URL": settings.database_url, "VOTREMACHINE_SECRET": settings.secret}
    return await asyncio.create_subprocess_exec(sys.executable, "-c", FETCH, env={**os.environ, **variables})


async def _waiting(database: Database) -> int:
    """Waits until the process waits for the rival; which of the server's processes serves it."""
    for _ in range(PATIENCE_SECONDS * 20):
        async with database.read() as tx:
            if (row := await tx.row(WAITS)) is not None:
                return int(row.pid)
        await asyncio.sleep(0.05)
    pytest.fail("the process never came to its claim")


async def _ended(database: Database, pid: int) -> None:
    """Waits until the server has noticed that nobody is there any more."""
    for _ in range(PATIENCE_SECONDS * 20):
        async with database.read() as tx:
            if (await tx.execute(ENDED, {"pid": pid})).scalar_one() == 0:
                return
        await asyncio.sleep(0.05)
    pytest.fail("the server goes on for somebody who is dead")
