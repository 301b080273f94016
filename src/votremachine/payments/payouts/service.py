"""What is due to owners becomes payable after the claim window, and is paid out together.

Sending it is somebody else's: `mark_sent`, `mark_paid` and `mark_failed` record what became of it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from votremachine.accounts.service.parties import can_be_paid
from votremachine.infra.database import Tx
from votremachine.kernel.money import Money
from votremachine.kernel.states import advance
from votremachine.payments.ledger.rules import recipes
from votremachine.payments.ledger.rules.chart import Account, Code
from votremachine.payments.ledger.rules.posting import Cause, Posting
from votremachine.payments.ledger.service.balances import by_booking
from votremachine.payments.ledger.service.posting import Caused, post, post_all
from votremachine.payments.payouts.models import payables, payouts
from votremachine.payments.payouts.received import missing
from votremachine.payments.payouts.rules import (
    CLAIM_WINDOW,
    LIFE,
    NO_IBAN,
    Line,
    State,
    UnknownPayout,
    check_window,
    grouped,
    payable,
)

_AFTER = sa.bindparam("after", type_=sa.Uuid)
_IS_DUE = sa.and_(payables.c.payout_id.is_(None), payables.c.due_at <= sa.bindparam("now"))
_NEXT_OWNER = sa.select(
    sa.func.least(
        sa.select(payables.c.party_id)
        .where(_IS_DUE, payables.c.party_id > _AFTER)
        .order_by(payables.c.party_id)
        .limit(1)
        .scalar_subquery(),
        sa.select(payouts.c.party_id)
        .where(payouts.c.state == State.PENDING, payouts.c.party_id > _AFTER)
        .order_by(payouts.c.party_id)
        .limit(1)
        .scalar_subquery(),
    )
)
_OWNED = payables.c.party_id == sa.bindparam("owner", type_=sa.Uuid)
_DUE = sa.select(payables).where(_IS_DUE, _OWNED).order_by(payables.c.id).with_for_update()
_amounts = (
    sa.func.unnest(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid)), sa.bindparam("minors", type_=sa.ARRAY(sa.BigInteger)))
    .table_valued(sa.column("id"), sa.column("minor"), name="amounts")
    .render_derived()
)
_RELEASE = payables.update().where(payables.c.id == _amounts.c.id).values(minor=_amounts.c.minor)


async def owe(
    tx: Tx, booking_id: UUID, owner: UUID, currency: str, returned_at: datetime, window: timedelta = CLAIM_WINDOW
) -> None:
    """The owner's part of a booking is due once its claim window is over; said again, only the hour may change.

    Raises `WindowTooLong`.
    """
    due = {"party_id": owner, "currency": currency, "due_at": returned_at + check_window(window)}
    made = insert(payables).values(id=booking_id, booking_id=booking_id, **due)
    await tx.execute(
        made.on_conflict_do_update(
            index_elements=["id"],
            set_={"due_at": made.excluded.due_at},
            where=payables.c.minor.is_(None),
        )
    )


async def add(tx: Tx, cause: Cause, owner: UUID, booking_id: UUID, amount: Money) -> bool:
    """Something else of a booking that is to be paid out, as awarded damage, or that the owner owes (below zero).

    Whoever adds it posts it on the owner's account `owner_payable`, now or before. Once for each cause: whether it is
    the first time.
    """
    values = {"id": cause.id, "booking_id": booking_id, "party_id": owner, "currency": amount.currency}
    made = insert(payables).values(**values, due_at=tx.now, minor=amount.minor)
    return (await tx.execute(made.on_conflict_do_nothing())).rowcount == 1


async def prepare(tx: Tx, after: UUID) -> UUID | None:
    """See to the next owner by id: what is due becomes payable, and what is payable a payout. None when all were seen.

    A payout to an owner whose account is unknown waits, and so does what comes to nothing or less, and what a renter
    has not paid.
    """
    owner: UUID | None = (await tx.execute(_NEXT_OWNER, {"after": after, "now": tx.now})).scalar_one()
    if owner is None:
        return None
    can_be = await can_be_paid(tx, owner)
    due = await tx.rows(_DUE, {"owner": owner, "now": tx.now})
    released = await _release(tx, owner, [row for row in due if row.minor is None])
    owed = [
        Line(row.id, row.booking_id, row.currency, released.get(row.id, row.minor))
        for row in due
        if row.minor is not None or row.id in released
    ]
    for currency, group in grouped(owed).items():
        await _pay_out(tx, owner, currency, group, can_be=can_be)
    if can_be:
        await tx.execute(
            payouts.update()
            .where(payouts.c.party_id == owner, payouts.c.state == State.PENDING)
            .values(state=advance(LIFE, State.PENDING, State.PAYABLE), reason="", changed_at=tx.now)
        )
    return owner


async def mark_sent(tx: Tx, payout_id: UUID) -> None:
    """The gateway was told to pay it. Raises `UnknownPayout`, `IllegalTransition`, as those that follow."""
    payout = await _advanced(tx, payout_id, State.SENT)
    await _post(tx, payout_id, recipes.payout_sent(payout.party_id, Money(payout.minor, payout.currency)))


async def mark_paid(tx: Tx, payout_id: UUID) -> None:
    """The owner has it."""
    payout = await _advanced(tx, payout_id, State.PAID)
    await _post(tx, payout_id, recipes.payout_paid(Money(payout.minor, payout.currency)))


async def mark_failed(tx: Tx, payout_id: UUID, reason: str) -> None:
    """The owner's bank did not take it; its lines are paid by another payout."""
    payout = await _advanced(tx, payout_id, State.FAILED, reason)
    await tx.execute(payables.update().where(payables.c.payout_id == payout_id).values(payout_id=None))
    await _post(tx, payout_id, recipes.payout_failed(payout.party_id, Money(payout.minor, payout.currency)))


async def lines(tx: Tx, payout_id: UUID) -> list[Line]:
    """What a payout is made of, by booking."""
    wanted = sa.select(payables).where(payables.c.payout_id == payout_id).order_by(payables.c.id)
    return [Line(row.id, row.booking_id, row.currency, row.minor) for row in await tx.rows(wanted)]


async def _release(tx: Tx, owner: UUID, rows: Sequence[Any]) -> Mapping[UUID, int]:
    """Post what the rentals of these bookings left waiting as payable, as far as renters have paid it; how much that
    is, by row. What nothing can be paid of is left as it is, and what is left of another gets a row of its own: both
    are looked at again each night.
    """
    released: dict[UUID, int] = {}
    caused: list[Caused] = []
    for currency in sorted({row.currency for row in rows}):
        ours = [row for row in rows if row.currency == currency]
        bookings = [row.booking_id for row in ours]
        waits = await by_booking(tx, Account(Code.OWNER_PENDING, owner, currency), bookings)
        owed = await missing(tx, bookings, currency)
        for row in ours:
            pending = -waits.get(row.booking_id, 0)
            minor = payable(pending, owed.get(row.booking_id, 0))
            if pending and not minor:
                continue
            released[row.id] = minor
            if minor:
                posting = recipes.owner_payable(owner, Money(minor, currency))
                caused.append(Caused(Cause("payable", row.id), posting, row.booking_id))
            if pending > minor:
                await _wait(tx, row)
    await post_all(tx, caused)
    if released:
        await tx.execute(_RELEASE, {"ids": list(released), "minors": list(released.values())})
    return released


async def _wait(tx: Tx, row: Any) -> None:
    """The rest of a booking is due as well, once its renter has paid it."""
    rest = {"booking_id": row.booking_id, "party_id": row.party_id, "currency": row.currency, "due_at": tx.now}
    await tx.execute(payables.insert().values(id=tx.new_id(), **rest))


async def _pay_out(tx: Tx, owner: UUID, currency: str, group: Sequence[Line], *, can_be: bool) -> None:
    payout_id = tx.new_id()
    values = {
        "id": payout_id,
        "party_id": owner,
        "currency": currency,
        "minor": sum(line.minor for line in group),
        "state": State.PAYABLE if can_be else State.PENDING,
        "reason": "" if can_be else NO_IBAN,
        "made_at": tx.now,
        "changed_at": tx.now,
    }
    await tx.execute(payouts.insert(), values)
    chosen = payables.c.id.in_([line.id for line in group])
    await tx.execute(payables.update().where(chosen).values(payout_id=payout_id))


async def _advanced(tx: Tx, payout_id: UUID, to: State, reason: str = "") -> Any:
    payout = await tx.row(sa.select(payouts).where(payouts.c.id == payout_id).with_for_update())
    if payout is None:
        raise UnknownPayout
    state = advance(LIFE, State(payout.state), to)
    changed = {"state": state, "reason": reason, "changed_at": tx.now}
    await tx.execute(payouts.update().where(payouts.c.id == payout_id).values(changed))
    return payout


async def _post(tx: Tx, payout_id: UUID, posting: Posting) -> None:
    await post(tx, Cause("payout", payout_id), posting)
