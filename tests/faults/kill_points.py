"""Killing a worker at a chosen statement: a trigger counts what it writes, and lets it hang at the n-th row.

The worker is a PostgreSQL user of its own, so that nobody else is counted. What it had not committed is lost, as it is
when a machine loses its power.
"""

import asyncio
import multiprocessing
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from multiprocessing.context import ForkServerProcess

import sqlalchemy as sa
from msgspec.structs import replace

from votremachine.config import Settings
from votremachine.infra.database import Database

WORKER = "a_worker"
# What it writes on the way of the money: here, and at the simulated gateway.
COUNTED = (
    "payment_orders",
    "ledger_transactions",
    "bookings",
    "outbox",
    "simulated_orders",
    "simulated_operations",
)
PATIENCE_SECONDS = 60
_HANG = f"""
CREATE FUNCTION hang_at_kill_point() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_user = '{WORKER}' AND TG_TABLE_NAME LIKE (SELECT among FROM kill_point) THEN
        IF nextval('written_rows') = (SELECT n FROM kill_point) THEN PERFORM pg_sleep(60); END IF;
    END IF;
    RETURN coalesce(NEW, OLD);
END $$
"""
_SET_UP = (
    f"CREATE ROLE {WORKER} LOGIN SUPERUSER",
    "CREATE SEQUENCE written_rows",
    "CREATE TABLE kill_point (n bigint, among text)",
    _HANG,
    *(
        f"CREATE TRIGGER kill_point BEFORE INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW"
        " EXECUTE FUNCTION hang_at_kill_point()"
        for table in COUNTED
    ),
)
_TAKE_DOWN = (
    f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{WORKER}'",
    *(f"DROP TRIGGER kill_point ON {table}" for table in COUNTED),
    "DROP FUNCTION hang_at_kill_point",
    "DROP TABLE kill_point",
    "DROP SEQUENCE written_rows",
    f"DROP ROLE {WORKER}",
)
_HANGS = sa.text(
    f"SELECT pid FROM pg_stat_activity WHERE usename = '{WORKER}' AND wait_event = 'PgSleep' AND state = 'active'"
)
_LET_GO = sa.text("SELECT pg_terminate_backend(:pid)")

# Forks of a process that has imported everything: each is a real one, and ready at once.
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["votremachine.worker", "tests.faults.hasty_worker"])


class KillPoints:
    """Counts what workers write, and kills one at a row of one's choice."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database = database
        self.settings = replace(
            settings,
            database_url=settings.database_url.replace("postgres@", f"{WORKER}@"),
            log_level="critical",
            port=1,  # nobody takes webhooks there
        )

    def start(self, work: Callable[[Settings], None]) -> ForkServerProcess:
        """A worker process."""
        worker = _forks.Process(target=work, args=(self.settings,), daemon=True)
        worker.start()
        return worker

    async def aim(self, row: int | None, among: str = "%") -> None:
        """The next worker hangs when it has written so many rows, of one table or of any; None: it lives."""
        chosen = f"INSERT INTO kill_point VALUES ({row or 0}, '{among}')"
        await self._run("DELETE FROM kill_point", "SELECT setval('written_rows', 1, false)", chosen)

    async def kill(self, worker: ForkServerProcess) -> None:
        """SIGKILL, at the row that was aimed at; what the server had of it is rolled back."""
        for _ in range(PATIENCE_SECONDS * 50):
            async with self.database.read() as tx:
                hanging = await tx.rows(_HANGS)
            if hanging:
                break
            await asyncio.sleep(0.02)
        else:
            raise AssertionError("the worker never came so far")

        worker.kill()
        worker.join()
        async with self.database.read() as tx:
            for row in hanging:
                await tx.execute(_LET_GO, {"pid": row.pid})

    async def _run(self, *statements: str) -> None:
        async with self.database.begin() as tx:
            for statement in statements:
                await tx.execute(sa.text(statement))


@asynccontextmanager
async def kill_points(database: Database, settings: Settings) -> AsyncIterator[KillPoints]:
    """The triggers stand while this lasts."""
    points = KillPoints(database, settings)
    await points._run(*_SET_UP)
    try:
        yield points
    finally:
        await points._run(*_TAKE_DOWN)
