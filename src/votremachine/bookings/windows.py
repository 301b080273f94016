"""Which time an owner looks at: from one instant to another, or a week or a month on each machine's own calendar. Pure.

A party has no zone of its own, its machines have: in the view of a fleet a date is that date wherever a machine stands,
and the days of the view are the same columns for all of them.
"""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from votremachine.fleet.opening import midnight
from votremachine.kernel.errors import DomainError
from votremachine.kernel.span import FIRST_YEAR, LAST_YEAR, OutOfTime, Span

_DAY = timedelta(days=1)
# How far clocks of the world are ahead of UTC, and behind it.
_AHEAD, _BEHIND = timedelta(hours=14), timedelta(hours=12)


class View(StrEnum):
    """A week begins on Monday (ISO 8601); a month is all of a calendar's month."""

    WEEK = "week"
    MONTH = "month"


class OneWindow(DomainError):
    code = "one_window"
    en = "Ask either with `from` and `to`, or with `view` and `date`."
    fr = "Demandez soit avec `from` et `to`, soit avec `view` et `date`."


class Dates(msgspec.Struct, frozen=True):
    """Local dates, `last` included."""

    first: date
    last: date


def asked_for(start: datetime | None, end: datetime | None, view: View | None, day: date | None) -> Span | Dates:
    """The window that was asked for, in one way and not in two.

    Raises `OneWindow`, `NaiveTime`, `OutOfTime`, `EndsBeforeStart`.
    """
    if start is not None and end is not None and view is None and day is None:
        return Span(start, end)
    if view is not None and day is not None and start is None and end is None:
        return _dates(view, day)
    raise OneWindow


def on_clock(asked: Span | Dates, zone: ZoneInfo) -> Span:
    """The window of a machine in this zone: dates begin and end with its own midnights."""
    return asked if isinstance(asked, Span) else Span(midnight(asked.first, zone), midnight(asked.last + _DAY, zone))


def anywhere(asked: Span | Dates) -> Span:
    """What contains the window of every machine, wherever it stands."""
    if isinstance(asked, Span):
        return asked
    first, after = (datetime.combine(day, time(), UTC) for day in (asked.first, asked.last + _DAY))
    return Span(first - _AHEAD, after + _BEHIND)


def dates_of(window: Span, zone: ZoneInfo) -> Dates:
    """The local dates that meet a window."""
    last = window.end - datetime.resolution
    return Dates(window.start.astimezone(zone).date(), last.astimezone(zone).date())


def _dates(view: View, day: date) -> Dates:
    if not FIRST_YEAR < day.year < LAST_YEAR:
        raise OutOfTime(pointer="date")
    if view is View.WEEK:
        monday = day - (day.isoweekday() - 1) * _DAY
        return Dates(monday, monday + 6 * _DAY)
    return Dates(day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1]))
