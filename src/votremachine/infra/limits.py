"""Rate limits, counted in Redis for all processes; in the process itself while Redis is away, never not at all.

A moving window: so many in any stretch of so many seconds (`limits`, strategy MovingWindow).
"""

import asyncio
import math
import time
from typing import NamedTuple
from weakref import WeakValueDictionary

import structlog
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from votremachine.kernel.errors import DomainError, Kind

# A Redis that hangs holds nobody up for longer, and is left alone for a while after it failed.
PATIENCE_SECONDS = 0.5
AWAY_SECONDS = 2.0
# So many at once are taken for a busy account, so that Redis is asked once in so many requests.
HANDFUL = 25
MOST_HELD = 20_000

log = structlog.get_logger()


class Limit(NamedTuple):
    """At most `amount` in any `seconds`."""

    name: str
    amount: int
    seconds: int


class Standing(NamedTuple):
    """What is left of a limit, and in how many seconds more of it is."""

    limit: Limit
    remaining: int
    reset_seconds: int

    def headers(self) -> list[tuple[bytes, bytes]]:
        """`RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10, 3 and 4)."""
        name, amount, seconds = self.limit
        return [
            (b"ratelimit-policy", f'"{name}";q={amount};w={seconds}'.encode()),
            (b"ratelimit", f'"{name}";r={self.remaining};t={self.reset_seconds}'.encode()),
        ]


class TooManyRequests(DomainError):
    kind = Kind.TOO_MANY
    code = "too_many_requests"
    en = "That was too often. Try again in {retry_after} seconds."
    fr = "C'était trop souvent. Réessayez dans {retry_after} secondes."
    standing: Standing | None = None


class _Handful(NamedTuple):
    left: int
    remaining: int
    until: float


class Limits:
    """Counts takings by limit and key. `factor` multiplies every limit."""

    def __init__(self, redis_url: str, factor: int = 1) -> None:
        self._factor = factor
        self._pool = ConnectionPool.from_url(
            redis_url, socket_timeout=PATIENCE_SECONDS, socket_connect_timeout=PATIENCE_SECONDS
        )
        storage = RedisStorage(
            "async+redis://",
            implementation="redispy",
            key_prefix="votremachine:limit",
            connection_pool=self._pool,  # type: ignore[arg-type]  # taken out before the options, which alone are typed
        )
        self._shared = MovingWindowRateLimiter(storage)
        self._own = MovingWindowRateLimiter(MemoryStorage())
        self._away_until = 0.0
        self._handfuls: dict[tuple[str, str], _Handful] = {}
        self._asking: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def take(self, limit: Limit, key: str, cost: int = 1) -> Standing:
        """Count `cost` takings; raises `TooManyRequests` when they are more than the limit has left."""
        limit = limit._replace(amount=limit.amount * self._factor)
        item = RateLimitItemPerSecond(limit.amount, limit.seconds, limit.name)
        allowed, remaining, reset = await self._hit(item, key, cost)
        seconds = max(1, math.ceil(reset - time.time()))
        if not allowed:
            refused = TooManyRequests(retry_after=min(seconds, limit.seconds))
            refused.standing = Standing(limit, 0, min(seconds, limit.seconds))
            raise refused
        return Standing(limit, max(remaining, 0), min(seconds, limit.seconds))

    async def spend(self, limit: Limit, key: str) -> Standing:
        """One taking of a handful that was taken at once: for what happens at every request.

        Never more than the limit, counted from when a handful was taken; near its end each process asks for single
        ones. Raises `TooManyRequests`.
        """
        whose = (limit.name, key)
        held = self._held(whose)
        if held is None:
            # One asks for all who wait: were each to take a handful, the last would find none while many lie unused.
            async with self._asking.setdefault(whose, asyncio.Lock()):
                held = self._held(whose) or await self._grasp(limit, key)
        held = held._replace(left=held.left - 1)
        self._handfuls[whose] = held
        limit = limit._replace(amount=limit.amount * self._factor)
        return Standing(limit, held.remaining + held.left, max(1, math.ceil(held.until - time.monotonic())))

    async def close(self) -> None:
        await self._pool.aclose()

    def _held(self, whose: tuple[str, str]) -> _Handful | None:
        held = self._handfuls.get(whose)
        return held if held and held.left and held.until > time.monotonic() else None

    async def _grasp(self, limit: Limit, key: str) -> _Handful:
        now = time.monotonic()
        try:
            cost, standing = HANDFUL, await self.take(limit, key, HANDFUL)
        except TooManyRequests:
            cost, standing = 1, await self.take(limit, key)
        if len(self._handfuls) >= MOST_HELD:
            # Whoever came first makes room: they lose what was left of a handful.
            del self._handfuls[next(iter(self._handfuls))]
        return _Handful(cost, standing.remaining, now + standing.reset_seconds)

    async def _hit(self, item: RateLimitItem, key: str, cost: int) -> tuple[bool, int, float]:
        if time.monotonic() >= self._away_until:
            try:
                # Around it all: redis-py opens one connection at a time, and each would wait for those before it.
                async with asyncio.timeout(PATIENCE_SECONDS):
                    return await _counted(self._shared, item, key, cost)
            except (RedisError, OSError) as error:
                self._away_until = time.monotonic() + AWAY_SECONDS
                log.warning("limits.redis_away", error=repr(error))
        return await _counted(self._own, item, key, cost)


async def _counted(
    limiter: MovingWindowRateLimiter, item: RateLimitItem, key: str, cost: int
) -> tuple[bool, int, float]:
    allowed = await limiter.hit(item, key, cost=cost)
    stats = await limiter.get_window_stats(item, key)
    return allowed, stats.remaining, stats.reset_time
