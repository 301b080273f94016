"""Which occurrence a part of a series belongs to, over changes of the clocks."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from votremachine.availability.blocks import recurrence
from votremachine.availability.blocks.parts import occurrence_of
from votremachine.availability.blocks.recurrence import Series
from votremachine.kernel.span import Span

ZONES = st.sampled_from(["Europe/Paris", "Indian/Reunion", "America/Cayenne"]).map(ZoneInfo)
# About a week before the clocks of France change, so that most series pass over it.
STARTS = st.sampled_from(["2026-10-19T00:00", "2027-03-22T00:00"]).flatmap(
    lambda day: st.integers(0, 24 * 4 - 1).map(lambda n: datetime.fromisoformat(day) + n * timedelta(minutes=15))
)


@st.composite
def series(draw: st.DrawFn) -> Series:
    """Every day, or every other one, for two weeks; never long enough to meet itself."""
    zone, start = draw(ZONES), draw(STARTS)
    length = draw(st.integers(1, 22 * 60)) * timedelta(minutes=1)
    rule = recurrence.read(f"FREQ=DAILY;COUNT=14;INTERVAL={draw(st.integers(1, 2))}", zone)
    dropped = draw(st.lists(st.integers(0, 13), max_size=3, unique=True))
    return Series(zone, start, start + length, rule, exdates=tuple(start + n * timedelta(days=1) for n in dropped))


@given(series(), st.integers(0, 13), st.floats(0, 0.9), st.floats(0.1, 1))
def test_any_part_leads_to_the_whole(one: Series, number: int, since: float, until: float) -> None:
    days = recurrence.starts(one, one.start + timedelta(days=40))
    if not days:
        return
    whole = recurrence.placed(one, days[number % len(days)])
    start, end = whole.start + whole.length * since, whole.start + whole.length * until
    if start < end:
        assert occurrence_of(one, Span(start, end)) == whole


@given(series())
def test_what_was_left_out_is_no_occurrence(one: Series) -> None:
    for start in one.exdates:
        assert occurrence_of(one, recurrence.placed(one, start)) is None
