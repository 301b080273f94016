"""Hours and spans as people say them: "demain à 7 h 30", "tomorrow at 7:30"."""

from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.numbers import format_currency

from votremachine.kernel.money import Money
from votremachine.notifications.words.catalogues import word

HOME = "Europe/Paris"
_DAYS = {-1: "day.yesterday", 0: "day.today", 1: "day.tomorrow"}


def moment(instant: datetime, zone: ZoneInfo, language: str, now: datetime) -> str:
    """A day and an hour on the clocks of a zone, for who reads it at `now`."""
    local, today = instant.astimezone(zone), now.astimezone(zone).date()
    day = _day(local.date(), (local.date() - today).days, language, local.year == today.year)
    return word("moment", language).format(day=day, hour=hour(local, language))


def span(start: datetime, end: datetime, zone: ZoneInfo, language: str, now: datetime) -> str:
    """From when to when; the day once, if it is the same."""
    first, last = start.astimezone(zone), end.astimezone(zone)
    if first.date() == last.date():
        began = moment(start, zone, language, now)
        return word("span_of_a_day", language).format(start=began, end=hour(last, language))
    return word("span", language).format(start=moment(start, zone, language, now), end=moment(end, zone, language, now))


def hour(local: datetime, language: str) -> str:
    """An hour of the clock: "7 h 30" and "7 h"; "7:30"."""
    if language != "fr":
        return f"{local.hour}:{local.minute:02}"
    return f"{local.hour} h {local.minute:02}" if local.minute else f"{local.hour} h"


@lru_cache(maxsize=4096)
def _day(day: date, ahead: int, language: str, this_year: bool) -> str:
    if ahead in _DAYS:
        return word(_DAYS[ahead], language)
    pattern = "EEEE d MMMM" if this_year else "EEEE d MMMM y"
    return format_date(day, pattern, locale=_locale(language))


def money(amount: Money, language: str) -> str:
    """An amount of two decimals, as it is written: "1 234,50 €", "€1,234.50"."""
    return format_currency(Decimal(amount.minor) / 100, amount.currency, locale=_locale(language))


def read(text: str) -> datetime:
    """An instant as facts have it."""
    return datetime.fromisoformat(text).astimezone(UTC)


def _locale(language: str) -> str:
    return "fr" if language == "fr" else "en_GB"


def zone_named(name: str) -> ZoneInfo:
    return ZoneInfo(name or HOME)
