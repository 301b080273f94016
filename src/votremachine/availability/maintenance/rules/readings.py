"""What meters show, and what they cannot. Pure."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

import msgspec

from votremachine.fleet.rules import Meter
from votremachine.kernel.errors import DomainError, Kind
from votremachine.kernel.span import FIRST_YEAR, OutOfTime

# More than any machine does in a day. What is read on different days is often entered on one, hence the month that is
# allowed beside the time between two readings; a digit too many is still found.
MOST_A_DAY = {
    Meter.ENGINE_HOUR: 24,
    Meter.HECTARE: 500,
    Meter.BALE: 5_000,
    Meter.M3: 20_000,
    Meter.KM: 2_000,
    Meter.TONNE: 20_000,
}
ENTERED_LATE = timedelta(days=30)
LARGEST_READING = Decimal(10_000_000)
CLOCK_ERROR = timedelta(minutes=5)


class NoReading(DomainError):
    code = "no_reading"
    en = "A meter shows zero or more, less than ten million, with two decimals at most."
    fr = "Un compteur indique zéro ou plus, moins de dix millions, avec deux décimales au plus."


class ReadInFuture(DomainError):
    code = "read_in_future"
    en = "This time has not come yet."
    fr = "Ce moment n'est pas encore arrivé."


class MeterRunsBackwards(DomainError):
    kind = Kind.CONFLICT
    code = "meter_runs_backwards"
    en = "The meter would run backwards beside {value}. If it was replaced or misread, say so in `why`."
    fr = "Le compteur reculerait à côté de {value}. S'il a été remplacé ou mal lu, dites-le dans `why`."


class MeterJumps(DomainError):
    kind = Kind.CONFLICT
    code = "meter_jumps"
    en = "From {value} that is more than a machine does in this time. If it is right, say why in `why`."
    fr = "Depuis {value}, c'est plus qu'un matériel n'en fait dans ce temps. Si c'est exact, dites pourquoi dans `why`."


class ReadTwice(DomainError):
    kind = Kind.CONFLICT
    code = "read_twice"
    en = "It was read at this very moment already: {value}. If that was misread, say so in `why`."
    fr = "Il a déjà été relevé à cet instant même : {value}. S'il a été mal lu, dites-le dans `why`."


class Reading(msgspec.Struct, frozen=True):
    """What a meter showed; `why` says of one that runs backwards why it does."""

    id: UUID
    machine_id: UUID
    meter: Meter
    value: Decimal
    read_at: datetime
    why: str


class Shown(NamedTuple):
    """What a meter showed, and when."""

    value: Decimal
    at: datetime


def check_value(value: Decimal, pointer: str = "/value") -> Decimal:
    """What a meter may show. Raises `NoReading`."""
    if not value.is_finite() or not 0 <= value < LARGEST_READING or value != round(value, 2):
        raise NoReading(pointer=pointer)
    return round(value, 2)


def check_day(day: date, today: date, pointer: str) -> date:
    """A day on which something was done. Raises `ReadInFuture`, `OutOfTime`."""
    if day.year < FIRST_YEAR:
        raise OutOfTime(pointer=pointer)
    if day > today:
        raise ReadInFuture(pointer=pointer)
    return day


def check_read_at(read_at: datetime, now: datetime) -> None:
    """Raises `ReadInFuture`."""
    if read_at > now + CLOCK_ERROR:
        raise ReadInFuture(pointer="/read_at")


def check_beside(meter: Meter, value: Decimal, at: datetime, before: Shown | None, after: Shown | None) -> None:
    """A reading against those before and after it. Raises `ReadTwice`, `MeterRunsBackwards`, `MeterJumps`."""
    if before is not None and before.at == at and before.value != value:
        raise ReadTwice(pointer="/value", value=str(before.value))
    if before is not None:
        _check_growth(meter, value - before.value, at - before.at, before.value)
    if after is not None:
        _check_growth(meter, after.value - value, after.at - at, after.value)


def _check_growth(meter: Meter, growth: Decimal, time: timedelta, beside: Decimal) -> None:
    if growth < 0:
        raise MeterRunsBackwards(pointer="/value", value=str(beside))
    if growth > MOST_A_DAY[meter] * Decimal((time + ENTERED_LATE) / timedelta(days=1)):
        raise MeterJumps(pointer="/value", value=str(beside))


def rate_per_day(readings: Sequence[Reading]) -> Decimal | None:
    """How many units a day, since the meter last ran backwards; None when that cannot be told."""
    run: list[Reading] = []
    for one in readings:
        if run and one.value < run[-1].value:
            run.clear()
        run.append(one)
    if len(run) < 2:
        return None
    days = Decimal((run[-1].read_at - run[0].read_at).total_seconds()) / 86_400
    used = run[-1].value - run[0].value
    return used / days if days >= 1 and used > 0 else None
