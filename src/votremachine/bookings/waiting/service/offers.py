"""What the sweep does: see what became of offers, end what came too late, and offer what came free, in order."""

from collections.abc import Collection, Sequence
from uuid import UUID

import msgspec
import sqlalchemy as sa

from votremachine.accounts.rules import Actor
from votremachine.accounts.service import absent
from votremachine.availability.rules import Claim, SpanTaken
from votremachine.availability.service.look import in_the_way
from votremachine.bookings.models import bookings
from votremachine.bookings.schemas import Book
from votremachine.bookings.service.book import book
from votremachine.bookings.waiting.events import WaitingLapsed, WaitingOffered
from votremachine.bookings.waiting.models import waiting_entries
from votremachine.bookings.waiting.rules import (
    OFFER_STANDS,
    PASSED_BY,
    Entry,
    NeverFree,
    PersonGone,
    State,
    offer_expiry,
)
from votremachine.bookings.waiting.service.store import from_row, in_state, step
from votremachine.fleet import service as fleet
from votremachine.fleet.rules import Machine
from votremachine.infra.database import Tx
from votremachine.kernel.errors import DomainError, Kind
from votremachine.kernel.span import Span
from votremachine.payments.rules.splitting import Fee

LAPSE_BATCH = 200
MACHINE_BATCH = 100
# What is offered of one machine in one transaction, which holds its lock meanwhile.
OFFER_BATCH = 10
# These are no decision about the wish: it goes on waiting.
_NOT_ITS_FAULT = frozenset({Kind.UNAVAILABLE, Kind.FAULT, Kind.TOO_MANY})

_NOW = sa.bindparam("now", type_=sa.DateTime(timezone=True))
_machine = fleet.MINUTES.subquery("machine")
_on_its_machine = waiting_entries.join(_machine, _machine.c.id == waiting_entries.c.machine_id)

_SETTLE = (
    waiting_entries.update()
    .where(
        in_state(State.OFFERED),
        bookings.c.id == waiting_entries.c.booking_id,
        bookings.c.state != OFFER_STANDS,
    )
    .values(
        state=sa.case((bookings.c.state.in_(sorted(PASSED_BY)), State.PASSED), else_=State.TAKEN),
        changed_at=_NOW,
    )
)
_lead = _machine.c.lead_minutes * sa.literal_column("interval '1 minute'", sa.Interval)
_late = (
    sa.select(waiting_entries.c.id)
    .select_from(_on_its_machine)
    .where(in_state(State.WAITING), waiting_entries.c.starts - _lead <= _NOW)
    .order_by(waiting_entries.c.id)
    .limit(LAPSE_BATCH)
    .with_for_update(of=waiting_entries, skip_locked=True)
)
_LAPSE = (
    waiting_entries.update()
    .where(waiting_entries.c.id.in_(_late))
    .values(state=State.LAPSED, why=NeverFree.code, changed_at=_NOW)
    .returning(waiting_entries)
)
# Those who wait for what nothing blocks any more.
_free = (
    in_state(State.WAITING),
    waiting_entries.c.starts > _NOW,
    sa.not_(
        in_the_way(
            _machine.c.id,
            _machine.c.buffer_before_minutes,
            _machine.c.buffer_after_minutes,
            waiting_entries.c.starts,
            waiting_entries.c.ends,
        )
    ),
)
_MACHINES = (
    sa.select(waiting_entries.c.machine_id)
    .distinct()
    .select_from(_on_its_machine)
    .where(*_free, waiting_entries.c.machine_id > sa.bindparam("after", type_=sa.Uuid))
    .order_by(waiting_entries.c.machine_id)
    .limit(MACHINE_BATCH)
)
_IN_LINE = (
    sa.select(waiting_entries)
    .select_from(_on_its_machine)
    .where(
        *_free,
        waiting_entries.c.machine_id == sa.bindparam("machine", type_=sa.Uuid),
        waiting_entries.c.id != sa.all_(sa.bindparam("tried", type_=sa.ARRAY(sa.Uuid))),
    )
    .order_by(waiting_entries.c.id)
    .limit(OFFER_BATCH)
    .with_for_update(of=waiting_entries)
)


class Tried(msgspec.Struct, frozen=True):
    """Who was tried in one transaction, and to how many of them the time is offered."""

    ids: Sequence[UUID]
    offered: int


async def tend(tx: Tx) -> int:
    """See what became of the offers, and end a batch of what is too late to be offered; how many of these."""
    await tx.execute(_SETTLE, {"now": tx.now})
    late = await tx.rows(_LAPSE, {"now": tx.now})
    for row in late:
        tx.publish(_lapsed(from_row(row), NeverFree()))
    return len(late)


async def machines_free(tx: Tx, after: UUID) -> list[UUID]:
    """The next machines, by id, that somebody waits for and could have now."""
    return [row.machine_id for row in await tx.rows(_MACHINES, {"now": tx.now, "after": after})]


async def offer(tx: Tx, machine_id: UUID, tried: Collection[UUID], fee: Fee) -> Tried:
    """Offer what came free of a machine to the first in line, and to the next whose time meets none of theirs; `fee` is
    the platform's, of what they book.

    Who was `tried` before is left out. Nobody else offers this machine meanwhile.
    """
    await fleet.lock(tx, machine_id)
    in_line = [from_row(row) for row in await tx.rows(_IN_LINE, _values(tx, machine_id, tried))]
    if not in_line:
        return Tried((), 0)
    machine = await fleet.machine(tx, machine_id)
    people = await absent.actors(tx, {entry.person_id for entry in in_line})
    ids: list[UUID] = []
    held: list[Span] = []
    for entry in in_line:
        wanted = Claim(machine_id, entry.during, machine.terms.buffers).blocked
        if any(wanted.overlaps(one) for one in held):
            continue
        ids.append(entry.id)
        if await _offer(tx, entry, machine, people.get(entry.person_id), fee):
            held.append(wanted)
    return Tried(ids, len(held))


def _values(tx: Tx, machine_id: UUID, tried: Collection[UUID]) -> dict[str, object]:
    return {"now": tx.now, "machine": machine_id, "tried": list(tried)}


async def _offer(tx: Tx, entry: Entry, machine: Machine, who: Actor | None, fee: Fee) -> bool:
    """Hold the time for who waits; False when somebody was quicker, and when it cannot be held for them any more."""
    if who is None:
        await _lapse(tx, entry, PersonGone())
        return False
    asked = Book(
        machine_ids=[entry.machine_id],
        start=entry.during.start,
        end=entry.during.end,
        renter_party_id=entry.renter_party_id,
        note=entry.note,
    )
    expires_at = offer_expiry(tx.now, entry.during.start, machine.zone)
    try:
        async with tx.savepoint():
            hold = await book(tx, who, asked, fee=fee, hold_until=expires_at)
    except SpanTaken:
        return False
    except DomainError as refusal:
        if refusal.kind in _NOT_ITS_FAULT:
            raise
        await _lapse(tx, entry, refusal)
        return False
    await step(tx, entry, State.OFFERED, booking_id=hold.id)
    tx.publish(
        WaitingOffered(
            booking_id=hold.id,
            owner_party_id=entry.owner_party_id,
            renter_party_id=entry.renter_party_id,
            machine_ids=(entry.machine_id,),
            entry_id=entry.id,
            expires_at=expires_at.astimezone(machine.zone),
        )
    )
    return True


async def _lapse(tx: Tx, entry: Entry, why: DomainError) -> None:
    await step(tx, entry, State.LAPSED, why=why.code)
    tx.publish(_lapsed(entry, why))


def _lapsed(entry: Entry, why: DomainError) -> WaitingLapsed:
    return WaitingLapsed(
        person_id=entry.person_id,
        entry_id=entry.id,
        machine_id=entry.machine_id,
        owner_party_id=entry.owner_party_id,
        renter_party_id=entry.renter_party_id,
        why=why.code,
        fr=why.sentence("fr"),
        en=why.sentence("en"),
    )
