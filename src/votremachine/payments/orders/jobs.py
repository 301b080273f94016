"""What the worker does for orders: carry out those that nobody waits for, or whose asker was lost."""

import asyncio
from typing import Any

import structlog

from votremachine.infra.database import Database
from votremachine.payments.gateway import Gateway
from votremachine.payments.orders import settling
from votremachine.payments.orders.carrying import carry_out, close
from votremachine.payments.orders.events import OrderSettled
from votremachine.payments.orders.rules import Answer, PaymentOrder, Silence, State, is_abandoned

AT_ONCE = 5

log = structlog.get_logger()


async def carry_out_orders(ctx: dict[str, Any]) -> int:
    """Give what is due to the gateway, and keep what it says; how many orders there were."""
    database, gateway, carried = ctx["database"], ctx["gateway"], 0
    while orders := await database.run(settling.take_due):
        at_once = asyncio.Semaphore(AT_ONCE)
        outcomes = await asyncio.gather(
            *(_carry_out(database, gateway, order, at_once) for order in orders), return_exceptions=True
        )
        for order, failure in zip(orders, outcomes, strict=True):
            # Its lease ends, and it is taken up again.
            if isinstance(failure, Exception):
                log.error("payments.order_failed", order_id=str(order.id), exc_info=failure)
        carried += len(orders)
    return carried


async def _carry_out(database: Database, gateway: Gateway, order: PaymentOrder, at_once: asyncio.Semaphore) -> None:
    async with at_once:
        outcome = await carry_out(gateway, order)
        if isinstance(outcome, Answer) and is_abandoned(order, outcome, database.clock()):
            outcome = await close(gateway, order)
    if isinstance(outcome, Silence):
        await database.run(lambda tx: settling.put_off(tx, order))
        return
    async with database.begin() as tx:
        settled = await settling.settle(tx, order, outcome)
        if settled is not None and settled.state is not State.REQUIRES_ACTION:
            tx.publish(
                OrderSettled(
                    order_id=order.id,
                    purpose=order.purpose,
                    subject_id=order.subject_id,
                    booking_id=order.booking_id,
                )
            )
