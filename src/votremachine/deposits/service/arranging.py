"""What a booking asks of its deposit: that it is arranged, follows its times, and is live when the machine leaves."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from votremachine.accounts.rules import Actor
from votremachine.deposits.keeping import AHEAD, ask_at
from votremachine.deposits.rules import Deposit, State, check_out, missing
from votremachine.deposits.service import store
from votremachine.deposits.service.ending import let_go_of_money
from votremachine.infra.database import Tx
from votremachine.kernel.money import Money
from votremachine.kernel.span import Span


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The deposit that a booking is to have; `kept` until the end of the time in which damage may be claimed."""

    booking_id: UUID
    owner_party_id: UUID
    renter_party_id: UUID
    amount: Money
    kept: Span


async def arrange(tx: Tx, wanted: Wanted, by: Actor | None, *, card: UUID | None) -> None:
    """A deposit with the card that paid for the booking, to be held a day before it begins; deferred.

    Without a card the booking is on account: a deposit is wanted only where the owner asks its members for one.
    """
    if not wanted.amount.minor:
        return
    deposit = Deposit(
        id=tx.new_id(),
        booking_id=wanted.booking_id,
        owner_party_id=wanted.owner_party_id,
        renter_party_id=wanted.renter_party_id,
        amount=wanted.amount,
        state=State.REQUIRED if card is None else State.SAVED,
        instrument_id=card,
        starts=wanted.kept.start,
        keep_until=wanted.kept.end,
        next_at=tx.now if card is None else ask_at(wanted.kept.start, tx.now),
        created_at=tx.now,
    )
    await store.arrange(tx, deposit, by, on_account=card is None)


async def require_live(tx: Tx, booking_id: UUID, *, exempt: bool) -> None:
    """The machine is about to leave. Raises `DepositMissing` unless the deposit is live or waived.

    `exempt`: the booking may do without one, if none was arranged.
    """
    deposit = await store.find_locked(tx, booking_id)
    if deposit is not None:
        check_out(deposit, tx.now)
    elif not exempt:
        raise missing(None)


async def follow(tx: Tx, booking_id: UUID, *, starts: datetime, keep_until: datetime) -> None:
    """The booking has other times: so has its deposit. One that is held far too early is given back until then."""
    deposit = await store.find_locked(tx, booking_id)
    if deposit is None or deposit.ended:
        return
    times: dict[str, Any] = {"starts": starts, "keep_until": keep_until, "next_at": tx.now}
    if tx.now >= starts - AHEAD:
        await store.change(tx, deposit, **times)
        return
    await let_go_of_money(tx, deposit)
    if deposit.state is State.AUTHORISED:
        nothing: dict[str, Any] = {"order_id": None, "reference": "", "asked_id": None, "held": 0}
        await store.step(tx, deposit, State.SAVED, why="moved", attempts=0, failure="", **times, **nothing)
    else:
        await store.change(tx, deposit, asked_id=None, **times)
