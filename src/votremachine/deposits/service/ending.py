"""How a deposit ends without being captured: released, waived, lapsed; and the claims that keep it open."""

from typing import Any
from uuid import UUID

import structlog

from votremachine.accounts.rules import Actor, Verb, require
from votremachine.accounts.service import audit
from votremachine.deposits.events import DepositLapsed, DepositReleased, DepositWaived
from votremachine.deposits.rules import Deposit, DepositUnderClaim, State, UnknownDeposit, check_open, is_kept
from votremachine.deposits.service import store
from votremachine.infra.database import Tx
from votremachine.payments.orders import service as orders

log = structlog.get_logger()


async def release(tx: Tx, booking_id: UUID, why: str) -> None:
    """Nothing needs the deposit of a booking any more, but for claims that are open; the renter is told.

    A booking without one, or one that has ended, is left as it is.
    """
    deposit = await store.find_locked(tx, booking_id)
    if deposit is None or deposit.ended:
        return
    if is_kept(deposit):
        await store.change(tx, deposit, over_at=deposit.over_at or tx.now)
    else:
        await _release(tx, deposit, why)


async def keep_open(tx: Tx, booking_id: UUID, claim_id: UUID) -> None:
    """A claim was made: until it is let go, the deposit is not released and goes on being renewed.

    Raises `UnknownDeposit`, `DepositOver`.
    """
    deposit = await store.of_booking_locked(tx, booking_id)
    check_open(deposit)
    if claim_id not in deposit.claims:
        await store.change(tx, deposit, claims=(*deposit.claims, claim_id), next_at=tx.now)


async def let_go(tx: Tx, booking_id: UUID, claim_id: UUID) -> None:
    """A claim ended without money from the deposit: it is released, if nothing else keeps it any more."""
    deposit = await store.find_locked(tx, booking_id)
    if deposit is None or deposit.ended:
        return
    left = tuple(one for one in deposit.claims if one != claim_id)
    changed = await store.change(tx, deposit, claims=left)
    if changed.over_at is not None and not is_kept(changed):
        await _release(tx, changed, "claim_closed")


async def waive(tx: Tx, who: Actor, booking_id: UUID, reason: str) -> Deposit:
    """The owner does without it, in writing; what is held goes back.

    Raises `UnknownDeposit`, `NotAllowed`, `NotInTheirPlace`, `DepositOver`, `DepositUnderClaim`.
    """
    deposit = await store.of_booking_locked(tx, booking_id)
    require(
        Verb.WAIVE_DEPOSIT,
        who,
        owner=deposit.owner_party_id,
        renter=deposit.renter_party_id,
        stranger=UnknownDeposit(),
    )
    check_open(deposit)
    if is_kept(deposit):
        raise DepositUnderClaim
    await let_go_of_money(tx, deposit)
    waived = await store.step(
        tx,
        deposit,
        State.WAIVED,
        by=who.person_id,
        why=reason,
        asked_id=None,
        next_at=None,
        released=deposit.held,
        waived_by=who.person_id,
        waived_why=reason,
        waived_at=tx.now,
    )
    await audit.note(tx, who, "waive", "deposit", deposit.id, deposit.owner_party_id)
    tx.publish(store.fact(DepositWaived, waived, who.person_id))
    return waived


async def let_go_of_money(tx: Tx, deposit: Deposit) -> None:
    """Order that what is held goes back, and wait no more for what is still being asked for.

    Should that come to pass after all, it goes back as well (`holding.follow`).
    """
    if deposit.asked_id is not None:
        await orders.give_up(tx, deposit.asked_id)
    await give_back(tx, deposit.order_id)


async def give_back(tx: Tx, order_id: UUID | None) -> None:
    """Order that all of an order's money goes back; of none, nothing."""
    if order_id is not None:
        await orders.give_back(tx, (await orders.by_ids(tx, [order_id]))[order_id])


async def lapse(tx: Tx, deposit: Deposit) -> Deposit:
    """An incident: the hold ended before another one stood. It is asked for again at once.

    The gateway let go of the hold by itself; the ledger hears of it by an order that finds nothing left to do.
    """
    await give_back(tx, deposit.order_id)
    nothing: dict[str, Any] = {"order_id": None, "reference": "", "held": 0, "captured_for": None}
    changed = await store.step(tx, deposit, State.LAPSED, attempts=0, next_at=tx.now, **nothing)
    log.error("deposits.lapsed", deposit_id=str(deposit.id), booking_id=str(deposit.booking_id))
    tx.publish(store.fact(DepositLapsed, changed, claims=deposit.claims))
    if changed.over_at is not None and not is_kept(changed):
        return await _release(tx, changed, "over")
    return changed


async def _release(tx: Tx, deposit: Deposit, why: str) -> Deposit:
    await let_go_of_money(tx, deposit)
    ended = await store.step(
        tx, deposit, State.RELEASED, why=why, asked_id=None, next_at=None, released=deposit.held, over_at=tx.now
    )
    tx.publish(store.fact(DepositReleased, ended, given_back=ended.released > 0))
    return ended
