"""From the text of a feed to the times that it takes, merged, within a window. Pure.

One event that cannot be read loses itself and nothing else: it is counted with its reason. What is refused as a whole
is what is no calendar, what was cut, and what is too much.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from votremachine.availability.feeds import recurrence
from votremachine.availability.feeds.lines import Component, Property, components, decoded
from votremachine.availability.feeds.recurrence import BadRule, Budget, TooMuchWork
from votremachine.availability.feeds.zones import Zones, instant, known
from votremachine.kernel.errors import DomainError
from votremachine.kernel.span import Span, merge

MOST_EVENTS = 20_000
MOST_SPANS = 10_000
# Days and times looked at for all that recurs in one file: a few seconds of work.
MOST_WORK = 3_000_000
DAY = timedelta(days=1)
FOR_EVER = datetime(9999, 1, 1, tzinfo=UTC)
# As far as a series is looked back for what still lasts.
LONGEST = timedelta(days=150_000)
EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
_OLDEST_YEAR = 1600
_DATE_TIME = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:[T ](\d\d):?(\d\d):?(\d\d)?)?(?:\.\d+)?(Z?)", re.IGNORECASE)
_DURATION = re.compile(r"([+-]?)P(?:(\d{1,6})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,7})H)?(?:(\d{1,8})M)?(?:(\d{1,9})S)?)?")
_DATE_WITH_Z = re.compile(r"^\s*(\d{8})Z\s*$")
_OURS = re.compile(
    r"(?:booking|block|maintenance|external)-([0-9a-f-]{36})(?:-([0-9a-f-]{36}))?(?:-\d{8}T\d{6}Z)?@votremachine"
)


class NotACalendar(DomainError):
    code = "not_a_calendar"
    en = "What stands at this address is not a calendar (iCalendar, .ics)."
    fr = "Ce qui se trouve à cette adresse n'est pas un calendrier (iCalendar, .ics)."


class CalendarCutShort(DomainError):
    code = "calendar_cut_short"
    en = "The calendar breaks off before its end."
    fr = "Le calendrier s'interrompt avant la fin."


class TooManyEvents(DomainError):
    code = "too_many_events"
    en = "The calendar has more than {most} events."
    fr = "Le calendrier compte plus de {most} événements."


class TooManyTimes(DomainError):
    code = "too_many_times"
    en = "The calendar takes more than {most} separate times."
    fr = "Le calendrier occupe plus de {most} périodes distinctes."


REFUSALS: tuple[type[DomainError], ...] = (NotACalendar, CalendarCutShort, TooManyEvents, TooManyTimes, TooMuchWork)


class Reason(StrEnum):
    """Why an event, or all of a series, takes no time."""

    FREE = "free"  # TRANSPARENT: its owner says that it takes none
    CANCELLED = "cancelled"
    OURS = "ours"  # our own calendar came back to us
    NO_LENGTH = "no_length"
    ENDS_BEFORE_START = "ends_before_start"
    BAD_TIME = "bad_time"
    BAD_RULE = "bad_rule"
    UNKNOWN_TIME_ZONE = "unknown_time_zone"


class Reading(msgspec.Struct, frozen=True):
    """What a feed takes: sorted spans apart from each other; how many events it has, and why some take nothing."""

    spans: Sequence[Span]
    events: int
    ignored: Mapping[Reason, int]


class Ignored(Exception):
    """One event takes no time, for this reason."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class Moment(NamedTuple):
    """A written time: on the clocks of a zone, or a whole day."""

    local: datetime
    zone: tzinfo
    whole_day: bool

    @property
    def instant(self) -> datetime:
        return instant(self.local, self.zone)


class _Event(NamedTuple):
    """An event with what decides about its time; `stands_for` is the start that it replaces in its series."""

    uid: str
    sequence: int
    component: Component
    start: Moment
    stands_for: Moment | None
    reason: Reason | None


class _Reader:
    """One file being read."""

    def __init__(self, home: ZoneInfo, window: Span, floating: tzinfo, defined: list[Component]) -> None:
        self.home, self.window = home, window
        self.zones = Zones(floating, defined)
        self.budget = Budget(MOST_WORK)

    def moment(self, value: str, zone: str | None) -> Moment:
        """A DATE or DATE-TIME. Raises `Ignored`."""
        found = _DATE_TIME.fullmatch(value.strip())
        if found is None:
            raise Ignored(Reason.BAD_TIME)
        # Programs write 9999-12-31 for an end that never comes; a year earlier it can still be counted with.
        year, month, day = min(int(found[1]), 9998), int(found[2]), int(found[3])
        try:
            local = datetime(year, month, day)  # noqa: DTZ001 -- a wall clock
            if found[4] is not None:
                # 24:00:00 is written for the end of a day.
                local += timedelta(hours=int(found[4]), minutes=int(found[5]), seconds=int(found[6] or 0))
        except (ValueError, OverflowError) as error:
            raise Ignored(Reason.BAD_TIME) from error
        if not _OLDEST_YEAR <= local.year <= 9998:
            raise Ignored(Reason.BAD_TIME)
        if found[4] is None:
            return Moment(local, self.home, whole_day=True)
        if found[7]:
            return Moment(local, UTC, whole_day=False)
        place = self.zones.zone(zone)
        if place is None:
            raise Ignored(Reason.UNKNOWN_TIME_ZONE)
        return Moment(local, place, whole_day=False)

    def of(self, written: Property) -> Moment:
        return self.moment(written.value, written.zone)

    def spans(self, event: _Event, masked: Collection[_Event]) -> Iterator[Span]:
        """When an event takes place within the window, but for the starts that others stand for. Raises `Ignored`."""
        length = self._length(event)
        if event.stands_for is not None or not self._recurs(event.component):
            starts: Iterator[datetime] = iter([event.start.local])
        else:
            starts = self._starts(event, length.longest)
        left_out = self._left_out(event, masked)
        for local in starts:
            begins = instant(local, event.start.zone)
            if begins in left_out.instants or local.date() in left_out.days:
                continue
            if (span := _within(begins, length.end(local, begins, event.start.zone), self.window)) is not None:
                yield span

    def _recurs(self, component: Component) -> bool:
        return bool(component.found.get("RRULE") or component.found.get("RDATE"))

    def _length(self, event: _Event) -> "_Length":
        start, ends = event.start, event.component.one("DTEND")
        if ends is not None:
            end = self.of(ends)
            if start.whole_day and end.local.date() <= start.local.date() and end.whole_day:
                if end.local < start.local:
                    raise Ignored(Reason.ENDS_BEFORE_START)
                return _Length(DAY, timedelta(0))  # one day, written with the same date twice
            if end.zone is start.zone or str(end.zone) == str(start.zone):
                return _checked(end.local - start.local, timedelta(0), end.instant - start.instant)
            return _checked(timedelta(0), end.instant - start.instant)
        if (written := event.component.one("DURATION")) is not None:
            return _checked(*_duration(written.value))
        if start.whole_day:
            return _Length(DAY, timedelta(0))
        raise Ignored(Reason.NO_LENGTH)

    def _starts(self, event: _Event, longest: timedelta) -> Iterator[datetime]:
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
                moment = self.moment(_DATE_WITH_Z.sub(r"\1", one.partition("/")[0]), written.zone)
                found.add(_on_clocks(moment, event.start, zone))
        return iter(sorted(found))

    def _last(self, until: str, start: Moment) -> datetime | None:
        """The last local start that UNTIL lets through: all of the day if it is a date (and it is where days recur)."""
        if not until:
            return None
        moment = self.moment(until, None)
        if moment.whole_day:
            return moment.local + DAY - timedelta(seconds=1)
        if moment.zone is not UTC:
            return moment.local
        return moment.instant.astimezone(start.zone).replace(tzinfo=None)

    def _left_out(self, event: _Event, masked: Collection[_Event]) -> "_LeftOut":
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
                moment = self.moment(value, zone)
            except Ignored:
                continue  # leaves out nothing: rather too much time taken than too little
            _leave_out(moment, event.start, floating=zone is None, instants=instants, days=days)
        for other in masked:
            assert other.stands_for is not None  # noqa: S101 -- that is what masks
            _leave_out(other.stands_for, event.start, floating=False, instants=instants, days=days)
        return _LeftOut(instants, days)


class _LeftOut(NamedTuple):
    instants: set[datetime]
    days: set[date]


class _Length(NamedTuple):
    """How long an event is: so much on the clocks, and so much more in elapsed time (RFC 5545, 3.3.6)."""

    clocks: timedelta
    elapsed: timedelta

    @property
    def longest(self) -> timedelta:
        return min(self.clocks + self.elapsed + timedelta(hours=3), LONGEST)

    def end(self, local: datetime, begins: datetime, zone: tzinfo) -> datetime:
        try:
            ends = (instant(local + self.clocks, zone) if self.clocks else begins) + self.elapsed
        except OverflowError:
            return FOR_EVER
        # What a change of clocks leaves nothing of lasts as long as on other days.
        return ends if ends > begins else begins + self.clocks + self.elapsed


def read(body: bytes, home: ZoneInfo, window: Span, ours: Collection[str] = ()) -> Reading:
    """What a feed takes of a machine in this zone, within the window.

    `ours` are ids of this machine and of what takes its time: events that our own calendar published under them are
    left out. Raises `NotACalendar`, `CalendarCutShort`, `TooManyEvents`, `TooManyTimes`, `TooMuchWork`.
    """
    text = decoded(body)
    found = _components(text)
    defined = [one for one in found if one.name == "VTIMEZONE"]
    busy = [one for one in found if one.name != "VTIMEZONE"]
    if len(busy) > MOST_EVENTS:
        raise TooManyEvents(most=MOST_EVENTS)
    reader, ignored = _Reader(home, window, _floating(text, home), defined), Counter[Reason]()
    spans = [*_taken(reader, busy, ours, ignored)]
    merged = merge(spans)
    if len(merged) > MOST_SPANS:
        raise TooManyTimes(most=MOST_SPANS)
    return Reading(merged, len(busy), dict(ignored))


def _taken(
    reader: _Reader, busy: Sequence[Component], ours: Collection[str], ignored: Counter[Reason]
) -> Iterator[Span]:
    """What all of these take, one after the other; what takes nothing is counted."""
    for group in _by_uid(reader, busy, ours, ignored):
        overrides = [one for one in group if one.stands_for is not None]
        for event in group:
            try:
                if event.reason is not None:
                    raise Ignored(event.reason)
                yield from reader.spans(event, overrides)
            except Ignored as why:
                ignored[why.reason] += 1
    for component in busy:
        if component.name == "VFREEBUSY":
            yield from _free_busy(reader, component, ignored)


def _components(text: str) -> list[Component]:
    start = text.lstrip("\ufeff \t\n")[:20].upper()
    if not start.startswith(("BEGIN:VCALENDAR", "BEGIN:VEVENT", "BEGIN:VFREEBUSY")):
        raise NotACalendar
    found = list(components(text))
    opened = start.startswith("BEGIN:VCALENDAR")
    if any(not one.whole for one in found) or (opened and not text.rstrip().upper().endswith("END:VCALENDAR")):
        raise CalendarCutShort
    return found


def _floating(text: str, home: ZoneInfo) -> tzinfo:
    """Whose clocks times without a zone are on: the calendar's own if it says so."""
    said = re.search(r"^X-WR-TIMEZONE(?:;[^:\n]*)?:(.+)$", text[:10_000], re.IGNORECASE | re.MULTILINE)
    return (known(said[1]) if said else None) or home


def _by_uid(
    reader: _Reader, busy: Sequence[Component], ours: Collection[str], ignored: Counter[Reason]
) -> Iterator[list[_Event]]:
    """The events of each UID that stand: of those that say the same again, the newest."""
    groups: dict[str, list[_Event]] = defaultdict(list)
    for place, component in enumerate(busy):
        if component.name != "VEVENT":
            continue
        try:
            event = _event(reader, component, ours, place)
        except Ignored as why:
            ignored[why.reason] += 1
            continue
        groups[event.uid].append(event)
    for group in groups.values():
        whole = [one for one in group if one.stands_for is None]
        newest = max((one.sequence for one in whole), default=0)
        parts: dict[datetime, _Event] = {}
        for one in sorted(group, key=lambda one: one.sequence):
            if one.stands_for is not None:
                parts[one.stands_for.instant] = one
        yield [*(one for one in whole if one.sequence == newest), *parts.values()]


def _event(reader: _Reader, component: Component, ours: Collection[str], place: int) -> _Event:
    uid = component.one("UID")
    known_by = uid.value.strip() if uid and uid.value.strip() else f"#{place}"
    start, stands_for = component.one("DTSTART"), component.one("RECURRENCE-ID")
    if start is None:
        raise Ignored(Reason.BAD_TIME)
    sequence = component.one("SEQUENCE")
    number = int(sequence.value) if sequence and re.fullmatch(r"\s*\d{1,9}\s*", sequence.value) else 0
    reason = _reason(component, known_by, ours)
    stood = None if stands_for is None else reader.of(stands_for)
    try:
        begins = reader.of(start)
    except Ignored:
        if stood is None or reason is None:
            raise
        begins = stood
    return _Event(known_by, number, component, begins, stood, reason)


def _reason(component: Component, uid: str, ours: Collection[str]) -> Reason | None:
    if component.word("STATUS") == "CANCELLED":
        return Reason.CANCELLED
    if component.word("TRANSP") == "TRANSPARENT":
        return Reason.FREE
    return Reason.OURS if _is_ours(uid, ours) else None


def _free_busy(reader: _Reader, component: Component, ignored: Counter[Reason]) -> Iterator[Span]:
    """The periods of a VFREEBUSY in which somebody is not free (RFC 5545, 3.2.9)."""
    for written in component.found.get("FREEBUSY", []):
        if written.kind == "FREE":
            continue
        for period in written.value.split(","):
            try:
                begins, ends = _period(reader, period)
            except Ignored as why:
                ignored[why.reason] += 1
                continue
            if (span := _within(begins, ends, reader.window)) is not None:
                yield span


def _period(reader: _Reader, period: str) -> tuple[datetime, datetime]:
    start, _, end = period.partition("/")
    begins = reader.moment(start, None).instant
    ends = begins + sum(_duration(end), timedelta(0)) if "P" in end.upper() else reader.moment(end, None).instant
    if ends <= begins:
        raise Ignored(Reason.ENDS_BEFORE_START if ends < begins else Reason.NO_LENGTH)
    return begins, ends


def _is_ours(uid: str, ours: Collection[str]) -> bool:
    found = _OURS.fullmatch(uid)
    return found is not None and any(one in ours for one in found.groups() if one)


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


def _duration(text: str) -> tuple[timedelta, timedelta]:
    """Days and weeks on the clocks, and the rest as elapsed time. Raises `Ignored`."""
    found = _DURATION.fullmatch(text.strip().upper())
    if found is None:
        raise Ignored(Reason.BAD_TIME)
    weeks, days, hours, minutes, seconds = (int(one or 0) for one in found.groups()[1:])
    sign = -1 if found[1] == "-" else 1
    return sign * timedelta(weeks=weeks, days=days), sign * timedelta(hours=hours, minutes=minutes, seconds=seconds)


def _checked(clocks: timedelta, elapsed: timedelta, real: timedelta | None = None) -> _Length:
    total = clocks + elapsed if real is None else real
    if total < timedelta(0) or clocks + elapsed < timedelta(0):
        raise Ignored(Reason.ENDS_BEFORE_START)
    if not total:
        raise Ignored(Reason.NO_LENGTH)
    return _Length(clocks, elapsed)


def _within(begins: datetime, ends: datetime, window: Span) -> Span | None:
    """What there is of it for us: from 1970 on, no further than the window; None outside of it."""
    if ends <= window.start or begins >= window.end:
        return None
    return Span(max(begins, EARLIEST), min(ends, window.end))
