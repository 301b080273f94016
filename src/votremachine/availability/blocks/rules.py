"""What a block is and what it wants of a machine's calendar. Pure.

Blocks want time; they do not always get all of it. What another block, maintenance or an imported event has already is
blocked anyway, so a block takes what is left, and takes the rest when that is given back. Bookings are another matter:
a change that meets one is refused.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from votremachine.availability.blocks import recurrence
from votremachine.availability.blocks.recurrence import Series
from votremachine.availability.rules import Occupancy, Taker, check_instant
from votremachine.kernel.errors import DomainError, Kind
from votremachine.kernel.span import EndsBeforeStart, Span, merge

# Beyond the farthest that any machine can be booked ahead (730 days), with a margin for a worker that is late.
# A series is rolled forward every thirty days, and may be forty late.
AHEAD = timedelta(days=800)
ROLLED_WHEN_NEARER = timedelta(days=770)
OLDEST_START = timedelta(days=366)
MOST_SERIES = 100
MOST_TOLD = 20
MOST_DATES = 400

# The booking that keeps out an occurrence, by block and start.
Lost = dict[tuple[UUID, datetime], UUID]


class Scope(StrEnum):
    """How much of a series a change is about."""

    THIS = "this"
    FOLLOWING = "following"
    ALL = "all"


class BlockMeetsBookings(DomainError):
    kind = Kind.CONFLICT
    code = "block_meets_bookings"
    en = "Bookings stand in this time: {count}. `bookings` has the first of them; nothing was changed."
    fr = "Des réservations occupent cette période : {count}. `bookings` donne les premières ; rien n'a été modifié."


class OccurrenceNeeded(DomainError):
    code = "occurrence_needed"
    en = "Say which occurrence of the series is meant, by its start."
    fr = "Précisez de quelle occurrence de la série il s'agit, par son début."


class ScopeNeeded(DomainError):
    code = "scope_needed"
    en = "One occurrence is named: say with `scope` whether it is about this one, or about it and those after it."
    fr = "Une occurrence est nommée : précisez avec `scope` s'il s'agit d'elle seule ou aussi des suivantes."


class RuleNamesDays(DomainError):
    code = "rule_names_days"
    en = "The rule names the days itself: to move the series to others, give it a new rule."
    fr = "La règle nomme elle-même les jours : pour déplacer la série, donnez-lui une nouvelle règle."


class NothingToLeaveOut(DomainError):
    code = "nothing_to_leave_out"
    en = "Dates are left out of a series only: give a rule, or further dates."
    fr = "On n'exclut des dates que d'une série : donnez une règle, ou d'autres dates."


class UnknownOccurrence(DomainError):
    code = "unknown_occurrence"
    en = "The series has no occurrence that starts then."
    fr = "La série n'a pas d'occurrence qui commence à ce moment."


class NeverTakesPlace(DomainError):
    code = "never_takes_place"
    en = "Nothing of this takes place within the next {days} days."
    fr = "Rien de ceci n'a lieu dans les {days} prochains jours."


class StartsTooLongAgo(DomainError):
    code = "starts_too_long_ago"
    en = "A series starts at most {days} days ago."
    fr = "Une série commence il y a au plus {days} jours."


class TooManySeries(DomainError):
    kind = Kind.CONFLICT
    code = "too_many_series"
    en = "A machine has at most {most} recurring blocks."
    fr = "Un matériel a au plus {most} blocages récurrents."


class FractionOfSecond(DomainError):
    code = "fraction_of_second"
    en = "The times of a series are whole seconds."
    fr = "Les heures d'une série sont des secondes entières."


class TooManyDates(DomainError):
    code = "too_many_dates"
    en = "A series has at most {most} dates of its own or left out."
    fr = "Une série compte au plus {most} dates ajoutées ou retirées."


class Block(msgspec.Struct, frozen=True):
    """One block, or a whole series of them; `series_id` is shared by what was split off one series."""

    id: UUID
    machine_id: UUID
    kind: Taker
    note: str
    time: Span | Series
    series_id: UUID
    version: int
    expanded_to: datetime | None


class Change(msgspec.Struct, frozen=True):
    """What is to be changed of a block; None stays as it is."""

    start: datetime | None = None
    end: datetime | None = None
    kind: Taker | None = None
    note: str | None = None
    rrule: str | None = None
    rdates: tuple[datetime, ...] | None = None
    exdates: tuple[datetime, ...] | None = None


def time_of(zone: ZoneInfo, change: Change) -> Span | Series:
    """When a new block is: a span, or a series if there is a rule or further dates.

    Raises `EndsBeforeStart`, `NaiveTime`, `OutOfTime`, `FractionOfSecond`, `BadRule`, `RuleMissesStart`,
    `OccurrenceTooLong`, `TooManyDates`, `NothingToLeaveOut`.
    """
    if change.start is None or change.end is None:
        raise EndsBeforeStart(pointer="/end")
    once = Span(change.start, change.end)
    if not change.rrule and not change.rdates:
        if change.exdates:
            raise NothingToLeaveOut(pointer="/exdates")
        return once
    series = Series(
        zone,
        wall(once.start, zone, "/start"),
        wall(once.end, zone, "/end"),
        recurrence.read(change.rrule, zone) if change.rrule else None,
        walls(change.rdates, zone, "/rdates"),
        walls(change.exdates, zone, "/exdates"),
    )
    return check_series(series)


def expanded(block: Block, now: datetime) -> Block:
    """The block; of a series, what is ahead until after the last day that anybody may book now."""
    if isinstance(block.time, Span):
        return replace(block, expanded_to=None)
    return block if block.expanded_to is not None else replace(block, expanded_to=now + AHEAD)


def check_new(block: Block, now: datetime) -> None:
    """Raises `StartsTooLongAgo`, and `NeverTakesPlace` for a series that wants nothing."""
    if not isinstance(block.time, Series):
        return
    if block.time.start < recurrence.wall(now - OLDEST_START, block.time.zone):
        raise StartsTooLongAgo(pointer="/start", days=OLDEST_START.days)
    if not wanted(block, now):
        raise NeverTakesPlace(pointer="/rrule", days=AHEAD.days)


def wanted(block: Block, now: datetime) -> list[Span]:
    """The time that a block wants: all of it if it is one, what is not over yet of a series."""
    if isinstance(block.time, Span):
        return [block.time]
    if block.expanded_to is None or block.expanded_to <= now:
        return []
    return [span for _, span in recurrence.occurrences(block.time, Span(now, block.expanded_to))]


def left_of(wishes: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """What nobody has of each wish; where wishes meet, the earlier one has the time. They are kept apart."""
    cuts = merge(taken)
    ends = [cut.end for cut in cuts]
    left: list[Span] = []
    reached: datetime | None = None
    for wish in sorted(wishes):
        start = wish.start if reached is None else max(wish.start, reached)
        reached = wish.end if reached is None else max(wish.end, reached)
        for cut in cuts[bisect_right(ends, start) :]:
            if cut.start >= wish.end:
                break
            if start < cut.start:
                left.append(Span(start, cut.start))
            start = cut.end
        if start < wish.end:
            left.append(Span(start, wish.end))
    return left


def lost(wishes: Iterable[tuple[UUID, Sequence[Span]]], booked: Sequence[tuple[UUID, Span]]) -> Lost:
    """Which occurrences bookings keep out, at least in part, each with the last of them; `booked` are in order and
    apart, as the bookings of one machine are.
    """
    starts = [span.start for _, span in booked]
    found: Lost = {}
    for block_id, spans in wishes:
        for span in spans:
            place = bisect_left(starts, span.end) - 1
            if place >= 0 and booked[place][1].end > span.start:
                found[block_id, span.start] = booked[place][0]
    return found


def check_clear(wishes: Iterable[Span], found: Iterable[Occupancy], zone: ZoneInfo) -> None:
    """Raises `BlockMeetsBookings` when any booking, request or hold stands in the wished time, buffers included."""
    spans = merge(wishes)
    ends = [span.end for span in spans]
    met: list[Occupancy] = []
    for one in found:
        first = bisect_right(ends, one.blocked.start)
        if one.kind is Taker.BOOKING and first < len(spans) and spans[first].overlaps(one.blocked):
            met.append(one)
    if met:
        raise BlockMeetsBookings(count=len(met), bookings=[_told(one, zone) for one in met[:MOST_TOLD]])


def check_series(series: Series) -> Series:
    """The series, if it is sound; raises `TooManyDates` and what `recurrence.check` does."""
    if len(series.rdates) > MOST_DATES or len(series.exdates) > MOST_DATES:
        raise TooManyDates(most=MOST_DATES)
    return recurrence.check(series)


def walls(instants: Sequence[datetime] | None, zone: ZoneInfo, pointer: str) -> tuple[datetime, ...]:
    """What clocks show there at these instants, in order, each once."""
    return tuple(sorted({wall(one, zone, pointer) for one in instants or ()}))


def wall(when: datetime, zone: ZoneInfo, pointer: str) -> datetime:
    """What clocks show there at an instant of a series, which recurs by whole seconds (RFC 5545, 3.3.5).

    Raises `NaiveTime`, `OutOfTime`, `FractionOfSecond`.
    """
    if when.microsecond:
        raise FractionOfSecond(pointer=pointer)
    return recurrence.wall(check_instant(when, pointer), zone)


def _told(one: Occupancy, zone: ZoneInfo) -> dict[str, object]:
    start, end = (edge.astimezone(zone) for edge in (one.during.start, one.during.end))
    return {"booking_id": one.ref_id, "machine_id": one.machine_id, "during": {"start": start, "end": end}}
