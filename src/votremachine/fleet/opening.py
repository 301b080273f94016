"""When somebody is there to hand a machine over: the hours of the week, and the dates that have hours of their own.

`opening` alone decides; whatever else is asked here is answered by it. An instant belongs to one local date, midnight
to the one that it begins: what is open until 24:00 is open until just before. Hours are those of the wall clock: where
clocks go back they come twice, where clocks jump over their beginning they begin with the jump. Pure.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from votremachine.fleet.terms import DatedHours, HandOver, Hours, Terms
from votremachine.kernel.span import Span

_DAY, _SECOND, _INSTANT = timedelta(days=1), timedelta(seconds=1), timedelta(microseconds=1)
_WHOLE_DAY = (Hours("00:00", "24:00"),)
# The first and the last instant at which somebody is there.
Opening = tuple[datetime, datetime]


def any_hour(terms: Terms) -> bool:
    """Whether a machine may be handed over whenever one likes."""
    return not terms.hand_over and not terms.exceptions


def hours_on(terms: Terms, day: date) -> Sequence[Hours | HandOver] | None:
    """The hours of a local date; None when any hour will do, empty when nobody is there."""
    for one in terms.exceptions:
        if one.first <= day <= one.last:
            return one.hours
    if not terms.hand_over:
        return None
    weekday = day.isoweekday()
    return [one for one in terms.hand_over if one.weekday == weekday]


def opening(terms: Terms, zone: ZoneInfo, day: date) -> list[Opening]:
    """When somebody is there on a local date, in order; hours that overlap are not merged."""
    hours = hours_on(terms, day)
    if hours is not None and not hours:
        return []
    begins, last = midnight(day, zone), midnight(day + _DAY, zone) - _INSTANT
    if hours is None:
        return [(begins, last)]
    found = []
    for since, until, offset in _steady(begins, last, zone):
        for one in hours:
            edges = max(since, _wall(day, one.opens) - offset), min(until, _wall(day, one.closes) - offset)
            if edges[0] <= edges[1]:
                found.append(edges)
    return sorted(found)


def is_open(terms: Terms, zone: ZoneInfo, instant: datetime) -> bool:
    """Whether somebody is there at this instant."""
    if any_hour(terms):
        return True
    day = instant.astimezone(zone).date()
    return any(first <= instant <= last for first, last in opening(terms, zone, day))


def first_open(terms: Terms, zone: ZoneInfo, span: Span) -> datetime | None:
    """The first instant of a span, its end included, at which somebody is there."""
    for day in _dates(span, zone):
        for first, last in opening(terms, zone, day):
            if last >= span.start and first <= span.end:
                return max(first, span.start)
    return None


def last_open(terms: Terms, zone: ZoneInfo, span: Span) -> datetime | None:
    """The last instant of a span, its end included, at which somebody is there."""
    for day in reversed(list(_dates(span, zone))):
        inside = [last for first, last in opening(terms, zone, day) if last >= span.start and first <= span.end]
        if inside:
            return min(max(inside), span.end)
    return None


def closed(terms: Terms, zone: ZoneInfo, window: Span) -> list[Span]:
    """The local dates that meet `window` on which nobody is there, whole; dates in a row are one span."""
    if any_hour(terms):
        return []
    runs: list[list[date]] = []
    for day in _dates(window, zone):
        if opening(terms, zone, day):
            continue
        if runs and runs[-1][1] == day - _DAY:
            runs[-1][1] = day
        else:
            runs.append([day, day])
    return [Span(midnight(first, zone), midnight(last + _DAY, zone)) for first, last in runs]


def by_date(terms: Terms, first: date, last: date) -> list[DatedHours] | None:
    """The hours of each local date from `first` to `last`, those of the week and of exceptions made one; dates in a row
    that have the same stand together. None where any hour will do.
    """
    if any_hour(terms):
        return None
    runs: list[DatedHours] = []
    for number in range((last - first).days + 1):
        day = first + number * _DAY
        found = hours_on(terms, day)
        hours = _WHOLE_DAY if found is None else tuple(sorted(Hours(one.opens, one.closes) for one in found))
        if runs and runs[-1].hours == hours:
            runs[-1] = DatedHours(runs[-1].first, day, hours)
        else:
            runs.append(DatedHours(day, day, hours))
    return runs


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When a local date begins; where clocks jump over midnight, with the jump."""
    # Python reads a time that the clocks jump over by the offset before the jump: midnight is the jump itself.
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _dates(span: Span, zone: ZoneInfo) -> Iterator[date]:
    """The local dates of a span, that of its end included."""
    first, last = span.start.astimezone(zone).date(), span.end.astimezone(zone).date()
    return (first + number * _DAY for number in range((last - first).days + 1))


def _steady(begins: datetime, last: datetime, zone: ZoneInfo) -> list[tuple[datetime, datetime, timedelta]]:
    """A date cut where its clocks change: the first and last instant of each part, and its offset from UTC."""
    before, after = _offset(begins, zone), _offset(last, zone)
    if before == after:
        return [(begins, last, before)]
    # Clocks change on the second: it lies behind `early`, and not behind `late`.
    early, late = begins, last + _INSTANT
    while late - early > _SECOND:
        middle = early + (late - early) // _SECOND // 2 * _SECOND
        if _offset(middle, zone) == before:
            early = middle
        else:
            late = middle
    return [(begins, late - _INSTANT, before), (late, last, after)]


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta()


def _wall(day: date, clock: str) -> datetime:
    """`HH:MM` of a date as if it were in UTC; `24:00` is when the next one begins."""
    begins = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return begins + timedelta(hours=int(clock[:2]), minutes=int(clock[3:]))
