"""The case `reminders`: many are due at once; two workers sweep, enqueue, tell and deliver them to nobody.

The workers are real ones, with Redis between them; their memory is measured, each by itself. A round is timed from the
moment at which the first reminder is held by a worker: up to then it waits for the clock of the sweep.
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psutil  # type: ignore[import-untyped]

from benchmarks.client import Sample, WrongAnswer, ask
from benchmarks.stack import MEBIBYTE
from benchmarks.world import World
from votremachine.bookings.service import reading
from votremachine.infra.database import Database
from votremachine.notifications.about import machines_of, zone_of
from votremachine.notifications.reminders.rules import Moments
from votremachine.notifications.reminders.wants import planned

WORKERS = 2
A_SECOND = 10_000  # reminders that a round of a second is given: `--rounds 1 --seconds 10` gives a hundred thousand
FARMS = 1_000
KIND = "hand_over_soon"
LOOK_SECONDS = 0.1
Measure = Callable[[float], Awaitable[Sample]]


@asynccontextmanager
async def reminders(world: World) -> AsyncIterator[Measure]:
    """Reminders delivered; its latencies are those of whole rounds."""
    first = await _settle(world)
    workers = [await _hire(world) for _ in range(WORKERS)]

    async def measure(seconds: float) -> Sample:
        wanted = A_SECOND * max(1, round(seconds))
        await _make_due(world, first, wanted)
        await _until_swept(world)
        began, peak = time.perf_counter(), 0.0
        while await world.database.fetchval(_LEFT):
            await asyncio.sleep(LOOK_SECONDS)
            peak = max(peak, *(_memory(worker) for worker in workers))
        took = time.perf_counter() - began
        sent = await world.database.fetchval("SELECT count(*) FROM deliveries WHERE state = 'sent'")
        if sent != wanted:
            raise WrongAnswer(f"{sent} of {wanted} reminders were delivered")
        return Sample(wanted, took, [took], peak)

    try:
        yield measure
    finally:
        for worker in workers:
            worker.terminate()
        await asyncio.gather(*(worker.wait() for worker in workers))


async def _settle(world: World) -> UUID:
    """Farms with one person each, and a booking that begins in an hour and a half, for others to be copies of."""
    await world.database.execute(_FARMS, FARMS)
    farmer = world.renters[0]
    start = datetime.now(UTC) + timedelta(days=40)
    body = {
        "machine_ids": [world.machines[0]],
        "start": start.isoformat(),
        "end": (start + timedelta(days=1)).isoformat(),
        "payment": "on_account",
    }
    made = ask(world.stack.api_port, "POST", "/v1/bookings", body, farmer.token, Idempotency_Key="reminders")
    return UUID(made.body["id"])


async def _make_due(world: World, booking_id: UUID, count: int) -> None:
    """So many reminders of half as many bookings, due to both of their sides; what was there before is gone."""
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=90)
    moved = "UPDATE bookings SET starts = $2, ends = $3 WHERE id = $1"
    await world.database.execute(moved, booking_id, start, start + timedelta(days=1))
    database = Database(world.stack.database_url, pool_size=1)
    async with database.read() as tx:
        booking = await reading.load(tx, booking_id)
        zone = zone_of(booking, await machines_of(tx, [booking]))
    await database.close()
    (due,) = {one.due_at for one in planned(booking, zone, Moments()) if one.kind == KIND}
    await world.database.execute("TRUNCATE reminders, deliveries, messages, outbox CASCADE")
    round_ = f"round of {start.isoformat()}"
    await world.database.execute(_BOOKINGS, booking_id, count // 2, round_)
    await world.database.execute(_REMINDERS, KIND, due, round_)
    await world.database.execute("ANALYZE bookings; ANALYZE reminders")


async def _until_swept(world: World) -> None:
    held = "SELECT EXISTS (SELECT FROM reminders WHERE lease_until > now())"
    while not await world.database.fetchval(held):  # noqa: ASYNC110 -- the database tells nobody by itself
        await asyncio.sleep(LOOK_SECONDS)


async def _hire(world: World) -> asyncio.subprocess.Process:
    environ = {**world.stack.environ, "VOTREMACHINE_DELIVER_TO_NOBODY": "true", "VOTREMACHINE_LOG_LEVEL": "warning"}
    line = [sys.executable, "-m", "votremachine", "work"]
    return await asyncio.create_subprocess_exec(*line, env={**os.environ, **environ})


def _memory(worker: asyncio.subprocess.Process) -> float:
    with suppress(psutil.NoSuchProcess):
        return round(psutil.Process(worker.pid).memory_info().rss / MEBIBYTE, 1)
    raise WrongAnswer("a worker died")


_LEFT = """
    SELECT EXISTS (SELECT FROM reminders WHERE state = 'planned')
        OR EXISTS (SELECT FROM deliveries WHERE state = 'waiting')
"""
_FARMS = """
    WITH farms AS (SELECT n, uuidv7() AS person, uuidv7() AS party FROM generate_series(1, $1) n),
    persons AS (
        INSERT INTO people (id, email, name, language, created_at)
        SELECT person, 'farm' || n || '@reminders.example', 'Claude ' || n, 'fr', now() FROM farms),
    parties_ AS (
        INSERT INTO parties (id, kind, name, commune, demo, version, created_at)
        SELECT party, 'farm', 'Ferme ' || n, 'Dax', true, 1, now() FROM farms),
    wishes AS (
        INSERT INTO preferences (person_id, zone, kinds, version) SELECT person, 'Europe/Paris', '{}', 1 FROM farms)
    INSERT INTO seats SELECT person, party, 'admin' FROM farms
"""
_BOOKINGS = f"""
    WITH farms AS (
        SELECT row_number() OVER () - 1 AS n, party_id AS party FROM seats
        JOIN people p ON p.id = person_id WHERE p.email LIKE '%@reminders.example'),
    added AS (
        INSERT INTO bookings SELECT copy.* FROM bookings source, generate_series(1, $2) turn
        JOIN farms owner ON owner.n = turn % {FARMS}
        JOIN farms renter ON renter.n = (turn + 1 + turn / {FARMS}) % {FARMS},
            LATERAL jsonb_populate_record(source, jsonb_build_object('id', uuidv7(),
                'owner_party_id', owner.party, 'renter_party_id', renter.party, 'note', $3::text)) copy
        WHERE source.id = $1 RETURNING id)
    INSERT INTO booking_machines SELECT added.id, m.machine_id FROM added,
        LATERAL (SELECT machine_id FROM booking_machines WHERE booking_id = $1) m
"""  # noqa: S608 -- our own number
_REMINDERS = """
    INSERT INTO reminders (id, kind, subject, person_id, due_at, state, dedupe_key, created_at, changed_at)
    SELECT uuidv7(), $1, b.id, s.person_id, $2, 'planned',
        $1 || ':' || b.id || ':' || s.person_id || ':' || extract(epoch FROM $2::timestamptz)::bigint, now(), now()
    FROM bookings b JOIN seats s ON s.party_id IN (b.owner_party_id, b.renter_party_id) WHERE b.note = $3
"""
