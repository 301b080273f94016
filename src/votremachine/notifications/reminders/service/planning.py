"""Planning the reminders of a booking anew, whenever a fact about it is handed on."""

from collections.abc import Collection, Iterable, Iterator
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from votremachine.bookings.events import BookingEvent
from votremachine.bookings.rules import Booking
from votremachine.bookings.service import reading
from votremachine.damages.events import ClaimEvent
from votremachine.deposits.events import DepositEvent
from votremachine.infra.database import Tx
from votremachine.notifications.about import machines_of, zone_of
from votremachine.notifications.circles import Circle, circles_of
from votremachine.notifications.lacking import lacks_of
from votremachine.notifications.reminders.models import reminders
from votremachine.notifications.reminders.rules import Moments, ReminderState, dedupe_key
from votremachine.notifications.reminders.wants import BOOKING_KINDS, Planned, planned

# What begins later is planned anew by then.
AHEAD = timedelta(days=3)


class Wanted(NamedTuple):
    """A reminder that one person is to have."""

    kind: str
    person_id: UUID
    due_at: Any
    key: str


async def plan_booking(tx: Tx, event: BookingEvent | DepositEvent | ClaimEvent, *, moments: Moments) -> None:
    """Let the reminders of a booking be those that it wants as it stands now, whatever the fact said of it.

    So facts may come late, twice or in another order: the last to hold the lock reads what all have led to.
    """
    await plan(tx, event.booking_id, moments)


async def plan(tx: Tx, booking_id: UUID, moments: Moments) -> None:
    """Plan what a booking wants and does not have yet; drop what waits and is not wanted any more. What has come due
    is left to the sweep, which looks again, and what was told stays told.
    """
    await lock(tx, booking_id)
    booking = await reading.load(tx, booking_id)
    machines = await machines_of(tx, [booking])
    lacks = await lacks_of(tx, [booking], machines)
    circle = (await circles_of(tx, [booking], lacks))[booking.id]
    wants = planned(booking, zone_of(booking, machines), moments, lacks[booking.id])
    wanted = {one.key: one for one in wanted_of(booking, wants, circle)}
    await drop_others(tx, booking_id, wanted)
    await add(tx, booking_id, wanted.values())


async def coming(tx: Tx, *, after: UUID, limit: int) -> list[UUID]:
    """The next bookings, in order of id, that may want to be planned anew; `limit` at most."""
    return await reading.coming(tx, until=tx.now + AHEAD, after=after, limit=limit)


async def add(tx: Tx, subject: UUID, wanted: Iterable[Wanted]) -> None:
    """Plan these about something, if they are to come and not there yet."""
    if rows := [_row(tx, subject, one) for one in wanted if one.due_at > tx.now]:
        given = insert(reminders)
        # One that was dropped comes back when its booking is moved back.
        again = given.on_conflict_do_update(
            index_elements=["dedupe_key"],
            set_={"state": ReminderState.PLANNED, "attempts": 0, "lease_until": None, "changed_at": tx.now},
            where=reminders.c.state == ReminderState.DROPPED,
        )
        await tx.execute(again, rows)


def wanted_of(booking: Booking, wants: Collection[Planned], circle: Circle) -> Iterator[Wanted]:
    """What a booking wants, for each of the people whom it concerns."""
    for one in wants:
        for person_id, role in circle[one.side].items():
            if role in BOOKING_KINDS[one.kind].roles:
                key = dedupe_key(one.kind, booking.id, person_id, one.due_at)
                yield Wanted(one.kind, person_id, one.due_at, key)


async def lock(tx: Tx, subject: UUID) -> None:
    """Nobody else plans what is about this until the transaction ends."""
    key = int.from_bytes(subject.bytes[8:], signed=True) ^ _OURS
    await tx.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))


async def drop_others(tx: Tx, subject: UUID, wanted: Collection[str]) -> None:
    """Drop those that wait for a moment to come, and are wanted no more."""
    waiting = sa.and_(
        reminders.c.subject == subject,
        reminders.c.state == ReminderState.PLANNED,
        reminders.c.due_at > tx.now,
        reminders.c.dedupe_key.not_in(list(wanted)),
    )
    await tx.execute(reminders.update().where(waiting).values(state=ReminderState.DROPPED, changed_at=tx.now))


def _row(tx: Tx, subject: UUID, one: Wanted) -> dict[str, Any]:
    return {
        "id": tx.new_id(),
        "kind": one.kind,
        "subject": subject,
        "person_id": one.person_id,
        "due_at": one.due_at,
        "state": ReminderState.PLANNED,
        "dedupe_key": one.key,
        "created_at": tx.now,
        "changed_at": tx.now,
    }


# Tells the locks of this slice from those that others take under the same id.
_OURS = 0x52454D494E444552 >> 1
