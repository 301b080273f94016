"""What a block is, what it wants of a machine's calendar, and what becomes of it when part of it is changed. Pure.

Blocks want time; they do not always get all of it. What another block, maintenance or an imported event has already is
blocked anyway, so a block takes what is left, and takes the rest when that is given back. Bookings are another matter:
a change that meets one is refused.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import chain
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


class Revision(msgspec.Struct, frozen=True):
    """What a change leaves of a block, and what it splits off: either may be nothing."""

    kept: Block | None
    made: Block | None = None

    @property
    def blocks(self) -> list[Block]:
        return [one for one in (self.kept, self.made) if one is not None]


def time_of(zone: ZoneInfo, change: Change) -> Span | Series:
    """When a new block is: a span, or a series if there is a rule or further dates.

    Raises `EndsBeforeStart`, `NaiveTime`, `OutOfTime`, `BadRule`, `RuleMissesStart`, `OccurrenceTooLong`,
    `TooManyDates`.
    """
    if change.start is None or change.end is None:
        raise EndsBeforeStart(pointer="/end")
    once = Span(change.start, change.end)
    if not change.rrule and not change.rdates:
        return once
    series = Series(
        zone,
        recurrence.wall(once.start, zone),
        recurrence.wall(once.end, zone),
        recurrence.read(change.rrule, zone) if change.rrule else None,
        _walls(change.rdates, zone, "/rdates"),
        _walls(change.exdates, zone, "/exdates"),
    )
    return _checked(series)


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


def revise(
    block: Block, change: Change, scope: Scope, occurrence: datetime | None, new_id: UUID, zone: ZoneInfo
) -> Revision:
    """What a change of this scope makes of a block. Of a single block, and from the first occurrence on, all changes.

    Raises `OccurrenceNeeded`, `UnknownOccurrence`, and what `time_of` does.
    """
    start = _named(block, scope, occurrence)
    series = block.time
    if start is None or isinstance(series, Span):
        return Revision(_changed(block, _retimed(block.time, change, None, zone), change, block.version + 1))
    if scope is Scope.THIS:
        span = recurrence.placed(series, start)
        own = replace(change, start=change.start or span.start)
        own = replace(own, end=change.end or (span.end if change.start is None else change.start + span.length))
        made = replace(block, id=new_id, version=1, time=time_of(series.zone, own), expanded_to=block.expanded_to)
        return Revision(_left(block, start), _changed(made, made.time, change, 1))
    kept, rest = before(series, start), following(series, start)
    if kept is None:
        return Revision(_changed(block, _retimed(rest, change, start, zone), change, block.version + 1))
    made = replace(block, id=new_id)
    return Revision(_next(block, kept), _changed(made, _retimed(rest, change, start, zone), change, 1))


def strike(block: Block, scope: Scope, occurrence: datetime | None) -> Revision:
    """What is left of a block once this much of it is deleted. Raises `OccurrenceNeeded`, `UnknownOccurrence`."""
    start = _named(block, scope, occurrence)
    if start is None or isinstance(block.time, Span):
        return Revision(None)
    if scope is Scope.THIS:
        return Revision(_left(block, start))
    kept = before(block.time, start)
    return Revision(None if kept is None else _next(block, kept))


def before(series: Series, start: datetime) -> Series | None:
    """What takes place earlier than this local start; None when nothing does."""
    last = start - timedelta(seconds=1)
    if not recurrence.starts(series, last):
        return None
    begins, rule, rdates = series.start, series.rule, _those(series.rdates, None, start)
    if ran := list(recurrence.rule_starts(series, last)):
        rule = None if rule is None else replace(rule, count=None, until=ran[-1])
    else:
        begins, rule, rdates = rdates[0], None, rdates[1:]
    exdates = _those(series.exdates, None, start)
    return replace(series, start=begins, end=begins + series.length, rule=rule, rdates=rdates, exdates=exdates)


def following(series: Series, start: datetime) -> Series:
    """What takes place from the occurrence of this local start on: it begins with the next date of the rule."""
    rule, used, head = series.rule, 0, None
    for one in recurrence.rule_starts(series):
        if one >= start:
            head = one
            break
        used += 1
    if rule is not None and rule.count is not None:
        rule = replace(rule, count=rule.count - used)
    rdates = _those(series.rdates, start, None)
    if head is None:
        head, rule, rdates = rdates[0], None, rdates[1:]
    exdates = _those(series.exdates, start, None)
    return replace(series, start=head, end=head + series.length, rule=rule, rdates=rdates, exdates=exdates)


def _named(block: Block, scope: Scope, occurrence: datetime | None) -> datetime | None:
    """The local start of the occurrence that is meant; None when it is all of the block."""
    if scope is Scope.ALL:
        return None
    if occurrence is None:
        raise OccurrenceNeeded(pointer="occurrence")
    occurrence = check_instant(occurrence, "occurrence")
    if isinstance(block.time, Span):
        if block.time.start != occurrence:
            raise UnknownOccurrence(pointer="occurrence")
        return None
    if block.expanded_to is None or occurrence >= block.expanded_to:
        raise UnknownOccurrence(pointer="occurrence")
    near = recurrence.wall(occurrence, block.time.zone) + timedelta(days=1)
    for start in recurrence.starts(block.time, near):
        if recurrence.placed(block.time, start).start == occurrence:
            return start
    raise UnknownOccurrence(pointer="occurrence")


def _retimed(time: Span | Series, change: Change, anchor: datetime | None, zone: ZoneInfo) -> Span | Series:
    """`time` with its changes; `anchor` is the local start that `change.start` is the new one of."""
    if isinstance(time, Span):
        start = change.start or time.start
        end = change.end or start + time.length
        return time_of(zone, replace(change, start=start, end=end))
    return _reshaped(time, change, time.start if anchor is None else anchor)


def _reshaped(series: Series, change: Change, anchor: datetime) -> Span | Series:
    zone = series.zone
    if change.start is not None and change.end is not None:
        Span(change.start, change.end)  # in order, with offsets, within the calendar
    start = anchor if change.start is None else recurrence.wall(check_instant(change.start, "/start"), zone)
    end = start + series.length if change.end is None else recurrence.wall(check_instant(change.end, "/end"), zone)
    if end <= start:
        raise EndsBeforeStart(pointer="/end")
    shift, length = start - anchor, end - start
    if change.rrule is None:
        first, rule = series.start + shift, _shifted(series, shift)
    else:
        first, rule = start, recurrence.read(change.rrule, zone) if change.rrule else None
    rdates = (
        tuple(one + shift for one in series.rdates) if change.rdates is None else _walls(change.rdates, zone, "/rdates")
    )
    exdates = (
        tuple(one + shift for one in series.exdates)
        if change.exdates is None
        else _walls(change.exdates, zone, "/exdates")
    )
    if rule is None and not rdates and change.rrule is not None:
        return recurrence.placed(Series(zone, first, first + length), first)
    return _checked(Series(zone, first, first + length, rule, rdates, exdates))


def _shifted(series: Series, shift: timedelta) -> recurrence.Rule | None:
    """The rule whose last date moves along with all others."""
    if series.rule is None or series.rule.until is None:
        return series.rule
    return replace(series.rule, until=series.rule.until + shift)


def _left(block: Block, start: datetime) -> Block | None:
    """A series without the occurrence of this local start; None when it was the last one left."""
    assert isinstance(block.time, Series)  # noqa: S101 -- who asks has looked
    left = _checked(replace(block.time, exdates=tuple(sorted({*block.time.exdates, start}))))
    return None if _is_over(left) else _next(block, left)


def _is_over(series: Series) -> bool:
    """Whether nothing is left of a series that has an end."""
    rule = series.rule
    if rule is not None and rule.count is None and rule.until is None:
        return False
    return all(one in series.exdates for one in chain(series.rdates, recurrence.rule_starts(series)))


def _checked(series: Series) -> Series:
    if len(series.rdates) > MOST_DATES or len(series.exdates) > MOST_DATES:
        raise TooManyDates(most=MOST_DATES)
    return recurrence.check(series)


def _next(block: Block, time: Series) -> Block:
    return replace(block, time=time, version=block.version + 1)


def _changed(block: Block, time: Span | Series, change: Change, version: int) -> Block:
    return replace(
        block,
        time=time,
        kind=change.kind or block.kind,
        note=block.note if change.note is None else change.note,
        version=version,
    )


def _walls(instants: Sequence[datetime] | None, zone: ZoneInfo, pointer: str) -> tuple[datetime, ...]:
    return tuple(sorted({recurrence.wall(check_instant(one, pointer), zone) for one in instants or ()}))


def _those(dates: Sequence[datetime], since: datetime | None, until: datetime | None) -> tuple[datetime, ...]:
    return tuple(one for one in dates if (since is None or one >= since) and (until is None or one < until))


def _told(one: Occupancy, zone: ZoneInfo) -> dict[str, object]:
    start, end = (edge.astimezone(zone) for edge in (one.during.start, one.during.end))
    return {"booking_id": one.ref_id, "machine_id": one.machine_id, "during": {"start": start, "end": end}}
