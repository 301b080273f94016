"""Taking part or all of a deposit for a claim, once; the rest goes back."""

from typing import Any
from uuid import UUID

from votremachine.deposits.events import DepositCaptured
from votremachine.deposits.rules import Deposit, DepositNotLive, State, Way, check_capture
from votremachine.deposits.service import store
from votremachine.deposits.service.ending import lapse
from votremachine.infra.database import Tx
from votremachine.kernel.money import Money
from votremachine.payments.ledger.rules import recipes
from votremachine.payments.ledger.rules.posting import Cause
from votremachine.payments.ledger.service.posting import post
from votremachine.payments.orders import service as orders
from votremachine.payments.orders.rules import PaymentOrder, What
from votremachine.payments.orders.rules import State as OrderState


async def capture(tx: Tx, booking_id: UUID, amount: Money, claim_id: UUID) -> None:
    """Take this much of a live deposit for a claim, and give back the rest: `DepositCaptured` once it is done.

    The same claim again changes nothing. Raises `UnknownDeposit`, `DepositNotLive` (also when another claim took it),
    `MoreThanHeld`.
    """
    deposit = await store.of_booking_locked(tx, booking_id)
    if deposit.captured_for == claim_id:
        return
    if deposit.captured_for is not None or amount.currency != deposit.amount.currency:
        raise DepositNotLive(state=deposit.state.value)
    check_capture(deposit, amount.minor, tx.now)
    if deposit.asked_id is not None:
        await orders.give_up(tx, deposit.asked_id)
    if deposit.order_id is None:
        raise DepositNotLive(state=deposit.state.value)
    live = (await orders.by_ids(tx, [deposit.order_id]))[deposit.order_id]
    rest = deposit.held - amount.minor
    if deposit.way is Way.HOLD:
        taking = orders.ending(tx, live, What.CAPTURE, amount, gives_back=rest)
        await orders.place(tx, taking)
        await store.change(tx, deposit, asked_id=taking.id, captured_for=claim_id, next_at=deposit.capture_before)
        return
    # The money is here already: what is captured stays.
    kept = recipes.deposit_kept(deposit.renter_party_id, amount)
    await post(tx, Cause("deposit", deposit.id), kept, booking_id=deposit.booking_id)
    if rest:
        await orders.place(tx, orders.ending(tx, live, What.REFUND, Money(rest, amount.currency)))
    await _captured(tx, deposit, amount.minor, claim_id)


async def follow(tx: Tx, deposit: Deposit, order: PaymentOrder) -> Deposit:
    """Let a locked deposit follow the outcome of an order that ends one of its holds or payments."""
    if order.what is not What.CAPTURE or deposit.asked_id != order.id or deposit.captured_for is None:
        return deposit
    if order.state is OrderState.DONE:
        return await _captured(tx, deposit, order.amount.minor, deposit.captured_for)
    # The gateway has nothing left to capture: whoever made the claim hears of it.
    return await lapse(tx, await store.change(tx, deposit, asked_id=None))


async def _captured(tx: Tx, deposit: Deposit, minor: int, claim_id: UUID) -> Deposit:
    rest = deposit.held - minor
    ended = await store.step(
        tx,
        deposit,
        State.PARTIALLY_CAPTURED if rest else State.CAPTURED,
        why=str(claim_id),
        asked_id=None,
        next_at=None,
        captured=minor,
        released=rest,
        captured_for=claim_id,
    )
    amounts: dict[str, Any] = {"captured": minor, "released": rest, "currency": deposit.amount.currency}
    tx.publish(store.fact(DepositCaptured, ended, claim_id=claim_id, **amounts))
    return ended
