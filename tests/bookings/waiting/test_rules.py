"""The life of a wish, what becomes of an offer, and until when it stands, whatever the clocks do."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from votremachine.bookings.rules import State as Booking
from votremachine.bookings.waiting.rules import LIFE, MORNING, OFFER_LIFE, State, offer_expiry, outcome
from votremachine.kernel.states import IllegalTransition, advance

PARIS = ZoneInfo("Europe/Paris")
FAR = timedelta(days=30)
# Half an hour of summer time, clocks that change at midnight, none that change, and Europe's own.
zones = st.sampled_from(["Europe/Paris", "Australia/Lord_Howe", "America/Havana", "America/St_Johns", "UTC"]).map(
    ZoneInfo
)


@st.composite
def nows(draw: st.DrawFn) -> datetime:
    """Any minute of two years, mostly around the nights on which Europe's clocks change."""
    change = draw(st.sampled_from(["2026-03-29T01:00Z", "2026-10-25T01:00Z", "2027-03-14T07:00Z"]))
    near, far = st.integers(-2_880, 2_880), st.integers(-525_600, 525_600)
    return datetime.fromisoformat(change).astimezone(UTC) + timedelta(minutes=draw(st.one_of(near, far)))


def night(wall: time) -> bool:
    return wall >= time(22) or wall < time(7)


@given(nows(), st.timedeltas(timedelta(minutes=1), timedelta(days=3)), zones)
def test_an_offer_stands_for_two_hours_of_the_day_or_until_nine(
    now: datetime, ahead: timedelta, zone: ZoneInfo
) -> None:
    start = now + ahead
    expires, unbound = offer_expiry(now, start, zone), offer_expiry(now, now + FAR, zone)
    assert expires == min(unbound, start)
    assert now < expires <= start
    # In UTC: Python subtracts two times of one zone on the wall clock.
    assert unbound.tzinfo is UTC
    assert unbound - now >= OFFER_LIFE
    by_day = not night(now.astimezone(zone).time()) and not night((now + OFFER_LIFE).astimezone(zone).time())
    if by_day:
        assert unbound - now == OFFER_LIFE
    else:
        assert unbound.astimezone(zone).time() == MORNING
        # It is the next such morning: none lies between.
        assert unbound - (now + OFFER_LIFE) < timedelta(hours=25)
        assert (unbound.astimezone(zone).date() - (now + OFFER_LIFE).astimezone(zone).date()).days in {0, 1}
    assert not night(unbound.astimezone(zone).time())


@pytest.mark.parametrize(
    ("now", "expires"),
    [
        ("2026-06-01T10:00", "2026-06-01T12:00"),
        ("2026-06-01T07:00", "2026-06-01T09:00"),
        ("2026-06-01T07:30", "2026-06-01T09:30"),
        ("2026-06-01T06:59", "2026-06-01T09:00"),
        ("2026-06-01T03:00", "2026-06-01T09:00"),
        ("2026-06-01T19:59", "2026-06-01T21:59"),
        ("2026-06-01T20:00", "2026-06-02T09:00"),
        ("2026-06-01T22:00", "2026-06-02T09:00"),
        # Nights of 23 and 25 hours.
        ("2026-03-28T23:00", "2026-03-29T09:00"),
        ("2026-10-24T23:00", "2026-10-25T09:00"),
    ],
)
def test_offers_by_the_clock_of_the_landes(now: str, expires: str) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=PARIS).astimezone(UTC)
    assert offer_expiry(at, at + FAR, PARIS) == datetime.fromisoformat(expires).replace(tzinfo=PARIS)


def test_every_other_step_is_refused() -> None:
    allowed = {
        ("waiting", "offered"),
        ("waiting", "withdrawn"),
        ("waiting", "lapsed"),
        ("offered", "taken"),
        ("offered", "passed"),
    }
    for state in State:
        for to in State:
            if (state, to) in allowed:
                assert advance(LIFE, state, to) is to
            else:
                with pytest.raises(IllegalTransition):
                    advance(LIFE, state, to)


def test_what_an_offer_becomes_is_what_its_booking_became() -> None:
    passed = {Booking.EXPIRED, Booking.CANCELLED, Booking.DECLINED}
    assert {state for state in Booking if outcome(state) is State.PASSED} == passed
    assert [state for state in Booking if outcome(state) is State.OFFERED] == [Booking.HELD]
    assert {outcome(state) for state in Booking} == {State.OFFERED, State.PASSED, State.TAKEN}
