"""What stands in a calendar that is read from outside: how far it reaches, and what each entry says. Pure.

A booking keeps its UID for life; its SEQUENCE is its version, counted from zero (RFC 5545, 3.8.7.4). What fell through
stays as CANCELLED for a while, so that programs which saw it drop it. Buffers are not told: they are not anybody's use.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from votremachine.availability.rules import Occupancy, Taker
from votremachine.bookings.rules import FELL_THROUGH, PROVISIONAL, State
from votremachine.kernel.errors import DomainError, Kind
from votremachine.kernel.ids import made_at
from votremachine.kernel.span import Span

BACK = timedelta(days=92)
AHEAD = timedelta(days=731)
# How long what fell through is told: programs ask at least once a day, laptops are closed for a holiday.
CANCELLED_FOR = timedelta(days=30)
# Last use is told to a few minutes: a program that asks every minute does not write every minute.
USE_NOTED_EVERY = timedelta(minutes=5)
DOMAIN = "votremachine"
# For what came from elsewhere and does not say when it was made.
UNDATED = datetime(2020, 1, 1, tzinfo=UTC)


class Status(StrEnum):
    """STATUS of an event (RFC 5545, 3.8.1.11)."""

    TENTATIVE = "TENTATIVE"
    CONFIRMED = "CONFIRMED"
    CANCELLED = "CANCELLED"


class Happening(msgspec.Struct, frozen=True):
    """One entry of a calendar; `zone` is the IANA name of the zone that its hours are told in."""

    uid: str
    sequence: int
    status: Status
    during: Span
    zone: str
    changed_at: datetime
    summary: str
    description: str
    category: str
    url: str = ""


class Feed(msgspec.Struct, frozen=True):
    """A whole calendar. `zone` is the one to tell hours in where no entry says another; `years` are those it meets."""

    name: str
    language: str
    zone: str
    years: tuple[int, int]
    happenings: Sequence[Happening]


class UnknownCalendar(DomainError):
    kind = Kind.NOT_FOUND
    code = "unknown_calendar"
    en = "There is no calendar at this address, or it is not shared any more."
    fr = "Il n'y a pas de calendrier à cette adresse, ou il n'est plus partagé."


class UnknownCalendarLink(DomainError):
    kind = Kind.NOT_FOUND
    code = "unknown_calendar_link"
    en = "There is no such link to a calendar."
    fr = "Ce lien de calendrier n'existe pas."


class OneCalendar(DomainError):
    code = "one_calendar"
    en = "A link leads to one calendar: name a machine or a party, not both."
    fr = "Un lien mène à un seul calendrier : indiquez un matériel ou une exploitation, pas les deux."


def window_at(now: datetime) -> Span:
    """What a calendar that is read at this hour holds."""
    return Span(now - BACK, now + AHEAD)


def years_at(now: datetime) -> tuple[int, int]:
    """The first and last year whose changes of clocks a calendar tells; a little more than its window."""
    return now.year - 1, now.year + 3


def status_of(state: State) -> Status:
    """How certain a booking's time is taken."""
    if state in PROVISIONAL:
        return Status.TENTATIVE
    if state in FELL_THROUGH:
        return Status.CANCELLED
    return Status.CONFIRMED


def booking_uid(booking_id: UUID, machine_id: UUID | None = None) -> str:
    """The UID of a booking, or of one machine's part in it where machines are shown one by one."""
    return _uid("booking", booking_id, *([] if machine_id is None else [machine_id]))


def occupancy_uids(found: Iterable[Occupancy]) -> Mapping[UUID, str]:
    """The UID of each occupancy by its id: that of what it stands for, with the start where that stands repeatedly."""
    every = list(found)
    times = Counter((one.ref_id, one.machine_id) for one in every)
    return {
        one.id: _uid(
            one.kind.value,
            one.ref_id,
            one.machine_id,
            *([f"{one.during.start:%Y%m%dT%H%M%SZ}"] if times[one.ref_id, one.machine_id] > 1 else []),
        )
        for one in every
    }


def occupancy_sequence(one: Occupancy) -> int:
    """Grows with each claim for the same thing: the seconds from when that was made to when its time was claimed."""
    claimed, made = made_at(one.id), made_at(one.ref_id)
    return 0 if claimed is None or made is None else max(0, int((claimed - made).total_seconds()))


def occupancy_changed_at(one: Occupancy) -> datetime:
    """When its time was claimed."""
    return made_at(one.id) or UNDATED


def actual_spans(found: Iterable[Occupancy]) -> Mapping[tuple[UUID, UUID], Span]:
    """What bookings really take at this moment, by booking and machine."""
    return {(one.ref_id, one.machine_id): one.during for one in found if one.kind is Taker.BOOKING}


def whole_seconds(span: Span) -> Span:
    """The shortest span of whole seconds around this one: iCalendar knows nothing smaller (RFC 5545, 3.3.12)."""
    start, end = span.start.replace(microsecond=0), span.end.replace(microsecond=0)
    return Span(start, end if end == span.end else end + timedelta(seconds=1))


def use_is_noted(used_at: datetime | None, now: datetime) -> bool:
    """Whether the last use of a link is recent enough to be left as it is."""
    return used_at is not None and now - used_at < USE_NOTED_EVERY


def _uid(kind: str, *parts: object) -> str:
    return "-".join((kind, *map(str, parts))) + f"@{DOMAIN}"
