"""Weeks and months on the clocks of three zones, against the calendar of Python."""

from calendar import monthrange
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from votremachine.bookings.windows import Dates, OneWindow, View, anywhere, asked_for, dates_of, on_clock
from votremachine.kernel.span import OutOfTime, Span

ZONES = st.sampled_from(["Europe/Paris", "Indian/Reunion", "America/Cayenne", "Pacific/Kiritimati", "Etc/GMT+12"])
DAYS = st.dates(date(1971, 1, 1), date(2199, 12, 31))
VIEWS = st.sampled_from(View)


def viewed(view: View, day: date) -> Dates:
    asked = asked_for(None, None, view, day)
    assert isinstance(asked, Dates)
    return asked


@given(DAYS)
def test_a_week_begins_on_monday_and_a_month_is_whole(day: date) -> None:
    week, month = viewed(View.WEEK, day), viewed(View.MONTH, day)
    assert week.first <= day <= week.last
    assert (week.first.isoweekday(), week.last.isoweekday()) == (1, 7)
    assert week.first.isocalendar().week == week.last.isocalendar().week == day.isocalendar().week
    assert (month.first, month.last) == (
        date(day.year, day.month, 1),
        date(day.year, day.month, monthrange(day.year, day.month)[1]),
    )


@given(VIEWS, DAYS, ZONES)
def test_dates_begin_and_end_at_the_machines_own_midnight(view: View, day: date, name: str) -> None:
    zone, asked = ZoneInfo(name), viewed(view, day)
    window = on_clock(asked, zone)
    assert dates_of(window, zone) == asked
    assert dates_of(Span(window.start - timedelta(seconds=1), window.end), zone).first < asked.first
    assert anywhere(asked).contains(window)


@given(DAYS, ZONES, st.integers(1, 10**6))
def test_instants_are_taken_as_they_are(day: date, name: str, seconds: int) -> None:
    start = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(name))
    span = Span(start, start + timedelta(seconds=seconds + 86_400))
    asked = asked_for(span.start, span.end, None, None)
    assert asked == on_clock(span, ZoneInfo("Indian/Reunion")) == anywhere(span) == span


@given(st.tuples(*[st.booleans()] * 4))
def test_just_one_of_the_two_ways(given: tuple[bool, bool, bool, bool]) -> None:
    start = datetime(2027, 1, 1, tzinfo=ZoneInfo("UTC"))
    values = (start, start + timedelta(days=1), View.WEEK, date(2027, 1, 1))
    start_, end, view, day = (value if there else None for value, there in zip(values, given, strict=True))
    if given in {(True, True, False, False), (False, False, True, True)}:
        assert asked_for(start_, end, view, day)  # type: ignore[arg-type]
        return
    with pytest.raises(OneWindow):
        asked_for(start_, end, view, day)  # type: ignore[arg-type]


@pytest.mark.parametrize("day", [date.min, date(1970, 12, 31), date(2200, 1, 1), date.max])
def test_dates_beyond_any_calendar(day: date) -> None:
    with pytest.raises(OutOfTime):
        asked_for(None, None, View.WEEK, day)
