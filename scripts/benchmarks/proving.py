"""The case `ledger_proof`: a million entries held against themselves and against all that a gateway lists.

The proof runs in a process of its own (this module), so that its memory is measured alone. Its baseline is one sum
over the same entries.
"""

import asyncio
import resource
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import msgspec

from benchmarks.client import Sample, WrongAnswer
from benchmarks.world import World
from votremachine.infra.database import Database
from votremachine.kernel.money import Money
from votremachine.payments.gateway import Capabilities, Gateway, Movement, Standing
from votremachine.payments.ledger.proof import prove
from votremachine.payments.ledger.rules.chart import OF_PARTIES, Account, Code
from votremachine.payments.ledger.service.balances import keep_checkpoints

BOOKINGS = 100_000  # of ten entries each
IN_ONE = 10_000  # put into the ledger by one transaction
PARTIES = 500
DAYS = 30
Measure = Callable[[float], Awaitable[Sample]]


class Outcome(msgspec.Struct):
    """What the process that proves says."""

    seconds: float
    peak_rss_mb: float
    entries: int
    orders: int
    checkpoints: int
    found: int


@asynccontextmanager
async def ledger_proof(world: World) -> AsyncIterator[Measure]:
    """One proof after another, at least one."""
    await _fill(world)

    async def measure(seconds: float) -> Sample:
        done, took, peak = 0, [], 0.0
        while sum(took) < seconds:
            outcome = await _proved(world.stack.database_url)
            if outcome.found or outcome.orders != 2 * BOOKINGS or outcome.entries != 10 * BOOKINGS:
                raise WrongAnswer(f"the proof of what is true says {outcome}")
            done, took, peak = done + outcome.entries, [*took, outcome.seconds], max(peak, outcome.peak_rss_mb)
        return Sample(done, sum(took), took, peak)

    yield measure


@asynccontextmanager
async def total(world: World) -> AsyncIterator[Measure]:
    """The sum of all entries."""

    async def measure(seconds: float) -> Sample:
        done, took = 0, []
        while sum(took) < seconds:
            began = time.perf_counter()
            done += await world.database.fetchval("SELECT count(*) + coalesce(sum(minor), 0) FROM ledger_entries")
            took.append(time.perf_counter() - began)
        return Sample(int(done), sum(took), took)

    yield measure


async def _proved(url: str) -> Outcome:
    line = [sys.executable, "-P", "-m", "benchmarks.proving", url]
    process = await asyncio.create_subprocess_exec(
        *line, cwd=Path(__file__).parent.parent, env={"PYTHONPATH": "."}, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    if process.returncode:
        raise WrongAnswer(f"the proof ended with {process.returncode}")
    return msgspec.json.decode(said, type=Outcome)


class _Books:
    """A gateway that lists what `_fill` wrote: for each booking a charge, and a hold that was let go."""

    name = "bench"
    capabilities = Capabilities(timedelta(days=7), partial_capture=True, multi_capture=False)

    async def movements(self, since: datetime, until: datetime) -> AsyncIterator[Movement]:
        assert since < until  # noqa: S101
        for number in range(BOOKINGS, 0, -1):
            amount, key = Money(12_000 + number % 7), UUID(int=number)
            yield Movement(
                key=key,
                reference=f"ch_{number}",
                standing=Standing.SUCCEEDED,
                amount=amount,
                captured=amount.minor,
            )
            yield Movement(key=key, reference=f"ho_{number}", standing=Standing.RELEASED, amount=amount)


async def _fill(world: World) -> None:
    """A month of bookings in the ledger, with all its triggers at work, and its checkpoints."""
    if await world.database.fetchval("SELECT count(*) FROM ledger_transactions"):
        return
    accounts = [
        Account(code, UUID(int=number) if code in OF_PARTIES else None)
        for code in Code
        for number in range(PARTIES if code in OF_PARTIES else 1)
    ]
    rows = [(one.id, one.party_id, one.code.value, one.currency) for one in accounts]
    await world.database.executemany("INSERT INTO ledger_accounts VALUES ($1, $2, $3, $4)", rows)
    for first in range(1, BOOKINGS, IN_ONE):
        async with world.database.transaction():
            await world.database.execute(_PLANNED, first, first + IN_ONE - 1, PARTIES, DAYS)
            await world.database.execute(_TRANSACTIONS)
            await world.database.execute(_ENTRIES)
            await world.database.execute("DROP TABLE planned")
    await world.database.execute("VACUUM ANALYZE ledger_accounts, ledger_transactions, ledger_entries")
    database = Database(world.stack.database_url, pool_size=1)
    for days in range(DAYS, 0, -1):
        async with database.begin() as tx:
            await keep_checkpoints(tx, tx.now.date() - timedelta(days=days))
    await database.close()


_LINES = """
    ('rental_due', '', ARRAY['renter', 'owner_pending', 'fees', 'vat_collected'],
        ARRAY[12000 + n % 7, -10000 - n % 7, -1667, -333]),
    ('charged', 'ch_' || n, ARRAY['gateway', 'renter'], ARRAY[12000 + n % 7, -12000 - n % 7]),
    ('hold_placed', 'ho_' || n, ARRAY['holds_at_gateway', 'holds_owed'],
        ARRAY[12000 + n % 7, -12000 - n % 7]),
    ('hold_released', 'ho_' || n, ARRAY['holds_owed', 'holds_at_gateway'],
        ARRAY[12000 + n % 7, -12000 - n % 7])
"""
_PLANNED = f"""
    CREATE TEMPORARY TABLE planned AS
    SELECT uuidv7(-make_interval(secs => (n * 131071::bigint + 60) % ($4::int * 86400) + 3600)) AS id, n, kind,
        reference, codes, minors, lpad(to_hex(n % $3::int), 32, '0')::uuid AS party
    FROM generate_series($1::int, $2::int) AS n, LATERAL (VALUES {_LINES}) AS posting(kind, reference, codes, minors)
"""  # noqa: S608 -- our own lines
_TRANSACTIONS = """
    INSERT INTO ledger_transactions
    SELECT id, kind, 'bench', lpad(to_hex(n), 32, '0')::uuid, lpad(to_hex(n), 32, '0')::uuid, reference, now(), '',
        cardinality(codes), gen_random_uuid() FROM planned
"""
_ENTRIES = """
    INSERT INTO ledger_entries
    SELECT p.id, line.no, a.id, line.minor, 'EUR'
    FROM planned p, unnest(p.codes, p.minors) WITH ORDINALITY AS line(code, minor, no), ledger_accounts a
    WHERE a.code = line.code AND (a.party_id IS NULL OR a.party_id = p.party)
"""


async def _prove(url: str) -> Outcome:
    database = Database(url, pool_size=1)
    gateway: Gateway = _Books()  # type: ignore[assignment] -- it is only asked for its list
    began, until = time.perf_counter(), datetime.now(UTC)
    proof = await prove(database, gateway, until - timedelta(days=DAYS + 5), until)
    took = time.perf_counter() - began
    await database.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Outcome(took, round(peak, 1), proof.entries, proof.orders, proof.checkpoints, proof.found)


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(_prove(sys.argv[1]))))
