"""Time zones as iCalendar tells them (RFC 5545, 3.6.5), made from the IANA database. Pure.

Not `icalendar.Timezone.from_tzinfo`: it tells each onset by the wall clock after the change, where the standard has the
one before it, so that a calendar program of the letter changes its clocks an hour late in spring.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import groupby
from zoneinfo import ZoneInfo

import icalendar
import msgspec
from icalendar import prop

DAY = timedelta(days=1)
WEEK_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
ZERO = timedelta(0)


class Clock(msgspec.Struct, frozen=True, order=True):
    """What clocks show: their offset from UTC, their name, whether it is summer time."""

    offset: timedelta
    name: str
    summer: bool


class Change(msgspec.Struct, frozen=True):
    """Clocks change from one to the other; `onset` is what the old ones show at that instant, without zone."""

    before: Clock
    after: Clock
    onset: datetime


@lru_cache(maxsize=64)
def timezone(name: str, first_year: int, last_year: int) -> icalendar.Timezone:
    """The VTIMEZONE of an IANA zone, right from the start of the first of these years to the end of the last."""
    zone = ZoneInfo(name)
    start = datetime(first_year, 1, 1, tzinfo=UTC)
    # From a year earlier, so that the last change before the first of these years is told.
    changes = list(
        _changes(zone, datetime(first_year - 1, 1, 1, tzinfo=UTC), datetime(last_year + 1, 1, 2, tzinfo=UTC))
    )
    told = icalendar.Timezone()
    told.add("tzid", name)
    if not changes or changes[0].onset - changes[0].before.offset > start.replace(tzinfo=None):
        clock = changes[0].before if changes else _clock(zone, start)
        told.add_component(_observance(clock, clock, [datetime(1970, 1, 1)]))  # noqa: DTZ001 -- a wall clock
    alike = sorted(changes, key=lambda one: (one.before, one.after, one.onset))
    for (before, after), group in groupby(alike, key=lambda one: (one.before, one.after)):
        told.add_component(_observance(before, after, [one.onset for one in group]))
    return told


def _changes(zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[Change]:
    day, clock = start, _clock(zone, start)
    while day < end:
        following = _clock(zone, day + DAY)
        if following != clock:
            instant = _first_with(zone, following, day, day + DAY)
            yield Change(clock, following, (instant + clock.offset).replace(tzinfo=None))
        day, clock = day + DAY, following


def _first_with(zone: ZoneInfo, clock: Clock, low: datetime, high: datetime) -> datetime:
    """The first instant, to the second, at which clocks are as at `high`."""
    while high - low > timedelta(seconds=1):
        middle = (low + (high - low) / 2).replace(microsecond=0)
        low, high = (low, middle) if _clock(zone, middle) == clock else (middle, high)
    return high


def _clock(zone: ZoneInfo, instant: datetime) -> Clock:
    local = instant.astimezone(zone)
    return Clock(local.utcoffset() or ZERO, local.tzname() or zone.key, bool(local.dst()))


def _observance(before: Clock, after: Clock, onsets: Sequence[datetime]) -> icalendar.Component:
    made: icalendar.Component = icalendar.TimezoneDaylight() if after.summer else icalendar.TimezoneStandard()
    made.add("tzname", after.name)
    made.add("tzoffsetfrom", before.offset)
    made.add("tzoffsetto", after.offset)
    made.add("dtstart", onsets[0])
    # Outlook reads a yearly rule, and no list of dates.
    if rule := _yearly(onsets):
        made.add("rrule", rule)
    elif onsets[1:]:
        made.add("rdate", list(onsets[1:]))
    return made


def _yearly(onsets: Sequence[datetime]) -> prop.vRecur | None:
    """The rule that gives just these onsets, one in each year: a month, and a weekday counted from its end or start."""
    first = onsets[0]
    if len(onsets) < 3 or [one.year for one in onsets] != [first.year + i for i in range(len(onsets))]:
        return None
    if len({(one.month, one.weekday(), one.time()) for one in onsets}) > 1:
        return None
    if all((one + 7 * DAY).month != one.month for one in onsets):
        week = -1
    elif len({(one.day - 1) // 7 for one in onsets}) == 1:
        week = (first.day - 1) // 7 + 1
    else:
        return None
    return prop.vRecur(freq="YEARLY", bymonth=first.month, byday=f"{week}{WEEK_DAYS[first.weekday()]}")
