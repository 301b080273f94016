"""Bookings of before the ledger knew of what is on account, entered after the fact; and those that are over, to be
invoiced after it. By an operator's command, as often as it likes.
"""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from votremachine.bookings.models import booking_transitions, bookings
from votremachine.bookings.paying import books, rules
from votremachine.bookings.rules import State
from votremachine.bookings.service import reading
from votremachine.infra.database import Tx

BATCH = 200
# Members called off for nothing until the start, before 0027, and nobody could later: nothing is owed of those.
_OWED = (*sorted(rules.DUE), State.NO_SHOW)


async def on_account(tx: Tx, after: UUID) -> list[UUID]:
    """The next bookings on account of which something is owed, by id."""
    one = bookings.c
    wanted = sa.select(one.id).where(one.on_account, reading.in_state(*_OWED), one.id > after)
    return [row.id for row in await tx.rows(wanted.order_by(one.id).limit(BATCH))]


async def enter(tx: Tx, booking_id: UUID) -> bool:
    """Let the ledger know of a booking on account as it stands now; whether it did not yet."""
    booking = await reading.load_locked(tx, booking_id)
    if not (booking.on_account and booking.state in _OWED and booking.price.total.minor):
        return False
    if await books.is_due(tx, booking):
        return False
    await books.due(tx, booking)
    if booking.state is State.NO_SHOW:
        await books.given_back(tx, booking, rules.missed(booking))
    return True


async def over(tx: Tx, since: datetime, after: UUID) -> list[UUID]:
    """The next bookings, by id, that came to their end at `since` or later, and of which something may be due."""
    one, step = bookings.c, booking_transitions.c
    ends = (State.COMPLETED, *sorted(rules.KEEPS))
    ended = sa.exists().where(step.booking_id == one.id, step.to_state == one.state, step.at >= since)
    wanted = sa.select(one.id).where(reading.in_state(*ends), ended, one.id > after)
    return [row.id for row in await tx.rows(wanted.order_by(one.id).limit(BATCH))]
