"""When maintenance is due, and when it is proposed for. Pure.

A plan counts from the last time it was done: days or months on the calendar, or units of a meter. Its next round begins
when it is marked as done, not when it was to be.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from dateutil.relativedelta import relativedelta

from votremachine.availability.rules import alternatives
from votremachine.fleet.rules import Meter
from votremachine.kernel.errors import DomainError, Kind
from votremachine.kernel.span import FIRST_YEAR, OutOfTime, Span

LEAD = timedelta(days=14)
# Of a meter: the last tenth of the interval.
LEAD_SHARE = Decimal("0.1")
# How far back readings tell the rate of use, and how far ahead that is believed.
RATE_FROM = timedelta(days=90)
FARTHEST = timedelta(days=90)
# Where nothing is free before it is due, it is proposed for soon after.
GRACE = timedelta(days=28)
MORNING = time(8)
WORK_BEGINS, WORK_BEGINS_LAST = time(6), time(15)
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
MOST_PLANS = 20


class State(StrEnum):
    """Of a proposal."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    DISMISSED = "dismissed"


class UnknownPlan(DomainError):
    kind = Kind.NOT_FOUND
    code = "unknown_maintenance_plan"
    en = "There is no such maintenance plan."
    fr = "Ce plan d'entretien n'existe pas."


class UnknownProposal(DomainError):
    kind = Kind.NOT_FOUND
    code = "unknown_maintenance_proposal"
    en = "There is no such proposal."
    fr = "Cette proposition n'existe pas."


class ProposalDecided(DomainError):
    kind = Kind.CONFLICT
    code = "proposal_decided"
    en = "This proposal was accepted or dismissed already."
    fr = "Cette proposition a déjà été acceptée ou écartée."


class TooManyPlans(DomainError):
    kind = Kind.CONFLICT
    code = "too_many_plans"
    en = "A machine has at most {most} maintenance plans."
    fr = "Un matériel a au plus {most} plans d'entretien."


class PlanDisagrees(DomainError):
    code = "plan_disagrees"
    en = "A plan counts days, months, or units of one meter: say just one of them, and since when."
    fr = "Un plan compte des jours, des mois ou les unités d'un compteur : un seul, et depuis quand."


class DoneBefore(DomainError):
    kind = Kind.CONFLICT
    code = "done_before"
    en = "It was done later than that already, on {last_on}."
    fr = "Cela a déjà été fait depuis, le {last_on}."


class NoSuchMeter(DomainError):
    code = "no_such_meter"
    en = "This machine has no such meter."
    fr = "Ce matériel n'a pas ce compteur."


class NoReading(DomainError):
    code = "no_reading"
    en = "A meter shows zero or more, less than ten million, with two decimals at most."
    fr = "Un compteur indique zéro ou plus, moins de dix millions, avec deux décimales au plus."


class ReadingNeeded(DomainError):
    code = "reading_needed"
    en = "Say what the meter showed."
    fr = "Indiquez ce que le compteur affichait."


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


class Plan(msgspec.Struct, frozen=True):
    """What is done every so often, and how long it takes; `round` counts how often it was done."""

    id: UUID
    machine_id: UUID
    title: str
    minutes: int
    every_days: int | None
    every_months: int | None
    meter: Meter | None
    every_units: Decimal | None
    last_on: date | None
    last_value: Decimal | None
    round: int


class Proposal(msgspec.Struct, frozen=True):
    """A time at which the maintenance of a plan would fit; it blocks nothing until it is accepted."""

    id: UUID
    plan_id: UUID
    machine_id: UUID
    during: Span
    due_on: date
    state: State
    block_id: UUID | None


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


def check_done(plan: Plan, on: date, value: Decimal | None) -> None:
    """Raises `DoneBefore` for a day before the one on which it was done last, `PlanDisagrees` for a reading of none."""
    if plan.last_on is not None and on < plan.last_on:
        raise DoneBefore(pointer="/on", last_on=plan.last_on)
    if plan.meter is None and value is not None:
        raise PlanDisagrees(pointer="/value")


def check_plan(plan: Plan, meters: Sequence[Meter]) -> Plan:
    """Raises `PlanDisagrees`, `NoSuchMeter`."""
    counted = [plan.every_days, plan.every_months, plan.every_units]
    by_meter = plan.every_units is not None
    if sum(one is not None for one in counted) != 1 or by_meter != (plan.meter is not None):
        raise PlanDisagrees(pointer="/every_days")
    if plan.every_units == 0:
        raise PlanDisagrees(pointer="/every_units")
    if (plan.last_value if by_meter else plan.last_on) is None:
        raise PlanDisagrees(pointer="/last_value" if by_meter else "/last_on")
    if plan.meter is not None and plan.meter not in meters:
        raise NoSuchMeter(pointer="/meter")
    return plan


def due_on(plan: Plan, readings: Sequence[Reading], today: date) -> date | None:
    """The day on which a plan comes due, if that is near enough to propose a time for it; None otherwise.

    `readings` are those of its meter, oldest first, from `RATE_FROM` ago on and the newest in any case.
    """
    if plan.meter is not None:
        return _due_by_meter(plan, readings, today)
    assert plan.last_on is not None  # noqa: S101 -- see `check_plan`
    every = relativedelta(days=plan.every_days or 0, months=plan.every_months or 0)
    due: date = plan.last_on + every
    return due if due - LEAD <= today else None


def _due_by_meter(plan: Plan, readings: Sequence[Reading], today: date) -> date | None:
    assert plan.every_units is not None  # noqa: S101 -- see `check_plan`
    assert plan.last_value is not None  # noqa: S101
    left = plan.last_value + plan.every_units
    if not readings or readings[-1].value < left - plan.every_units * LEAD_SHARE:
        return None
    left -= readings[-1].value
    rate = rate_per_day(readings)
    if left <= 0:
        return today
    days = LEAD if rate is None else timedelta(days=min(FARTHEST.days, float(left / rate)))
    return max(today, (readings[-1].read_at + days).date())


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


def place(minutes: int, due: date, zone: ZoneInfo, busy: Sequence[Span], now: datetime) -> Span | None:
    """The free time nearest to the morning before it is due, before that day ends; else the next one after.

    At an hour at which workshops begin, if there is one; None when nothing is free for a month.
    """
    length, tomorrow = timedelta(minutes=minutes), now.astimezone(zone).date() + timedelta(days=1)
    day = max(tomorrow, due - timedelta(days=1))
    start = datetime.combine(day, MORNING, zone).astimezone(UTC)
    wanted = Span(start, start + length)
    ends = datetime.combine(max(due, tomorrow) + timedelta(days=1), time(), zone)
    earliest = datetime.combine(tomorrow, time(), zone)

    def begins_by_day(span: Span) -> bool:
        return WORK_BEGINS <= span.start.astimezone(zone).time() <= WORK_BEGINS_LAST

    for suits in (begins_by_day, _any_hour):
        for latest in (ends, ends + GRACE):
            if found := alternatives(wanted, busy, earliest, latest, suits):
                return found[0]
    return None


def _any_hour(_: Span) -> bool:
    return True
