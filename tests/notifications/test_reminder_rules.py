"""When reminders are due: at their hours on the machine's clocks, whatever these do, and never at night."""

from datetime import UTC, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from votremachine.bookings.rules import Booking, State
from votremachine.kernel.money import Money
from votremachine.kernel.span import Span
from votremachine.notifications.delivering.rules import FIRST_WAIT, LONGEST_WAIT, Channel, following, wait_after
from votremachine.notifications.hours import end_of_hours, in_hours
from votremachine.notifications.preferences.rules import (
    Choice,
    Preferences,
    at_once,
    channels,
    in_digest,
    next_digest,
    send_at,
)
from votremachine.notifications.reminders.rules import Moments, Night, awake
from votremachine.notifications.reminders.wants import BOOKING_KINDS, Planned, planned
from votremachine.notifications.rules import BOTH, KINDS, Lack, Missing, Side, still_true

PARIS = ZoneInfo("Europe/Paris")
ZONES = st.sampled_from(["Europe/Paris", "America/New_York", "Indian/Reunion", "Australia/Lord_Howe", "UTC"]).map(
    ZoneInfo
)
INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)).map(lambda one: one.replace(tzinfo=UTC))  # noqa: DTZ001
HOURS = st.times().map(lambda one: one.replace(second=0, microsecond=0))
MOMENTS = Moments()
ONE = UUID(int=1)
EUROS = Money(0, "EUR")


def booking(start: datetime, end: datetime, state: State = State.CONFIRMED, **more: object) -> Booking:
    made = Booking(
        id=ONE,
        owner_party_id=UUID(int=2),
        renter_party_id=UUID(int=3),
        machine_ids=(UUID(int=4),),
        card_ids=(),
        state=state,
        during=Span(start, end),
        expires_at=None,
        extras={},
        price=None,  # type: ignore[arg-type]  # none of these rules looks at it
        deposit=EUROS,
        on_account=True,
        on_request=False,
        at_risk=False,
        out_at=None,
        returned_at=None,
        note="",
        version=1,
        created_at=start - timedelta(days=9),
    )
    return replace(made, **more)


def moments_of(kind: str, one: Booking, zone: ZoneInfo = PARIS) -> list[datetime]:
    return sorted({wanted.due_at for wanted in planned(one, zone, MOMENTS) if wanted.kind == kind})


def paris(*when: int) -> datetime:
    return datetime(*when, tzinfo=PARIS)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize("day", [datetime(2026, 3, 29), datetime(2026, 10, 25)])  # noqa: DTZ001
@pytest.mark.parametrize("shift", [-1, 0, 1])
def test_the_evening_before_is_at_six_whatever_the_clocks_do(day: datetime, shift: int) -> None:
    start = (day + timedelta(days=shift, hours=7)).replace(tzinfo=PARIS)
    (due,) = moments_of("booking_tomorrow", booking(start, start + timedelta(days=1)))
    local = due.astimezone(PARIS)
    assert (local.date(), local.time()) == (start.date() - timedelta(days=1), time(18))


@pytest.mark.parametrize(("month", "day"), [(3, 29), (10, 25)])
def test_what_is_due_at_seven_is_due_at_seven_on_the_days_of_change(month: int, day: int) -> None:
    """Two hours before nine, which clocks have on every day; the night of the change is 9 hours or 7 shorter."""
    start = paris(2026, month, day, 9)
    assert [
        one.astimezone(PARIS).time() for one in moments_of("hand_over_soon", booking(start, start + timedelta(days=1)))
    ] == [time(7)]
    night = paris(2026, month, day, 1)
    assert end_of_hours(night, PARIS, time(7)).astimezone(PARIS) == paris(2026, month, day, 7)
    assert (end_of_hours(night, PARIS, time(7)) - night.astimezone(UTC)) == timedelta(hours=5 if month == 3 else 7)


def test_an_hour_that_clocks_skip_comes_as_long_after_the_change() -> None:
    assert end_of_hours(paris(2026, 3, 29, 1), PARIS, time(2, 30)).astimezone(PARIS).time() == time(3, 30)


def test_a_hand_over_at_dawn_is_told_the_evening_before() -> None:
    start = paris(2026, 6, 2, 7)
    (due,) = moments_of("hand_over_soon", booking(start, start + timedelta(days=1)))
    assert due.astimezone(PARIS) == paris(2026, 6, 1, 21)


def test_what_is_overdue_passes_the_night_and_comes_back() -> None:
    one = booking(paris(2026, 6, 1, 8), paris(2026, 6, 1, 23), State.IN_USE)
    assert moments_of("overdue", one) == [paris(2026, 6, 1, 23, 30), paris(2026, 6, 2, 3)]
    assert moments_of("overdue_escalated", one) == [paris(2026, 6, 2, 23)]


def test_a_request_is_asked_about_by_day_and_never_once_it_has_run_out() -> None:
    asked = paris(2026, 6, 1, 21)
    one = booking(
        paris(2026, 6, 9, 8),
        paris(2026, 6, 9, 18),
        State.REQUESTED,
        created_at=asked,
        expires_at=asked + timedelta(days=1),
    )
    # In two hours it is night; twelve hours later it is nine.
    assert moments_of("request_waiting", one) == [paris(2026, 6, 2, 7), paris(2026, 6, 2, 9)]
    assert moments_of("request_expiring", one) == [paris(2026, 6, 2, 20)]
    soon = replace(one, expires_at=asked + timedelta(hours=3))
    assert moments_of("request_waiting", soon) == []


def test_a_short_hold_is_told_of_near_its_end_and_a_long_one_earlier() -> None:
    made = paris(2026, 6, 1, 8)
    for life, before in ((15, 5), (120, 30)):
        ends = made + timedelta(minutes=life)
        one = booking(paris(2026, 6, 9, 8), paris(2026, 6, 9, 18), State.HELD, created_at=made, expires_at=ends)
        assert moments_of("hold_expiring", one) == [ends - timedelta(minutes=before)]


@pytest.mark.parametrize(
    ("back", "evening", "last"),
    [
        ((1, 14), (1, 18), (2, 21)),  # 36 hours on it is night
        ((1, 18), (2, 18), (2, 21)),
        ((1, 9), (1, 18), (2, 21)),
        ((1, 8), (1, 18), (2, 20)),
    ],
)
def test_use_is_asked_for_in_the_evening_and_while_it_may_still_be_told(
    back: tuple[int, int], evening: tuple[int, int], last: tuple[int, int]
) -> None:
    returned_at = paris(2026, 6, *back)
    one = booking(paris(2026, 5, 30, 8), paris(2026, 6, 1, 18), State.RETURNED, returned_at=returned_at)
    lacks = {Lack.USAGE: Missing((Side.OWNER,))}
    found = {wanted.due_at for wanted in planned(one, PARIS, MOMENTS, lacks) if wanted.kind == "usage_missing"}
    assert found == {paris(2026, 6, *evening), paris(2026, 6, *last)}
    assert not planned(one, PARIS, MOMENTS)
    assert still_true("usage_missing", {"side": "owner"}, one, returned_at, lacks)
    assert not still_true("usage_missing", {"side": "renter"}, one, returned_at, lacks), "the other side is to act"
    assert not still_true("usage_missing", {"side": "owner"}, one, returned_at)


@given(INSTANTS, ZONES, HOURS, HOURS, st.sampled_from([Night.EVENING, Night.MORNING]))
def test_nobody_is_woken(moment: datetime, zone: ZoneInfo, begins: time, ends: time, night: Night) -> None:
    assume(begins != ends)
    # A day with less than four hours awake is nobody's.
    length = (timedelta(hours=ends.hour - begins.hour, minutes=ends.minute - begins.minute)) % timedelta(days=1)
    assume(length <= timedelta(hours=16))
    set_ = Moments(night_begins=begins, night_ends=ends)
    told = awake(moment, zone, set_, night)
    if not in_hours(moment.replace(microsecond=0), zone, begins, ends):
        assert told == moment.replace(microsecond=0)
        return
    assert not in_hours(told, zone, begins, ends)
    assert (told > moment) == (night is Night.MORNING)
    assert abs(told - moment) <= timedelta(hours=19)


@given(INSTANTS, ZONES, HOURS, HOURS)
def test_quiet_hours_end_and_urgent_ones_pass(now: datetime, zone: ZoneInfo, begins: time, ends: time) -> None:
    assume(begins != ends)
    wishes = Preferences(zone=zone, quiet_from=begins, quiet_until=ends)
    assert send_at("overdue", wishes, now) == now
    later = send_at("booking_tomorrow", wishes, now)
    assert later >= now
    assert (
        later == now
        or not in_hours(later, zone, begins, ends)
        or not in_hours(later - timedelta(hours=1), zone, begins, ends)
    )
    assert later - now <= timedelta(hours=26)
    assert send_at("booking_tomorrow", replace(wishes, quiet_from=None, quiet_until=None), now) == now


def test_quiet_hours_span_midnight() -> None:
    wishes = Preferences()
    for hour, day in ((23, 2), (3, 1)):
        assert send_at("BookingConfirmed", wishes, paris(2026, 6, 1, hour)).astimezone(PARIS) == paris(2026, 6, day, 7)
    assert send_at("BookingConfirmed", wishes, paris(2026, 6, 1, 7)) == paris(2026, 6, 1, 7)
    assert send_at("BookingConfirmed", wishes, paris(2026, 6, 1, 21, 59)) == paris(2026, 6, 1, 21, 59)


@given(st.sampled_from(State), INSTANTS, ZONES, st.integers(1, 24 * 40))
def test_only_what_its_state_wants_is_planned(state: State, start: datetime, zone: ZoneInfo, hours: int) -> None:
    expires = start - timedelta(hours=3) if state in {State.HELD, State.REQUESTED} else None
    one = booking(
        start, start + timedelta(hours=hours), state, expires_at=expires, created_at=start - timedelta(hours=27)
    )
    for wanted in planned(one, zone, MOMENTS):
        assert isinstance(wanted, Planned)
        assert state in KINDS[wanted.kind].states
        assert expires is None or wanted.due_at < expires
        if BOOKING_KINDS[wanted.kind].night is not Night.PASSES:
            assert not in_hours(wanted.due_at, zone, MOMENTS.night_begins, MOMENTS.night_ends)
        assert wanted.side in Side


@given(st.sampled_from(State), INSTANTS, ZONES, st.integers(0, 24 * 9), st.integers(1, 24 * 9))
def test_what_is_missing_is_reminded_of_before_it_is_too_late_and_by_day(
    state: State, since: datetime, zone: ZoneInfo, ahead: int, hours: int
) -> None:
    until = since + timedelta(hours=hours)
    start = since + timedelta(hours=ahead)
    one = booking(start, start + timedelta(days=2), state, returned_at=since)
    endless = {Lack.DECISION, Lack.COVER}
    lacks = {lack: Missing(tuple(Side), since, None if lack in endless else until) for lack in Lack}
    for wanted in planned(one, zone, MOMENTS, lacks):
        known = KINDS[wanted.kind]
        if BOOKING_KINDS[wanted.kind].night is not Night.PASSES:
            assert not in_hours(wanted.due_at, zone, MOMENTS.night_begins, MOMENTS.night_ends)
        if known.lack in {Lack.CLAIM, Lack.ANSWER, Lack.RENEWAL}:
            assert wanted.due_at < until
        if known.lack in endless:
            assert wanted.due_at > since


@pytest.mark.parametrize(("month", "day"), [(3, 29), (10, 25)])
def test_an_answer_is_due_so_many_hours_after_the_other_spoke_whatever_the_clocks_do(month: int, day: int) -> None:
    """A day before the end of 72 hours is 48 hours after their beginning, though the clocks show another hour."""
    since = (paris(2026, month, day, 12) - timedelta(days=1)).astimezone(UTC)
    until = since + timedelta(hours=72)
    one = booking(since - timedelta(days=2), since - timedelta(days=1), State.RETURNED, returned_at=since)
    lacks = {Lack.ANSWER: Missing((Side.RENTER,), since, until)}
    found = {wanted.due_at for wanted in planned(one, PARIS, MOMENTS, lacks) if wanted.kind == "claim_answer_due"}
    assert found == {since + timedelta(hours=48), since + timedelta(hours=68)}
    assert {when.astimezone(PARIS).hour for when in found} == ({13, 9} if month == 3 else {11, 7})


@pytest.mark.parametrize(("month", "day"), [(3, 29), (10, 25)])
def test_mediators_are_reminded_at_nine_whatever_the_clocks_do(month: int, day: int) -> None:
    since = paris(2026, month, day, 15) - timedelta(days=4)
    one = booking(since - timedelta(days=9), since - timedelta(days=8), State.RETURNED, returned_at=since)
    lacks = {Lack.DECISION: Missing((Side.MEDIATOR,), since)}
    found = [wanted for wanted in planned(one, PARIS, MOMENTS, lacks) if wanted.kind == "claim_undecided"]
    assert {wanted.due_at.astimezone(PARIS).time() for wanted in found} == {time(9)}
    assert {wanted.side for wanted in found} == {Side.MEDIATOR}
    days = sorted((wanted.due_at.astimezone(PARIS).date() - since.date()).days for wanted in found)
    assert tuple(days) == MOMENTS.undecided_days


def test_who_was_just_told_is_not_reminded_at_once() -> None:
    start = paris(2026, 6, 2, 18)
    one = booking(start, start + timedelta(days=1))

    def moments(since: datetime) -> list[datetime]:
        lacks = {Lack.DEPOSIT: Missing(BOTH, since, start)}
        return sorted({two.due_at for two in planned(one, PARIS, MOMENTS, lacks) if two.kind == "deposit_failed"})

    assert moments(paris(2026, 6, 1, 18)) == [paris(2026, 6, 1, 21), paris(2026, 6, 2, 15)]
    assert moments(paris(2026, 6, 2, 14, 30)) == []


def test_what_a_message_says_is_true_only_of_the_time_it_names() -> None:
    start, end = paris(2026, 6, 1, 8), paris(2026, 6, 2, 8)
    one, facts = booking(start, end), {"start": start.astimezone(UTC).isoformat(), "end": end.isoformat()}
    before, later = start - timedelta(hours=1), replace(one, during=Span(start, end + timedelta(hours=1)))
    assert still_true("booking_tomorrow", facts, one, before)
    assert not still_true("booking_tomorrow", facts, one, start), "it would come too late"
    assert not still_true("booking_tomorrow", facts, later, before)
    assert not still_true("booking_tomorrow", facts, replace(one, state=State.CANCELLED), before)
    assert not still_true("booking_tomorrow", facts, None, before)
    held = replace(one, state=State.HELD, expires_at=before)
    assert not still_true("hold_expiring", facts, held, before), "it has run out, swept or not"
    assert still_true("BookingCancelled", facts, replace(one, state=State.CANCELLED), end)
    assert still_true("PasswordChanged", {}, None, end)


@given(st.integers(1, 40), st.floats(0, 1))
def test_waits_grow_and_end(attempts: int, jitter: float) -> None:
    assert FIRST_WAIT <= wait_after(attempts, jitter) <= LONGEST_WAIT * 1.5
    assert wait_after(attempts, 0) <= wait_after(attempts + 1, 0)


def test_the_first_channel_that_is_there_then_the_next() -> None:
    everything, usual = frozenset(Channel), Preferences()
    assert channels("booking_tomorrow", usual, everything) == [Channel.PUSH, Channel.EMAIL]
    assert channels("overdue", usual, everything) == [Channel.PUSH, Channel.EMAIL, Channel.SMS]
    assert at_once("overdue", usual, {Channel.EMAIL, Channel.SMS}) == [Channel.EMAIL]
    assert at_once("overdue", usual, frozenset()) == []
    assert following([Channel.PUSH, Channel.EMAIL], [Channel.PUSH]) == Channel.EMAIL
    assert following([Channel.PUSH], [Channel.PUSH]) is None
    asked = Preferences(kinds={"overdue": Choice((Channel.SMS, Channel.EMAIL), everywhere=True)})
    assert at_once("overdue", asked, everything) == [Channel.SMS, Channel.EMAIL]
    assert at_once("overdue", Preferences(kinds={"overdue": Choice()}), everything) == []


def test_a_digest_gathers_what_is_not_urgent() -> None:
    daily = Preferences(digest_at=time(7, 30))
    assert in_digest("BookingConfirmed", daily)
    assert not in_digest("overdue", daily)
    assert not in_digest("digest", daily)
    assert not in_digest("BookingConfirmed", Preferences())
    assert next_digest(daily, paris(2026, 6, 1, 8)).astimezone(PARIS) == paris(2026, 6, 2, 7, 30)
