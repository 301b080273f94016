"""When a machine left and came back, whatever phones say and whenever their reports arrive."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from votremachine.bookings.moments import OLD_NEWS, back_at, claimable_from, left_at, relayed_at
from votremachine.bookings.rules import EARLIEST_CHECK_OUT

START = datetime(2026, 6, 1, 8, tzinfo=UTC)
# Minutes around the start of the booking; phones say anything.
SAID = st.integers(-10_000, 10_000).map(lambda minutes: START + timedelta(minutes=minutes))
# A check-out is taken in two hours before the start, and from then on at any time.
NOW = st.integers(-120, 10_000).map(lambda minutes: START + timedelta(minutes=minutes))


@given(SAID, NOW, st.none() | SAID)
def test_a_machine_leaves_within_what_is_possible(said: datetime, now: datetime, before: datetime | None) -> None:
    before = min(before, now) if before else None
    left = left_at(said, START, before, now)
    earliest = max(START - EARLIEST_CHECK_OUT, before or START - EARLIEST_CHECK_OUT)
    assert earliest <= left <= now
    if earliest <= said <= now:
        assert left == said, "what both signed for, if it can be"


@given(SAID, SAID, NOW, NOW)
def test_it_comes_back_after_it_left_and_not_in_the_future(
    out_said: datetime, back_said: datetime, out_now: datetime, waited: datetime
) -> None:
    back_now = max(out_now, waited)
    left = left_at(out_said, START, None, out_now)
    back = back_at(back_said, left, back_now)
    assert left <= back <= back_now
    if left <= back_said <= back_now:
        assert back == back_said


@given(SAID, NOW, st.integers(0, 10_000), st.integers(0, 10_000))
def test_who_waits_with_sending_or_signing_changes_nothing(
    said: datetime, now: datetime, longer: int, longest: int
) -> None:
    """A report that says what is possible when it is made says the same moment however late it is sealed."""
    said = min(max(said, START - EARLIEST_CHECK_OUT), now)
    later = now + timedelta(minutes=longer)
    assert left_at(said, START, None, now) == left_at(said, START, None, later)
    assert back_at(said, said, now) == back_at(said, said, later + timedelta(minutes=longest))


@given(SAID, SAID, NOW, st.integers(0, 3_000))
def test_in_a_relay_somebody_has_the_machine_at_every_moment(
    said: datetime, out_at: datetime, now: datetime, gap: int
) -> None:
    """It comes back from the one renter at the very moment at which it leaves with the other."""
    next_start = START + timedelta(minutes=gap)
    now = max(now, next_start - EARLIEST_CHECK_OUT)
    back = back_at(relayed_at(said, next_start), min(out_at, now), now)
    assert left_at(said, next_start, back, now) == back


@given(SAID, st.integers(0, 20_000))
def test_an_owner_who_reads_of_it_late_keeps_a_day_less_than_their_time(back: datetime, minutes: int) -> None:
    readable = back + timedelta(minutes=minutes)
    counts = claimable_from(back, readable)
    assert counts >= back, "never less than was agreed"
    assert counts >= readable - OLD_NEWS
    assert counts == back or minutes > OLD_NEWS / timedelta(minutes=1), "a few hours without signal change nothing"
