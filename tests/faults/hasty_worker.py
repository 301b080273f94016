"""A worker that does not wait for the next second: its jobs about money, again and again, beside each other."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from votremachine.bookings.jobs import expire_provisional
from votremachine.config import Settings
from votremachine.deposits.jobs import keep_deposits
from votremachine.infra import logs
from votremachine.infra.database import Database
from votremachine.payments.orders.jobs import carry_out_orders
from votremachine.payments.simulated.gateway import SimulatedGateway
from votremachine.worker import HANDLERS, drain_outbox

PAUSE_SECONDS = 0.02
Job = Callable[[dict[str, Any]], Awaitable[int]]


def run(settings: Settings) -> None:
    """Work until somebody kills it."""
    logs.configure(settings.log_level, settings.log_json)
    asyncio.run(_work(settings))


async def _work(settings: Settings) -> None:
    database = Database(settings.database_url)
    context = {
        "database": database,
        "gateway": SimulatedGateway(database),
        "settings": settings,
        "handlers": HANDLERS,
    }
    jobs: tuple[Job, ...] = (drain_outbox, carry_out_orders, expire_provisional, keep_deposits)
    await asyncio.gather(*(_again_and_again(job, context) for job in jobs))


async def _again_and_again(job: Job, context: Mapping[str, Any]) -> None:
    while True:
        await job(dict(context))
        await asyncio.sleep(PAUSE_SECONDS)
