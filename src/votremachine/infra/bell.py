"""A bell in Redis: one process rings it after a commit, all look into the database. It says when, never what.

Nothing is lost without it: whoever waits for it also looks by themselves, only later.
"""

import asyncio
from collections.abc import Callable

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

CHANNEL = "votremachine:changes"
# A Redis that hangs is given up on; one that is away is tried again after ever longer pauses.
PATIENCE_SECONDS = 0.5
SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 1.0
# However many commits there are, it rings once in this time.
APART_SECONDS = 0.02
# How long silence may last before the connection is asked whether it still lives.
SILENCE_SECONDS = 5

log = structlog.get_logger()


class Bell:
    """One for each process. Must be closed."""

    def __init__(self, redis_url: str) -> None:
        self._redis: Redis = Redis.from_url(redis_url, health_check_interval=SILENCE_SECONDS)
        self._wanted = False
        self._ringing: asyncio.Task[None] | None = None

    def ring(self) -> None:
        """Wake everybody who listens, soon; nobody waits for it, and nobody hears of it when it fails."""
        self._wanted = True
        if self._ringing is None or self._ringing.done():
            self._ringing = asyncio.create_task(self._ring())

    async def listen(self, wake: Callable[[], None]) -> None:
        """Call `wake` each time it rings, and whenever it may have rung unheard; until cancelled."""
        pause = SHORTEST_PAUSE_SECONDS
        while True:
            try:
                async with self._redis.pubsub() as line:
                    await line.subscribe(CHANNEL)
                    while True:
                        if await line.get_message(timeout=SILENCE_SECONDS):
                            pause = SHORTEST_PAUSE_SECONDS
                            wake()
            except (RedisError, OSError) as error:
                log.debug("bell.away", error=repr(error))
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def close(self) -> None:
        if self._ringing is not None:
            self._ringing.cancel()
            await asyncio.gather(self._ringing, return_exceptions=True)
        await self._redis.aclose()

    async def _ring(self) -> None:
        while self._wanted:
            self._wanted = False
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await self._redis.publish(CHANNEL, b"")
            except (RedisError, OSError) as error:
                log.debug("bell.unheard", error=repr(error))
            await asyncio.sleep(APART_SECONDS)
