"""The oracle: which reminders a booking wants, written down once more and plainly."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from votremachine.bookings.rules import Booking, State

PARIS = ZoneInfo("Europe/Paris")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# A row of `claims` or `deposits`, with the hour of its last step.
Row = Mapping[str, Any]
Wants = set[tuple[str, str, datetime]]
Moments = set[tuple[str, datetime]]
BOTH = ("owner", "renter")
SIDES = {
    "return_due": ("renter",),
    "request_waiting": ("owner",),
    "request_expiring": ("owner",),
    "hold_expiring": ("renter",),
    "claim_window_ending": ("owner",),
    "claim_undecided": ("mediator",),
}


def wanted(one: Booking, told: Collection[UUID], asking: UUID, claim: Row | None, deposit: Row | None) -> Wants:
    """The kinds and moments of a booking, and who is to hear of it.

    `told`: those whose use is known; `asking`: the machine whose owner asks for reports; `claim`: the last about it.
    """
    start, end, expires = one.during.start, one.during.end, one.expires_at
    found: Moments = set()
    if one.state is State.CONFIRMED:
        eve = start.astimezone(PARIS).date() - timedelta(days=1)
        found.add(("booking_tomorrow", datetime(eve.year, eve.month, eve.day, 18, tzinfo=PARIS)))
        found.add(("hand_over_soon", evening(start - timedelta(hours=2))))
    if one.state is State.IN_USE:
        found.add(("return_due", evening(end - timedelta(hours=2))))
        found |= {("overdue", end + timedelta(minutes=late)) for late in (30, 240)}
        found.add(("overdue_escalated", end + timedelta(days=1)))
    if one.state is State.RETURNED and one.id not in told and any(line.estimated for line in one.price.lines):
        found |= {("usage_missing", at) for at in wanted_of_a_return(one.returned_at)}
    if asking in one.machine_ids:
        found |= wanted_of_reports(one)
    if expires:
        found |= wanted_of_a_promise(one.state, expires, one.created_at)
    if one.state is State.RETURNED:
        found |= wanted_of_a_claim(one.returned_at, claim)
    if deposit:
        found |= wanted_of_a_deposit(one, deposit)
    sides = SIDES | {"claim_answer_due": (claim["turn"],)} if claim else SIDES
    return {
        (kind, side, at.astimezone(UTC))
        for kind, at in found
        if expires is None or at < expires
        for side in sides.get(kind, BOTH)
    }


def wanted_of_a_claim(back: datetime | None, claim: Row | None) -> Moments:
    assert back is not None
    if claim is None:
        return {("claim_window_ending", evening(back + 36 * HOUR))}
    if claim["state"] in {"open", "contested"}:
        return {("claim_answer_due", evening(claim["due_at"] - left)) for left in (24 * HOUR, 4 * HOUR)}
    if claim["state"] != "mediation":
        return set()
    nine = claim["since"].astimezone(PARIS).replace(hour=9, minute=0, second=0, microsecond=0)
    return {("claim_undecided", nine + days * DAY) for days in (3, 6, 9, 12, 15, 20, 25, 30, 45, 60, 90)}


def wanted_of_a_deposit(one: Booking, deposit: Row) -> Moments:
    state, since, lapses = deposit["state"], deposit["since"], deposit["capture_before"]
    out = one.state in {State.CONFIRMED, State.IN_USE}
    after = (since + 4 * HOUR, since + 24 * HOUR)
    if state == "failed" and one.state is State.CONFIRMED:
        before = (one.during.start - 12 * HOUR, one.during.start - 3 * HOUR)
        return {("deposit_failed", evening(at)) for at in before if at >= since + HOUR}
    if state == "failed" and one.state is State.IN_USE:
        return {("deposit_failed", evening(at)) for at in after}
    if state == "authorised" and deposit["failure"] and (out or one.state is State.RETURNED):
        return {("deposit_lapsing", evening(lapses - left)) for left in (12 * HOUR, 3 * HOUR)}
    if state == "lapsed" and (out or one.state is State.RETURNED):
        return {("deposit_lapsed", at) for at in after}
    return set()


def wanted_of_a_return(back: datetime | None) -> set[datetime]:
    assert back is not None
    six = back.astimezone(PARIS).replace(hour=18, minute=0, second=0, microsecond=0)
    return {six if back < six else six + timedelta(days=1), evening(back + timedelta(hours=36))}


def wanted_of_reports(one: Booking) -> Moments:
    if one.state is State.CONFIRMED:
        return {("departure_report_missing", evening(one.during.start - HOUR))}
    if one.state is State.IN_USE and one.out_at:
        left = ("departure_report_missing", morning(one.out_at + HOUR))
        return {left, ("return_report_missing", morning(one.during.end))}
    back = one.returned_at if one.state is State.RETURNED else None
    return {("return_report_missing", morning(back + HOUR))} if back else set()


def wanted_of_a_promise(state: State, expires: datetime, made: datetime) -> Moments:
    if state is State.HELD:
        return {("hold_expiring", expires - max(timedelta(minutes=5), (expires - made) / 4))}
    asked = max(made, expires - timedelta(days=1))
    waiting = {("request_waiting", morning(asked + timedelta(hours=after))) for after in (2, 12)}
    return {*waiting, ("request_expiring", evening(expires - timedelta(hours=1)))}


def night(one: datetime) -> bool:
    return not 7 <= one.astimezone(PARIS).hour < 22


def evening(one: datetime) -> datetime:
    """An hour before the night into which it falls, if it does."""
    if not night(one):
        return one
    one = one.replace(second=0)
    while night(one):
        one -= timedelta(minutes=1)
    return one + timedelta(minutes=1) - timedelta(hours=1)


def morning(one: datetime) -> datetime:
    while night(one):
        one = (one + timedelta(minutes=1)).replace(second=0)
    return one
