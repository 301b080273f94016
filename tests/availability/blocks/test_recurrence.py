"""Rules of recurrence against a walk from day to day, in zones with and without changes of clocks."""

import time as clock
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.availability.blocks.walking import Plan, walked
from votremachine.availability.blocks.recurrence import (
    BadRule,
    EndsBeforeStartOnClock,
    OccurrenceTooLong,
    RuleMissesStart,
    Series,
    check,
    occurrences,
    placed,
    read,
    starts,
)
from votremachine.kernel.span import Span

PARIS = ZoneInfo("Europe/Paris")
ZONES = [PARIS, ZoneInfo("Indian/Reunion"), ZoneInfo("America/Cayenne")]
MINUTE = timedelta(minutes=1)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    frequency = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    plan = Plan(frequency, draw(st.integers(1, 4)))
    counted = frequency == "MONTHLY" and draw(st.booleans())
    nth = st.sampled_from([1, 2, 5, -1]) if counted else st.just(0)
    if frequency != "YEARLY":
        plan.weekdays = draw(st.lists(st.tuples(nth, st.integers(0, 6)), max_size=3, unique=True))
    if frequency != "WEEKLY":
        plan.monthdays = draw(st.lists(st.sampled_from([*range(1, 32), -1, -2, -31]), max_size=4, unique=True))
    if not plan.monthdays and frequency == "YEARLY":
        plan.months = []
    else:
        plan.months = draw(st.lists(st.integers(1, 12), max_size=5, unique=True))
    end = draw(st.sampled_from(["never", "count", "until"]))
    if end == "count":
        plan.count = draw(st.integers(1, 40))
    elif end == "until":
        plan.until = date(2027, 1, 1) + timedelta(days=draw(st.integers(0, 700)))
    return plan


# Every quarter of an hour, most often about the hours at which clocks change.
hours = st.one_of(st.integers(0, 95), st.integers(4, 16)).map(lambda quarter: timedelta(minutes=15 * quarter))
# From the months of both changes.
days = st.one_of(st.integers(0, 365), st.integers(80, 90), st.integers(295, 305)).map(
    lambda day: date(2027, 1, 1) + timedelta(days=day)
)
lengths = st.one_of(st.integers(1, 12), st.integers(1, 300)).map(lambda quarters: timedelta(minutes=15 * quarters))


@st.composite
def recurring(draw: st.DrawFn) -> tuple[Plan, Series]:
    plan = draw(plans())
    begun, hour = draw(days), draw(hours)
    plan.until = max(plan.until, begun) if plan.until else None
    # The first day that the rule itself would name from there on.
    first = next((begun + timedelta(days=i) for i in range(800) if names_itself(plan, begun + timedelta(days=i))), None)
    assume(first is not None)
    assert first is not None
    assume(plan.until is None or first <= plan.until)
    start = datetime.combine(first, time()) + hour
    zone = draw(st.sampled_from(ZONES))
    extra = st.lists(st.integers(0, 500).map(lambda day: start + timedelta(days=day, hours=3)), max_size=3, unique=True)
    rdates = draw(extra)
    named = walked(plan, start, start + timedelta(days=400), rdates, [])
    exdates = draw(st.lists(st.sampled_from(named), max_size=4, unique=True))
    rule = read(plan.written, zone)
    return plan, Series(zone, start, start + draw(lengths), rule, tuple(rdates), tuple(exdates))


def names_itself(plan: Plan, day: date) -> bool:
    return plan.names(day, day)


def wall_to_instant(local: datetime, zone: ZoneInfo) -> datetime:
    """By search: the first minute at which clocks show this time, or have just passed it."""
    guess = local.replace(tzinfo=UTC) - timedelta(hours=15)
    for _ in range(31 * 60):
        shown = guess.astimezone(zone).replace(tzinfo=None)
        if shown >= local:
            return guess if shown == local else gap_moved(guess, local, zone)
        guess += MINUTE
    raise AssertionError


def gap_moved(guess: datetime, local: datetime, zone: ZoneInfo) -> datetime:
    """A time that clocks skip is as long after the skip as it would have been after its beginning."""
    before = (guess - MINUTE).astimezone(zone).replace(tzinfo=None) + MINUTE
    return guess + (local - before)


@given(recurring())
def test_a_rule_takes_place_on_just_the_days_that_it_names(drawn: tuple[Plan, Series]) -> None:
    plan, series = drawn
    until = series.start + timedelta(days=800)
    assert check(series) is series
    assert starts(series, until) == walked(plan, series.start, until, list(series.rdates), list(series.exdates))


@given(recurring())
def test_what_a_rule_writes_is_read_as_the_same(drawn: tuple[Plan, Series]) -> None:
    _, series = drawn
    assert series.rule is not None
    assert read(series.rule.written, series.zone) == series.rule


@given(st.sampled_from(ZONES), days, hours, lengths)
def test_an_occurrence_keeps_to_the_clocks_and_is_never_empty(
    zone: ZoneInfo, day: date, hour: timedelta, length: timedelta
) -> None:
    start = datetime.combine(day, time()) + hour
    span = placed(Series(zone, start, start + length), start)
    assert span.start == wall_to_instant(start, zone)
    end = wall_to_instant(start + length, zone)
    assert span.end == (end if end > span.start else span.start + length)


@pytest.mark.parametrize(
    ("local", "hours", "start", "end"),
    [
        # Skipped: moved forward, as long after the change as it would have been.
        ("2027-03-28T02:30", 2, "2027-03-28T01:30Z", "2027-03-28T02:30Z"),
        # Wholly skipped: it lasts as long as on other days.
        ("2027-03-28T02:00", 1, "2027-03-28T01:00Z", "2027-03-28T02:00Z"),
        ("2027-03-28T02:30", 0.75, "2027-03-28T01:30Z", "2027-03-28T02:15Z"),
        # Twice on the clocks: the first.
        ("2027-10-31T02:30", 1, "2027-10-31T00:30Z", "2027-10-31T02:30Z"),
        ("2027-10-31T01:30", 1, "2027-10-30T23:30Z", "2027-10-31T00:30Z"),
        # Nights that last 11 and 13 hours.
        ("2027-03-27T20:00", 12, "2027-03-27T19:00Z", "2027-03-28T06:00Z"),
        ("2027-10-30T20:00", 12, "2027-10-30T18:00Z", "2027-10-31T07:00Z"),
    ],
)
def test_where_clocks_change(local: str, hours: float, start: str, end: str) -> None:
    begin = datetime.fromisoformat(local)
    span = placed(Series(PARIS, begin, begin + timedelta(hours=hours)), begin)
    assert (span.start, span.end) == (datetime.fromisoformat(start), datetime.fromisoformat(end))


@given(recurring(), st.integers(0, 400), st.integers(1, 60))
def test_a_window_has_just_what_meets_it(drawn: tuple[Plan, Series], day: int, length: int) -> None:
    plan, series = drawn
    begin = series.start.replace(tzinfo=UTC) + timedelta(days=day)
    window = Span(begin, begin + timedelta(days=length))
    every = walked(plan, series.start, series.start + timedelta(days=500), list(series.rdates), list(series.exdates))
    expected = [(one, placed(series, one)) for one in every if placed(series, one).overlaps(window)]
    assert occurrences(series, window) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "DAILY",
        "FREQ=",
        "FREQ=HOURLY",
        "FREQ=SECONDLY;COUNT=2",
        "FREQ=DAILY;FREQ=DAILY",
        "FREQ=DAILY;BYHOUR=2",
        "FREQ=DAILY;BYEASTER=1",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;INTERVAL=-1",
        "FREQ=DAILY;INTERVAL=1001",
        "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;COUNT=3;UNTIL=20270101",
        "FREQ=DAILY;UNTIL=20271301",
        "FREQ=DAILY;UNTIL=99991231T000000Z",
        "FREQ=DAILY;UNTIL=tomorrow",
        "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=WEEKLY;BYDAY=1MO",
        "FREQ=MONTHLY;BYDAY=6MO",
        "FREQ=MONTHLY;BYDAY=0MO",
        "FREQ=MONTHLY;BYDAY=MO,1TU",
        "FREQ=WEEKLY;BYMONTHDAY=1",
        "FREQ=MONTHLY;BYMONTHDAY=32",
        "FREQ=MONTHLY;BYMONTHDAY=0",
        "FREQ=MONTHLY;BYYEARDAY=3",
        "FREQ=MONTHLY;BYWEEKNO=3",
        "FREQ=YEARLY;BYMONTH=13",
        "FREQ=MONTHLY;BYSETPOS=1",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=0",
        "FREQ=DAILY;WKST=XX",
        "FREQ=DAILY;;COUNT=2",
        "FREQ=DAILY;X-MINE=1",
        "FREQ=DAILY\nRDATE:20270101",
    ],
)
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(BadRule):
        read(text, PARIS)


@pytest.mark.parametrize(
    ("text", "until"),
    [
        ("FREQ=DAILY;UNTIL=20270331", "2027-03-31T23:59:59"),
        ("FREQ=DAILY;UNTIL=20270331T060000Z", "2027-03-31T08:00:00"),
        ("FREQ=DAILY;UNTIL=20270331T060000", "2027-03-31T06:00:00"),
        ("rrule:freq=daily;until=20270331t060000z", "2027-03-31T08:00:00"),
    ],
)
def test_the_last_date_is_a_day_an_instant_or_a_local_time(text: str, until: str) -> None:
    assert read(text, PARIS).until == datetime.fromisoformat(until)


def test_a_rule_must_match_its_start_and_last_a_while() -> None:
    monday = datetime.fromisoformat("2027-03-01T08:00")
    for text in ("FREQ=WEEKLY;BYDAY=TU", "FREQ=DAILY;UNTIL=20270228", "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=-1"):
        with pytest.raises(RuleMissesStart):
            check(Series(PARIS, monday, monday + timedelta(hours=1), read(text, PARIS)))
    for length, why in ((timedelta(0), EndsBeforeStartOnClock), (timedelta(days=367), OccurrenceTooLong)):
        with pytest.raises(why):
            check(Series(PARIS, monday, monday + length, read("FREQ=DAILY", PARIS)))


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31",
        "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29;BYDAY=TU",
        "FREQ=DAILY;INTERVAL=7;BYDAY=MO",
        "FREQ=WEEKLY;BYMONTH=2;BYDAY=TU;BYSETPOS=5",
        "FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6",
        "FREQ=YEARLY;BYYEARDAY=366;BYDAY=TU",
    ],
)
def test_a_rule_that_rarely_or_never_comes_is_soon_through(text: str) -> None:
    """`dateutil` searches up to the year 9999, for five seconds."""
    start, began = datetime.fromisoformat("2028-02-29T08:00"), clock.perf_counter()
    series = Series(PARIS, start, start + timedelta(hours=1), read(text, PARIS))
    with suppress(RuleMissesStart):
        starts(check(series), start + timedelta(days=762))
    assert clock.perf_counter() - began < 1
