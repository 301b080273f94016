"""What is due is looked at again, and told: the inbox and its deliveries in the transaction that marks it as told."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from votremachine.bookings.service import reading
from votremachine.infra.database import Tx
from votremachine.notifications.about import facts_about, machines_of, zone_of
from votremachine.notifications.circles import Circle, circles_of
from votremachine.notifications.delivering.posting import Notice, Posted, post
from votremachine.notifications.delivering.rules import MOST_ATTEMPTS, wait_after
from votremachine.notifications.lacking import lacks_of
from votremachine.notifications.leasing import Queue
from votremachine.notifications.reminders.models import reminders
from votremachine.notifications.reminders.rules import Moments, ReminderState
from votremachine.notifications.reminders.service.checks import OTHER_CHECKS, Check, Rows
from votremachine.notifications.reminders.service.digests import digests
from votremachine.notifications.reminders.service.planning import plan, wanted_of
from votremachine.notifications.reminders.wants import BOOKING_KINDS, planned
from votremachine.notifications.rules import KINDS, Facts, Lacks, Side, still_true

DUE = Queue(reminders, ReminderState.PLANNED)


async def tell(tx: Tx, ids: Sequence[UUID], lease: datetime, moments: Moments) -> list[Posted]:
    """Tell those of these reminders that still hold and drop the others; the deliveries that may go at once."""
    rows = await DUE.still(tx, ids, lease)
    by_check: dict[Check, list[sa.Row[Any]]] = defaultdict(list)
    for row in rows:
        by_check[CHECKS[row.kind]].append(row)
    notices: dict[UUID, Notice] = {}
    for check, some in by_check.items():
        subjects = {row.id: row.subject for row in some}
        found = await check(tx, some, moments)
        notices |= {one: notice._replace(subject=subjects[one]) for one, notice in found.items()}
    posted = await post(tx, list(notices.values()), lease=lease)
    for state, some_ids in (
        (ReminderState.TOLD, list(notices)),
        (ReminderState.DROPPED, [row.id for row in rows if row.id not in notices]),
    ):
        if some_ids:
            changed = {"state": state, "lease_until": None, "changed_at": tx.now}
            await tx.execute(reminders.update().where(reminders.c.id.in_(some_ids)).values(changed))
    return posted


async def failed(tx: Tx, reminder_id: UUID, lease: datetime, error: Exception, jitter: float) -> None:
    """A reminder could not be told: it is tried again later, and after many times left to people."""
    for row in await DUE.still(tx, [reminder_id], lease):
        attempts = row.attempts + 1
        state = ReminderState.DEAD if attempts >= MOST_ATTEMPTS else ReminderState.PLANNED
        again = tx.now + wait_after(attempts, jitter)
        tried = {"state": state, "attempts": attempts, "due_at": again, "last_error": repr(error)[:500]}
        changed = {**tried, "lease_until": None, "changed_at": tx.now}
        await tx.execute(reminders.update().where(reminders.c.id == row.id).values(changed))


async def about_bookings(tx: Tx, rows: Rows, moments: Moments) -> Mapping[UUID, Notice]:
    """Those that their booking still wants at this moment, of people who still act for the side that they did."""
    found = await reading.by_ids(tx, {row.subject for row in rows})
    machines = await machines_of(tx, list(found.values()))
    facts = await facts_about(tx, list(found.values()), machines)
    lacks = await lacks_of(tx, list(found.values()), machines)
    circles = await circles_of(tx, list(found.values()), lacks)
    keys = {
        one.key
        for booking in found.values()
        for one in wanted_of(
            booking, planned(booking, zone_of(booking, machines), moments, lacks[booking.id]), circles[booking.id]
        )
    }
    notices = {}
    for row in rows:
        booking = found[row.subject]
        side = _side(row.person_id, circles[booking.id])
        said = {**facts[booking.id], **_facts(row.kind, lacks[booking.id]), "side": side}
        if row.dedupe_key in keys and still_true(row.kind, said, booking, tx.now, lacks[booking.id]):
            notices[row.id] = Notice(row.person_id, row.kind, said, booking.id)
    # The moments may have been set anew since these were planned.
    for booking_id in sorted({row.subject for row in rows if row.id not in notices}):
        await plan(tx, booking_id, moments)
    return notices


def _facts(kind: str, lacks: Lacks) -> Facts:
    """What the words about what is missing name."""
    known = KINDS[kind].lack
    return lacks[known].facts if known and known in lacks else {}


def _side(person_id: UUID, circle: Circle) -> Side:
    """From where a person looks: as the owner, if they act for both."""
    return next((side for side in Side if person_id in circle.get(side, ())), Side.RENTER)


# How each kind is looked at again when it is due.
CHECKS: Mapping[str, Check] = {
    **dict.fromkeys(BOOKING_KINDS, about_bookings),
    **OTHER_CHECKS,
    "digest": digests,
}
