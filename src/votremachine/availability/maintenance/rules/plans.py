"""When maintenance is due, and when it is proposed for. Pure.

A plan counts from the last time it was done: days or months on the calendar, or units of a meter. Its next round begins
when it is marked as done, not when it was to be.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from dateutil.relativedelta import relativedelta

from votremachine.availability.maintenance.rules.readings import Reading, rate_per_day
from votremachine.availability.rules import alternatives
from votremachine.fleet.rules import Meter
from votremachine.kernel.errors import DomainError, Kind
from votremachine.kernel.span import Span

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


class ReadingNeeded(DomainError):
    code = "reading_needed"
    en = "Say what the meter showed."
    fr = "Indiquez ce que le compteur affichait."


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
