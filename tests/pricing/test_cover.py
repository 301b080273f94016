"""The cheapest cover: its laws, and the cases that one can do by hand."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pricing.calendars import PARIS, QUARTER, TIME_UNITS, cards, cost, cover, least, pieces, seasons, spans
from votremachine.kernel.span import Span
from votremachine.pricing.rules.card import Rate, Season, Unit

DAY_WEEK = (Rate(Unit.DAY, 100), Rate(Unit.WEEK, 500))
HALVES = (Rate(Unit.HALF_DAY, 60), Rate(Unit.DAY, 100))


def between(start: str, end: str, zone: ZoneInfo = PARIS) -> Span:
    return Span(*(datetime.fromisoformat(moment).replace(tzinfo=zone) for moment in (start, end)))


def counted(span: Span, rates: tuple[Rate, ...], *some: Season) -> list[tuple[str, int, int]]:
    return [(one.unit.value, one.quantity, one.minor) for one in cover(span, rates, some)]


@given(spans(timedelta(days=4)), cards(), seasons())
def test_no_other_cover_is_cheaper(span: Span, rates: tuple[Rate, ...], some: tuple[Season, ...]) -> None:
    assert cost(span, rates, some) == least(span, pieces(span, rates, some))


@given(spans(timedelta(days=60)), cards(TIME_UNITS[1:]), seasons())
def test_nor_of_a_longer_period(span: Span, rates: tuple[Rate, ...], some: tuple[Season, ...]) -> None:
    assert cost(span, rates, some) == least(span, pieces(span, rates, some))


@given(spans(timedelta(days=40)), cards(), seasons(), st.integers(0, 400), st.integers(0, 400))
def test_the_price_never_falls_as_the_period_grows(
    span: Span, rates: tuple[Rate, ...], some: tuple[Season, ...], earlier: int, later: int
) -> None:
    longer = span.widened(earlier * QUARTER, later * QUARTER)
    assert cost(span, rates, some) <= cost(longer, rates, some)


@given(spans(timedelta(days=28)), cards(), seasons())
def test_a_period_never_costs_more_than_a_unit_that_contains_it(
    span: Span, rates: tuple[Rate, ...], some: tuple[Season, ...]
) -> None:
    containing = [price for start, end, price in pieces(span, rates, some) if start <= span.start and span.end <= end]
    assert all(cost(span, rates, some) <= price for price in containing)


@given(spans(timedelta(days=35)), cards(), seasons(), st.integers(-12, 14))
def test_the_same_instants_cost_the_same_in_any_offset(
    span: Span, rates: tuple[Rate, ...], some: tuple[Season, ...], offset: int
) -> None:
    elsewhere = ZoneInfo(f"Etc/GMT{-offset:+d}")
    moved = Span(span.start.astimezone(elsewhere), span.end.astimezone(elsewhere))
    assert cover(span, rates, some) == cover(moved, rates, some)


@given(spans(timedelta(days=20)), cards((Unit.DAY, Unit.WEEK, Unit.MONTH)), st.integers(0, 30_000))
def test_a_season_without_end_multiplies_everything(span: Span, rates: tuple[Rate, ...], factor: int) -> None:
    always = Season("toujours", date(2020, 1, 1), date(2030, 1, 1), factor)
    scaled = tuple(Rate(rate.unit, (rate.minor * factor * 2 + 10_000) // 20_000) for rate in rates)
    assert cost(span, rates, (always,)) == cost(span, scaled)


@given(st.sampled_from(["America/Havana", "Asia/Beirut", "Atlantic/Azores", "Australia/Lord_Howe"]), st.data())
def test_clocks_that_change_at_midnight_or_by_half_an_hour(name: str, data: st.DataObject) -> None:
    zone = ZoneInfo(name)
    start = datetime(2026, data.draw(st.sampled_from([3, 4, 10, 11])), 1, tzinfo=UTC) + QUARTER * data.draw(
        st.integers(0, 31 * 96)
    )
    span = Span(start, start + QUARTER * data.draw(st.integers(1, 3 * 96)))
    rates = data.draw(cards(tuple(unit for unit in TIME_UNITS if unit is not Unit.MONTH)))
    assert cost(span, rates, (), zone) == least(span, pieces(span, rates, (), zone))


def test_eight_days_are_a_week_and_a_day() -> None:
    three_days_never = (*DAY_WEEK, Rate(Unit.HALF_DAY, 51))
    assert counted(between("2026-06-01T08:00", "2026-06-08T18:00"), three_days_never) == [
        ("week", 1, 500),
        ("day", 1, 100),
    ]
    assert counted(between("2026-06-01T08:00", "2026-06-05T18:00"), DAY_WEEK) == [("week", 1, 500)]
    assert counted(between("2026-06-01T08:00", "2026-06-04T18:00"), DAY_WEEK) == [("day", 4, 100)]


def test_a_month_is_28_dates() -> None:
    rates = (*DAY_WEEK, Rate(Unit.MONTH, 1_500))
    assert counted(between("2026-06-01T08:00", "2026-06-28T18:00"), rates) == [("month", 1, 1_500)]
    assert counted(between("2026-06-01T08:00", "2026-06-29T18:00"), rates) == [("month", 1, 1_500), ("day", 1, 100)]
    assert counted(between("2026-06-01T08:00", "2026-06-21T18:00"), rates) == [("month", 1, 1_500)]


@pytest.mark.parametrize(
    ("start", "end", "units"),
    [
        ("2026-04-01T08:00", "2026-04-01T12:00", [("half_day", 1, 60)]),  # ends with the morning
        ("2026-04-01T12:00", "2026-04-01T23:59", [("half_day", 1, 60)]),  # all of the afternoon
        ("2026-04-01T10:00", "2026-04-01T14:00", [("day", 1, 100)]),  # spans noon: two halves, dearer than the day
        ("2026-04-01T14:00", "2026-04-02T11:00", [("half_day", 2, 60)]),  # an afternoon and a morning
        ("2026-04-01T11:59", "2026-04-02T11:00", [("day", 1, 100), ("half_day", 1, 60)]),
    ],
)
def test_half_days_are_parted_at_noon(start: str, end: str, units: list[tuple[str, int, int]]) -> None:
    assert counted(between(start, end), HALVES) == units


def test_half_days_and_hours_go_together() -> None:
    rates = (Rate(Unit.HOUR, 20), Rate(Unit.HALF_DAY, 60))
    assert counted(between("2026-04-01T07:00", "2026-04-01T14:00"), rates) == [("half_day", 1, 60), ("hour", 2, 20)]
    assert counted(between("2026-04-01T10:00", "2026-04-01T17:00"), rates) == [("half_day", 1, 60), ("hour", 2, 20)]
    assert counted(between("2026-04-01T11:00", "2026-04-01T13:00"), rates) == [("hour", 2, 20)]


def test_hours_are_counted_from_when_they_begin_and_end_with_their_date() -> None:
    rates = (Rate(Unit.HOUR, 20),)
    assert counted(between("2026-04-01T08:30", "2026-04-01T10:30"), rates) == [("hour", 2, 20)]
    assert counted(between("2026-04-01T08:30", "2026-04-01T10:31"), rates) == [("hour", 3, 20)]
    assert counted(between("2026-04-01T22:00", "2026-04-02T01:00"), rates) == [("hour", 3, 20)]
    assert counted(between("2026-04-01T22:30", "2026-04-02T01:30"), rates) == [("hour", 4, 20)]


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [("2026-03-29", "2026-03-30", 23), ("2026-10-25", "2026-10-26", 25), ("2026-06-01", "2026-06-02", 24)],
)
def test_a_date_of_23_or_25_hours_is_one_day_and_so_many_hours(start: str, end: str, hours: int) -> None:
    span = between(start, end)
    assert counted(span, DAY_WEEK) == [("day", 1, 100)]
    assert counted(span, (Rate(Unit.HOUR, 4),)) == [("hour", hours, 4)]
    # The hour that comes twice is hired twice; a day is a day.
    assert cost(span, (Rate(Unit.HOUR, 4), Rate(Unit.DAY, 100))) == min(4 * hours, 100)
    assert counted(span, (Rate(Unit.HALF_DAY, 60),)) == [("half_day", 2, 60)]


@pytest.mark.parametrize(
    ("start", "end", "dates"),
    [
        ("2026-04-01T08:00+02:00", "2026-04-01T18:00+02:00", 1),
        ("2026-04-01T08:00+02:00", "2026-04-02T00:00+02:00", 1),
        ("2026-04-01T08:00+02:00", "2026-04-02T00:01+02:00", 2),
        ("2026-04-01T22:30+00:00", "2026-04-02T20:00+00:00", 1),  # all on 2 April in Paris
    ],
)
def test_dates_are_local(start: str, end: str, dates: int) -> None:
    span = Span(datetime.fromisoformat(start), datetime.fromisoformat(end))
    assert cost(span, (Rate(Unit.DAY, 1),)) == dates


def test_a_weekend_is_from_friday_evening_to_monday_morning() -> None:
    rates = (Rate(Unit.DAY, 100), Rate(Unit.WEEKEND, 150))  # 5 June 2026 is a Friday
    assert counted(between("2026-06-05T17:00", "2026-06-08T09:00"), rates) == [("weekend", 1, 150)]
    assert counted(between("2026-06-06T08:00", "2026-06-07T18:00"), rates) == [("weekend", 1, 150)]
    assert counted(between("2026-06-06T08:00", "2026-06-06T18:00"), rates) == [("day", 1, 100)]
    assert counted(between("2026-06-05T16:00", "2026-06-08T09:00"), rates) == [("weekend", 1, 150), ("day", 1, 100)]
    assert counted(between("2026-06-05T16:00", "2026-06-08T10:00"), rates) == [("weekend", 1, 150), ("day", 2, 100)]


def test_each_date_has_its_own_season() -> None:
    harvest = Season("moisson", date(2026, 7, 3), date(2026, 7, 4), 12_000)
    sowing = Season("semis", date(2026, 7, 5), date(2026, 7, 5), 5_000)
    span = between("2026-07-02T08:00", "2026-07-06T18:00")
    days = (Rate(Unit.DAY, 101),)
    assert counted(span, days, harvest, sowing) == [("day", 1, 51), ("day", 2, 101), ("day", 2, 121)]
    # A week is the seventh part of its price on each of its dates: (4 + 2 × 1.2 + 0.5) / 7 of 700.
    weeks = (Rate(Unit.WEEK, 700),)
    assert counted(between("2026-07-01T00:00", "2026-07-07T12:00"), weeks, harvest, sowing) == [("week", 1, 690)]


def test_what_covers_more_may_be_had_for_less() -> None:
    """A week that begins before the season is cheaper than one that begins with it, so it is what is charged."""
    season = Season("moisson", date(2026, 7, 6), date(2026, 7, 31), 20_000)
    five = between("2026-07-06T08:00", "2026-07-10T18:00")
    assert counted(five, DAY_WEEK, season) == [("week", 1, 857)]
    assert cost(between("2026-07-04T08:00", "2026-07-10T18:00"), DAY_WEEK, (season,)) == 857


def test_of_two_covers_at_one_price_the_one_of_fewer_units() -> None:
    assert counted(between("2026-06-01T08:00", "2026-06-05T18:00"), DAY_WEEK) == [("week", 1, 500)]
    free = (Rate(Unit.DAY, 0), Rate(Unit.WEEK, 0))
    assert counted(between("2026-06-01T08:00", "2026-06-08T18:00"), free) in (
        [("week", 1, 0), ("day", 1, 0)],
        [("week", 2, 0)],
    )
