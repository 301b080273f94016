"""Which occurrences bookings keep out, found quickly, is what comparing each with each finds."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from votremachine.availability.blocks.rules import Lost, lost
from votremachine.kernel.span import Span, merge

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
spans = st.tuples(st.integers(0, 60), st.integers(1, 12)).map(
    lambda pair: Span(NOON + timedelta(hours=pair[0]), NOON + timedelta(hours=sum(pair)))
)
# Occurrences may reach into the next one, and blocks into each other; bookings never do, but follow at once.
wishes = st.lists(st.lists(spans, unique=True, max_size=8).map(sorted), max_size=4)
bookings = (
    st.lists(spans, max_size=8)
    .map(merge)
    .flatmap(
        lambda apart: st.tuples(*(_halves(span) for span in apart)).map(
            lambda each: [one for many in each for one in many]
        )
    )
)


def _halves(span: Span) -> st.SearchStrategy[list[Span]]:
    middle = span.start + span.length / 2
    return st.sampled_from([[span], [Span(span.start, middle), Span(middle, span.end)]])


def each_with_each(wanted: list[tuple[UUID, list[Span]]], booked: list[tuple[UUID, Span]]) -> Lost:
    return {
        (block_id, span.start): booking_id
        for block_id, spans in wanted
        for booking_id, taken in booked
        for span in spans
        if span.overlaps(taken)
    }


@given(wishes, bookings)
def test_quickly_as_one_by_one(blocks: list[list[Span]], apart: list[Span]) -> None:
    # Two occurrences of one block never begin at once.
    wanted = [(UUID(int=i), [*{span.start: span for span in wish}.values()]) for i, wish in enumerate(blocks)]
    booked = [(UUID(int=100 + i), span) for i, span in enumerate(apart)]
    assert lost(wanted, booked) == each_with_each(wanted, booked)


def test_many_of_both_are_found_at_once() -> None:
    """Compared each with each it would be eight hundred million times."""
    hours = [Span(NOON + timedelta(hours=i), NOON + timedelta(hours=i, minutes=30)) for i in range(20_000)]
    booked = [(UUID(int=i), span) for i, span in enumerate(hours)]
    assert len(lost([(UUID(int=1), hours), (UUID(int=2), hours)], booked)) == 40_000
