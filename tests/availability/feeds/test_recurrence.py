# ruff: noqa: DTZ001 -- rules are about what clocks show
"""Rules of recurrence, against dateutil where it is right, and where it would never end."""

import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from votremachine.availability.feeds.recurrence import BadRule, Budget, TooMuchWork, read, starts

FIRST = datetime(2026, 1, 5, 8, 30)
SINCE, UNTIL = datetime(2027, 3, 1), datetime(2029, 1, 1)
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def found(rule: str, first: datetime = FIRST, since: datetime = SINCE, until: datetime = UNTIL) -> list[datetime]:
    return list(starts(read(rule), first, since, until, Budget(1_000_000)))


def some(values: Any, most: int = 3) -> Any:
    return st.lists(values, min_size=1, max_size=most, unique=True)


@st.composite
def rules(draw: st.DrawFn) -> str:  # noqa: C901 -- one line for each part of a rule
    freq = draw(st.sampled_from(["YEARLY", "MONTHLY", "WEEKLY", "DAILY"]))
    parts = {"FREQ": freq, "INTERVAL": str(draw(st.integers(1, 4)))}
    numbered = freq in ("YEARLY", "MONTHLY") and draw(st.booleans())
    if draw(st.booleans()):
        parts["BYMONTH"] = ",".join(map(str, draw(some(st.integers(1, 12)))))
    if freq != "WEEKLY" and draw(st.booleans()):
        parts["BYMONTHDAY"] = ",".join(map(str, draw(some(st.integers(-31, 31).filter(bool)))))
    if freq == "YEARLY" and draw(st.booleans()):
        parts["BYYEARDAY"] = ",".join(map(str, draw(some(st.integers(-366, 366).filter(bool)))))
    if draw(st.booleans()):
        # All with a number or none: dateutil reads a mixture wrongly.
        numbers = st.integers(-5, 5).filter(bool) if numbered else st.just("")
        parts["BYDAY"] = ",".join(f"{draw(numbers)}{day}" for day in draw(some(st.sampled_from(DAYS))))
        if not numbered and freq == "YEARLY" and draw(st.booleans()):
            parts["BYWEEKNO"] = ",".join(map(str, draw(some(st.integers(-52, 52).filter(bool)))))
    if draw(st.booleans()):
        parts["BYHOUR"] = ",".join(map(str, draw(some(st.integers(0, 23)))))
    if len(parts) > 2 and freq != "DAILY" and draw(st.booleans()):
        parts["BYSETPOS"] = ",".join(map(str, draw(some(st.integers(-3, 3).filter(bool)))))
    if draw(st.booleans()):
        parts["WKST"] = draw(st.sampled_from(DAYS))
    if draw(st.booleans()):
        parts["COUNT"] = str(draw(st.integers(1, 60)))
    return ";".join(f"{name}={value}" for name, value in parts.items())


@settings(max_examples=100)
@given(rules(), st.datetimes(datetime(2024, 1, 1), datetime(2027, 6, 1)))
def test_as_dateutil_where_the_rule_meets_its_start(rule: str, near: datetime) -> None:
    near = near.replace(microsecond=0)
    unlimited = ";".join(part for part in rule.split(";") if not part.startswith("COUNT"))
    # Where ours finds nothing in ten years, dateutil would look for it until the year 9999.
    ends = ";UNTIL=20400101T000000"
    assume("BYMONTHDAY" not in rule or "BYYEARDAY" not in rule)
    matching = (one for one in found(unlimited, near, near, near + timedelta(days=3650)) if one > near)
    first = next(matching, None)
    if first is None:
        return
    oracle = rrulestr(rule if "COUNT" in rule else rule + ends, dtstart=first)
    assume(next(iter(oracle)) == first)  # BYSETPOS may have counted from another day
    expected = []
    for one in oracle:
        if one >= UNTIL:
            break
        if one >= SINCE:
            expected.append(one)
    assert found(rule, first) == expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("FREQ=WEEKLY;BYDAY=TU;COUNT=3", ["0105", "0106", "0113"]),  # the start counts though it is a Monday
        ("FREQ=MONTHLY;BYDAY=-1FR,1MO;COUNT=4", ["0105", "0130", "0202", "0227"]),
        ("FREQ=YEARLY;BYWEEKNO=3;COUNT=2", ["0105", "0112"]),  # the weekday of the start
        ("FREQ=DAILY;INTERVAL=9;COUNT=3", ["0105", "0114", "0123"]),
        ("freq=daily; count=2;", ["0105", "0106"]),
    ],
)
def test_by_hand(rule: str, expected: list[str]) -> None:
    seen = found(rule, since=FIRST, until=datetime(2027, 1, 1))
    assert [f"{one:%m%d}" for one in seen] == expected
    assert {one.time() for one in seen} == {FIRST.time()}


def test_hours() -> None:
    rule = "FREQ=HOURLY;INTERVAL=5;BYDAY=MO"
    seen = found(rule, since=FIRST, until=FIRST + timedelta(days=8))
    expected = [FIRST + timedelta(hours=hours) for hours in range(0, 24 * 8, 5)]
    assert seen == [one for one in expected if one.weekday() == 0]


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;INTERVAL=7;BYDAY=TU",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31",
        "FREQ=MONTHLY;INTERVAL=999999999",
        "FREQ=YEARLY;INTERVAL=999999999",
        "FREQ=WEEKLY;INTERVAL=60000",
        "FREQ=DAILY;INTERVAL=99999999999999999999",
        "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30",
    ],
)
def test_what_never_comes_is_looked_for_no_further_than_the_window(rule: str) -> None:
    began = time.process_time()
    assert found(rule) == []
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY",
        "FREQ=MINUTELY;COUNT=1000000000",
        "FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8,9;BYMINUTE=0,1,2,3,4,5,6,7,8,9,10",
        "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;INTERVAL=-1",
        "FREQ=DAILY;BYDAY=XX",
        "FREQ=DAILY;BYHOUR=24",
        "FREQ=FORTNIGHTLY",
        "COUNT=3",
        "",
    ],
)
def test_rules_that_are_refused(rule: str) -> None:
    with pytest.raises(BadRule):
        read(rule)


def test_a_budget_ends_what_would_take_too_long() -> None:
    began = time.process_time()
    with pytest.raises(TooMuchWork):
        list(starts(read("FREQ=DAILY;COUNT=1000000000"), datetime(1900, 1, 1), SINCE, UNTIL, Budget(30_000)))
    assert time.process_time() - began < 1
