"""Reading the waiting list: one's own wishes, and the line for one's machine."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from votremachine.accounts.refusals import UnknownParty
from votremachine.accounts.rules import Actor, Verb
from votremachine.accounts.service.parties import party_names
from votremachine.bookings.models import bookings
from votremachine.bookings.rules import State as BookingState
from votremachine.bookings.rules import lapsed
from votremachine.bookings.schemas import Named
from votremachine.bookings.waiting.models import waiting_entries
from votremachine.bookings.waiting.rules import Entry, State, outcome
from votremachine.bookings.waiting.schemas import QueuedView, WaitingView
from votremachine.bookings.waiting.service.store import OPEN, from_row
from votremachine.fleet import service as fleet
from votremachine.fleet.rules import Machine
from votremachine.infra.database import Tx
from votremachine.infra.wire import SpanView

_WITH_OFFER = sa.select(
    waiting_entries, bookings.c.state.label("booking_state"), bookings.c.expires_at.label("expires_at")
).select_from(waiting_entries.outerjoin(bookings, bookings.c.id == waiting_entries.c.booking_id))


async def browse(
    tx: Tx, who: Actor, *, party_id: UUID | None, before: UUID | None, limit: int
) -> Sequence[WaitingView]:
    """What the person's parties wait for, or waited for, newest first; `limit + 1` rows. Raises `UnknownParty`."""
    if party_id is not None and party_id not in who.seats:
        raise UnknownParty
    parties = [party_id] if party_id is not None else list(who.seats)
    wanted = _WITH_OFFER.where(waiting_entries.c.renter_party_id.in_(parties))
    if before is not None:
        wanted = wanted.where(waiting_entries.c.id < before)
    rows = await tx.rows(wanted.order_by(waiting_entries.c.id.desc()).limit(limit + 1))
    if not rows:
        return []
    machines = await fleet.machines_by_id(tx, {row.machine_id for row in rows})
    names = {party: seat.party_name for party, seat in who.seats.items()}
    return [view(_as_told(row, tx), _until(row, tx), machines[row.machine_id], names) for row in rows]


async def queue(tx: Tx, who: Actor, machine_id: UUID, *, after: UUID | None, limit: int) -> Sequence[QueuedView]:
    """Who waits for which periods of a machine, in their order; `limit + 1` rows. Raises `UnknownMachine`,
    `NotAllowed`.
    """
    machine = await fleet.owned(tx, who, Verb.READ_CALENDAR, machine_id)
    wanted = _WITH_OFFER.where(waiting_entries.c.machine_id == machine_id, OPEN)
    if after is not None:
        wanted = wanted.where(waiting_entries.c.id > after)
    rows = await tx.rows(wanted.order_by(waiting_entries.c.id).limit(limit + 1))
    names = await party_names(tx, {row.renter_party_id for row in rows}) if rows else {}
    found = [_as_told(row, tx) for row in rows]
    return [
        QueuedView(
            one.id,
            one.state,
            Named(one.renter_party_id, names[one.renter_party_id]),
            SpanView.of(one.during, machine.zone),
            one.created_at,
        )
        for one in found
    ]


def view(entry: Entry, expires_at: datetime | None, machine: Machine, names: Mapping[UUID, str]) -> WaitingView:
    """An entry as its party sees it."""
    return WaitingView(
        id=entry.id,
        state=entry.state,
        machine=Named(machine.id, machine.title),
        renter=Named(entry.renter_party_id, names[entry.renter_party_id]),
        during=SpanView.of(entry.during, machine.zone),
        zone=machine.zone.key,
        note=entry.note,
        booking_id=entry.booking_id,
        expires_at=expires_at.astimezone(machine.zone) if expires_at else None,
        why=entry.why,
        created_at=entry.created_at,
    )


def _booking_state(row: sa.Row[Any], tx: Tx) -> BookingState:
    state = BookingState(row.booking_state)
    return BookingState.EXPIRED if lapsed(state, row.expires_at, tx.now) else state


def _as_told(row: sa.Row[Any], tx: Tx) -> Entry:
    """The entry with what became of its offer, whether or not the sweep came by."""
    entry = from_row(row)
    if entry.state is not State.OFFERED:
        return entry
    return msgspec.structs.replace(entry, state=outcome(_booking_state(row, tx)))


def _until(row: sa.Row[Any], tx: Tx) -> datetime | None:
    offered = row.state == State.OFFERED and outcome(_booking_state(row, tx)) is State.OFFERED
    return row.expires_at if offered else None
