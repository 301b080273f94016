"""Filling inboxes from facts, and reading one's own."""

from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.events import PersonEvent
from votremachine.accounts.rules import RUNNERS, Actor, Role, StaffRole
from votremachine.accounts.service import adhesions, parties, staff
from votremachine.accounts.service.staff import staff_of
from votremachine.availability.events import FeedClashed, FeedFails, MaintenanceDue, OccurrencesLost
from votremachine.bookings.events import BookingEvent, MachineOverdue
from votremachine.bookings.overdue.rules import Step
from votremachine.damages.events import ClaimEvent, ClaimWaits
from votremachine.deposits.events import DepositEvent
from votremachine.infra.database import Tx
from votremachine.notifications.models import messages
from votremachine.notifications.rules import TOLD, Side, facts_of, say
from votremachine.notifications.schemas import MessageView
from votremachine.payments.ledger.events import LedgerDiffers

# Those who act for a party on its bookings; treasurers and viewers look them up when they care.
READERS = (Role.ADMIN, Role.MANAGER, Role.MEMBER)


async def tell(tx: Tx, event: BookingEvent | DepositEvent | ClaimEvent) -> None:
    """Put a fact about a booking, its deposit or a claim into the inboxes of the sides it concerns; once."""
    sides = {Side.OWNER: event.owner_party_id, Side.RENTER: event.renter_party_id}
    readers = {person for side in TOLD[type(event)] for person in await parties.people_of(tx, sides[side], READERS)}
    await _tell(tx, event, readers)


async def tell_awaited(tx: Tx, event: ClaimWaits) -> None:
    """Tell those whose answer to a claim is awaited: the side whose turn it is, or else who may decide."""
    if event.turn:
        party = event.owner_party_id if event.turn == Side.OWNER else event.renter_party_id
        await _tell(tx, event, set(await parties.people_of(tx, party, READERS)))
        return
    sides = {event.owner_party_id, event.renter_party_id}
    both = await adhesions.shared(tx, event.owner_party_id, event.renter_party_id)
    mediators = set(await staff_of(tx, StaffRole.MEDIATOR))
    for cooperative in set(both) - sides:
        mediators.update(await parties.people_of(tx, cooperative, (Role.ADMIN,)))
    for side in sides:
        mediators.difference_update(await parties.people_of(tx, side, tuple(Role)))
    await _tell(tx, event, mediators)


async def tell_overdue(tx: Tx, event: MachineOverdue) -> None:
    """Put it into the inboxes of those whom the step reaches that a machine is not back."""
    await _tell(tx, event, await _reached(tx, event))


async def _reached(tx: Tx, event: MachineOverdue) -> set[UUID]:
    owner, renter = event.owner_party_id, event.renter_party_id
    match Step(event.step):
        case Step.RENTER:
            return set(await parties.people_of(tx, renter, READERS))
        case Step.OWNER:
            return set(await parties.people_of(tx, owner, READERS))
        case Step.COOPERATIVE:
            shared = await adhesions.shared(tx, owner, renter)
            return {person for one in shared for person in await parties.people_of(tx, one, RUNNERS)}
        case Step.STAFF:
            return set(await staff.everybody(tx))


async def _tell(tx: Tx, event: BookingEvent | DepositEvent | ClaimEvent, readers: set[UUID]) -> None:
    told = [
        {
            "id": tx.new_id(),
            "person_id": person,
            "kind": type(event).__name__,
            "booking_id": event.booking_id,
            "facts": facts_of(event),
            "created_at": tx.now,
        }
        for person in sorted(readers - {event.by})
    ]
    if told:
        await tx.execute(messages.insert(), told)


async def tell_owner(tx: Tx, event: OccurrencesLost | MaintenanceDue | FeedClashed | FeedFails) -> None:
    """Put a fact about a machine's calendar into the inboxes of its owner's people."""
    readers = set(await parties.people_of(tx, event.owner_party_id, READERS)) - {event.by}
    about = {"kind": type(event).__name__, "booking_id": getattr(event, "booking_id", None), "created_at": tx.now}
    told = [{"id": tx.new_id(), "person_id": person, **about} for person in sorted(readers)]
    if told:
        await tx.execute(messages.insert(), told)


async def tell_person(tx: Tx, event: PersonEvent) -> None:
    """Put a fact about a person's own account into their inbox."""
    row = {"id": tx.new_id(), "person_id": event.person_id, "kind": type(event).__name__, "created_at": tx.now}
    await tx.execute(messages.insert(), {**row, "facts": facts_of(event)})


async def tell_operators(tx: Tx, event: LedgerDiffers) -> None:
    """Put a fact about the platform's own books into the inboxes of those who run it."""
    about = {"kind": type(event).__name__, "created_at": tx.now, "facts": facts_of(event)}
    told = [{"id": tx.new_id(), "person_id": person, **about} for person in await staff_of(tx, StaffRole.OPERATOR)]
    if told:
        await tx.execute(messages.insert(), told)


async def inbox(tx: Tx, who: Actor, language: str, *, before: UUID | None, limit: int) -> list[MessageView]:
    """A person's own messages, newest first; `limit + 1` rows."""
    wanted = sa.select(messages).where(messages.c.person_id == who.person_id)
    if before is not None:
        wanted = wanted.where(messages.c.id < before)
    rows = await tx.rows(wanted.order_by(messages.c.id.desc()).limit(limit + 1))
    return [
        MessageView(row.id, row.kind, say(row.kind, language, row.facts), row.booking_id, row.created_at)
        for row in rows
    ]
