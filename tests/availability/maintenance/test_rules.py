"""When maintenance comes due, and for when it is proposed."""

from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from votremachine.availability.maintenance.rules.plans import FARTHEST, LEAD, Plan, due_on, place
from votremachine.availability.maintenance.rules.readings import (
    MOST_A_DAY,
    MeterJumps,
    MeterRunsBackwards,
    NoReading,
    Reading,
    ReadTwice,
    Shown,
    check_beside,
    check_value,
)
from votremachine.fleet.rules import Meter
from votremachine.kernel.span import Span

ONE = UUID(int=1)
PARIS = ZoneInfo("Europe/Paris")
TODAY = date(2027, 6, 15)
NOW = datetime(2027, 6, 15, 12, tzinfo=UTC)
HOURS = Meter.ENGINE_HOUR


def by_date(last: date, *, days: int | None = None, months: int | None = None) -> Plan:
    return Plan(ONE, ONE, "Vidange", 120, days, months, None, None, last, None, 0)


def by_meter(every: int, last: int) -> Plan:
    return Plan(ONE, ONE, "Vidange", 120, None, None, HOURS, Decimal(every), None, Decimal(last), 0)


def readings(*shown: tuple[float, int]) -> list[Reading]:
    """What was shown how many days ago."""
    return [Reading(ONE, ONE, HOURS, Decimal(value), NOW - timedelta(days=ago), "") for ago, value in shown]


@pytest.mark.parametrize(
    ("plan", "due"),
    [
        (by_date(TODAY, days=14), TODAY + timedelta(days=14)),
        (by_date(TODAY, days=15), None),
        (by_date(TODAY - timedelta(days=400), days=365), TODAY - timedelta(days=35)),
        (by_date(date(2026, 6, 28), months=12), date(2027, 6, 28)),
        (by_date(date(2027, 5, 31), months=1), None),
        (by_date(date(2027, 5, 31), months=0), date(2027, 5, 31)),
    ],
)
def test_by_date(plan: Plan, due: date | None) -> None:
    assert due_on(plan, [], TODAY) == due


@pytest.mark.parametrize(
    ("shown", "due"),
    [
        ([], None),
        ([(0, 1224)], None),
        # The last tenth has begun; nobody knows how much it is used.
        ([(0, 1225)], TODAY + LEAD),
        # Five hours a day, ten to go.
        ([(40, 1040), (0, 1240)], TODAY + timedelta(days=2)),
        ([(40, 1040), (5, 1240)], TODAY),
        ([(0, 1250)], TODAY),
        ([(0, 1900)], TODAY),
        # Hardly used at all.
        ([(80, 1239), (0, 1240)], TODAY + FARTHEST),
        # Replaced meanwhile: the rate is that of the new meter.
        ([(30, 9000), (20, 1220), (0, 1240)], TODAY + timedelta(days=10)),
        # Twice within a day says nothing of the rate.
        ([(0.5, 1230), (0, 1240)], TODAY + LEAD),
    ],
)
def test_by_meter(shown: list[tuple[float, int]], due: date | None) -> None:
    assert due_on(by_meter(250, 1000), readings(*shown), TODAY) == due


def hour(day: int, local: int) -> datetime:
    return datetime(2027, 6, day, local, tzinfo=PARIS)


NOTHING_LATER = [(hour(30, 23), datetime(2027, 8, 1, tzinfo=UTC))]


@pytest.mark.parametrize(
    ("busy", "due", "start"),
    [
        ([], 25, hour(24, 8)),
        ([], 10, hour(16, 8)),  # overdue: tomorrow
        ([(hour(24, 0), hour(24, 12))], 25, hour(24, 12)),
        ([(hour(23, 0), hour(26, 0))], 25, hour(22, 8)),
        # Rather early than late, even where late is nearer.
        ([(hour(20, 0), hour(26, 2))], 25, hour(19, 8)),
        # Nothing before it is due: soon after.
        ([(hour(15, 0), hour(28, 0))], 25, hour(28, 8)),
        # Not at night while a day is free, and at night rather than never.
        ([(hour(24, 7), hour(24, 13))], 25, hour(24, 13)),
        ([(hour(day, 5), hour(day, 23)) for day in range(15, 31)] + NOTHING_LATER, 25, hour(24, 3)),
        ([(hour(15, 0), datetime(2027, 8, 1, tzinfo=UTC))], 25, None),
    ],
)
def test_the_place(busy: list[tuple[datetime, datetime]], due: int, start: datetime | None) -> None:
    span = place(120, date(2027, 6, due), PARIS, [Span(*one) for one in busy], NOW)
    assert span == (Span(start, start + timedelta(hours=2)) if start else None)


def shown(value: int, days: float) -> Shown:
    return Shown(Decimal(value), NOW + timedelta(days=days))


@pytest.mark.parametrize(
    ("before", "after", "error"),
    [
        (None, None, None),
        (shown(5, -1), shown(5, 1), None),
        (shown(5, 0), shown(5, 1), None),
        (shown(6, -1), None, MeterRunsBackwards),
        (None, shown(4, 1), MeterRunsBackwards),
        (shown(1, -1), shown(4, 1), MeterRunsBackwards),
        (shown(4, 0), None, ReadTwice),
        (shown(6, 0), None, ReadTwice),
        # A month of days and nights is what may be entered at once; a digit too many is more.
        (None, shown(5 + 24 * 31, 1), None),
        (None, shown(6 + 24 * 31, 1), MeterJumps),
        (None, shown(5 + 24 * 395, 365), None),
        (None, shown(50_000, 365), MeterJumps),
    ],
)
def test_a_meter_runs_forwards_and_not_too_fast(
    before: Shown | None, after: Shown | None, error: type[Exception] | None
) -> None:
    with nullcontext() if error is None else pytest.raises(error):
        check_beside(Meter.ENGINE_HOUR, Decimal(5), NOW, before, after)


def test_every_meter_has_its_pace() -> None:
    assert set(MOST_A_DAY) == set(Meter)


@pytest.mark.parametrize("value", ["-1", "NaN", "Infinity", "sNaN", "10000000", "0.001", "1e999999", "1e-999999"])
def test_what_no_meter_shows(value: str) -> None:
    with pytest.raises(NoReading):
        check_value(Decimal(value))
