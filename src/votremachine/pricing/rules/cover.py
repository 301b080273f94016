"""The cheapest cover of a span by units of time. Pure.

A unit is a piece of the calendar with a price of its own, whatever span is asked about:

- an hour is 60 minutes of one date, begun at any moment, or less where midnight cuts it short;
- a half-day is a morning or an afternoon, parted at noon on the wall clock;
- a day is a local date, however long; a week is 7 dates and a month 28, beginning at any date;
- a weekend is from Friday 17:00 to Monday 09:00.

The price of a span is the least that any set of units costs which together cover it, units that begin before it or
end after it included. Because the units do not depend on the span, whatever covers a span covers every part of it: so
the price never falls when the span grows, and never exceeds that of a unit that contains it.

The least is found by dynamic programming over the moments at which units meet: the span's ends, midnights, and the
edges of weekends. Within a date hours and half-days are compared outright.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import combinations, pairwise
from typing import NamedTuple

import msgspec

from votremachine.pricing.rules.calendar import Calendar
from votremachine.pricing.rules.card import Rate, Unit

HOUR = timedelta(hours=1)
DATES_OF = {Unit.MONTH: 28, Unit.WEEK: 7}
LARGEST_FIRST = (Unit.MONTH, Unit.WEEK, Unit.WEEKEND, Unit.DAY, Unit.HALF_DAY, Unit.HOUR)
# A unit weighs its price, and one besides: of two covers at one price the one of fewer units is the lighter.
_PRICE_WEIGHS = 2**32
_NEVER = 2**128


class Covered(msgspec.Struct, frozen=True):
    """So many of a unit at one price each; a unit in season stands apart from the same one out of it."""

    unit: Unit
    minor: int
    quantity: int


class _Way(NamedTuple):
    """From one moment to a later one, by these units."""

    start: int
    end: int
    weight: int
    units: tuple[Covered, ...]


def cheapest_cover(calendar: Calendar, rates: Sequence[Rate]) -> tuple[Covered, ...]:
    """The units that cover the calendar's span for the least money, largest first; none when there is no rate."""
    prices = {rate.unit: rate.minor for rate in rates}
    weekends = list(calendar.weekends()) if Unit.WEEKEND in prices else []
    span = calendar.span
    moments = {span.start, span.end, *calendar.midnights[1:-1]}
    moments |= {edge for _, *edges in weekends for edge in edges if span.start < edge < span.end}
    node_of = {moment: node for node, moment in enumerate(sorted(moments))}
    ways: list[list[_Way]] = [[] for _ in node_of]
    for way in _ways(calendar, prices, node_of, weekends):
        ways[way.start].append(way)
    return _collected(_lightest(ways))


def _lightest(ways: Sequence[Sequence[_Way]]) -> Iterator[Covered]:
    """The units of the lightest way from the first node to the last; a way may overshoot what it is needed for."""
    last = len(ways) - 1
    weights = [_NEVER] * len(ways)
    arrived: list[tuple[int, _Way] | None] = [None] * len(ways)
    reached = [0] * len(ways)  # by arriving at which node the moment of this one is covered for the least
    weights[0] = 0
    for node, leaving in enumerate(ways):
        so_far = min(weights[node:]) if node else 0
        reached[node] = weights.index(so_far, node)
        for way in leaving:
            weight = so_far + way.weight
            if weight < weights[way.end]:
                weights[way.end] = weight
                arrived[way.end] = (node, way)
    node = last
    while node and (step := arrived[reached[node]]):
        node, way = step
        yield from way.units


def _ways(
    calendar: Calendar,
    prices: dict[Unit, int],
    node_of: dict[datetime, int],
    weekends: Sequence[tuple[int, datetime, datetime]],
) -> Iterator[_Way]:
    last = len(node_of) - 1
    # The nodes at which the dates begin, and the last one once more for those after the span.
    nodes = [0, *(node_of[moment] for moment in calendar.midnights[1:-1]), last]
    yield from _of_a_date(calendar, prices, list(node_of), nodes)
    for unit, dates in DATES_OF.items():
        if unit in prices:
            # Where nothing is in season a unit that begins before the span costs what one does that begins with it.
            for number in range(1 - dates if calendar.seasoned else 0, calendar.dates):
                minor = calendar.price(prices[unit], number, dates)
                yield _one(nodes[max(0, number)], nodes[min(number + dates, calendar.dates)], unit, minor)
    for saturday, begins, ends in weekends:
        # The whole of it in the season of its Saturday and Sunday.
        minor = calendar.price(prices[Unit.WEEKEND], saturday, 2)
        start, end = max(begins, calendar.span.start), min(ends, calendar.span.end)
        yield _one(node_of[start], node_of[end], Unit.WEEKEND, minor)


def _one(start: int, end: int, unit: Unit, minor: int) -> _Way:
    units = (Covered(unit, minor, 1),)
    return _Way(start, end, _weight(units), units)


def _of_a_date(
    calendar: Calendar, prices: dict[Unit, int], moments: Sequence[datetime], nodes: Sequence[int]
) -> Iterator[_Way]:
    """The ways that stay within a date: one for each date, but for a few more where a weekend begins or ends in it."""
    for number, (first, last) in enumerate(pairwise(nodes)):
        for start, end in combinations(range(first, last + 1), 2):
            if units := _within(calendar, prices, number, moments[start], moments[end]):
                yield _Way(start, end, _weight(units), units)


def _within(
    calendar: Calendar, prices: dict[Unit, int], number: int, start: datetime, end: datetime
) -> tuple[Covered, ...]:
    """The cheapest cover of a part of one date by units no longer than it; none when the card has no such unit."""
    options: list[tuple[Covered, ...]] = []
    if Unit.DAY in prices:
        options.append((Covered(Unit.DAY, calendar.price(prices[Unit.DAY], number), 1),))
    hour = calendar.price(prices[Unit.HOUR], number) if Unit.HOUR in prices else None
    if hour is not None:
        options.append((Covered(Unit.HOUR, hour, _hours(start, end)),))
    if Unit.HALF_DAY in prices:
        half, noon = calendar.price(prices[Unit.HALF_DAY], number), calendar.noon(number)
        spans_noon = start < noon < end
        options.append((Covered(Unit.HALF_DAY, half, 2 if spans_noon else 1),))
        if spans_noon and hour is not None:
            rest = min(_hours(start, noon), _hours(noon, end))
            options.append((Covered(Unit.HALF_DAY, half, 1), Covered(Unit.HOUR, hour, rest)))
    return min(options, key=_weight, default=())


def _hours(start: datetime, end: datetime) -> int:
    """Hours begun."""
    return -((start - end) // HOUR)


def _weight(units: Sequence[Covered]) -> int:
    return sum(one.quantity * (one.minor * _PRICE_WEIGHS + 1) for one in units)


def _collected(units: Iterator[Covered]) -> tuple[Covered, ...]:
    counts: Counter[tuple[Unit, int]] = Counter()
    for one in units:
        counts[one.unit, one.minor] += one.quantity
    in_order = sorted(counts, key=lambda kind: (LARGEST_FIRST.index(kind[0]), kind[1]))
    return tuple(Covered(unit, minor, counts[unit, minor]) for unit, minor in in_order)
