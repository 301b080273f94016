"""The worker loses Redis, or its life, and nothing else."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from redis.asyncio import Redis

from tests.people import Person, World, at
from votremachine.config import Settings
from votremachine.infra.database import Database
from votremachine.infra.servers.redis import KEEP_NOTHING, EmbeddedRedis

PATIENCE_SECONDS = 40
LEFT = sa.text("SELECT (SELECT count(*) FROM outbox) AS facts, (SELECT count(*) FROM messages) AS messages")
LAPSE = sa.text("UPDATE bookings SET expires_at = now() WHERE state = 'held'")


@pytest.fixture
def redis(servers_folder: Path) -> Iterator[EmbeddedRedis]:
    """A Redis of this test's own, that it may stop."""
    server = EmbeddedRedis(servers_folder / "faulty", KEEP_NOTHING)
    server.start()
    yield server
    server.stop(5)


@contextmanager
def working(settings: Settings, redis_url: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A real worker process."""
    variables = {
        "VOTREMACHINE_DATABASE_URL": settings.database_url,
        "VOTREMACHINE_REDIS_URL": redis_url,
        "VOTREMACHINE_SECRET": settings.secret,
        "VOTREMACHINE_LOG_LEVEL": "critical",
    }
    process = subprocess.Popen([sys.executable, "-m", "votremachine", "work"], env={**os.environ, **variables})
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


async def until_drained(database: Database, told: int) -> None:
    """Waits until no fact is left and this many messages stand in the inboxes; never more."""
    for _ in range(PATIENCE_SECONDS * 10):
        async with database.read() as tx:
            (row,) = await tx.rows(LEFT)
        assert row.messages <= told, "somebody was told twice"
        if (row.facts, row.messages) == (0, told):
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"after {PATIENCE_SECONDS} s: {row.facts} facts left, {row.messages} messages of {told}")


async def until_at_work(redis_url: str) -> None:
    """Waits until a worker has said in Redis that it lives."""
    client: Redis = Redis.from_url(redis_url)
    for _ in range(PATIENCE_SECONDS * 10):
        if await client.exists("arq:queue:health-check"):
            break
        await asyncio.sleep(0.1)
    await client.aclose()


@pytest.fixture
async def tractor(world: World, owner: Person) -> str:
    return await world.machine(owner)


async def test_stopping_redis_loses_nothing(
    settings: Settings, redis: EmbeddedRedis, tractor: str, renter: Person, database: Database
) -> None:
    with working(settings, redis.url):
        await renter.booked([tractor], at(1), at(2))
        await until_drained(database, told=1)
        redis.stop(5)
        await renter.booked([tractor], at(3), at(4))
        held = (await renter.book([tractor], at(5), at(6))).json()
        async with database.begin() as tx:
            await tx.execute(LAPSE)
        await asyncio.sleep(3)
        redis.start()
        # Two confirmations for the owner, and the expiry for the renter.
        await until_drained(database, told=3)
        assert (await renter.get(f"/bookings/{held['id']}/history")).json()[-1]["to_state"] == "expired"


async def test_a_killed_worker_leaves_its_work_to_the_next(
    settings: Settings, redis: EmbeddedRedis, tractor: str, renter: Person, database: Database
) -> None:
    for day in range(1, 31):
        await renter.booked([tractor], at(day), at(day, 3))
    for _ in range(2):
        with working(settings, redis.url) as worker:
            await asyncio.sleep(1.5)
            worker.send_signal(signal.SIGKILL)
    with working(settings, redis.url):
        await until_drained(database, told=30)


@pytest.mark.usefixtures("database")
async def test_a_worker_that_is_asked_to_stop_does(settings: Settings, redis: EmbeddedRedis) -> None:
    with working(settings, redis.url) as worker:
        await until_at_work(redis.url)
        worker.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(worker.wait, 10) == 0


async def test_flushing_redis_costs_a_sweep_and_nothing_else(
    settings: Settings, redis: EmbeddedRedis, tractor: str, renter: Person, database: Database
) -> None:
    with working(settings, redis.url):
        client: Redis = Redis.from_url(redis.url)
        for day in range(1, 11):
            await renter.booked([tractor], at(day), at(day, 3))
            await client.flushall()
        await client.aclose()
        await until_drained(database, told=10)
