"""What becomes of a block when it is changed: all of it, one occurrence, or one and those after it. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import chain
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from votremachine.availability.blocks import recurrence
from votremachine.availability.blocks.recurrence import Series
from votremachine.availability.blocks.rules import (
    Block,
    Change,
    OccurrenceNeeded,
    RuleNamesDays,
    Scope,
    ScopeNeeded,
    UnknownOccurrence,
    check_series,
    time_of,
    wall,
    walls,
)
from votremachine.availability.rules import check_instant
from votremachine.kernel.span import EndsBeforeStart, Span


class Revision(msgspec.Struct, frozen=True):
    """What a change leaves of a block, and what it splits off: either may be nothing."""

    kept: Block | None
    made: Block | None = None

    @property
    def blocks(self) -> list[Block]:
        return [one for one in (self.kept, self.made) if one is not None]


def revise(
    block: Block, change: Change, scope: Scope, occurrence: datetime | None, new_id: UUID, zone: ZoneInfo
) -> Revision:
    """What a change of this scope makes of a block. Of a single block, and from the first occurrence on, all changes.

    Raises `OccurrenceNeeded`, `ScopeNeeded`, `UnknownOccurrence`, `RuleNamesDays`, and what `time_of` does.
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
    """What is left of a block once this much of it is deleted.

    Raises `OccurrenceNeeded`, `ScopeNeeded`, `UnknownOccurrence`.
    """
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
        if occurrence is not None:
            raise ScopeNeeded(pointer="scope")
        return None
    if occurrence is None:
        raise OccurrenceNeeded(pointer="occurrence")
    occurrence = check_instant(occurrence, "occurrence")
    if isinstance(block.time, Series):
        return _start_of(block, block.time, occurrence)
    if block.time.start != occurrence:
        raise UnknownOccurrence(pointer="occurrence")
    return None


def _start_of(block: Block, series: Series, occurrence: datetime) -> datetime:
    if block.expanded_to is not None and occurrence < block.expanded_to:
        near = recurrence.wall(occurrence, series.zone) + timedelta(days=1)
        for start in recurrence.starts(series, near):
            if recurrence.placed(series, start).start == occurrence:
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
    start = anchor if change.start is None else wall(change.start, zone, "/start")
    end = start + series.length if change.end is None else wall(change.end, zone, "/end")
    if end <= start:
        raise EndsBeforeStart(pointer="/end")
    shift, length = start - anchor, end - start
    if change.rrule is None:
        if start.date() != anchor.date() and series.rule is not None and recurrence.names_days(series.rule):
            raise RuleNamesDays(pointer="/rrule")
        first, rule = series.start + shift, _shifted(series, shift)
    else:
        first, rule = start, recurrence.read(change.rrule, zone) if change.rrule else None
    rdates = (
        tuple(one + shift for one in series.rdates) if change.rdates is None else walls(change.rdates, zone, "/rdates")
    )
    exdates = (
        tuple(one + shift for one in series.exdates)
        if change.exdates is None
        else walls(change.exdates, zone, "/exdates")
    )
    if rule is None and not rdates and change.rrule is not None:
        return recurrence.placed(Series(zone, first, first + length), first)
    return check_series(Series(zone, first, first + length, rule, rdates, exdates))


def _shifted(series: Series, shift: timedelta) -> recurrence.Rule | None:
    """The rule whose last date moves along with all others."""
    if series.rule is None or series.rule.until is None:
        return series.rule
    return replace(series.rule, until=series.rule.until + shift)


def _left(block: Block, start: datetime) -> Block | None:
    """A series without the occurrence of this local start; None when it was the last one left."""
    assert isinstance(block.time, Series)  # noqa: S101 -- who asks has looked
    left = check_series(replace(block.time, exdates=tuple(sorted({*block.time.exdates, start}))))
    return None if _is_over(left) else _next(block, left)


def _is_over(series: Series) -> bool:
    """Whether nothing is left of a series that has an end."""
    rule = series.rule
    if rule is not None and rule.count is None and rule.until is None:
        return False
    return all(one in series.exdates for one in chain(series.rdates, recurrence.rule_starts(series)))


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


def _those(dates: Sequence[datetime], since: datetime | None, until: datetime | None) -> tuple[datetime, ...]:
    return tuple(one for one in dates if (since is None or one >= since) and (until is None or one < until))
