"""Rules of recurrence of other programs (RFC 5545, 3.3.10), in local time, bounded by what is looked at. Pure.

Not `dateutil.rrule`: it looks for the next date of a rule until the year 9999, a second at a time if the rule says so,
and cannot be stopped. Here the days of each period are held against the rule, no further than the window, and each
one looked at is paid for from a budget that all of a file shares.
"""

import re
from calendar import isleap, monthrange
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import product

import msgspec

from votremachine.kernel.errors import DomainError

DAY = timedelta(days=1)
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
MOST_TIMES_A_DAY = 96
FARTHEST_STEP = 60_000
_BY_DAY = re.compile(r"([+-]?\d{1,3})?(MO|TU|WE|TH|FR|SA|SU)")
_RANGES = {
    "BYMONTH": (1, 12),
    "BYWEEKNO": (1, 53),
    "BYYEARDAY": (1, 366),
    "BYMONTHDAY": (1, 31),
    "BYHOUR": (0, 23),
    "BYMINUTE": (0, 59),
    "BYSECOND": (0, 60),
    "BYSETPOS": (1, 366),
}
_SIGNED = ("BYWEEKNO", "BYYEARDAY", "BYMONTHDAY", "BYSETPOS")


class BadRule(Exception):
    """The rule cannot be read, or comes round so often that no machine is meant."""


class TooMuchWork(DomainError):
    code = "too_much_recurs"
    en = "What recurs in this calendar comes round too often to be worked out."
    fr = "Ce qui se répète dans ce calendrier revient trop souvent pour être calculé."


class Budget:
    """How many more days and times may be looked at; raises `TooMuchWork` when they are used up."""

    def __init__(self, left: int) -> None:
        self.left = left

    def pay(self, for_: int = 1) -> None:
        self.left -= for_
        if self.left < 0:
            raise TooMuchWork


class Rule(msgspec.Struct, frozen=True):
    """An RRULE; `days` are weekdays (0 is Monday) with the number that stands before them, 0 for none."""

    freq: str
    interval: int = 1
    count: int | None = None
    until: str = ""
    week_start: int = 0
    months: frozenset[int] = frozenset()
    week_numbers: frozenset[int] = frozenset()
    year_days: frozenset[int] = frozenset()
    month_days: frozenset[int] = frozenset()
    days: frozenset[tuple[int, int]] = frozenset()
    hours: tuple[int, ...] = ()
    minutes: tuple[int, ...] = ()
    seconds: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()


@lru_cache(maxsize=1024)
def read(text: str) -> Rule:
    """The rule that a text states. Raises `BadRule`."""
    parts: dict[str, str] = {}
    for part in filter(None, text.upper().replace(" ", "").split(";")):
        name, _, value = part.partition("=")
        parts[name] = value
    freq = parts.get("FREQ", "")
    if freq not in ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY"):
        raise BadRule(f"FREQ={freq}")
    days = frozenset(_by_day(one) for one in parts.get("BYDAY", "").split(",") if one)
    rule = Rule(
        freq,
        _whole(parts.get("INTERVAL", "1"), 1),
        _whole(parts["COUNT"], 1) if "COUNT" in parts else None,
        parts.get("UNTIL", ""),
        WEEKDAYS.index(parts["WKST"]) if parts.get("WKST") in WEEKDAYS else 0,
        frozenset(_numbers(parts, "BYMONTH")),
        frozenset(_numbers(parts, "BYWEEKNO")),
        frozenset(_numbers(parts, "BYYEARDAY")),
        frozenset(_numbers(parts, "BYMONTHDAY")),
        days,
        _numbers(parts, "BYHOUR"),
        _numbers(parts, "BYMINUTE"),
        _numbers(parts, "BYSECOND"),
        _numbers(parts, "BYSETPOS"),
    )
    often = max(1, len(rule.hours) or 24 * (freq == "HOURLY")) * max(1, len(rule.minutes)) * max(1, len(rule.seconds))
    if often > MOST_TIMES_A_DAY or (freq == "HOURLY" and rule.positions):
        raise BadRule("too often")
    return rule


def starts(
    rule: Rule, first: datetime, since: datetime, until: datetime, budget: Budget, last: datetime | None = None
) -> Iterator[datetime]:
    """The local starts from `since` to before `until`, in order, none after `last`; `first` is always one, and counts.

    Raises `TooMuchWork`.
    """
    if since <= first < until:
        yield first
    count = 1
    until = until if last is None else min(until, last + timedelta(seconds=1))
    for start in _candidates(rule, first, since, until, budget):
        if rule.count is not None and count >= rule.count:
            return
        count += 1
        if start >= since:
            yield start


def _candidates(rule: Rule, first: datetime, since: datetime, until: datetime, budget: Budget) -> Iterator[datetime]:
    """What the rule gives after `first` and before `until`; from about `since` on, if nothing before it is counted."""
    completed, times = _completed(rule, first), _times(rule, first)
    from_ = first.date() if rule.count is not None else max(first.date(), since.date() - DAY)
    for days in _periods(completed, first.date(), from_, until.date()):
        budget.pay(len(days))
        found = [datetime.combine(day, at) for day in days if _matches(completed, day) for at in times]
        budget.pay(len(found))
        for start in _at_positions(found, rule.positions):
            if start >= until:
                return
            if start > first and _hour_matches(rule, first, start):
                yield start


def _periods(rule: Rule, first: date, from_: date, until: date) -> Iterator[Sequence[date]]:
    """The days of each period that the interval hits, from that of `from_` on, as far as `until`."""
    step = rule.interval
    if rule.freq in ("DAILY", "HOURLY"):
        step = step if rule.freq == "DAILY" else 1
        day = first + DAY * (-(-(from_ - first).days // step) * step)
        while day <= until:
            yield (day,)
            day += DAY * step
    elif rule.freq == "WEEKLY":
        week = first - DAY * ((first.weekday() - rule.week_start) % 7)
        week += DAY * 7 * (max(0, (from_ - week).days // 7) // step * step)
        while week <= until:
            yield [week + DAY * i for i in range(7)]
            week += DAY * 7 * step
    elif rule.freq == "MONTHLY":
        month = first.year * 12 + first.month - 1
        month += max(0, from_.year * 12 + from_.month - 1 - month) // step * step
        while (start := date(month // 12, month % 12 + 1, 1)) <= until:
            yield [start + DAY * i for i in range(monthrange(start.year, start.month)[1])]
            month += step
    else:
        year = first.year + max(0, from_.year - first.year) // step * step
        while year <= until.year:
            yield [date(year, 1, 1) + DAY * i for i in range(365 + isleap(year))]
            year += step


def _completed(rule: Rule, first: datetime) -> Rule:
    """The rule with what it leaves to the first start (RFC 5545, 3.3.10, at its end)."""
    replace = msgspec.structs.replace
    if rule.freq == "WEEKLY" and not rule.days:
        return replace(rule, days=frozenset({(0, first.weekday())}))
    if rule.freq not in ("MONTHLY", "YEARLY") or rule.days or rule.month_days or rule.year_days:
        return rule
    if rule.week_numbers:
        return replace(rule, days=frozenset({(0, first.weekday())}))
    months = rule.months or (frozenset({first.month}) if rule.freq == "YEARLY" else rule.months)
    return replace(rule, months=months, month_days=frozenset({first.day}))


def _times(rule: Rule, first: datetime) -> list[time]:
    hours = sorted(rule.hours) or (range(24) if rule.freq == "HOURLY" else [first.hour])
    minutes, seconds = sorted(rule.minutes) or [first.minute], sorted(rule.seconds) or [first.second]
    return [time(hour, minute, min(second, 59)) for hour, minute, second in product(hours, minutes, seconds)]


def _hour_matches(rule: Rule, first: datetime, start: datetime) -> bool:
    if rule.freq != "HOURLY" or rule.interval == 1:
        return True
    hours = (start.replace(minute=0, second=0) - first.replace(minute=0, second=0)) // timedelta(hours=1)
    return hours % rule.interval == 0


def _at_positions(found: list[datetime], positions: Sequence[int]) -> list[datetime]:
    if not positions:
        return found
    places = {position - 1 if position > 0 else len(found) + position for position in positions}
    return [found[place] for place in sorted(places) if 0 <= place < len(found)]


def _matches(rule: Rule, day: date) -> bool:
    if rule.months and day.month not in rule.months:
        return False
    if rule.month_days:
        length = monthrange(day.year, day.month)[1]
        if day.day not in rule.month_days and day.day - length - 1 not in rule.month_days:
            return False
    if rule.year_days:
        of_year, length = day.timetuple().tm_yday, 365 + isleap(day.year)
        if of_year not in rule.year_days and of_year - length - 1 not in rule.year_days:
            return False
    if rule.week_numbers and not _week_matches(rule, day):
        return False
    return not rule.days or _day_matches(rule, day)


def _day_matches(rule: Rule, day: date) -> bool:
    weekday = day.weekday()
    if (0, weekday) in rule.days:
        return True
    numbers = [number for number, one in rule.days if one == weekday]
    if not numbers:
        return False
    if rule.freq not in ("MONTHLY", "YEARLY") or rule.week_numbers:
        return True
    if rule.freq == "MONTHLY" or rule.months:
        place, length = day.day, monthrange(day.year, day.month)[1]
    else:
        place, length = day.timetuple().tm_yday, 365 + isleap(day.year)
    return (place - 1) // 7 + 1 in numbers or -((length - place) // 7 + 1) in numbers


def _week_matches(rule: Rule, day: date) -> bool:
    """Weeks as ISO 8601 counts them, but from the rule's own first day of the week."""
    monday = day - DAY * ((day.weekday() - rule.week_start) % 7)
    year = (monday + DAY * 3).year
    number = (monday - _first_week(year, rule.week_start)).days // 7 + 1
    count = (_first_week(year + 1, rule.week_start) - _first_week(year, rule.week_start)).days // 7
    return number in rule.week_numbers or number - count - 1 in rule.week_numbers


def _first_week(year: int, week_start: int) -> date:
    fourth = date(year, 1, 4)
    return fourth - DAY * ((fourth.weekday() - week_start) % 7)


def _by_day(text: str) -> tuple[int, int]:
    found = _BY_DAY.fullmatch(text)
    if found is None:
        raise BadRule(text)
    return int(found[1] or 0), WEEKDAYS.index(found[2])


def _numbers(parts: dict[str, str], name: str) -> tuple[int, ...]:
    low, high = _RANGES[name]
    found = []
    for one in filter(None, parts.get(name, "").split(",")):
        if not re.fullmatch(r"[+-]?\d{1,3}", one):
            raise BadRule(one)
        number = int(one)
        if not low <= (abs(number) if name in _SIGNED else number) <= high:
            raise BadRule(one)
        found.append(number)
    return tuple(sorted(set(found)))


def _whole(text: str, least: int) -> int:
    if not text.isascii() or not text.isdigit() or int(text[:9]) < least:
        raise BadRule(text)
    # More days, weeks or months than any window has, few enough to reckon with.
    return min(int(text[:9]), FARTHEST_STEP)
