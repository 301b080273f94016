"""When people are reminded of a booking: one row for each kind, and the nights in which nobody is woken. Pure."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Self
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from votremachine.accounts.rules import RUNNERS, Role
from votremachine.bookings.rules import CLAIM_WINDOW, REQUEST_LIFE, Booking, State
from votremachine.config import Settings
from votremachine.notifications.hours import HOME, end_of_hours, in_hours
from votremachine.notifications.rules import KINDS, NOTHING, Lacks, Side

# Those who act for a party on its bookings; treasurers and viewers look them up when they care.
READERS = frozenset({Role.ADMIN, Role.MANAGER, Role.MEMBER})
BOTH = (Side.OWNER, Side.RENTER)
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


class Reminding(msgspec.Struct, frozen=True):
    """A kind of reminder: whom it concerns, and its moments for a booking that is in one of its kind's states."""

    sides: tuple[Side, ...]
    moments: Callable[[Booking, ZoneInfo, Moments], Iterable[datetime]]
    night: Night
    roles: frozenset[Role] = READERS


class Planned(msgspec.Struct, frozen=True):
    """A reminder that a booking wants, to the people of one side."""

    kind: str
    side: Side
    due_at: datetime


def _tomorrow(booking: Booking, zone: ZoneInfo, moments: Moments) -> Iterable[datetime]:
    eve = booking.during.start.astimezone(zone).date() - timedelta(days=1)
    return [datetime.combine(eve, moments.tomorrow_at, zone).astimezone(UTC)]


def _expiring_request(booking: Booking, _: ZoneInfo, moments: Moments) -> Iterable[datetime]:
    return [booking.expires_at - moments.request_before] if booking.expires_at else []


def _waiting_request(booking: Booking, _: ZoneInfo, moments: Moments) -> Iterable[datetime]:
    if booking.expires_at is None:
        return []
    # A request that runs out at the start of its booking was asked later than a day before that.
    asked_at = max(booking.created_at, booking.expires_at - REQUEST_LIFE)
    return [asked_at + after for after in moments.request_after]


def _expiring_hold(booking: Booking, _: ZoneInfo, moments: Moments) -> Iterable[datetime]:
    if booking.expires_at is None:
        return []
    return [booking.expires_at - max(moments.hold_before, (booking.expires_at - booking.created_at) / 4)]


def _hand_over(booking: Booking, _: ZoneInfo, moments: Moments) -> Iterable[datetime]:
    return [booking.during.start - moments.hand_over_before]


def _return(booking: Booking, _: ZoneInfo, moments: Moments) -> Iterable[datetime]:
    return [booking.during.end - moments.return_before]


def _overdue(booking: Booking, _: ZoneInfo, moments: Moments) -> Iterable[datetime]:
    return [booking.during.end + after for after in moments.overdue_after]


def _long_overdue(booking: Booking, _: ZoneInfo, moments: Moments) -> Iterable[datetime]:
    return [booking.during.end + moments.escalate_after]


def _missing_usage(booking: Booking, zone: ZoneInfo, moments: Moments) -> Iterable[datetime]:
    """The evening of the return, or the next if it came back later than that; and before the claim window ends."""
    if booking.returned_at is None:
        return []
    back = booking.returned_at.astimezone(zone)
    evening = back.date() + timedelta(days=back.time() >= moments.usage_at)
    last = booking.returned_at + CLAIM_WINDOW - moments.usage_before
    return [datetime.combine(evening, moments.usage_at, zone).astimezone(UTC), last]


def _missing_departure(booking: Booking, zone: ZoneInfo, moments: Moments) -> Iterable[datetime]:
    """Shortly before the start; if it left without, shortly after that, by day."""
    if booking.state is State.CONFIRMED:
        return [booking.during.start - moments.report_within]
    if booking.out_at is None:
        return []
    return [awake(booking.out_at + moments.report_within, zone, moments, Night.MORNING)]


def _missing_return(booking: Booking, _: ZoneInfo, moments: Moments) -> Iterable[datetime]:
    """At the end, which such a report is a part of; if it came back without, shortly after that."""
    if booking.state is State.IN_USE:
        return [booking.during.end]
    return [booking.returned_at + moments.report_within] if booking.returned_at else []


BOOKING_KINDS: Mapping[str, Reminding] = {
    "booking_tomorrow": Reminding(BOTH, _tomorrow, Night.EVENING),
    "hand_over_soon": Reminding(BOTH, _hand_over, Night.EVENING),
    "return_due": Reminding((Side.RENTER,), _return, Night.EVENING),
    "overdue": Reminding(BOTH, _overdue, Night.PASSES),
    "overdue_escalated": Reminding(BOTH, _long_overdue, Night.PASSES, RUNNERS),
    "request_waiting": Reminding((Side.OWNER,), _waiting_request, Night.MORNING, RUNNERS),
    "request_expiring": Reminding((Side.OWNER,), _expiring_request, Night.EVENING, RUNNERS),
    "hold_expiring": Reminding((Side.RENTER,), _expiring_hold, Night.PASSES),
    "usage_missing": Reminding(BOTH, _missing_usage, Night.EVENING),
    "departure_report_missing": Reminding(BOTH, _missing_departure, Night.EVENING),
    "return_report_missing": Reminding(BOTH, _missing_return, Night.MORNING),
}


def planned(booking: Booking, zone: ZoneInfo, moments: Moments, lacks: Lacks = NOTHING) -> frozenset[Planned]:
    """Every reminder that a booking wants as it stands, past ones too. `zone` is its machine's.

    What it lacks is planned for whoever may have to see to it by then; who has to is asked when it is due.
    """
    wanted = set()
    for kind, reminding in BOOKING_KINDS.items():
        known = KINDS[kind]
        if booking.state not in known.states or (known.lack and known.lack not in lacks):
            continue
        for moment in reminding.moments(booking, zone, moments):
            due_at = awake(moment, zone, moments, reminding.night)
            # After a promise has run out, nobody needs to be reminded of it.
            if booking.expires_at is None or due_at < booking.expires_at:
                wanted |= {Planned(kind, side, due_at) for side in reminding.sides}
    return frozenset(wanted)


def expiring(last_day: date, moments: Moments) -> list[datetime]:
    """When people are told that something is valid until this day, and no longer."""
    return [in_office(last_day - timedelta(days=days), moments) for days in moments.document_days]


def owing(due_on: date, moments: Moments) -> frozenset[Planned]:
    """Every reminder that an invoice wants until it is paid, past ones too: to its customer before and after the day on
    which it is due, and then to its issuer.
    """
    days = [
        *(("invoice_due", Side.RENTER, -before) for before in moments.invoice_days_before),
        *(("invoice_overdue", Side.RENTER, after) for after in moments.invoice_days_after),
        *(("invoice_overdue", Side.OWNER, after) for after in moments.invoice_issuer_days),
    ]
    return frozenset(Planned(kind, side, in_office(due_on + timedelta(days=one), moments)) for kind, side, one in days)


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


def _days(text: str) -> tuple[int, ...]:
    return tuple(int(one) for one in text.split())


def _minutes(text: str) -> tuple[timedelta, ...]:
    return tuple(timedelta(minutes=int(one)) for one in text.split())
