"""When an event of a feed takes place: once, or as a series without what is left out or stands elsewhere. Pure."""

import re
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple

from votremachine.availability.feeds import recurrence
from votremachine.availability.feeds.lines import Component
from votremachine.availability.feeds.moments import DAY, Clocks, Moment, lasting
from votremachine.availability.feeds.recurrence import BadRule, Budget
from votremachine.availability.feeds.refusals import Ignored, Reason
from votremachine.availability.feeds.zones import instant
from votremachine.kernel.span import Span

EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
_DATE_WITH_Z = re.compile(r"^\s*(\d{8})Z\s*$")


class Event(NamedTuple):
    """An event with what decides about its time; `stands_for` is the start that it replaces in its series."""

    uid: str
    sequence: int
    component: Component
    start: Moment
    stands_for: Moment | None
    reason: Reason | None


class Reader:
    """When the events of one file take place within a window; what recurs is paid for from one budget."""

    def __init__(self, clocks: Clocks, window: Span, budget: Budget) -> None:
        self.clocks, self.window, self.budget = clocks, window, budget

    def spans(self, event: Event, masked: Collection[Event]) -> Iterator[Span]:
        """When an event takes place within the window, but for the starts that others stand for. Raises `Ignored`."""
        length = lasting(self.clocks, event.component, event.start)
        if event.stands_for is not None or not _recurs(event.component):
            starts: Iterator[datetime] = iter([event.start.local])
        else:
            starts = self._starts(event, length.longest)
        left_out = self._left_out(event, masked)
        for local in starts:
            begins = instant(local, event.start.zone)
            if begins in left_out.instants or local.date() in left_out.days:
                continue
            if (span := within(begins, length.end(local, begins, event.start.zone), self.window)) is not None:
                yield span

    def _starts(self, event: Event, longest: timedelta) -> Iterator[datetime]:
        """The local starts of a series that may reach into the window, further dates included."""
        first, zone = event.start.local, event.start.zone
        since = (self.window.start - longest - 2 * DAY).replace(tzinfo=None)
        until = (self.window.end + 2 * DAY).replace(tzinfo=None)
        found: set[datetime] = {first}
        for written in event.component.found.get("RRULE", []):
            try:
                rule = recurrence.read(written.value)
                last = self._last(rule.until, event.start)
            except (BadRule, Ignored) as error:
                raise Ignored(Reason.BAD_RULE) from error
            found.update(recurrence.starts(rule, first, since, until, self.budget, last))
        for written in event.component.found.get("RDATE", []):
            for one in written.value.split(","):
                # Of a PERIOD, the start: its own length is hardly ever another. A date was seen with a Z.
                moment = self.clocks.moment(_DATE_WITH_Z.sub(r"\1", one.partition("/")[0]), written.zone)
                found.add(_on_clocks(moment, event.start, zone))
        return iter(sorted(found))

    def _last(self, until: str, start: Moment) -> datetime | None:
        """The last local start that UNTIL lets through: all of the day if it is a date (and it is where days recur)."""
        if not until:
            return None
        moment = self.clocks.moment(until, None)
        if moment.whole_day:
            return moment.local + DAY - timedelta(seconds=1)
        if moment.zone is not UTC:
            return moment.local
        return moment.instant.astimezone(start.zone).replace(tzinfo=None)

    def _left_out(self, event: Event, masked: Collection[Event]) -> "_LeftOut":
        instants: set[datetime] = set()
        days: set[date] = set()
        if event.stands_for is not None:
            return _LeftOut(instants, days)
        written = [
            (one, part.zone) for part in event.component.found.get("EXDATE", []) for one in part.value.split(",")
        ]
        self.budget.pay(len(written) + len(masked))
        for value, zone in written:
            try:
                moment = self.clocks.moment(value, zone)
            except Ignored:
                continue  # leaves out nothing: rather too much time taken than too little
            _leave_out(moment, event.start, floating=zone is None, instants=instants, days=days)
        for other in masked:
            assert other.stands_for is not None  # noqa: S101 -- that is what masks
            _leave_out(other.stands_for, event.start, floating=False, instants=instants, days=days)
        return _LeftOut(instants, days)


def _recurs(component: Component) -> bool:
    return bool(component.found.get("RRULE") or component.found.get("RDATE"))


class _LeftOut(NamedTuple):
    instants: set[datetime]
    days: set[date]


def _leave_out(moment: Moment, start: Moment, *, floating: bool, instants: set[datetime], days: set[date]) -> None:
    """Note a start that does not take place; a date leaves out its whole day, and so does any time where days recur."""
    if start.whole_day and not moment.whole_day:
        days.add(moment.instant.astimezone(start.zone).date() if moment.zone is UTC else moment.local.date())
    elif moment.whole_day:
        days.add(moment.local.date())
    elif floating and moment.zone is not UTC:
        instants.add(instant(moment.local, start.zone))
    else:
        instants.add(moment.instant)


def _on_clocks(moment: Moment, start: Moment, zone: tzinfo) -> datetime:
    """A further date of a series as its own clocks show it."""
    if start.whole_day:
        return datetime.combine(moment.local.date(), datetime.min.time())
    if moment.whole_day:
        return datetime.combine(moment.local.date(), start.local.time())
    return moment.instant.astimezone(zone).replace(tzinfo=None)


def within(begins: datetime, ends: datetime, window: Span) -> Span | None:
    """What there is of it for us: from 1970 on, no further than the window; None outside of it."""
    if ends <= window.start or begins >= window.end:
        return None
    return Span(max(begins, EARLIEST), min(ends, window.end))
