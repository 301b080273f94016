"""What the clock does to the waiting list: what came free is offered."""

from functools import partial
from typing import Any
from uuid import UUID

import structlog

from votremachine.bookings.waiting.service import offers
from votremachine.infra.database import Database
from votremachine.payments.rules.splitting import Fee

FIRST = UUID(int=0)  # sorts before every id

log = structlog.get_logger()


async def offer_freed(ctx: dict[str, Any]) -> int:
    """See what became of offers, end what came too late, and offer what came free; how many offers were made.

    Each machine by itself, in one transaction after the other: one that fails does not keep the others waiting.
    """
    database: Database = ctx["database"]
    fee = Fee.of(ctx["settings"])
    while await database.run(offers.tend) == offers.LAPSE_BATCH:
        pass
    offered, after = 0, FIRST
    while True:
        async with database.read() as tx:
            machines = await offers.machines_free(tx, after)
        for machine_id in machines:
            offered += await _offer(database, machine_id, fee)
        if len(machines) < offers.MACHINE_BATCH:
            return offered
        after = machines[-1]


async def _offer(database: Database, machine_id: UUID, fee: Fee) -> int:
    """Offer all that is free of a machine; who was tried is not tried again in this sweep, so it comes to an end."""
    tried: set[UUID] = set()
    offered = 0
    try:
        while (now := await database.run(partial(offers.offer, machine_id=machine_id, tried=tried, fee=fee))).ids:
            tried |= set(now.ids)
            offered += now.offered
    except Exception as error:  # one bad machine must not hold up the others
        log.error("waiting.offer_failed", machine_id=str(machine_id), exc_info=error)
    return offered
