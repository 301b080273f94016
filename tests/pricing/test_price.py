"""The lines of a price and their sums."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pricing.calendars import PARIS, cards, seasons, spans
from votremachine.kernel.errors import DomainError
from votremachine.kernel.money import Money
from votremachine.kernel.span import Span
from votremachine.pricing.rules.card import (
    METERED,
    Conditions,
    Delivery,
    Fuel,
    FuelPolicy,
    Operator,
    Rate,
    RateCard,
    Season,
    Unit,
)
from votremachine.pricing.rules.delivery import BeyondRadius, NoDelivery, Point, Road, road
from votremachine.pricing.rules.lines import Line, LineKind, Price, vat_by_rate
from votremachine.pricing.rules.price import (
    EstimateNeeded,
    Extras,
    Hire,
    NoOperator,
    NotCharged,
    price,
)

ID = UUID(int=7)
TWO_DAYS = Span(datetime(2026, 6, 2, 6, tzinfo=UTC), datetime(2026, 6, 3, 16, tzinfo=UTC))
ALONE = Extras()
DAY = (Rate(Unit.DAY, 10_000),)
HECTARE = (Rate(Unit.HECTARE, 4_500),)


def hire(rates: tuple[Rate, ...] = DAY, extras: Extras = ALONE, vat: int = 2000, **conditions: Any) -> Hire:
    return Hire(RateCard(ID, ID, rates, vat, conditions=Conditions(**conditions)), PARIS, extras)


def said(whole: Price) -> list[tuple[str, str, float, int, int]]:
    return [
        (line.kind.value, line.unit.value, line.quantity, line.unit_price.minor, line.net.minor) for line in whole.lines
    ]


metered = st.lists(st.sampled_from(sorted(METERED)), unique=True, max_size=3).map(
    lambda units: tuple(Rate(Unit(unit), 1_234) for unit in units)
)


@st.composite
def hires(draw: st.DrawFn) -> Hire:
    rates = (*draw(cards()), *draw(metered))
    operator = draw(st.none() | st.builds(Operator, cards(), st.booleans()))
    litre = draw(st.integers(0, 300))
    conditions = Conditions(
        seasons=draw(seasons()),
        minimum_minor=draw(st.integers(0, 50_000)),
        operator=operator,
        fuel=Fuel(FuelPolicy.PER_LITRE, litre) if litre else Fuel(),
        delivery=Delivery(draw(st.integers(0, 10_000)), draw(st.integers(0, 500)), 500),
    )
    extras = Extras(
        operator=operator is not None and draw(st.booleans()),
        road=draw(st.none() | st.builds(Road, st.just(0), st.integers(0, 4_000).map(lambda tenths: tenths * 100))),
        use={rate.unit: draw(st.integers(0, 10**7)) for rate in rates if rate.unit in METERED},
    )
    return Hire(RateCard(ID, ID, rates, draw(st.integers(0, 3000)), conditions=conditions), PARIS, extras)


@given(spans(timedelta(days=30)), st.lists(hires(), min_size=1, max_size=3))
def test_lines_add_up_to_the_totals_to_the_cent(span: Span, some: list[Hire]) -> None:
    whole = price(span, some)
    assert whole.net == Money(sum(line.net.minor for line in whole.lines))
    assert whole.vat == Money(sum(line.vat_amount.minor for line in whole.lines))
    assert whole.total == whole.net + whole.vat
    by_rate = vat_by_rate(whole.lines)
    assert sum(one.net.minor for one in by_rate) == whole.net.minor
    assert sum(one.vat.minor for one in by_rate) == whole.vat.minor
    assert [one.rate for one in by_rate] == sorted({line.vat for line in whole.lines})
    for line in whole.lines:
        exact = line.unit_price.minor * round(line.quantity * 1000)
        assert line.net.minor == (exact * 2 + 1000) // 2000
        assert line.vat_amount.minor == (line.net.minor * line.vat * 2 + 10_000) // 20_000


@given(spans(timedelta(days=20)), hires(), st.integers(0, 96), st.integers(0, 96))
def test_the_whole_price_never_falls_as_the_period_grows(span: Span, one: Hire, earlier: int, later: int) -> None:
    """Before VAT: with it, two lines may round to a cent more than one of the same net."""
    longer = span.widened(earlier * timedelta(minutes=15), later * timedelta(minutes=15))
    assert price(span, [one]).net.minor <= price(longer, [one]).net.minor


@pytest.mark.parametrize(("net", "vat"), [(2, 0), (3, 1), (12, 2), (13, 3), (12_345, 2_469), (12_347, 2_469)])
def test_vat_is_rounded_half_up_on_each_line(net: int, vat: int) -> None:
    one_day = Span(TWO_DAYS.start, TWO_DAYS.start + timedelta(hours=4))
    assert price(one_day, [hire((Rate(Unit.DAY, net),))] * 3).vat == Money(3 * vat)


def test_half_a_cent_of_vat_goes_up() -> None:
    one_day = Span(TWO_DAYS.start, TWO_DAYS.start + timedelta(hours=4))
    assert price(one_day, [hire((Rate(Unit.DAY, 10),), vat=550)]).vat == Money(1)  # 0.55
    assert price(one_day, [hire((Rate(Unit.DAY, 5),), vat=1000)]).vat == Money(1)  # 0.50
    assert price(one_day, [hire((Rate(Unit.DAY, 4),), vat=1000)]).vat == Money(0)  # 0.40


def test_a_metered_machine_is_estimated_and_needs_an_estimate() -> None:
    whole = price(TWO_DAYS, [hire(HECTARE, Extras(use={Unit.HECTARE: 12_345}))])
    assert said(whole) == [("metered", "hectare", 12.345, 4_500, 55_553)]  # 555.525 euros
    assert whole.lines[0].estimated
    with pytest.raises(EstimateNeeded) as refused:
        price(TWO_DAYS, [hire(HECTARE)])
    assert refused.value.facts["units"] == "hectare"


def test_time_and_measured_work_add_up() -> None:
    both = hire((*DAY, Rate(Unit.ENGINE_HOUR, 1_500)), Extras(use={Unit.ENGINE_HOUR: 8_000}))
    assert said(price(TWO_DAYS, [both])) == [
        ("time", "day", 2, 10_000, 20_000),
        ("metered", "engine_hour", 8, 1_500, 12_000),
    ]
    # Without an estimate the line still says what an engine hour costs.
    unsaid = price(TWO_DAYS, [hire((*DAY, Rate(Unit.ENGINE_HOUR, 1_500)))])
    assert said(unsaid)[1] == ("metered", "engine_hour", 0, 1_500, 0)


def test_the_minimum_is_a_line_of_what_is_missing() -> None:
    assert said(price(TWO_DAYS, [hire(minimum_minor=25_000)]))[1] == ("minimum", "lump", 1, 5_000, 5_000)
    assert len(price(TWO_DAYS, [hire(minimum_minor=20_000)]).lines) == 1
    few = price(TWO_DAYS, [hire(HECTARE, Extras(use={Unit.HECTARE: 1_000}), minimum_minor=20_000)])
    assert [(line.net.minor, line.estimated) for line in few.lines] == [(4_500, True), (15_500, True)]


def test_the_operator_comes_when_asked_or_always() -> None:
    driver = Operator((Rate(Unit.HOUR, 3_000), Rate(Unit.DAY, 24_000)))
    by_car = ("operator", "day", 2, 24_000, 48_000)
    assert len(price(TWO_DAYS, [hire(operator=driver)]).lines) == 1
    assert said(price(TWO_DAYS, [hire(DAY, Extras(operator=True), operator=driver)]))[1] == by_car
    always = hire(operator=Operator(driver.rates, always=True))
    assert said(price(TWO_DAYS, [always]))[1] == by_car
    with pytest.raises(NoOperator):
        price(TWO_DAYS, [hire(DAY, Extras(operator=True))])


def test_an_operator_is_paid_the_same_in_every_season_and_for_every_hectare() -> None:
    harvest = Season("moisson", date(2026, 6, 1), date(2026, 6, 30), 20_000)
    driver = Operator((Rate(Unit.DAY, 24_000), Rate(Unit.HECTARE, 300)), always=True)
    one = hire(DAY, Extras(use={Unit.HECTARE: 10_000}), seasons=(harvest,), operator=driver)
    assert said(price(TWO_DAYS, [one])) == [
        ("time", "day", 2, 20_000, 40_000),
        ("operator", "day", 2, 24_000, 48_000),
        ("operator", "hectare", 10, 300, 3_000),
    ]


def test_litres_are_estimated() -> None:
    fuel = Fuel(FuelPolicy.PER_LITRE, 130)
    line = price(TWO_DAYS, [hire(DAY, Extras(use={Unit.LITRE: 80_000}), fuel=fuel)]).lines[1]
    assert (line.kind, line.quantity, line.net, line.estimated) == (LineKind.FUEL, 80, Money(10_400), True)


def test_delivery_is_a_lump_sum_and_the_kilometres_by_road() -> None:
    dax, mont_de_marsan = Point(43.7102, -1.0537), Point(43.8911, -0.5009)
    way = road(mont_de_marsan, dax)
    assert way == Road(48_700, 63_300)  # 20.0 km south and 44.4 km west; × 1.3 = 63.31
    offered = Delivery(5_000, 150, 50)
    lines = price(TWO_DAYS, [hire(DAY, Extras(road=way), delivery=offered)]).lines[1:]
    assert [(line.unit, line.quantity, line.net.minor) for line in lines] == [
        (Unit.LUMP, 1, 5_000),
        (Unit.KILOMETRE, 63.3, 9_495),
    ]
    assert lines[1].road == way


@given(st.floats(-80, 80), st.floats(-179, 179), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5))
def test_the_way_there_is_as_long_as_the_way_back_but_for_the_yard(
    latitude: float, longitude: float, north: float, east: float
) -> None:
    one, other = Point(latitude, longitude), Point(latitude + north, longitude + east)
    there, back = road(one, other), road(other, one)
    assert abs(there.straight_m - back.straight_m) <= 3_200  # both ends at the nearest hundredth of a degree
    assert there.road_m == (there.straight_m * 13 + 500) // 1000 * 100


@pytest.mark.parametrize(
    ("one", "error"),
    [
        (hire(DAY, Extras(road=Road(10_000, 13_000))), NoDelivery),
        (hire(DAY, Extras(road=Road(10_100, 13_100)), delivery=Delivery(0, 1, 10)), BeyondRadius),
        (hire(DAY, Extras(use={Unit.BALE: 1})), NotCharged),
        (hire(DAY, Extras(use={Unit.LITRE: 1})), NotCharged),
        (hire(DAY, Extras(use={Unit.DAY: 1})), NotCharged),
    ],
)
def test_what_the_card_does_not_offer(one: Hire, error: type[DomainError]) -> None:
    with pytest.raises(error) as refused:
        price(TWO_DAYS, [one])
    assert refused.value.sentence("fr") != refused.value.sentence("en")


def test_lines_of_older_bookings_are_lines_of_time() -> None:
    money = Money(1)
    line = Line(ID, Unit.DAY, 1, money, money, 2000, money)
    assert (line.kind, line.estimated, line.road) == (LineKind.TIME, False, None)
