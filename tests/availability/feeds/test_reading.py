"""Texts of feeds, one trap at a time; and many at once against recurring-ical-events."""

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.feed_server import calendar, event
from votremachine.availability.feeds.reading import MOST_EVENTS, read
from votremachine.availability.feeds.recurrence import TooMuchWork
from votremachine.availability.feeds.refusals import (
    CalendarCutShort,
    NotACalendar,
    Reason,
    TooManyEvents,
    TooManyTimes,
)
from votremachine.kernel.errors import DomainError
from votremachine.kernel.span import Span, clip, merge

PARIS = ZoneInfo("Europe/Paris")
WINDOW = Span(datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC))
Z = ":20260601T080000Z"


def spans(*events: str, home: ZoneInfo = PARIS, ours: tuple[str, ...] = ()) -> list[str]:
    found = read(calendar(*events).encode(), home, WINDOW, ours)
    return [f"{one.start:%m%dT%H%M}-{one.end:%m%dT%H%M}" for one in found.spans]


def ignored(*events: str) -> dict[Reason, int]:
    found = read(calendar(*events).encode(), PARIS, WINDOW)
    assert list(found.spans) == []
    return dict(found.ignored)


def paris(start: str, end: str, *more: str, uid: str = "a") -> str:
    return event(uid, f";TZID=Europe/Paris:2026{start}00", f";TZID=Europe/Paris:2026{end}00", *more)


NIGHT = ("1024T2000", "1025T0800")  # clocks go back on 25 October 2026
WEEKLY = "RRULE:FREQ=WEEKLY;COUNT=3"


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([paris(*NIGHT)], ["1024T1800-1025T0700"]),
        (
            [paris("1017T2000", "1018T0800", "RRULE:FREQ=WEEKLY;COUNT=2")],
            ["1017T1800-1018T0600", "1024T1800-1025T0700"],
        ),
        # 02:30 does not exist on 29 March, and exists twice on 25 October.
        ([paris("0329T0230", "0329T0400")], ["0329T0130-0329T0200"]),
        ([paris("1025T0230", "1025T0300")], ["1025T0030-1025T0200"]),
        ([event("a", ";VALUE=DATE:20260329", ";VALUE=DATE:20260330")], ["0328T2300-0329T2200"]),
        ([event("a", ";VALUE=DATE:20260601", ";VALUE=DATE:20260601")], ["0531T2200-0601T2200"]),
        (["BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20260601\r\nEND:VEVENT\r\n"], ["0531T2200-0601T2200"]),
        (["BEGIN:VEVENT\r\nDTSTART:20260601T080000Z\r\nDURATION:P1DT2H\r\nEND:VEVENT\r\n"], ["0601T0800-0602T1000"]),
        ([event("a", ":20260601T080000", ":20260601T090000")], ["0601T0600-0601T0700"]),
        ([event("a", ";TZID=:20260601T080000", ";TZID=:20260601T090000")], ["0601T0600-0601T0700"]),
        ([event("a", ";TZID=Romance Standard Time:20260601T080000", ":20260601T070000Z")], ["0601T0600-0601T0700"]),
        ([event("a", ";TZID=/x.org/Tz/Europe/Paris:20260601T080000", ":20260601T070000Z")], ["0601T0600-0601T0700"]),
        # Overrides: moved, freed by being cancelled, freed by being transparent.
        (
            [
                paris("0601T1000", "0601T1100", WEEKLY),
                paris("0609T1500", "0609T1600", "RECURRENCE-ID;TZID=Europe/Paris:20260608T100000"),
            ],
            ["0601T0800-0601T0900", "0609T1300-0609T1400", "0615T0800-0615T0900"],
        ),
        (
            [
                paris("0601T1000", "0601T1100", WEEKLY),
                paris("0608T1000", "0608T1100", "RECURRENCE-ID:20260608T080000Z", "STATUS:CANCELLED"),
                paris("0615T1000", "0615T1100", "RECURRENCE-ID:20260615T080000Z", "TRANSP:TRANSPARENT"),
            ],
            ["0601T0800-0601T0900"],
        ),
        # Days that recur, one of them moved to an hour; the newest of two overrides counts.
        (
            [
                event("a", ";VALUE=DATE:20260601", ";VALUE=DATE:20260602", "RRULE:FREQ=DAILY;COUNT=2"),
                event("a", Z, ":20260603T090000Z", "RECURRENCE-ID;TZID=Europe/Paris:20260602T000000", "SEQUENCE:1"),
                event("a", Z, ":20260609T090000Z", "RECURRENCE-ID;TZID=Europe/Paris:20260602T000000"),
            ],
            ["0531T2200-0603T0900"],
        ),
        # A date leaves out what is on that day; a time in another zone leaves out the same instant.
        (
            [paris("0601T1000", "0601T1100", WEEKLY, "EXDATE;VALUE=DATE:20260608")],
            ["0601T0800-0601T0900", "0615T0800-0615T0900"],
        ),
        (
            [paris("0601T1000", "0601T1100", WEEKLY, "EXDATE;TZID=Europe/London:20260608T090000,20260615T100000")],
            ["0601T0800-0601T0900", "0615T0800-0615T0900"],
        ),
        (
            [paris("0601T1000", "0601T1100", "RDATE:20260603T060000Z,20260604T060000Z/PT1H")],
            ["0601T0800-0601T0900", "0603T0600-0603T0700", "0604T0600-0604T0700"],
        ),
        # UNTIL in UTC, on the clocks, and as a date.
        *(
            (
                [paris("0601T1000", "0601T1100", f"RRULE:FREQ=DAILY;UNTIL={until}")],
                ["0601T0800-0601T0900", "0602T0800-0602T0900"],
            )
            for until in ("20260602T080000Z", "20260602T100000", "20260602", "20260603T075959Z")
        ),
        # The same UID for two stays; and one that was changed.
        (
            [paris("0601T1000", "0601T1100"), paris("0603T1000", "0603T1100")],
            ["0601T0800-0601T0900", "0603T0800-0603T0900"],
        ),
        ([paris("0601T1000", "0601T1100"), paris("0603T1000", "0603T1100", "SEQUENCE:2")], ["0603T0800-0603T0900"]),
        # Touching and overlapping ones are one.
        (
            [event("a", Z, ":20260601T100000Z"), event("b", ":20260601T093000Z", ":20260601T120000Z")],
            ["0601T0800-0601T1200"],
        ),
        # One that began long before the window, and one without end.
        ([event("a", ":19990101T000000Z", ":20260102T000000Z")], ["0102T0000-0102T0000"]),
    ],
)
def test_traps(events: list[str], expected: list[str]) -> None:
    if expected == ["0102T0000-0102T0000"]:
        expected = ["0101T0000-0102T0000"]
    assert spans(*events) == expected


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (event("a", Z, Z), Reason.NO_LENGTH),
        ("BEGIN:VEVENT\r\nDTSTART:20260601T080000Z\r\nEND:VEVENT\r\n", Reason.NO_LENGTH),
        (event("a", Z, ":20260601T070000Z"), Reason.ENDS_BEFORE_START),
        (event("a", ";VALUE=DATE:20260602", ";VALUE=DATE:20260601"), Reason.ENDS_BEFORE_START),
        ("BEGIN:VEVENT\r\nDTSTART:20260601T080000Z\r\nDURATION:-PT1H\r\nEND:VEVENT\r\n", Reason.ENDS_BEFORE_START),
        (event("a", ":20261332T080000Z", Z), Reason.BAD_TIME),
        (event("a", ":99991231T080000Z", Z), Reason.ENDS_BEFORE_START),
        (event("a", ":tomorrow", Z), Reason.BAD_TIME),
        ("BEGIN:VEVENT\r\nUID:a\r\nEND:VEVENT\r\n", Reason.BAD_TIME),
        (event("a", ";TZID=Mars/Olympus:20260601T080000", Z), Reason.UNKNOWN_TIME_ZONE),
        (event("a", Z, ":20260601T090000Z", "RRULE:FREQ=SECONDLY"), Reason.BAD_RULE),
        (event("a", Z, ":20260601T090000Z", "STATUS:CANCELLED"), Reason.CANCELLED),
        (event("a", Z, ":20260601T090000Z", "TRANSP:TRANSPARENT"), Reason.FREE),
    ],
)
def test_one_event_loses_itself_alone(one: str, reason: Reason) -> None:
    assert ignored(one) == {reason: 1}
    good = event("good", ":20260701T080000Z", ":20260701T090000Z")
    assert spans(one, good, one) == ["0701T0800-0701T0900"]


def test_our_own_uids() -> None:
    machine, booking = "0190a1b2-0000-7000-8000-000000000001", "0190a1b2-0000-7000-8000-000000000002"
    mine = [
        event(f"{uid}@votremachine", Z, ":20260601T090000Z")
        for uid in (f"booking-{booking}", f"booking-{booking}-{machine}", f"block-{booking}-{machine}-20260601T080000Z")
    ]
    assert spans(*mine, ours=(machine, booking)) == []
    assert spans(*mine[1:], ours=(machine,)) == []
    assert spans(*mine) == ["0601T0800-0601T0900"]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", NotACalendar),
        ("<!doctype html><p>BEGIN:VCALENDAR", NotACalendar),
        ("{}", NotACalendar),
        ("\0" * 100, NotACalendar),
        (calendar(event("a", Z, Z))[:-10], CalendarCutShort),
        (calendar(event("a", Z, Z))[:-40], CalendarCutShort),
        (calendar(*["BEGIN:VEVENT\r\nEND:VEVENT\r\n"] * (MOST_EVENTS + 1)), TooManyEvents),
        (
            calendar(*(event("a", Z, ":20260601T080100Z", f"RRULE:FREQ=HOURLY;BYMINUTE={m}") for m in range(0, 4, 2))),
            TooManyTimes,
        ),
        (
            calendar(
                *(
                    event(f"{i}", ":19700101T000000Z", ":19700101T010000Z", "RRULE:FREQ=DAILY;COUNT=1000000000")
                    for i in range(200)
                )
            ),
            TooMuchWork,
        ),
    ],
)
def test_refused_as_a_whole(text: str, error: type[DomainError]) -> None:
    began = time.process_time()
    with pytest.raises(error) as raised:
        read(text.encode(), PARIS, WINDOW)
    assert time.process_time() - began < 8
    for language in ("fr", "en"):
        assert raised.value.sentence(language)


@pytest.mark.parametrize("coding", ["utf-8-sig", "utf-16", "cp1252"])
def test_encodings_and_line_ends(coding: str) -> None:
    text = calendar(event("a", Z, ":20260601T\r\n 090000Z", "SUMMARY:Réservé"))
    for ends in ("\r\n", "\n", "\r"):
        assert len(read(text.replace("\r\n", ends).encode(coding), PARIS, WINDOW).spans) == 1


def test_a_zone_that_the_file_defines() -> None:
    zone = (
        "BEGIN:VTIMEZONE\r\nTZID:Ferme\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0430\r\n"
        "TZOFFSETTO:+0430\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
    )
    assert spans(zone, event("a", ";TZID=Ferme:20260601T080000", ";TZID=Ferme:20260601T090000")) == [
        "0601T0330-0601T0430"
    ]


@st.composite
def series(draw: st.DrawFn) -> str:
    zone = draw(st.sampled_from(["Europe/Paris", "America/New_York", "Indian/Reunion"]))
    start = draw(st.datetimes(datetime(2025, 1, 1), datetime(2027, 6, 1))).replace(microsecond=0, second=0)  # noqa: DTZ001
    end = start + timedelta(minutes=draw(st.integers(15, 3000)))
    more = []
    if draw(st.booleans()):
        day = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")[start.weekday()]
        rule = draw(
            st.sampled_from(["DAILY", "WEEKLY", f"WEEKLY;BYDAY={day}", "MONTHLY", "YEARLY", "DAILY;INTERVAL=3"])
        )
        more.append(f"RRULE:FREQ={rule};COUNT={draw(st.integers(1, 30))}")
        gone = start + timedelta(days=draw(st.integers(1, 14)))
        more.append(f"EXDATE;TZID={zone}:{gone:%Y%m%dT%H%M%S}")
    told = (f";TZID={zone}:{one:%Y%m%dT%H%M%S}" for one in (start, end))
    return event(draw(st.uuids()).hex, *told, *more)


@settings(max_examples=60)
@given(st.lists(series(), max_size=5))
def test_as_recurring_ical_events(events: list[str]) -> None:
    text = calendar(*events)
    oracle = recurring_ical_events.of(icalendar.Calendar.from_ical(text)).between(WINDOW.start, WINDOW.end)
    pairs = [(one["DTSTART"].dt.astimezone(UTC), one["DTEND"].dt.astimezone(UTC)) for one in oracle]
    expected = clip(merge(Span(start, end) for start, end in pairs if end > start), WINDOW)
    assert clip(read(text.encode(), PARIS, WINDOW).spans, WINDOW) == expected


def test_a_crowd_of_overrides_of_a_crowd_of_the_same_is_too_much() -> None:
    masters = [event("a", Z, ":20260601T090000Z")] * 9000
    moved = [
        event(
            "a", Z, ":20260601T090000Z", f"RECURRENCE-ID:{2026 + i // 300}{i // 28 % 12 + 1:02}{i % 28 + 1:02}T080000Z"
        )
        for i in range(9000)
    ]
    began = time.process_time()
    with pytest.raises(TooMuchWork):
        read(calendar(*masters, *moved).encode(), PARIS, WINDOW)
    assert time.process_time() - began < 20


BOMBS = (
    "RRULE:FREQ=SECONDLY",
    "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
    "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
    "RRULE:FREQ=YEARLY;BYSECOND=0,1,2,3,4,5",
)


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_zone_that_would_never_be_worked_out_is_unknown(bomb: str) -> None:
    zone = (
        "BEGIN:VTIMEZONE\r\nTZID:Ferme\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0430\r\n"
        f"TZOFFSETTO:+0430\r\n{bomb}\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
    )
    assert ignored(zone, event("a", ";TZID=Ferme:20260601T080000", Z)) == {Reason.UNKNOWN_TIME_ZONE: 1}


PIECES = (
    *(
        "BEGIN:VEVENT",
        "END:VEVENT",
        "BEGIN:VTIMEZONE",
        "END:VTIMEZONE",
        "BEGIN:VALARM",
        "END:VALARM",
        "BEGIN:VFREEBUSY",
    ),
    *("END:VFREEBUSY", "END:VCALENDAR", "UID:a", "UID:b", "DTSTART:20260601T080000Z", "DTSTART;VALUE=DATE:20260601"),
    *(
        "DTEND:20260601T240000",
        "DTEND:99980101T000000Z",
        "DTSTART:16000101T000000Z",
        "DURATION:P999999W",
        "DURATION:-P1D",
    ),
    *("DURATION:PT1H", "RRULE:FREQ=DAILY", "RRULE:FREQ=YEARLY;INTERVAL=60000", "RRULE:FREQ=WEEKLY;UNTIL=00010101"),
    *(
        "RRULE:FREQ=MONTHLY;BYSETPOS=-1;BYDAY=FR",
        "EXDATE:20260601T080000Z,,x",
        "RDATE:99980101",
        "RDATE;VALUE=PERIOD:/",
    ),
    *("RECURRENCE-ID:20260602T080000Z", "RECURRENCE-ID:16000101", "STATUS:", "TRANSP:OPAQUE", "SEQUENCE:-1", "TZID:x"),
    *(
        "FREEBUSY:20260601T080000Z/PT1H,/,P",
        'DTSTART;TZID="x:20260601T080000',
        "DTSTART;TZID=x:20260601T080000",
        ':;="',
        "",
    ),
)


@settings(max_examples=150)
@given(st.lists(st.sampled_from(PIECES), max_size=25))
def test_whatever_stands_in_a_file_it_is_read_or_refused(pieces: list[str]) -> None:
    text = "\r\n".join(["BEGIN:VCALENDAR", *pieces, "END:VCALENDAR", ""])
    try:
        found = read(text.encode(), PARIS, WINDOW)
    except DomainError:
        return
    assert list(found.spans) == merge(found.spans)
    assert all(span.overlaps(WINDOW) for span in found.spans)


@settings(max_examples=150)
@given(st.lists(st.sampled_from([one for one in PIECES if "BEGIN" not in one and "END:" not in one]), max_size=9))
def test_whatever_stands_in_an_event_it_is_read_or_counted(pieces: list[str]) -> None:
    broken = "\r\n".join(["BEGIN:VEVENT", *pieces, "END:VEVENT", ""])
    good = event("good", ":20270701T080000Z", ":20270701T090000Z")
    found = read(calendar(broken, good).encode(), PARIS, WINDOW)
    assert any(
        span.contains(Span(datetime(2027, 7, 1, 8, tzinfo=UTC), datetime(2027, 7, 1, 9, tzinfo=UTC)))
        for span in found.spans
    )


def test_an_end_that_never_comes_is_far_away_and_not_wrong() -> None:
    begins = ":20271230T080000Z"
    for_ever = ["1230T0800-0101T0000"]
    assert spans(event("a", begins, ":99991231T235959Z")) == for_ever
    assert spans(event("a", ";VALUE=DATE:20271230", ";VALUE=DATE:99991231")) == ["1229T2300-0101T0000"]
    daily = event("a", begins, ":20271230T090000Z", "RRULE:FREQ=DAILY;UNTIL=99991231T235959Z")
    assert spans(daily) == ["1230T0800-1230T0900", "1231T0800-1231T0900"]
    assert spans(daily.replace("99991231T235959Z", "99991231")) == spans(daily)
