"""What is left of a feed's times, all at once, is what is left of each by itself."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from votremachine.availability.blocks.rules import left_of
from votremachine.availability.feeds.rules import left_of_each
from votremachine.kernel.span import Span, merge

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
hours = st.tuples(st.integers(0, 60), st.integers(1, 8))
spans = st.lists(
    hours.map(lambda pair: Span(NOON + timedelta(hours=pair[0]), NOON + timedelta(hours=pair[0] + pair[1]))),
    max_size=10,
)


@given(spans, spans)
def test_at_once_as_one_by_one(wanted: list[Span], taken: list[Span]) -> None:
    times = {UUID(int=100 - number): span for number, span in enumerate(merge(wanted))}
    one_by_one = [(event, part) for event, span in times.items() for part in left_of([span], taken)]
    assert left_of_each(times, taken) == one_by_one
