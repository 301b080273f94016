"""What an owner sees in the calendar of one machine: its rows and its bookings put together, on the machine's clock."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from votremachine.availability.rules import Sight
from votremachine.availability.service.agenda import Clash, Standing
from votremachine.bookings.rules import FELL_THROUGH
from votremachine.bookings.schemas import AgendaEntry, ClashView, Named
from votremachine.bookings.service.history import Kept
from votremachine.fleet.rules import Machine
from votremachine.infra.wire import SpanView
from votremachine.kernel.span import Span

_MINUTE = timedelta(minutes=1)


class Look(msgspec.Struct, frozen=True):
    """A machine, its window, and what is known of it: rows of its calendar, its bookings, and the clashes of any."""

    machine: Machine
    window: Span
    standing: Sequence[Standing]
    kept: Mapping[UUID, Kept]
    clashes: Mapping[UUID, Sequence[Clash]]
    now: datetime


def entries(look: Look) -> list[AgendaEntry]:
    """Everything, by start; bookings that are over, or late, too."""
    found = [one for row in look.standing if (one := _standing(look, row)) is not None]
    taking = {row.ref_id for row in look.standing if row.kind is Sight.BOOKING}
    found += [
        _booking(look, one, one.during, one.during, None)
        for one in look.kept.values()
        if one.id not in taking and _was_there(look, one)
    ]
    return sorted(found, key=lambda one: (one.during.start, one.during.end, one.ref_id))


def _was_there(look: Look, one: Kept) -> bool:
    """Whether the machine was out with a booking in the window; one that nobody brought back is out until now."""
    end = one.during.end if one.late_since is None else one.returned_at or look.now
    return one.during.start < look.window.end and look.window.start < end


def _standing(look: Look, row: Standing) -> AgendaEntry | None:
    if row.kind is Sight.BOOKING:
        one = look.kept.get(row.ref_id)
        # Called off, or moved to another machine, since the calendar was read.
        if one is None or one.state in FELL_THROUGH:
            return None
        return _booking(look, one, row.during, row.blocked, row.expires_at)
    zone = look.machine.zone
    whole = row.whole if row.whole and row.whole != row.during else None
    return AgendaEntry(
        kind=row.kind,
        ref_id=row.ref_id,
        during=SpanView.of(row.during, zone),
        note=row.note,
        recurs=row.recurs,
        occurrence=row.whole.start.astimezone(zone) if row.recurs and row.whole else None,
        whole=None if whole is None else SpanView.of(whole, zone),
        feed=None if row.feed is None else Named(row.feed.id, row.feed.name),
        clash=any(_meets(look, row, booking) for booking in look.clashes),
        due_on=row.due_on,
    )


def _booking(look: Look, one: Kept, during: Span, blocked: Span, expires_at: datetime | None) -> AgendaEntry:
    zone = look.machine.zone
    return AgendaEntry(
        kind=Sight.BOOKING,
        ref_id=one.id,
        during=SpanView.of(during, zone),
        buffer_before_minutes=(during.start - blocked.start) // _MINUTE,
        buffer_after_minutes=(blocked.end - during.end) // _MINUTE,
        state=one.state,
        renter=Named(one.renter_id, one.renter),
        expires_at=expires_at,
        at_risk=one.at_risk,
        late=one.late_since is not None,
        late_until=one.returned_at.astimezone(zone) if one.late_since and one.returned_at else None,
        clashes=list(_clashes(look, one.id)),
    )


def _clashes(look: Look, booking_id: UUID) -> Iterator[ClashView]:
    for clash in look.clashes.get(booking_id, ()):
        yield ClashView(Named(clash.feed.id, clash.feed.name), SpanView.of(clash.during, look.machine.zone))


def _meets(look: Look, row: Standing, booking_id: UUID) -> bool:
    """Whether an event of a feed is one that wants the time of this booking."""
    if row.feed is None:
        return False
    wanted = row.whole or row.during
    return any(one.feed == row.feed and one.during.overlaps(wanted) for one in look.clashes[booking_id])
