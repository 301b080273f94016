"""The renter gives a card for a deposit: kept until a day before the start, or asked at once, with them there.

Two transactions with the gateway between them, as in confirming a booking by card. Whatever happens in between, the
order stands in the database and the worker finds out what became of it.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from votremachine.accounts.rules import Actor, Verb, require
from votremachine.accounts.service import audit
from votremachine.deposits.keeping import ask_at, only_saved, way_of
from votremachine.deposits.rules import Deposit, DepositOver, State, UnknownDeposit, check_open, stands_on
from votremachine.deposits.schemas import DepositProof, DepositView
from votremachine.deposits.service import holding, reading, store
from votremachine.infra.database import Tx
from votremachine.kernel.errors import DomainError
from votremachine.payments.instruments import service as instruments
from votremachine.payments.instruments.rules import check_ready
from votremachine.payments.orders import service as orders
from votremachine.payments.orders import settling
from votremachine.payments.orders.rules import (
    OPEN,
    GatewaySilent,
    Outcome,
    PaymentOrder,
    PaymentUnderWay,
    Silence,
    declined,
)
from votremachine.payments.orders.rules import State as OrderState


async def begin(
    tx: Tx, who: Actor, booking_id: UUID, instrument_id: UUID, *, longest_hold: timedelta, margin: timedelta
) -> PaymentOrder | None:
    """Keep the card, or place the order that asks it: that order, or the one that is under way; None: nothing to ask.

    An order that waits for the proof of another card's holder is given up for this one. Raises `UnknownDeposit`,
    `NotAllowed`, `DepositOver`, `UnknownInstrument`, `InstrumentNotReady`, `PaymentUnderWay`.
    """
    deposit = await store.of_booking_locked(tx, booking_id)
    require(
        Verb.GIVE_DEPOSIT,
        who,
        owner=deposit.owner_party_id,
        renter=deposit.renter_party_id,
        stranger=UnknownDeposit(),
    )
    check_open(deposit)
    if (under_way := await _under_way(tx, deposit, instrument_id)) is not None:
        return under_way
    if stands_on(deposit, instrument_id, tx.now):
        return None
    card = check_ready(await instruments.of_party(tx, deposit.renter_party_id, instrument_id))
    await audit.note(tx, who, "give_card", "deposit", deposit.id, deposit.renter_party_id, last4=card.last4)
    if only_saved(deposit, tx.now):
        await _save(tx, who, deposit, card.id)
        return None
    way = way_of(deposit, longest_hold, margin, tx.now)
    return await holding.ask(tx, deposit, card, way, asked_by=who.person_id)


async def end(
    tx: Tx, who: Actor, booking_id: UUID, order: PaymentOrder | None, outcome: Outcome | None
) -> DepositView | DepositProof | DomainError:
    """What the gateway's answer makes of the deposit, for the renter who waits for it.

    A refusal is an answer, not raised: that the card was declined is kept.
    """
    if isinstance(outcome, Silence):
        return GatewaySilent()
    deposit = await store.of_booking_locked(tx, booking_id)
    if order is None or outcome is None:
        return await reading.view(tx, who, deposit)
    settled = await settling.settle(tx, order, outcome)
    if settled is not None and settled.state is OrderState.REQUIRES_ACTION:
        if deposit.asked_id == order.id:
            return DepositProof(deposit.booking_id, outcome.client_secret)
        # The deposit ended, or another card was given, while the gateway was being asked.
        await orders.give_up(tx, order.id)
    # None: the worker was quicker, or a repeat of this request.
    return await _answer(tx, who, deposit, settled or (await orders.by_ids(tx, [order.id]))[order.id])


async def _answer(tx: Tx, who: Actor, deposit: Deposit, settled: PaymentOrder) -> DepositView | DomainError:
    """What has become of a deposit by an order whose outcome is kept."""
    if settled.state in OPEN:
        return GatewaySilent()
    deposit = await holding.follow(tx, deposit, settled, by=who.person_id)
    if settled.state is not OrderState.DONE:
        return declined(settled)
    if deposit.order_id != settled.id:
        return DepositOver(state=deposit.state.value) if deposit.ended else PaymentUnderWay()
    return await reading.view(tx, who, deposit)


async def _under_way(tx: Tx, deposit: Deposit, instrument_id: UUID) -> PaymentOrder | None:
    """The order with this card whose outcome is awaited. Raises `PaymentUnderWay` when it cannot give way."""
    if deposit.asked_id is None:
        order = (await orders.open_of(tx, [deposit.id])).get(deposit.id)
    else:
        order = (await orders.by_ids(tx, [deposit.asked_id]))[deposit.asked_id]
        if order.instrument_id == instrument_id and order.state in OPEN:
            return order
    if order is None:
        return None
    if order.state is not OrderState.REQUIRES_ACTION:
        raise PaymentUnderWay
    await orders.give_up(tx, order.id)
    return None


async def _save(tx: Tx, who: Actor, deposit: Deposit, instrument_id: UUID) -> None:
    changes: dict[str, Any] = {
        "instrument_id": instrument_id,
        "attempts": 0,
        "failure": "",
        "next_at": ask_at(deposit.starts, tx.now),
    }
    if deposit.state is State.SAVED:
        await store.change(tx, deposit, **changes)
    else:
        await store.step(tx, deposit, State.SAVED, by=who.person_id, **changes)
