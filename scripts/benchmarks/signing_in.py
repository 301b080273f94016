"""The case `signin`: twenty people sign in at once, over and over, while somebody else waits for a page.

Its latencies are those of that other one's requests: what they show is whether hashing passwords holds up the API.
Its baseline is the same hash without a service around it, in as many threads.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from itertools import cycle

import msgspec
from argon2 import PasswordHasher

from benchmarks.client import Load, Sample, drive, encoded
from benchmarks.stack import PROCESSES
from benchmarks.world import PASSWORD, World
from votremachine.accounts.passwords import THREADS
from votremachine.config import Settings

AT_ONCE = 20
Measure = Callable[[float], Awaitable[Sample]]


@asynccontextmanager
async def signin(world: World) -> AsyncIterator[Measure]:
    """Sign-ins, with the latencies of a ping beside them."""
    bodies = [msgspec.json.encode({"email": one.email, "password": PASSWORD}) for one in world.renters]
    sign_ins = cycle([encoded("POST", "/v1/auth/login", "", body) for body in bodies])
    ping = cycle([encoded("GET", "/health/live")])
    port = world.stack.api_port

    async def measure(seconds: float) -> Sample:
        signed_in, pings = await asyncio.gather(
            drive(Load(port=port, requests=sign_ins, status=200), seconds, AT_ONCE),
            drive(Load(port=port, requests=ping, status=200), seconds, 1),
        )
        return Sample(signed_in.done, signed_in.seconds, pings.latencies)

    yield measure


@asynccontextmanager
async def verify(_: World) -> AsyncIterator[Measure]:
    """One password after another held against its hash, in as many threads as the API has."""
    defaults = Settings()
    hasher = PasswordHasher(defaults.argon2_passes, defaults.argon2_memory_kib, defaults.argon2_lanes)
    kept = hasher.hash(PASSWORD)

    def go_on(until: float) -> list[float]:
        took = []
        while (began := time.perf_counter()) < until:
            hasher.verify(kept, PASSWORD)
            took.append(time.perf_counter() - began)
        return took

    async def measure(seconds: float) -> Sample:
        began = time.perf_counter()
        loop, until = asyncio.get_running_loop(), began + seconds
        with ThreadPoolExecutor(PROCESSES * THREADS) as threads:
            tasks = [loop.run_in_executor(threads, go_on, until) for _ in range(PROCESSES * THREADS)]
            latencies = [one for task in tasks for one in await task]
        return Sample(len(latencies), time.perf_counter() - began, latencies)

    yield measure
