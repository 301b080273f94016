"""Rules of recurrence (RFC 5545, 3.3.10 and 3.8.5), expanded in naive local time and only then placed in a zone. Pure.

A start that a change of clocks skips moves forward; of two equal wall times the first is taken. The end is a wall time,
too; where a change of clocks would leave nothing of an occurrence, it lasts as long as it does on other days.

`dateutil` searches up to the year 9999 for the next date of a rule. A rule must therefore match its own first start,
which one step shows: what has happened once happens again within 400 years of the calendar, or its steps are so wide
that the end of it is near.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
from dateutil.rrule import rrule, rrulestr

from votremachine.kernel.errors import DomainError
from votremachine.kernel.span import FIRST_YEAR, LAST_YEAR, Span

LARGEST_NUMBER = 1000
LONGEST_OCCURRENCE = timedelta(days=366)
# So wide a step that the first one alone is looked at, whatever the frequency.
_ONE_STEP = 10_000
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_LISTS = {
    "BYMONTH": re.compile(r"\d{1,2}"),
    "BYMONTHDAY": re.compile(r"[+-]?\d{1,2}"),
    "BYDAY": re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)"),
    "BYYEARDAY": re.compile(r"[+-]?\d{1,3}"),
    "BYWEEKNO": re.compile(r"[+-]?\d{1,2}"),
    "BYSETPOS": re.compile(r"[+-]?\d{1,3}"),
}
_LARGEST = {"BYMONTH": 12, "BYMONTHDAY": 31, "BYYEARDAY": 366, "BYWEEKNO": 53, "BYSETPOS": 366}
# Which frequencies a part means nothing to (RFC 5545, the table of 3.3.10).
_SENSELESS = {
    "BYMONTHDAY": ("WEEKLY",),
    "BYYEARDAY": ("DAILY", "WEEKLY", "MONTHLY"),
    "BYWEEKNO": ("DAILY", "WEEKLY", "MONTHLY"),
}


class BadRule(DomainError):
    code = "bad_rule"
    en = "This rule of recurrence cannot be used: `part` names what is wrong in it."
    fr = "Cette règle de récurrence est inutilisable : `part` indique ce qui ne va pas."


class RuleMissesStart(DomainError):
    code = "rule_misses_start"
    en = "The rule of recurrence must match the first start."
    fr = "La règle de récurrence doit correspondre au premier début."


class OccurrenceTooLong(DomainError):
    code = "occurrence_too_long"
    en = "One occurrence lasts at most {days} days."
    fr = "Une occurrence dure au plus {days} jours."


class EndsBeforeStartOnClock(DomainError):
    code = "ends_before_start_on_clock"
    en = "What recurs goes by the clock, and clocks change in between: there its end does not come after its start."
    fr = "Ce qui se répète suit l'horloge, et elle change entre-temps : la fin n'y vient pas après le début."


class Rule(msgspec.Struct, frozen=True):
    """An RRULE: `parts` without its end, and that end as a number of dates or as the last local time."""

    parts: str
    count: int | None = None
    until: datetime | None = None

    @property
    def written(self) -> str:
        """As RRULE, UNTIL in local time."""
        count = "" if self.count is None else f";COUNT={self.count}"
        until = "" if self.until is None else f";UNTIL={self.until:%Y%m%dT%H%M%S}"
        return self.parts + count + until


class Series(msgspec.Struct, frozen=True):
    """What recurs: local times without a zone, `start` and `end` those of the first; rdates come as starts, too.

    Without a rule it is its first start and `rdates`. `exdates` are starts that do not take place.
    """

    zone: ZoneInfo
    start: datetime
    end: datetime
    rule: Rule | None = None
    rdates: tuple[datetime, ...] = ()
    exdates: tuple[datetime, ...] = ()

    @property
    def length(self) -> timedelta:
        """From wall time to wall time."""
        return self.end - self.start


def read(text: str, zone: ZoneInfo) -> Rule:
    """An RRULE, its UNTIL brought to local time. Raises `BadRule`."""
    parts = _parts(text.upper().removeprefix("RRULE:"))
    frequency = parts.get("FREQ", "")
    if frequency not in _FREQUENCIES:
        raise _bad(f"FREQ={frequency}")
    if "COUNT" in parts and "UNTIL" in parts:
        raise _bad("COUNT;UNTIL")
    until = parts.pop("UNTIL", None)
    count = parts.pop("COUNT", None)
    for name, value in parts.items():
        _check_part(name, value, frequency)
    if len({item[-2:] == item for item in parts.get("BYDAY", "").split(",")}) > 1:
        # `dateutil` takes the days that both kinds name, instead of those that either does.
        raise _bad(f"BYDAY={parts['BYDAY']}")
    if "BYSETPOS" in parts and not any(name in parts for name in _LISTS if name != "BYSETPOS"):
        raise _bad("BYSETPOS")
    return Rule(
        ";".join(f"{name}={value}" for name, value in parts.items()),
        None if count is None else _number("COUNT", count),
        None if until is None else _until(until, zone),
    )


def check(series: Series) -> Series:
    """The series, if its rule matches its start and it lasts neither too long nor nothing.

    Raises `RuleMissesStart`, `OccurrenceTooLong`, `EndsBeforeStartOnClock`.
    """
    if series.length <= timedelta(0):
        raise EndsBeforeStartOnClock(pointer="/end")
    if series.length > LONGEST_OCCURRENCE:
        raise OccurrenceTooLong(pointer="/end", days=LONGEST_OCCURRENCE.days)
    if series.rule is None:
        return series
    late = series.rule.until is not None and series.rule.until < series.start
    first = next(iter(_dates(series.rule, series.start).replace(interval=_ONE_STEP)), None)
    if late or first != series.start:
        raise RuleMissesStart(pointer="/rrule")
    return series


def names_days(rule: Rule) -> bool:
    """Whether a rule says itself on which dates it falls, rather than by its first start."""
    return any(f"{name}=" in rule.parts for name in _LISTS)


def rule_starts(series: Series, until: datetime | None = None) -> Iterator[datetime]:
    """What the rule alone gives, in order, up to and including the local time `until`."""
    if series.rule is None:
        if until is None or series.start <= until:
            yield series.start
        return
    ends = [end for end in (until, series.rule.until) if end is not None]
    dates = _dates(series.rule, series.start)
    if series.rule.count is not None:
        dates = dates.replace(count=series.rule.count)
    # Each gap is searched by `dateutil`; the end is ours, since COUNT and UNTIL do not go together there.
    for start in dates:
        if ends and start > min(ends):
            return
        yield start


def starts(series: Series, until: datetime) -> list[datetime]:
    """When it takes place, as local starts in order, up to and including the local time `until`."""
    added = {one for one in series.rdates if one <= until}
    given = {one for one in rule_starts(series, until) if one <= until}
    return sorted((given | added) - set(series.exdates))


def placed(series: Series, start: datetime) -> Span:
    """The occurrence that starts at this local time, as instants; never empty."""
    begins, ends = instant(start, series.zone), instant(start + series.length, series.zone)
    return Span(begins, ends if ends > begins else begins + series.length)


def occurrences(series: Series, window: Span) -> list[tuple[datetime, Span]]:
    """Local start and span of each occurrence that meets the window, in order."""
    until = window.end.astimezone(series.zone).replace(tzinfo=None)
    found = ((start, placed(series, start)) for start in starts(series, until))
    return [(start, span) for start, span in found if span.overlaps(window)]


def wall(when: datetime, zone: ZoneInfo) -> datetime:
    """What clocks show there at this instant."""
    return when.astimezone(zone).replace(tzinfo=None)


def instant(local: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which clocks there show this local time, as UTC."""
    # fold=0 is the first of two equal wall times, and reads one that is skipped by the offset before: it moves forward.
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)


def _dates(rule: Rule, start: datetime) -> rrule:
    made = rrulestr(rule.parts, dtstart=start)
    assert isinstance(made, rrule)  # noqa: S101 -- one RRULE makes no set
    return made


def _parts(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in text.split(";"):
        name, equals, value = part.partition("=")
        if not equals or not value or name in found:
            raise _bad(part)
        found[name] = value
    return found


def _check_part(name: str, value: str, frequency: str) -> None:
    if name == "FREQ":
        return
    if name == "INTERVAL":
        _number(name, value)
    elif name == "WKST":
        if value not in {"MO", "TU", "WE", "TH", "FR", "SA", "SU"}:
            raise _bad(f"{name}={value}")
    elif name not in _LISTS or frequency in _SENSELESS.get(name, ()):
        raise _bad(f"{name}={value}")
    else:
        for item in value.split(","):
            _check_item(name, item, frequency)


def _check_item(name: str, item: str, frequency: str) -> None:
    matched = _LISTS[name].fullmatch(item)
    if matched is None:
        raise _bad(f"{name}={item}")
    number = matched.group(1) if name == "BYDAY" else item
    if number is None:
        return
    if name == "BYDAY" and frequency not in {"MONTHLY", "YEARLY"}:
        raise _bad(f"{name}={item}")
    largest = _LARGEST.get(name, 5 if frequency == "MONTHLY" else 53)
    if not 1 <= abs(int(number)) <= largest:
        raise _bad(f"{name}={item}")


def _number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 4 and 1 <= int(value) <= LARGEST_NUMBER):
        raise _bad(f"{name}={value}")
    return int(value)


def _until(value: str, zone: ZoneInfo) -> datetime:
    """A date means all of it; an instant is brought to local time; a local time is what it says."""
    try:
        if "T" not in value:
            return datetime.combine(_within(datetime.strptime(value, "%Y%m%d")), time(23, 59, 59))  # noqa: DTZ007 -- a date
        local = _within(datetime.strptime(value.removesuffix("Z"), "%Y%m%dT%H%M%S"))  # noqa: DTZ007 -- local
    except ValueError:
        raise _bad(f"UNTIL={value}") from None
    return wall(local.replace(tzinfo=UTC), zone) if value.endswith("Z") else local


def _within(local: datetime) -> datetime:
    if not FIRST_YEAR <= local.year <= LAST_YEAR:
        raise ValueError
    return local


def _bad(part: str) -> BadRule:
    return BadRule(pointer="/rrule", part=part[:80])
