"""Telling people of facts, and reading one's own inbox."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.events import PersonEvent
from votremachine.accounts.rules import RUNNERS, Actor, StaffRole
from votremachine.accounts.service import adhesions, parties, staff
from votremachine.accounts.service.staff import staff_of
from votremachine.availability.events import FeedClashed, FeedFails, MaintenanceDue, OccurrencesLost
from votremachine.bookings.events import BookingEvent, MachineOverdue
from votremachine.bookings.overdue.rules import Step
from votremachine.bookings.service import reading
from votremachine.damages.events import ClaimEscalated, ClaimEvent, ClaimStalled
from votremachine.deposits.events import DepositEvent
from votremachine.infra.database import Tx
from votremachine.notifications.about import facts_about, machines_of
from votremachine.notifications.circles import mediators_between
from votremachine.notifications.delivering.posting import Notice, post
from votremachine.notifications.facts import facts_of
from votremachine.notifications.models import messages
from votremachine.notifications.reminders.rules import READERS
from votremachine.notifications.rules import TOLD, Side
from votremachine.notifications.schemas import MessageView
from votremachine.notifications.words.saying import say
from votremachine.payments.ledger.events import LedgerDiffers


async def tell(tx: Tx, event: BookingEvent | DepositEvent | ClaimEvent) -> None:
    """Tell a fact about a booking, its deposit or a claim to the sides it concerns; once, as the outbox delivers it."""
    booking = await reading.load(tx, event.booking_id)
    about = (await facts_about(tx, [booking], await machines_of(tx, [booking])))[booking.id]
    kind, seats = type(event).__name__, await parties.seats_of(tx, (event.owner_party_id, event.renter_party_id))
    sides = {Side.OWNER: event.owner_party_id, Side.RENTER: event.renter_party_id}
    told: dict[UUID, Notice] = {}
    for side in TOLD[type(event)]:
        facts = {**about, **facts_of(event), "side": side}
        for person_id, role in sorted(seats[sides[side]].items()):
            if role in READERS and person_id != event.by:
                told.setdefault(person_id, Notice(person_id, kind, facts, event.booking_id))
    await post(tx, list(told.values()))


async def tell_mediators(tx: Tx, event: ClaimEscalated) -> None:
    """Tell those who may decide it that a claim is theirs."""
    people = set(await mediators_between(tx, event.owner_party_id, event.renter_party_id))
    await _tell_people(tx, event, people, side=Side.MEDIATOR)


async def tell_staff(tx: Tx, event: ClaimStalled) -> None:
    """Tell the platform's staff, and once more those who may decide, that nobody has decided about a claim."""
    people = set(await mediators_between(tx, event.owner_party_id, event.renter_party_id))
    await _tell_people(tx, event, people | set(await staff.everybody(tx)), side=Side.MEDIATOR)


async def _tell_people(tx: Tx, event: ClaimEvent | MachineOverdue, people: set[UUID], **more: Any) -> None:
    booking = await reading.load(tx, event.booking_id)
    about = (await facts_about(tx, [booking], await machines_of(tx, [booking])))[booking.id]
    if isinstance(event, MachineOverdue):
        # As it is by now: a worker may have been away.
        more["hours"] = max(1, (tx.now - booking.during.end) // timedelta(hours=1))
    kind, facts = type(event).__name__, {**about, **facts_of(event), **more}
    await post(tx, [Notice(person_id, kind, facts, event.booking_id) for person_id in sorted(people)])


async def tell_overdue(tx: Tx, event: MachineOverdue) -> None:
    """Tell whom this step reaches that a machine is not back; both sides of the booking are reminded (reminders/)."""
    beyond = set[UUID]()
    if event.step == Step.COOPERATIVE:
        for party_id in await adhesions.shared(tx, event.owner_party_id, event.renter_party_id):
            beyond |= set(await parties.people_of(tx, party_id, RUNNERS))
    elif event.step == Step.STAFF:
        beyond |= set(await staff.everybody(tx))
    await _tell_people(tx, event, beyond)


async def tell_owner(tx: Tx, event: OccurrencesLost | MaintenanceDue | FeedClashed | FeedFails) -> None:
    """Tell a fact about a machine's calendar to its owner's people."""
    readers = set(await parties.people_of(tx, event.owner_party_id, READERS)) - {event.by}
    kind, booking_id = type(event).__name__, getattr(event, "booking_id", None)
    await post(tx, [Notice(person_id, kind, {}, booking_id) for person_id in sorted(readers)])


async def tell_person(tx: Tx, event: PersonEvent) -> None:
    """Tell a person a fact about their own account."""
    await post(tx, [Notice(event.person_id, type(event).__name__, facts_of(event))])


async def tell_operators(tx: Tx, event: LedgerDiffers) -> None:
    """Tell a fact about the platform's own books to those who run it."""
    kind, facts = type(event).__name__, facts_of(event)
    await post(tx, [Notice(person_id, kind, facts) for person_id in await staff_of(tx, StaffRole.OPERATOR)])


async def inbox(tx: Tx, who: Actor, language: str, *, before: UUID | None, limit: int) -> list[MessageView]:
    """A person's own messages, newest first; `limit + 1` rows."""
    wanted = sa.select(messages).where(messages.c.person_id == who.person_id)
    if before is not None:
        wanted = wanted.where(messages.c.id < before)
    rows = await tx.rows(wanted.order_by(messages.c.id.desc()).limit(limit + 1))
    return [view(tx, row, language) for row in rows]


async def mark_read(tx: Tx, who: Actor, ids: Sequence[UUID]) -> None:
    """These of a person's own messages are read, from now on or since before; others' are left alone."""
    mine = sa.and_(messages.c.person_id == who.person_id, messages.c.id.in_(ids), messages.c.read_at.is_(None))
    await tx.execute(messages.update().where(mine).values(read_at=tx.now))


def view(tx: Tx, row: sa.Row[Any], language: str) -> MessageView:
    """A message as its person reads it now."""
    said = say(row.kind, language, row.facts, tx.now, booking_id=row.booking_id)
    return MessageView(
        row.id, row.kind, said.subject, said.text, said.about, said.link, row.booking_id, row.created_at, row.read_at
    )
