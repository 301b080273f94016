"""The life of a booking as a pure table."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from votremachine.bookings.models import STATES
from votremachine.bookings.rules import BLOCKING, LIFE, PROVISIONAL, State, lapsed, request_expiry, whole_minute
from votremachine.kernel.states import IllegalTransition, advance

NOW = datetime(2026, 5, 4, 6, tzinfo=UTC)
# DESIGN, section 4, written out by hand a second time.
ALLOWED = {
    ("held", "requested"),
    ("held", "confirmed"),
    ("held", "expired"),
    ("held", "cancelled"),
    ("requested", "confirmed"),
    ("requested", "declined"),
    ("requested", "expired"),
    ("requested", "cancelled"),
    ("confirmed", "in_use"),
    ("confirmed", "cancelled"),
    ("confirmed", "no_show"),
    ("in_use", "returned"),
    ("returned", "completed"),
}


@given(st.sampled_from(State), st.sampled_from(State))
def test_every_transition_but_those_of_the_table_is_refused(state: State, to: State) -> None:
    if (state.value, to.value) in ALLOWED:
        assert advance(LIFE, state, to) is to
    else:
        with pytest.raises(IllegalTransition):
            advance(LIFE, state, to)


def test_the_database_knows_the_same_states() -> None:
    assert set(STATES) == {state.value for state in State}


def test_what_ends_blocks_nothing() -> None:
    assert {state for state, following in LIFE.items() if not following}.isdisjoint(BLOCKING)


@given(st.sampled_from(State), st.integers(-100, 100))
def test_only_a_promise_that_ran_out_has_lapsed(state: State, seconds: int) -> None:
    expires_at = NOW + timedelta(seconds=seconds)
    assert lapsed(state, expires_at, NOW) == (state in PROVISIONAL and seconds <= 0)


@given(st.integers(0, 72))
def test_a_request_never_outlives_its_own_start_or_a_day(hours: int) -> None:
    start = NOW + timedelta(hours=hours)
    assert request_expiry(NOW, start) == NOW + timedelta(hours=min(hours, 24))


@given(st.datetimes(timezones=st.just(UTC)).filter(lambda moment: moment.year < 9999))
def test_the_hour_that_is_told_is_never_before_the_hour_itself(moment: datetime) -> None:
    told = whole_minute(moment)
    assert timedelta(0) <= told - moment < timedelta(minutes=1)
    assert (told.second, told.microsecond) == (0, 0)
