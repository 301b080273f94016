"""What is free around what is taken. Pure.

An occupancy blocks its `during` widened by the machine's buffers. A newcomer is widened in the same way, so it may
begin no earlier than the end of a blocked span plus its own buffer before, and end its own buffer after ahead of the
next one: the busy spans that people see are the blocked ones widened once more.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from votremachine.kernel.errors import DomainError, Kind
from votremachine.kernel.span import FIRST_YEAR, LAST_YEAR, NaiveTime, OutOfTime, Span, gaps, merge

Buffers = tuple[timedelta, timedelta]

ALTERNATIVES = 3
# How far from the wanted time an alternative is looked for, on both sides.
SEARCH_RADIUS = timedelta(days=14)
LONGEST_WINDOW = timedelta(days=731)  # 24 months


class Taker(StrEnum):
    """What takes a machine's time."""

    BOOKING = "booking"
    BLOCK = "block"
    MAINTENANCE = "maintenance"
    EXTERNAL = "external"


class Sight(StrEnum):
    """What an owner sees in a calendar: what takes its time, and what is proposed for it."""

    BOOKING = "booking"
    BLOCK = "block"
    MAINTENANCE = "maintenance"
    EXTERNAL = "external"
    PROPOSAL = "proposal"


class SpanTaken(DomainError):
    kind = Kind.CONFLICT
    code = "span_taken"
    en = "This time is taken. `alternatives` has the nearest free ones, if there are any."
    fr = "Cette période est prise. `alternatives` donne les plus proches libres, s'il y en a."


class UnknownBlock(DomainError):
    kind = Kind.NOT_FOUND
    code = "unknown_block"
    en = "There is no such block."
    fr = "Ce blocage n'existe pas."


class WindowTooLong(DomainError):
    code = "window_too_long"
    en = "Ask for at most {days} days at once."
    fr = "Demandez au plus {days} jours à la fois."


class Claim(msgspec.Struct, frozen=True):
    """A wish for one machine's time, with the buffers it is to be kept apart by."""

    machine_id: UUID
    during: Span
    buffers: Buffers

    @property
    def blocked(self) -> Span:
        return self.during.widened(*self.buffers)


class Occupancy(msgspec.Struct, frozen=True):
    """A row of the one table: who takes which machine, when, and how much is kept free around it."""

    id: UUID
    machine_id: UUID
    kind: Taker
    ref_id: UUID
    during: Span
    blocked: Span
    expires_at: datetime | None = None


def busy_for(blocked: Iterable[Span], buffers: Buffers) -> list[Span]:
    """The spans that a newcomer with these buffers must keep out of."""
    before, after = buffers
    return merge(span.widened(after, before) for span in blocked)


def alternatives(
    wanted: Span,
    busy: Sequence[Span],
    earliest: datetime,
    latest: datetime,
    suits: Callable[[Span], bool] = lambda _: True,
) -> list[Span]:
    """Up to `ALTERNATIVES` free spans as long as `wanted`, nearest start first, inside `[earliest, latest)`.

    In each gap that is long enough, the place nearest to the wanted one is taken; if that does not suit, the nearest
    at the same hour of another day that does.
    """
    start = max(earliest, wanted.start - SEARCH_RADIUS)
    end = min(latest, wanted.end + SEARCH_RADIUS)
    if end <= start:
        return []
    long_enough = (gap for gap in gaps(Span(start, end), busy) if gap.length >= wanted.length)
    found = [place for gap in long_enough if (place := _nearest_place(gap, wanted, suits))]
    return sorted(found, key=lambda span: (abs(span.start - wanted.start), span.start))[:ALTERNATIVES]


def _nearest_place(gap: Span, wanted: Span, suits: Callable[[Span], bool]) -> Span | None:
    start = min(max(wanted.start, gap.start), gap.end - wanted.length)
    nearest = Span(start, start + wanted.length)
    if suits(nearest):
        return nearest
    days = sorted(range(-SEARCH_RADIUS.days, SEARCH_RADIUS.days + 1), key=abs)
    shifted = (Span(wanted.start + timedelta(days=day), wanted.end + timedelta(days=day)) for day in days)
    return next((span for span in shifted if gap.contains(span) and suits(span)), None)


def check_instant(instant: datetime, pointer: str) -> datetime:
    """The instant in UTC, if it has an offset and a calendar knows it. Raises `NaiveTime`, `OutOfTime`."""
    if instant.tzinfo is None:
        raise NaiveTime(pointer=pointer)
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise OutOfTime(pointer=pointer)
    return instant.astimezone(UTC)


def check_window(window: Span) -> Span:
    """The window, if it is not longer than a calendar may be asked for at once; raises `WindowTooLong`."""
    if window.length > LONGEST_WINDOW:
        raise WindowTooLong(pointer="end", days=LONGEST_WINDOW.days)
    return window
