"""Cards and spans that the tests of prices draw, and the slow way to the least price."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from votremachine.kernel.span import Span
from votremachine.pricing.rules.calendar import Calendar
from votremachine.pricing.rules.card import Rate, Season, Unit
from votremachine.pricing.rules.cover import Covered, cheapest_cover

PARIS = ZoneInfo("Europe/Paris")
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
TIME_UNITS = (Unit.HOUR, Unit.HALF_DAY, Unit.DAY, Unit.WEEKEND, Unit.WEEK, Unit.MONTH)
Priced = tuple[datetime, datetime, int]  # a unit's start and end, and what it costs there

# A few weeks around each change of clocks, and around a plain midsummer.
_EPOCHS = (datetime(2026, 3, 24, tzinfo=UTC), datetime(2026, 10, 20, tzinfo=UTC), datetime(2026, 6, 24, tzinfo=UTC))


@st.composite
def cards(draw: st.DrawFn, units: Sequence[Unit] = TIME_UNITS) -> tuple[Rate, ...]:
    """Any prices: an owner may ask less for a week than for a day."""
    alone = [unit for unit in units if unit is not Unit.WEEKEND]
    chosen: set[Unit] = draw(st.sets(st.sampled_from(alone), min_size=1))
    if Unit.WEEKEND in units and draw(st.booleans()):
        chosen.add(Unit.WEEKEND)
    return tuple(Rate(unit, draw(st.integers(0, 2_000))) for unit in units if unit in chosen)


@st.composite
def spans(draw: st.DrawFn, longest: timedelta) -> Span:
    start = draw(st.sampled_from(_EPOCHS)) + QUARTER * draw(st.integers(0, 8 * 96))
    return Span(start, start + QUARTER * draw(st.integers(1, longest // QUARTER)))


@st.composite
def seasons(draw: st.DrawFn) -> tuple[Season, ...]:
    """Seasons that meet or leave gaps, around the same dates as `spans`."""
    found = []
    first = draw(st.sampled_from(_EPOCHS)).date() - timedelta(days=draw(st.integers(0, 10)))
    for number in range(draw(st.integers(0, 4))):
        last = first + timedelta(days=draw(st.integers(0, 6)))
        found.append(Season(f"saison {number}", first, last, draw(st.integers(0, 30_000))))
        first = last + timedelta(days=draw(st.integers(1, 4)))
    return tuple(found)


def cover(span: Span, rates: Sequence[Rate], some: Sequence[Season] = (), zone: ZoneInfo = PARIS) -> list[Covered]:
    return list(cheapest_cover(Calendar(span, zone, some), rates))


def cost(span: Span, rates: Sequence[Rate], some: Sequence[Season] = (), zone: ZoneInfo = PARIS) -> int:
    return sum(one.minor * one.quantity for one in cover(span, rates, some, zone))


def pieces(span: Span, rates: Sequence[Rate], some: Sequence[Season], zone: ZoneInfo = PARIS) -> list[Priced]:
    """Every unit on the calendar that meets a span, one by one, hours begun at each quarter of an hour."""
    first = span.start.astimezone(zone).date() - timedelta(days=28)
    days = [first + timedelta(days=number) for number in range((span.end - span.start).days + 60)]
    found = [piece for rate in rates for day in days for piece in _begun_on(day, rate, some, zone)]
    return [piece for piece in found if piece[0] < span.end and piece[1] > span.start]


def _begun_on(day: date, rate: Rate, some: Sequence[Season], zone: ZoneInfo) -> Iterator[Priced]:
    def at(days: int, hour: int) -> datetime:
        return datetime.combine(day + timedelta(days=days), time(hour), zone).astimezone(UTC)

    def price(*numbers: int) -> int:
        dates = [day + timedelta(days=number) for number in numbers]
        factors = [next((s.factor for s in some if s.first <= one <= s.last), 10_000) for one in dates]
        return int(Fraction(rate.minor * sum(factors), 10_000 * len(factors)) + Fraction(1, 2))

    match rate.unit:
        case Unit.MONTH | Unit.WEEK | Unit.DAY:
            dates = {Unit.MONTH: 28, Unit.WEEK: 7, Unit.DAY: 1}[rate.unit]
            yield at(0, 0), at(dates, 0), price(*range(dates))
        case Unit.WEEKEND if day.isoweekday() == 5:
            yield at(0, 17), at(3, 9), price(1, 2)
        case Unit.HALF_DAY:
            yield at(0, 0), at(0, 12), price(0)
            yield at(0, 12), at(1, 0), price(0)
        case Unit.HOUR:
            start = at(0, 0)
            while start < at(1, 0):
                yield start, min(start + HOUR, at(1, 0)), price(0)
                start += QUARTER


def least(span: Span, some: Sequence[Priced]) -> int:
    """The least that any set of these pieces costs which covers the span.

    From each moment at which a cover may have got so far, last ones first, every piece that goes on from there.
    """
    moments = sorted({span.start, *(end for _, end, _ in some if end < span.end)}, reverse=True)
    from_here: dict[datetime, int] = {}
    for moment in moments:
        from_here[moment] = min(
            (price + from_here.get(end, 0) for start, end, price in some if start <= moment < end), default=10**12
        )
    return from_here[span.start]
