"""What a booking wants people to be reminded of, and when, one row for each kind; and an invoice. Pure."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from votremachine.accounts.rules import RUNNERS, Role
from votremachine.bookings.rules import REQUEST_LIFE, Booking, State
from votremachine.notifications.reminders.rules import READERS, Moments, Night, awake, in_office
from votremachine.notifications.rules import BOTH, KINDS, NOTHING, Lacks, Missing, Side

# Who was just told of something is not reminded of it within this time.
REST = timedelta(hours=1)


class Case(NamedTuple):
    """A booking in the light of one kind: its machine's clocks, what it lacks of that, and what the operator set."""

    booking: Booking
    zone: ZoneInfo
    moments: Moments
    missing: Missing


class Reminding(msgspec.Struct, frozen=True):
    """A kind of reminder: whom it concerns, and its moments for a booking that is in one of its kind's states.

    Of what a booking lacks, those are reminded who are to see to it; `whoever`: that may be others by the time it is
    due, so it is planned for all of its sides.
    """

    sides: tuple[Side, ...]
    moments: Callable[[Case], Iterable[datetime]]
    night: Night
    roles: frozenset[Role] = READERS
    whoever: bool = False


class Planned(msgspec.Struct, frozen=True):
    """A reminder that a booking or an invoice wants, to the people of one side."""

    kind: str
    side: Side
    due_at: datetime


def _tomorrow(case: Case) -> Iterable[datetime]:
    eve = case.booking.during.start.astimezone(case.zone).date() - timedelta(days=1)
    return [datetime.combine(eve, case.moments.tomorrow_at, case.zone).astimezone(UTC)]


def _expiring_request(case: Case) -> Iterable[datetime]:
    expires_at = case.booking.expires_at
    return [expires_at - case.moments.request_before] if expires_at else []


def _waiting_request(case: Case) -> Iterable[datetime]:
    booking = case.booking
    if booking.expires_at is None:
        return []
    # A request that runs out at the start of its booking was asked later than a day before that.
    asked_at = max(booking.created_at, booking.expires_at - REQUEST_LIFE)
    return [asked_at + after for after in case.moments.request_after]


def _expiring_hold(case: Case) -> Iterable[datetime]:
    booking = case.booking
    if booking.expires_at is None:
        return []
    return [booking.expires_at - max(case.moments.hold_before, (booking.expires_at - booking.created_at) / 4)]


def _hand_over(case: Case) -> Iterable[datetime]:
    return [case.booking.during.start - case.moments.hand_over_before]


def _return(case: Case) -> Iterable[datetime]:
    return [case.booking.during.end - case.moments.return_before]


def _overdue(case: Case) -> Iterable[datetime]:
    return [case.booking.during.end + after for after in case.moments.overdue_after]


def _long_overdue(case: Case) -> Iterable[datetime]:
    return [case.booking.during.end + case.moments.escalate_after]


def _missing_usage(case: Case) -> Iterable[datetime]:
    """The evening of the return, or the next if it came back later than that; and before the claim window ends."""
    booking, at = case.booking, case.moments.usage_at
    if booking.returned_at is None or booking.claimable_from is None:
        return []
    back = booking.returned_at.astimezone(case.zone)
    evening = back.date() + timedelta(days=back.time() >= at)
    last = booking.claimable_from + booking.claim_window - case.moments.usage_before
    return [datetime.combine(evening, at, case.zone).astimezone(UTC), last]


def _missing_departure(case: Case) -> Iterable[datetime]:
    """Shortly before the start; if it left without, shortly after that, by day."""
    booking, within = case.booking, case.moments.report_within
    if booking.state is State.CONFIRMED:
        return [booking.during.start - within]
    if booking.out_at is None:
        return []
    return [awake(booking.out_at + within, case.zone, case.moments, Night.MORNING)]


def _missing_return(case: Case) -> Iterable[datetime]:
    """At the end, which such a report is a part of; if it came back without, shortly after that."""
    booking = case.booking
    if booking.state is State.IN_USE:
        return [booking.during.end]
    return [booking.returned_at + case.moments.report_within] if booking.returned_at else []


def _ending_window(case: Case) -> Iterable[datetime]:
    return _before(case.missing, [case.moments.window_before])


def _due_answer(case: Case) -> Iterable[datetime]:
    return _before(case.missing, case.moments.answer_before)


def _undecided(case: Case) -> Iterable[datetime]:
    """At the hour of the office, some days after a mediator was asked."""
    since, at = case.missing.since, case.moments.office_at
    if since is None:
        return []
    asked_on = since.astimezone(case.zone).date()
    days = [asked_on + timedelta(days=days) for days in case.moments.undecided_days]
    return [datetime.combine(day, at, case.zone).astimezone(UTC) for day in days]


def _failed_deposit(case: Case) -> Iterable[datetime]:
    """Before the machine leaves; if it is out already, as after a lapse."""
    if case.booking.state is State.IN_USE:
        return _lapsed_deposit(case)
    return _before(case.missing, case.moments.deposit_before)


def _lapsing_deposit(case: Case) -> Iterable[datetime]:
    return _before(case.missing, case.moments.deposit_before)


def _lapsed_deposit(case: Case) -> Iterable[datetime]:
    since = case.missing.since
    return [since + after for after in case.moments.deposit_after] if since else []


def _before(missing: Missing, before: Collection[timedelta]) -> Iterable[datetime]:
    """So long before the time for it is over, unless that follows at once on what began it."""
    if missing.until is None:
        return []
    moments = [missing.until - one for one in before]
    return [one for one in moments if missing.since is None or one >= missing.since + REST]


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
    "departure_report_missing": Reminding(BOTH, _missing_departure, Night.EVENING, whoever=True),
    "return_report_missing": Reminding(BOTH, _missing_return, Night.MORNING, whoever=True),
    "claim_window_ending": Reminding((Side.OWNER,), _ending_window, Night.EVENING, RUNNERS),
    "claim_answer_due": Reminding(BOTH, _due_answer, Night.EVENING, RUNNERS),
    "claim_undecided": Reminding((Side.MEDIATOR,), _undecided, Night.MORNING),
    "deposit_failed": Reminding(BOTH, _failed_deposit, Night.EVENING),
    "deposit_lapsing": Reminding(BOTH, _lapsing_deposit, Night.EVENING),
    "deposit_lapsed": Reminding(BOTH, _lapsed_deposit, Night.PASSES),
}


def planned(booking: Booking, zone: ZoneInfo, moments: Moments, lacks: Lacks = NOTHING) -> frozenset[Planned]:
    """Every reminder that a booking wants as it stands, past ones too. `zone` is its machine's."""
    wanted = set()
    for kind, reminding in BOOKING_KINDS.items():
        known = KINDS[kind]
        missing = lacks.get(known.lack) if known.lack else Missing(reminding.sides)
        if booking.state not in known.states or missing is None:
            continue
        sides = [one for one in reminding.sides if reminding.whoever or one in missing.sides]
        for moment in reminding.moments(Case(booking, zone, moments, missing)):
            due_at = awake(moment, zone, moments, reminding.night)
            # After a promise has run out, nobody needs to be reminded of it.
            if booking.expires_at is None or due_at < booking.expires_at:
                wanted |= {Planned(kind, side, due_at) for side in sides}
    return frozenset(wanted)


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
