"""Payouts as an owner's treasurer and the platform's staff see them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.refusals import NotAllowed, UnknownParty
from votremachine.accounts.rules import Actor, Verb, require
from votremachine.infra.database import Tx
from votremachine.kernel.money import Money
from votremachine.payments.payouts import service
from votremachine.payments.payouts.models import payables, payouts
from votremachine.payments.payouts.rules import State, UnknownPayout
from votremachine.payments.payouts.schemas import PayableView, PayoutDetails, PayoutLineView, PayoutView


async def of_party(tx: Tx, who: Actor, party_id: UUID, *, before: UUID | None, limit: int) -> Sequence[PayoutView]:
    """A party's payouts, newest first; `limit + 1` of them. Raises `UnknownParty`, `NotAllowed`."""
    require(Verb.READ_LEDGER, who, owner=party_id, stranger=UnknownParty())
    return await _page(tx, payouts.c.party_id == party_id, before, limit)


async def in_state(tx: Tx, who: Actor, state: State, *, before: UUID | None, limit: int) -> Sequence[PayoutView]:
    """Everybody's payouts in a state, newest first, for staff; `limit + 1` of them. Raises `NotAllowed`."""
    require(Verb.READ_BOOKS, who, stranger=NotAllowed())
    return await _page(tx, payouts.c.state == state, before, limit)


async def one(tx: Tx, who: Actor, payout_id: UUID) -> PayoutDetails:
    """A payout and what it is made of. Raises `UnknownPayout`, `NotAllowed`."""
    row = await tx.row(sa.select(payouts).where(payouts.c.id == payout_id))
    if row is None:
        raise UnknownPayout
    require(Verb.READ_LEDGER, who, owner=row.party_id, stranger=UnknownPayout())
    lines = [
        PayoutLineView(line.id, line.booking_id, Money(line.minor, line.currency))
        for line in await service.lines(tx, payout_id)
    ]
    return PayoutDetails(_view(row), lines)


async def of_booking(tx: Tx, booking_id: UUID) -> list[PayableView]:
    """What is due to the owner of a booking, and what became of it, oldest first. One statement."""
    wanted = (
        sa.select(payables, payouts.c.state)
        .outerjoin(payouts, payouts.c.id == payables.c.payout_id)
        .where(payables.c.booking_id == booking_id)
        .order_by(payables.c.due_at, payables.c.id)
    )
    return [
        PayableView(
            id=row.id,
            due_at=row.due_at,
            amount=None if row.minor is None else Money(row.minor, row.currency),
            payout_id=row.payout_id,
            state=None if row.state is None else State(row.state),
        )
        for row in await tx.rows(wanted)
    ]


async def _page(tx: Tx, which: sa.ColumnElement[bool], before: UUID | None, limit: int) -> list[PayoutView]:
    wanted = sa.select(payouts).where(which)
    if before is not None:
        wanted = wanted.where(payouts.c.id < before)
    return [_view(row) for row in await tx.rows(wanted.order_by(payouts.c.id.desc()).limit(limit + 1))]


def _view(row: sa.Row[Any]) -> PayoutView:
    return PayoutView(
        id=row.id,
        party_id=row.party_id,
        amount=Money(row.minor, row.currency),
        state=State(row.state),
        reason=row.reason,
        made_at=row.made_at,
        changed_at=row.changed_at,
    )
