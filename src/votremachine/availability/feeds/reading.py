"""From the text of a feed to the times that it takes, merged, within a window. Pure.

One event that cannot be read loses itself and nothing else: it is counted with its reason. What is refused as a whole
is what is no calendar, what was cut, and what is too much.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import msgspec

from votremachine.availability.feeds.lines import Component, components, decoded
from votremachine.availability.feeds.moments import Clocks, duration
from votremachine.availability.feeds.occurrences import Event, Reader, within
from votremachine.availability.feeds.recurrence import Budget
from votremachine.availability.feeds.refusals import (
    CalendarCutShort,
    Ignored,
    NotACalendar,
    Reason,
    TooManyEvents,
    TooManyTimes,
)
from votremachine.availability.feeds.zones import Zones, known
from votremachine.kernel.span import Span, merge

MOST_EVENTS = 20_000
MOST_SPANS = 10_000
# Days and times looked at for all that recurs in one file: a few seconds of work.
MOST_WORK = 3_000_000
_OURS = re.compile(
    r"(?:booking|block|maintenance|external)-([0-9a-f-]{36})(?:-([0-9a-f-]{36}))?(?:-\d{8}T\d{6}Z)?@votremachine"
)


class Reading(msgspec.Struct, frozen=True):
    """What a feed takes: sorted spans apart from each other; how many events it has, and why some take nothing."""

    spans: Sequence[Span]
    events: int
    ignored: Mapping[Reason, int]


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
    clocks = Clocks(home, Zones(_floating(text, home), defined))
    reader, ignored = Reader(clocks, window, Budget(MOST_WORK)), Counter[Reason]()
    spans = [*_taken(reader, busy, ours, ignored)]
    merged = merge(spans)
    if len(merged) > MOST_SPANS:
        raise TooManyTimes(most=MOST_SPANS)
    return Reading(merged, len(busy), dict(ignored))


def _taken(
    reader: Reader, busy: Sequence[Component], ours: Collection[str], ignored: Counter[Reason]
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
    reader: Reader, busy: Sequence[Component], ours: Collection[str], ignored: Counter[Reason]
) -> Iterator[list[Event]]:
    """The events of each UID that stand: of those that say the same again, the newest."""
    groups: dict[str, list[Event]] = defaultdict(list)
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
        parts: dict[datetime, Event] = {}
        for one in sorted(group, key=lambda one: one.sequence):
            if one.stands_for is not None:
                parts[one.stands_for.instant] = one
        yield [*(one for one in whole if one.sequence == newest), *parts.values()]


def _event(reader: Reader, component: Component, ours: Collection[str], place: int) -> Event:
    uid = component.one("UID")
    known_by = uid.value.strip() if uid and uid.value.strip() else f"#{place}"
    start, stands_for = component.one("DTSTART"), component.one("RECURRENCE-ID")
    if start is None:
        raise Ignored(Reason.BAD_TIME)
    sequence = component.one("SEQUENCE")
    number = int(sequence.value) if sequence and re.fullmatch(r"\s*\d{1,9}\s*", sequence.value) else 0
    reason = _reason(component, known_by, ours)
    stood = None if stands_for is None else reader.clocks.of(stands_for)
    try:
        begins = reader.clocks.of(start)
    except Ignored:
        if stood is None or reason is None:
            raise
        begins = stood
    return Event(known_by, number, component, begins, stood, reason)


def _reason(component: Component, uid: str, ours: Collection[str]) -> Reason | None:
    if component.word("STATUS") == "CANCELLED":
        return Reason.CANCELLED
    if component.word("TRANSP") == "TRANSPARENT":
        return Reason.FREE
    return Reason.OURS if _is_ours(uid, ours) else None


def _free_busy(reader: Reader, component: Component, ignored: Counter[Reason]) -> Iterator[Span]:
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
            if (span := within(begins, ends, reader.window)) is not None:
                yield span


def _period(reader: Reader, period: str) -> tuple[datetime, datetime]:
    start, _, end = period.partition("/")
    begins = reader.clocks.moment(start, None).instant
    ends = begins + sum(duration(end), timedelta(0)) if "P" in end.upper() else reader.clocks.moment(end, None).instant
    if ends <= begins:
        raise Ignored(Reason.ENDS_BEFORE_START if ends < begins else Reason.NO_LENGTH)
    return begins, ends


def _is_ours(uid: str, ours: Collection[str]) -> bool:
    found = _OURS.fullmatch(uid)
    return found is not None and any(one in ours for one in found.groups() if one)
