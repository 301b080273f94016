"""What is free around what is taken, and the nearest places instead."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from votremachine.availability.rules import ALTERNATIVES, SEARCH_RADIUS, alternatives, busy_for
from votremachine.kernel.span import Span, merge

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def hours(start: int, length: int) -> Span:
    return Span(NOON + start * HOUR, NOON + (start + length) * HOUR)


spans = st.builds(hours, st.integers(-400, 400), st.integers(1, 100))
buffers = st.tuples(st.integers(0, 5), st.integers(0, 5)).map(lambda pair: (pair[0] * HOUR, pair[1] * HOUR))


@given(spans, spans, buffers)
def test_a_newcomer_clear_of_the_busy_spans_meets_nobody(
    taken: Span, wanted: Span, own: tuple[timedelta, timedelta]
) -> None:
    free = not any(wanted.overlaps(busy) for busy in busy_for([taken], own))
    assert free == (not wanted.widened(*own).overlaps(taken))


@given(spans, st.lists(spans, max_size=10))
def test_an_alternative_is_free_as_long_near_and_within_bounds(wanted: Span, taken: list[Span]) -> None:
    earliest, latest = NOON - 300 * HOUR, NOON + 300 * HOUR
    found = alternatives(wanted, merge(taken), earliest, latest)
    assert len(found) <= ALTERNATIVES
    for span in found:
        assert span.length == wanted.length
        assert not any(span.overlaps(busy) for busy in taken)
        assert earliest <= span.start
        assert span.end <= latest
    distances = [abs(span.start - wanted.start) for span in found]
    assert distances == sorted(distances)
    assert all(distance <= SEARCH_RADIUS for distance in distances)


@given(spans, st.lists(spans, max_size=6))
def test_no_whole_hour_nearer_than_the_first_alternative_was_free(wanted: Span, taken: list[Span]) -> None:
    earliest, latest = NOON - 500 * HOUR, NOON + 600 * HOUR
    found = alternatives(wanted, merge(taken), earliest, latest)
    nearest = abs(found[0].start - wanted.start) if found else SEARCH_RADIUS + HOUR
    start = wanted.start - nearest + HOUR
    while start < wanted.start + nearest:
        candidate = Span(start, start + wanted.length)
        reachable = Span(max(earliest, wanted.start - SEARCH_RADIUS), min(latest, wanted.end + SEARCH_RADIUS))
        assert not reachable.contains(candidate) or any(candidate.overlaps(busy) for busy in taken)
        start += HOUR
