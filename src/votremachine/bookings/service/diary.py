"""Bookings as calendars show them: those of a window, with those that fell through lately."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from votremachine.bookings.models import booking_machines, booking_transitions, bookings
from votremachine.bookings.rules import FELL_THROUGH, State, lapsed
from votremachine.bookings.service.handover import SHORTEST_USE
from votremachine.bookings.service.reading import MACHINE_IDS, in_state
from votremachine.infra.database import Tx
from votremachine.kernel.span import Span


class Entry(msgspec.Struct, frozen=True):
    """One booking in a calendar; `version` grows and `changed_at` moves with each of its steps."""

    id: UUID
    owner_party_id: UUID
    renter_party_id: UUID
    machine_ids: tuple[UUID, ...]
    state: State
    during: Span
    version: int
    changed_at: datetime


_CHANGED_AT = sa.func.coalesce(
    sa.select(sa.func.max(booking_transitions.c.at))
    .where(booking_transitions.c.booking_id == bookings.c.id)
    .scalar_subquery(),
    bookings.c.created_at,
)
_ENTRIES = (
    sa.select(
        *(bookings.c[name] for name in ("id", "owner_party_id", "renter_party_id", "state", "starts", "ends")),
        *(bookings.c[name] for name in ("expires_at", "out_at", "returned_at", "version")),
        MACHINE_IDS,
        _CHANGED_AT.label("changed_at"),
    )
    .where(
        bookings.c.starts < sa.bindparam("window_end"),
        bookings.c.ends > sa.bindparam("window_start"),
        sa.or_(
            sa.not_(in_state(*sorted(FELL_THROUGH))),
            sa.bindparam("since", type_=sa.DateTime(timezone=True)) <= _CHANGED_AT,
        ),
    )
    .order_by(bookings.c.starts, bookings.c.id)
)
_asked: sa.BindParameter[Any] = sa.bindparam("asked", type_=sa.ARRAY(sa.Uuid))
_WITH_MACHINES = _ENTRIES.where(
    bookings.c.id.in_(sa.select(booking_machines.c.booking_id).where(booking_machines.c.machine_id == sa.any_(_asked)))
)
_OF_PARTIES = _ENTRIES.where(
    sa.or_(bookings.c.owner_party_id == sa.any_(_asked), bookings.c.renter_party_id == sa.any_(_asked))
)


async def of_machines(tx: Tx, machine_ids: Collection[UUID], window: Span, since: datetime) -> list[Entry]:
    """The bookings of these machines that meet `window`, by start; those that fell through only `since` then."""
    return await _entries(tx, _WITH_MACHINES, machine_ids, window, since)


async def of_parties(tx: Tx, party_ids: Collection[UUID], window: Span, since: datetime) -> list[Entry]:
    """The same of the bookings that these parties are a side of."""
    return await _entries(tx, _OF_PARTIES, party_ids, window, since)


async def _entries(
    tx: Tx, wanted: sa.Select[Any], asked: Collection[UUID], window: Span, since: datetime
) -> list[Entry]:
    values = {"asked": list(asked), "window_start": window.start, "window_end": window.end, "since": since}
    return [_entry(row, tx.now) for row in await tx.rows(wanted, values)]


def _entry(row: sa.Row[Any], now: datetime) -> Entry:
    state, version, changed_at = State(row.state), row.version, row.changed_at
    if lapsed(state, row.expires_at, now):
        # As the sweep will leave it.
        state, version, changed_at = State.EXPIRED, version + 1, row.expires_at
    return Entry(
        row.id,
        row.owner_party_id,
        row.renter_party_id,
        tuple(sorted(row.machine_ids)),
        state,
        as_it_went(Span(row.starts, row.ends), row.out_at, row.returned_at),
        version,
        changed_at,
    )


def as_it_went(booked: Span, out_at: datetime | None, returned_at: datetime | None) -> Span:
    """What a booking takes of the time: from an early check-out on, until an early return."""
    start = min(booked.start, out_at or booked.start)
    if returned_at is None:
        return Span(start, booked.end)
    back = max(returned_at, (out_at or returned_at) + SHORTEST_USE)
    return Span(start, min(booked.end, back) if back > start else booked.end)
