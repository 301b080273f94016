"""The price of a period: the cheapest cover of its local dates."""

from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from votremachine.kernel.money import Money
from votremachine.kernel.span import Span
from votremachine.pricing.rules import (
    DATES_OF,
    NoPrice,
    Rate,
    RateCard,
    SameUnitTwice,
    Unit,
    cheapest_cover,
    check_rates,
    dates_touched,
    price,
)

PARIS = ZoneInfo("Europe/Paris")
ID = UUID(int=7)
minor = st.integers(0, 1_000_000)
rates = st.one_of(
    minor.map(lambda day: (Rate(Unit.DAY, day),)),
    minor.map(lambda week: (Rate(Unit.WEEK, week),)),
    st.tuples(minor, minor).map(lambda pair: (Rate(Unit.DAY, pair[0]), Rate(Unit.WEEK, pair[1]))),
)
lengths = st.integers(1, 60)


def cost(dates: int, card: tuple[Rate, ...]) -> int:
    prices = {rate.unit: rate.minor for rate in card}
    return sum(prices[unit] * count for unit, count in cheapest_cover(dates, card).items())


def brute_force(dates: int, card: tuple[Rate, ...]) -> int:
    """The least of every combination of units that covers the dates."""
    most = [range(-(-dates // DATES_OF[rate.unit]) + 1) for rate in card]
    return min(
        sum(count * rate.minor for count, rate in zip(counts, card, strict=True))
        for counts in product(*most)
        if sum(count * DATES_OF[rate.unit] for count, rate in zip(counts, card, strict=True)) >= dates
    )


@given(lengths, rates)
def test_no_other_cover_is_cheaper(dates: int, card: tuple[Rate, ...]) -> None:
    assert cost(dates, card) == brute_force(dates, card)


@given(lengths, rates)
def test_a_cover_covers(dates: int, card: tuple[Rate, ...]) -> None:
    assert sum(DATES_OF[unit] * count for unit, count in cheapest_cover(dates, card).items()) >= dates


@given(lengths, rates)
def test_the_price_never_falls_as_the_period_grows(dates: int, card: tuple[Rate, ...]) -> None:
    assert cost(dates, card) <= cost(dates + 1, card)


@given(lengths, rates)
def test_a_period_never_costs_more_than_a_unit_that_contains_it(dates: int, card: tuple[Rate, ...]) -> None:
    for rate in card:
        if DATES_OF[rate.unit] >= dates:
            assert cost(dates, card) <= rate.minor


def test_eight_days_are_a_week_and_a_day() -> None:
    card = (Rate(Unit.DAY, 100), Rate(Unit.WEEK, 500))
    assert cheapest_cover(8, card) == {Unit.WEEK: 1, Unit.DAY: 1}
    assert cheapest_cover(5, card) == {Unit.WEEK: 1}
    assert cheapest_cover(4, card) == {Unit.DAY: 4}


def test_a_machine_without_a_price_has_none() -> None:
    with pytest.raises(NoPrice):
        cheapest_cover(1, ())


def test_a_card_has_each_unit_once() -> None:
    with pytest.raises(SameUnitTwice):
        check_rates([Rate(Unit.DAY, 1), Rate(Unit.DAY, 2)])


@pytest.mark.parametrize(
    ("start", "end", "dates"),
    [
        ("2026-04-01T08:00+02:00", "2026-04-01T18:00+02:00", 1),
        ("2026-04-01T08:00+02:00", "2026-04-02T00:00+02:00", 1),
        ("2026-04-01T08:00+02:00", "2026-04-02T00:01+02:00", 2),
        ("2026-04-01T22:30+00:00", "2026-04-02T20:00+00:00", 1),  # all on 2 April in Paris
        ("2026-03-29T00:00+01:00", "2026-03-30T00:00+02:00", 1),  # the date of 23 hours
        ("2026-10-25T00:00+02:00", "2026-10-26T00:00+01:00", 1),  # the date of 25 hours
    ],
)
def test_dates_are_local_whatever_their_length(start: str, end: str, dates: int) -> None:
    assert dates_touched(Span(datetime.fromisoformat(start), datetime.fromisoformat(end)), PARIS) == dates


@given(st.integers(0, 400), st.integers(1, 60 * 24 * 40), st.integers(-12, 14))
def test_the_same_instants_cost_the_same_in_any_offset(day: int, minutes: int, offset: int) -> None:
    start = datetime(2026, 1, 1, 7, tzinfo=UTC) + timedelta(days=day)
    elsewhere = ZoneInfo(f"Etc/GMT{-offset:+d}")
    card = RateCard(ID, ID, (Rate(Unit.DAY, 12_345), Rate(Unit.WEEK, 60_001)))
    span = Span(start, start + timedelta(minutes=minutes))
    moved = Span(start.astimezone(elsewhere), (start + timedelta(minutes=minutes)).astimezone(elsewhere))
    assert price(span, [(card, PARIS)]) == price(moved, [(card, PARIS)])


@given(rates, rates, st.integers(0, 3000), st.integers(1, 40))
def test_lines_add_up_to_the_totals_to_the_cent(
    one: tuple[Rate, ...], two: tuple[Rate, ...], vat: int, days: int
) -> None:
    start = datetime(2026, 5, 4, 6, tzinfo=UTC)
    cards = [(RateCard(UUID(int=1), ID, one, vat), PARIS), (RateCard(UUID(int=2), ID, two, vat), PARIS)]
    whole = price(Span(start, start + timedelta(days=days)), cards)
    assert whole.net == Money(sum(line.net.minor for line in whole.lines))
    assert whole.vat == Money(sum(line.vat_amount.minor for line in whole.lines))
    assert whole.total == whole.net + whole.vat
    for line in whole.lines:
        assert line.net == line.unit_price * line.quantity
