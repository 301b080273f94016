"""Measuring a case beside its baseline: one right after the other, several times, and the median of the ratios."""

import asyncio
from collections.abc import Awaitable
from statistics import median
from typing import TypeVar

import msgspec

from benchmarks.cases import BASELINES, CASES, Measure
from benchmarks.client import Sample
from benchmarks.stack import Stack
from benchmarks.world import Size, World, fill

Answer = TypeVar("Answer")

WARM_UP_SECONDS = 1.0  # every process must have met every statement once
LOOK_SECONDS = 0.25  # between two looks at the processes


class Effort(msgspec.Struct, frozen=True):
    """How long is measured: so many rounds, each so many seconds of the case and of its baseline."""

    rounds: int
    seconds: float


class Row(msgspec.Struct, frozen=True):
    """A case in one world. `ratio` is what is tracked: rates depend on the machine and on who else uses it."""

    name: str
    rate: float
    unit: str
    p50_ms: float
    p99_ms: float
    baseline: str
    baseline_rate: float
    ratio: float
    peak_rss_mb: float
    size: str


async def rows_of(size: Size, names: list[str], effort: Effort, stack: Stack) -> list[Row]:
    """These cases, one after the other, in one world of that size."""
    world = await fill(stack, size)
    try:
        return [await _row(name, world, str(size), effort) for name in names]
    finally:
        await world.database.close()


async def watched(stack: Stack, work: Awaitable[Answer]) -> Answer:
    """`work`, given up when a process dies or the person at the terminal wants the end; raises what `check` does."""
    working = asyncio.ensure_future(work)
    try:
        while not working.done():
            stack.check()
            await asyncio.wait([working], timeout=LOOK_SECONDS)
        stack.check()  # a process that died says more than the connection that broke
        return working.result()
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def _row(name: str, world: World, size: str, effort: Effort) -> Row:
    case = CASES[name]
    world.sign_in()
    world.stack.peak_rss_mb()
    async with case.subject(world) as subject, BASELINES[case.baseline](world) as baseline:
        await subject(min(WARM_UP_SECONDS, effort.seconds))
        await baseline(min(WARM_UP_SECONDS, effort.seconds))
        pairs = [await _pair(subject, baseline, effort.seconds, turn) for turn in range(effort.rounds)]
    ours = [own for own, _ in pairs]
    latencies = sorted(latency for own in ours for latency in own.latencies)
    return Row(
        name=name,
        rate=round(median(own.rate for own in ours), 1),
        unit=case.unit,
        p50_ms=_percentile_ms(latencies, 50),
        p99_ms=_percentile_ms(latencies, 99),
        baseline=case.baseline,
        baseline_rate=round(median(bare.rate for _, bare in pairs), 1),
        ratio=round(median(own.rate / bare.rate for own, bare in pairs), 3),
        peak_rss_mb=max(own.peak_rss_mb for own in ours) or world.stack.peak_rss_mb(),
        size=size,
    )


async def _pair(subject: Measure, baseline: Measure, seconds: float, turn: int) -> tuple[Sample, Sample]:
    """One round of both; who goes first changes, so that a machine that slows down or fills up favours neither."""
    if turn % 2:
        bare = await baseline(seconds)
        return await subject(seconds), bare
    return await subject(seconds), await baseline(seconds)


def _percentile_ms(ordered: list[float], percent: int) -> float:
    """The least of these seconds that so many percent do not exceed, in milliseconds."""
    rank = -(-percent * len(ordered) // 100)
    return round(ordered[rank - 1] * 1000, 2)
