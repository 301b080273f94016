"""The algebra of spans against a naive oracle that paints every minute of a day."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from votremachine.kernel.span import EndsBeforeStart, NaiveTime, OutOfTime, Span, clip, gaps, merge, subtract

MIDNIGHT = datetime(2026, 3, 28, tzinfo=UTC)
DAY = 24 * 60


def minutes(start: int, end: int) -> Span:
    return Span(MIDNIGHT + timedelta(minutes=start), MIDNIGHT + timedelta(minutes=end))


spans = st.tuples(st.integers(0, DAY - 1), st.integers(1, 180)).map(lambda pair: minutes(pair[0], pair[0] + pair[1]))
many = st.lists(spans, max_size=12)


def painted(some: list[Span]) -> set[int]:
    """Every minute of the day that one of the spans covers."""
    zero = MIDNIGHT
    return {
        minute
        for span in some
        for minute in range((span.start - zero) // timedelta(minutes=1), (span.end - zero) // timedelta(minutes=1))
    }


def is_canonical(some: list[Span]) -> bool:
    return all(one.end < two.start for one, two in pairwise(some))


@given(many)
def test_a_union_covers_just_the_minutes_of_its_parts(some: list[Span]) -> None:
    union = merge(some)
    assert painted(union) == painted(some)
    assert is_canonical(union)
    assert merge(union) == union


@given(many, many)
def test_subtraction_leaves_just_the_other_minutes(some: list[Span], holes: list[Span]) -> None:
    left = subtract(some, holes)
    assert painted(left) == painted(some) - painted(holes)
    assert is_canonical(left)


@given(many, spans)
def test_clipping_keeps_just_the_minutes_of_the_window(some: list[Span], window: Span) -> None:
    inside = clip(some, window)
    assert painted(inside) == painted(some) & painted([window])
    assert is_canonical(inside)


@given(many, spans)
def test_gaps_and_what_is_taken_make_up_the_window(some: list[Span], window: Span) -> None:
    free = gaps(window, some)
    assert painted(free) | painted(clip(some, window)) == painted([window])
    assert not painted(free) & painted(some)


@given(spans, spans)
def test_two_spans_overlap_when_they_share_a_minute(one: Span, two: Span) -> None:
    assert one.overlaps(two) == bool(painted([one]) & painted([two]))
    assert one.contains(two) == (painted([two]) <= painted([one]))


def test_a_span_never_ends_before_it_starts() -> None:
    with pytest.raises(EndsBeforeStart):
        minutes(10, 10)
    with pytest.raises(EndsBeforeStart):
        minutes(10, 9)


def test_a_span_refuses_naive_times() -> None:
    naive = MIDNIGHT.replace(tzinfo=None)
    with pytest.raises(NaiveTime):
        Span(naive, MIDNIGHT + timedelta(hours=1))
    with pytest.raises(NaiveTime):
        Span(MIDNIGHT, naive + timedelta(hours=1))


def test_the_same_instants_are_the_same_span_whatever_their_offset() -> None:
    paris = timezone(timedelta(hours=1))
    assert Span(MIDNIGHT.astimezone(paris), (MIDNIGHT + timedelta(hours=1)).astimezone(paris)) == minutes(0, 60)


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=4))])
def test_a_span_refuses_years_without_a_calendar(zone: timezone) -> None:
    for start, end in ((1969, 2026), (2026, 2201), (1969, 2201)):
        with pytest.raises(OutOfTime):
            Span(datetime(start, 7, 1, tzinfo=zone), datetime(end, 7, 1, tzinfo=zone))
    with pytest.raises(EndsBeforeStart):
        Span(datetime(2027, 7, 1, tzinfo=zone), datetime(2026, 7, 1, tzinfo=zone))
