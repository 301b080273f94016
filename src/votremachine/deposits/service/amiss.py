"""Deposits of which something is amiss that a person can mend, for the slices above."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from votremachine.deposits.models import deposit_transitions, deposits
from votremachine.deposits.rules import Deposit, State
from votremachine.deposits.service import store
from votremachine.infra.database import Tx

_since = (
    sa.select(sa.func.max(deposit_transitions.c.at))
    .where(deposit_transitions.c.deposit_id == deposits.c.id)
    .scalar_subquery()
    .label("since")
)
_AMISS = sa.select(deposits, _since).where(
    deposits.c.booking_id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))),
    sa.or_(
        deposits.c.state.in_([State.FAILED, State.LAPSED]),
        # It lives, and its renewal was refused.
        sa.and_(deposits.c.state == State.AUTHORISED, deposits.c.failure != ""),
    ),
)


class Amiss(NamedTuple):
    """A deposit, and since when it is in its state."""

    deposit: Deposit
    since: datetime


async def amiss_of(tx: Tx, booking_ids: Collection[UUID]) -> Mapping[UUID, Amiss]:
    """Of these bookings those whose deposit failed, lapsed, or could not be renewed, by id; one statement."""
    rows = await tx.rows(_AMISS, {"ids": list(booking_ids)})
    return {row.booking_id: Amiss(store.from_row(row), row.since) for row in rows}
