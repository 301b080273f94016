"""How long the arithmetic of a quote takes; recorded, not asserted: `scripts/bench` tracks the whole of it.

Under xdist pytest-benchmark runs each once, so that they are still tests of the sums.
"""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.pricing.calendars import PARIS, TIME_UNITS
from votremachine.kernel.span import Span
from votremachine.pricing.rules.card import Conditions, Rate, RateCard, Season, Unit
from votremachine.pricing.rules.price import Hire, price

FOUR_WEEKS = Span(datetime(2026, 6, 1, 8, 30, tzinfo=PARIS), datetime(2026, 6, 28, 17, tzinfo=PARIS))
SEASONS = tuple(
    Season(f"saison {week}", date(2026, 6, 1) + timedelta(weeks=week), date(2026, 6, 5) + timedelta(weeks=week), factor)
    for week, factor in enumerate((9_000, 10_500, 12_000, 15_000, 8_000))
)
MINOR = dict(zip(TIME_UNITS, (2_000, 7_000, 12_345, 20_000, 60_001, 200_007), strict=True))


@pytest.mark.parametrize("units", [(Unit.DAY, Unit.WEEK), TIME_UNITS], ids=["days and weeks", "every unit"])
def test_four_weeks_in_five_seasons(units: tuple[Unit, ...], benchmark: Any) -> None:
    rates = tuple(Rate(unit, MINOR[unit]) for unit in units)
    card = RateCard(UUID(int=1), UUID(int=1), rates, conditions=Conditions(seasons=SEASONS))
    whole = benchmark(price, FOUR_WEEKS, [Hire(card, PARIS)])
    assert 0 < whole.net.minor <= 28 * MINOR[Unit.DAY] * 3 // 2
