"""The local dates that a span touches: where they begin, and what season each of them is in. Pure.

A date begins at its first local midnight and ends where the next one begins, 23, 24 or 25 hours later; where clocks
jump over midnight it begins with the jump. Dates are numbered from 0, the first that the span touches; negative
numbers are the dates before it.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from zoneinfo import ZoneInfo

from votremachine.kernel.money import BASIS_POINTS
from votremachine.kernel.span import Span
from votremachine.pricing.rules.card import Season

# A unit that covers the span may begin this many dates before it, or end as many after it: a month less a day.
REACH = 27
FRIDAY = 4
NOON, WEEKEND_FROM, WEEKEND_TO = 12, 17, 9  # hours on the wall clock
_INSTANT = timedelta(microseconds=1)


class Calendar:
    """The dates of one span in one zone, with the factors of one card's seasons."""

    def __init__(self, span: Span, zone: ZoneInfo, seasons: Sequence[Season] = ()) -> None:
        self.span = span
        self._zone = zone
        self._first = span.start.astimezone(zone).date()
        self.dates = ((span.end - _INSTANT).astimezone(zone).date() - self._first).days + 1
        self.midnights = [self._at(number, 0) for number in range(self.dates + 1)]
        self.seasoned = bool(seasons)
        factors = [BASIS_POINTS] * (self.dates + 2 * REACH)
        for season in seasons:
            begin = max(0, (season.first - self._first).days + REACH)
            end = min(len(factors), (season.last - self._first).days + 1 + REACH)
            if begin < end:
                factors[begin:end] = [season.factor] * (end - begin)
        self._sums = list(accumulate(factors, initial=0))

    def price(self, minor: int, number: int, dates: int = 1) -> int:
        """What a unit of `minor` costs on these dates: spread evenly over them, each part by its own date's factor.

        Rounded half up, once for the whole unit.
        """
        factors = self._sums[number + dates + REACH] - self._sums[number + REACH]
        whole = BASIS_POINTS * dates
        return (2 * minor * factors + whole) // (2 * whole)

    def noon(self, number: int) -> datetime:
        """When the morning of a date turns into its afternoon."""
        return self._at(number, NOON)

    def weekends(self) -> Iterator[tuple[int, datetime, datetime]]:
        """The number of Saturday, Friday 17:00 and Monday 09:00 of each weekend that meets the span."""
        for friday in range((FRIDAY - self._first.weekday()) % 7 - 7, self.dates, 7):
            start, end = self._at(friday, WEEKEND_FROM), self._at(friday + 3, WEEKEND_TO)
            if start < self.span.end and end > self.span.start:
                yield friday + 1, start, end

    def _at(self, number: int, hour: int) -> datetime:
        # Python reads a time that the clocks jump over by the offset before the jump: midnight is the jump itself.
        day = date.fromordinal(self._first.toordinal() + number)
        return datetime(day.year, day.month, day.day, hour, tzinfo=self._zone).astimezone(UTC)
