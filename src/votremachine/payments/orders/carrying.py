"""Carrying an order out at the gateway: outside of every transaction, and as often as it takes."""

from uuid import uuid5

import structlog

from votremachine.payments.gateway import Gateway, NotAtGateway, Order, OutcomeUnknown, Standing
from votremachine.payments.orders.rules import OPEN, Answer, Outcome, PaymentOrder, Silence, State, What, read

log = structlog.get_logger()


async def carry_out(gateway: Gateway, order: PaymentOrder) -> Outcome:
    """Give an order to the gateway, under its own key: given twice, it is carried out once.

    One that is given up and still waits for its cardholder is closed there: nobody is charged by it any more.
    """
    if order.state not in OPEN:
        return Answer(order.state, order.reference, order.refusal, order.capture_before)
    try:
        return await _ask(gateway, order)
    except OutcomeUnknown as error:
        log.warning("gateway.silent", order_id=str(order.id), what=order.what, error=repr(error))
        return Silence(str(error))
    except NotAtGateway as error:
        log.warning("gateway.refused", order_id=str(order.id), what=order.what, error=repr(error))
        return Answer(State.REFUSED, why=str(error))


async def close(gateway: Gateway, order: PaymentOrder) -> Outcome:
    """Wait for a cardholder no longer; what became of the order: they may have proved themselves just now."""
    try:
        await gateway.release(order.reference, uuid5(order.id, "close"))
        known = await gateway.look_up(order.id)
    except (OutcomeUnknown, NotAtGateway) as error:
        log.warning("gateway.not_closed", order_id=str(order.id), error=repr(error))
        return Silence(repr(error))
    return Silence("unknown to the gateway") if known is None else read(known)


async def _ask(gateway: Gateway, order: PaymentOrder) -> Answer:
    match order.what:
        case What.CHARGE | What.HOLD:
            return await _begin(gateway, order)
        case What.CAPTURE:
            await gateway.capture(order.reference, order.amount.minor, order.id, final=True)
        case What.RELEASE:
            await gateway.release(order.reference, order.id)
        case What.REFUND:
            await gateway.refund(order.reference, order.amount.minor, order.id)
    return Answer(State.DONE, order.reference)


async def _begin(gateway: Gateway, order: PaymentOrder) -> Answer:
    # A gateway repeats its first answer to a key, however things stand by now, and forgets keys after a day.
    if order.attempts or order.state is State.REQUIRES_ACTION:
        known = await gateway.look_up(order.id)
        if known is not None and order.given_up and known.standing is Standing.REQUIRES_ACTION:
            known = await gateway.release(known.reference, uuid5(order.id, "given up"))
        if known is not None:
            return read(known)
        if order.given_up:
            return Answer(State.REFUSED, why="given up before the gateway heard of it")
    asked = Order(
        key=order.id,
        amount=order.amount,
        instrument=order.instrument,
        customer=order.customer,
        description=order.description,
        off_session=order.off_session,
    )
    return read(await (gateway.charge(asked) if order.what is What.CHARGE else gateway.hold(asked)))
