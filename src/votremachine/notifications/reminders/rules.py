"""The moments at which people are reminded, as the operator set them, and the nights in which nobody is woken. Pure."""

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Self
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from votremachine.accounts.rules import Role
from votremachine.config import Settings
from votremachine.notifications.hours import HOME, end_of_hours, in_hours

# Those who act for a party on its bookings; treasurers and viewers look them up when they care.
READERS = frozenset({Role.ADMIN, Role.MANAGER, Role.MEMBER})
# What must be told before the night is told this long before it begins.
BEFORE_THE_NIGHT = timedelta(hours=1)


class ReminderState(StrEnum):
    PLANNED = "planned"
    TOLD = "told"
    DROPPED = "dropped"
    DEAD = "dead"


class Moments(msgspec.Struct, frozen=True, kw_only=True):
    """When each kind is due, as the operator set it, and when it is night on a machine's clocks."""

    tomorrow_at: time = time(18)
    hand_over_before: timedelta = timedelta(hours=2)
    return_before: timedelta = timedelta(hours=2)
    overdue_after: tuple[timedelta, ...] = (timedelta(minutes=30), timedelta(hours=4))
    escalate_after: timedelta = timedelta(days=1)
    request_after: tuple[timedelta, ...] = (timedelta(hours=2), timedelta(hours=12))
    request_before: timedelta = timedelta(hours=1)
    hold_before: timedelta = timedelta(minutes=5)
    usage_at: time = time(18)
    usage_before: timedelta = timedelta(hours=12)
    report_within: timedelta = timedelta(hours=1)
    window_before: timedelta = timedelta(hours=12)
    answer_before: tuple[timedelta, ...] = (timedelta(hours=24), timedelta(hours=4))
    undecided_days: tuple[int, ...] = (3, 6, 9, 12, 15, 20, 25, 30, 45, 60, 90)
    deposit_before: tuple[timedelta, ...] = (timedelta(hours=12), timedelta(hours=3))
    deposit_after: tuple[timedelta, ...] = (timedelta(hours=4), timedelta(hours=24))
    unseen_for: timedelta = timedelta(days=30)
    document_days: tuple[int, ...] = (30, 7)
    invoice_days_before: tuple[int, ...] = (3,)
    invoice_days_after: tuple[int, ...] = (1, 8, 15)
    invoice_issuer_days: tuple[int, ...] = (22,)
    # What is about no machine in particular, on the platform's own clocks.
    office_at: time = time(9)
    night_begins: time = time(22)
    night_ends: time = time(7)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(
            tomorrow_at=time.fromisoformat(settings.remind_tomorrow_at),
            hand_over_before=timedelta(minutes=settings.remind_hand_over_minutes),
            return_before=timedelta(minutes=settings.remind_return_minutes),
            overdue_after=_minutes(settings.remind_overdue_minutes),
            escalate_after=timedelta(minutes=settings.remind_escalate_minutes),
            request_after=_minutes(settings.remind_request_minutes),
            request_before=timedelta(minutes=settings.remind_request_before_minutes),
            hold_before=timedelta(minutes=settings.remind_hold_before_minutes),
            usage_at=time.fromisoformat(settings.remind_usage_at),
            usage_before=timedelta(minutes=settings.remind_usage_before_minutes),
            report_within=timedelta(minutes=settings.remind_report_minutes),
            window_before=timedelta(minutes=settings.remind_claim_window_minutes),
            answer_before=_minutes(settings.remind_claim_answer_minutes),
            undecided_days=_days(settings.remind_undecided_days),
            deposit_before=_minutes(settings.remind_deposit_before_minutes),
            deposit_after=_minutes(settings.remind_deposit_after_minutes),
            unseen_for=timedelta(days=settings.remind_unseen_days),
            document_days=_days(settings.remind_document_days),
            invoice_days_before=_days(settings.remind_invoice_before_days),
            invoice_days_after=_days(settings.remind_invoice_after_days),
            invoice_issuer_days=_days(settings.remind_invoice_issuer_days),
            office_at=time.fromisoformat(settings.remind_office_at),
            night_begins=time.fromisoformat(settings.night_begins),
            night_ends=time.fromisoformat(settings.night_ends),
        )


class Night(StrEnum):
    """What becomes of a moment at night."""

    EVENING = "evening"  # told before it: in the morning it would be too late
    MORNING = "morning"  # told after it
    PASSES = "passes"  # urgent


def expiring(last_day: date, moments: Moments) -> list[datetime]:
    """When people are told that something is valid until this day, and no longer."""
    return [in_office(last_day - timedelta(days=days), moments) for days in moments.document_days]


def in_office(day: date, moments: Moments) -> datetime:
    """The hour of a day at which people are told of what is about no machine."""
    return datetime.combine(day, moments.office_at, ZoneInfo(HOME)).astimezone(UTC)


def awake(moment: datetime, zone: ZoneInfo, moments: Moments, night: Night) -> datetime:
    """The moment, or the evening before the night into which it falls, or the morning after; in UTC, to the second."""
    moment = moment.astimezone(UTC).replace(microsecond=0)
    if night is Night.PASSES or not in_hours(moment, zone, moments.night_begins, moments.night_ends):
        return moment
    if night is Night.MORNING:
        return end_of_hours(moment, zone, moments.night_ends)
    local = moment.astimezone(zone)
    crosses = moments.night_begins > moments.night_ends
    eve = local.date() - timedelta(days=crosses and local.time() < moments.night_ends)
    return datetime.combine(eve, moments.night_begins, zone).astimezone(UTC) - BEFORE_THE_NIGHT


def dedupe_key(kind: str, subject: UUID, person_id: UUID, due_at: datetime) -> str:
    """What makes a reminder the same one: nobody is reminded twice of the same thing at the same moment."""
    return f"{kind}:{subject}:{person_id}:{int(due_at.timestamp())}"


def _minutes(text: str) -> tuple[timedelta, ...]:
    return tuple(timedelta(minutes=int(one)) for one in text.split())


def _days(text: str) -> tuple[int, ...]:
    return tuple(int(one) for one in text.split())
