"""Holding a deposit: what the sweep asks of the card, and what becomes of the deposit once the answer is known."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog

from votremachine.deposits.events import (
    DepositFailed,
    DepositHeld,
    DepositLapsing,
    DepositRequired,
)
from votremachine.deposits.keeping import (
    INCURABLE,
    PROOF_TIME,
    Look,
    ends_at,
    next_look,
    plan,
    retry_at,
    way_of,
    what_of,
)
from votremachine.deposits.models import deposits
from votremachine.deposits.rules import Deposit, State, Way
from votremachine.deposits.service import capturing, store
from votremachine.deposits.service.ending import give_back, lapse
from votremachine.infra.database import Tx
from votremachine.payments.gateway import Refusal
from votremachine.payments.instruments import service as instruments
from votremachine.payments.instruments.rules import Instrument
from votremachine.payments.instruments.rules import State as CardState
from votremachine.payments.orders import service as orders
from votremachine.payments.orders.events import OrderSettled
from votremachine.payments.orders.rules import BEGINNING, LEASE, PaymentOrder, Purpose, What
from votremachine.payments.orders.rules import State as OrderState

BATCH = 100
DESCRIPTION = "Caution"

log = structlog.get_logger()

_DUE = (
    sa.select(deposits)
    .where(deposits.c.next_at <= sa.bindparam("now"))
    .order_by(deposits.c.next_at)
    .limit(BATCH)
    .with_for_update(skip_locked=True)
)


async def keep(tx: Tx, longest_hold: timedelta, margin: timedelta) -> int:
    """Look at a batch of the deposits that are due: ask for what is to be held or renewed; how many there were."""
    found = [store.from_row(row) for row in await tx.rows(_DUE, {"now": tx.now})]
    asked = await orders.by_ids(tx, [one.asked_id for one in found if one.asked_id is not None])
    # What was not waited for any more may be under way still: nothing else is asked before its outcome is known.
    stray = await orders.open_of(tx, [one.id for one in found if one.asked_id is None])
    cards = await instruments.by_ids(tx, {one.instrument_id for one in found if one.instrument_id is not None})
    for deposit in found:
        try:
            async with tx.savepoint():
                order = stray.get(deposit.id) if deposit.asked_id is None else asked[deposit.asked_id]
                await _look(tx, deposit, order, cards, longest_hold, margin)
        except Exception as error:  # one that fails must not hold up those behind it
            log.error("deposits.look_failed", deposit_id=str(deposit.id), exc_info=error)
            await store.change(tx, deposit, next_at=tx.now + PROOF_TIME)
    return len(found)


async def _look(
    tx: Tx,
    deposit: Deposit,
    order: PaymentOrder | None,
    cards: Mapping[UUID, Instrument],
    longest_hold: timedelta,
    margin: timedelta,
) -> None:
    todo = plan(deposit, None if order is None else order.state, margin, tx.now)
    match todo.look:
        case Look.REST:
            await store.change(tx, deposit, next_at=todo.next_at)
        case Look.REMIND:
            await store.change(tx, deposit, next_at=todo.next_at)
            tx.publish(store.fact(DepositRequired, deposit))
        case Look.FOLLOW if order is not None:
            await follow(tx, deposit, order)
        case Look.LAPSE:
            await lapse(tx, deposit)
        case Look.GIVE_UP if order is not None:
            await orders.give_up(tx, order.id)
            await _nobody_proved(tx, deposit)
        case Look.ASK if deposit.instrument_id is not None:
            card = cards[deposit.instrument_id]
            if card.state is not CardState.READY:
                await refused(tx, deposit, "card_removed")
                return
            await ask(tx, deposit, card, way_of(deposit, longest_hold, margin, tx.now), asked_by=None)
        case _:
            # Nobody gave a card: only a person can go on from here.
            await store.change(tx, deposit, next_at=None)


async def _nobody_proved(tx: Tx, deposit: Deposit) -> None:
    """The cardholder went away. What is live on another card, or this one, is none the worse for it."""
    if deposit.state is State.AUTHORISED or deposit.asked_id is None:
        await store.change(tx, deposit, asked_id=None, next_at=tx.now)
    else:
        await refused(tx, deposit, Refusal.NEEDS_AUTHENTICATION.value)


async def ask(tx: Tx, deposit: Deposit, card: Instrument, way: Way, *, asked_by: UUID | None) -> PaymentOrder:
    """Place the order that is to keep a deposit, on this card: with its holder there, if somebody asks."""
    order = PaymentOrder(
        id=tx.new_id(),
        what=what_of(way),
        purpose=Purpose.DEPOSIT,
        subject_id=deposit.id,
        booking_id=deposit.booking_id,
        payer_party_id=deposit.renter_party_id,
        payee_party_id=deposit.owner_party_id,
        amount=deposit.amount,
        instrument_id=card.id,
        instrument=card.reference,
        customer=card.customer,
        description=DESCRIPTION,
        off_session=asked_by is None,
        asked_by=asked_by,
        created_at=tx.now,
        # Whoever asks carries it out, and has a minute for it.
        next_at=tx.now if asked_by is None else tx.now + LEASE,
    )
    await orders.place(tx, order)
    changes: dict[str, Any] = {"asked_id": order.id, "next_at": next_look(deposit, tx.now)}
    if deposit.state is not State.AUTHORISED:
        # What is live stays with its card until another one holds it.
        changes["instrument_id"] = card.id
    await store.change(tx, deposit, **changes)
    return order


async def on_settled(tx: Tx, fact: OrderSettled) -> None:
    """The outcome of an order for a deposit became known with nobody waiting for it."""
    if fact.purpose != Purpose.DEPOSIT:
        return
    deposit = await store.load_locked(tx, fact.subject_id)
    order = (await orders.by_ids(tx, [fact.order_id])).get(fact.order_id)
    if deposit is not None and order is not None:
        await follow(tx, deposit, order)


async def follow(tx: Tx, deposit: Deposit, order: PaymentOrder, *, by: UUID | None = None) -> Deposit:
    """Let a locked deposit follow the outcome of one of its orders; the same outcome again changes nothing."""
    if order.what not in BEGINNING:
        return await capturing.follow(tx, deposit, order)
    if deposit.asked_id != order.id:
        await _stray(tx, deposit, order)
        return deposit
    if order.state is OrderState.DONE:
        return await _held(tx, deposit, order, by)
    if order.state in {OrderState.DECLINED, OrderState.REFUSED}:
        return await refused(tx, deposit, order.refusal.value if order.refusal else "refused", by=by)
    return deposit


async def _held(tx: Tx, deposit: Deposit, order: PaymentOrder, by: UUID | None) -> Deposit:
    """It is live; what was live before goes back only now."""
    earlier, renewed = deposit.order_id, deposit.state is State.AUTHORISED
    changed = await store.step(
        tx,
        deposit,
        State.AUTHORISED,
        by=by,
        why="renewed" if renewed else "",
        way=Way.HOLD if order.what is What.HOLD else Way.PAYMENT,
        order_id=order.id,
        reference=order.reference,
        instrument_id=order.instrument_id,
        asked_id=None,
        held=order.amount.minor,
        held_at=order.settled_at or tx.now,
        capture_before=ends_at(order.what, order.capture_before, tx.now),
        next_at=tx.now,
        attempts=0,
        failure="",
    )
    await give_back(tx, earlier)
    # Who was told that it is about to lapse hears that it is not.
    if not renewed or deposit.failure:
        tx.publish(store.fact(DepositHeld, changed, by, taken=changed.way is Way.PAYMENT))
    return changed


async def refused(tx: Tx, deposit: Deposit, failure: str, *, by: UUID | None = None) -> Deposit:
    """The card refused. What is live stays so until it lapses; people are told the first time.

    A renter who offers another card for what is live hears themselves that it refused.
    """
    if deposit.state is State.AUTHORISED and by is not None:
        return await store.change(tx, deposit, asked_id=None, next_at=tx.now)
    counted = {
        "asked_id": None,
        "failure": failure,
        "attempts": deposit.attempts + 1,
        "next_at": retry_at(deposit, failure, tx.now),
    }
    if deposit.state is State.AUTHORISED:
        changed = await store.change(tx, deposit, **counted)
        if not deposit.attempts and deposit.capture_before is not None:
            tx.publish(store.fact(DepositLapsing, changed, by, capture_before=deposit.capture_before, failure=failure))
        return changed
    if deposit.state is State.FAILED or (deposit.state is State.LAPSED and failure not in INCURABLE):
        return await store.change(tx, deposit, **counted)
    changed = await store.step(tx, deposit, State.FAILED, by=by, why=failure, **counted)
    tx.publish(store.fact(DepositFailed, changed, by, failure=failure))
    return changed


async def _stray(tx: Tx, deposit: Deposit, order: PaymentOrder) -> None:
    """Money that nobody waits for any more goes back, once."""
    if order.state is not OrderState.DONE or order.id == deposit.order_id:
        return
    if not await _being_ended(tx, order):
        await orders.give_back(tx, order)


async def _being_ended(tx: Tx, order: PaymentOrder) -> bool:
    known: Sequence[PaymentOrder] = await orders.of_booking(tx, order.booking_id)
    return any(one.earlier_id == order.id for one in known)
