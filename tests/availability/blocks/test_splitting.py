"""Cutting a series in two, moving it, and what is left of wishes: against plain sets."""

import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.availability.blocks.test_recurrence import recurring
from tests.availability.blocks.walking import Plan
from votremachine.availability.blocks.recurrence import Series, check, placed, read, starts, wall
from votremachine.availability.blocks.revisions import Revision, before, following, revise, strike
from votremachine.availability.blocks.rules import AHEAD, ROLLED_WHEN_NEARER, Block, Change, Scope, left_of
from votremachine.availability.rules import Taker
from votremachine.fleet.schemas import Horizon
from votremachine.kernel.ids import uuid7
from votremachine.kernel.span import Span, subtract

NOON = datetime(2027, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ONE, OTHER = uuid7(NOON, bytes(10)), uuid7(NOON + HOUR, bytes(10))
spans = st.builds(
    lambda start, length: Span(NOON + start * HOUR, NOON + (start + length) * HOUR),
    st.integers(0, 90),
    st.integers(1, 9),
)


def block(series: Series) -> Block:
    far = datetime(2032, 1, 1, tzinfo=UTC)
    return Block(ONE, ONE, Taker.BLOCK, "", series, ONE, 1, far)


def all_starts(revision: Revision, zone: ZoneInfo, until: datetime) -> list[datetime]:
    """Every local start that a revision leaves, up to a day before `until`."""
    found: list[datetime] = []
    for one in revision.blocks:
        time = one.time
        found += starts(check(time), until) if isinstance(time, Series) else [wall(time.start, zone)]
    return up_to(found, until)


def up_to(found: list[datetime], until: datetime) -> list[datetime]:
    return sorted(one for one in found if one <= until - timedelta(days=1))


@given(recurring(), st.integers(0, 60))
def test_a_series_cut_in_two_takes_place_as_before(drawn: tuple[Plan, Series], nth: int) -> None:
    _, series = drawn
    until = series.start + timedelta(days=800)
    every = starts(series, until)
    assume(every)
    cut = every[nth % len(every)]
    earlier, later = before(series, cut), following(series, cut)
    assert starts(check(later), until) == [one for one in every if one >= cut]
    assert (starts(check(earlier), until) if earlier else []) == [one for one in every if one < cut]
    assert earlier is None or earlier.rule is None or read(earlier.rule.written, series.zone) == earlier.rule


@given(recurring(), st.integers(0, 60), st.sampled_from(Scope), st.integers(-5, 5))
def test_each_scope_moves_and_strikes_what_it_says(
    drawn: tuple[Plan, Series], nth: int, scope: Scope, quarters: int
) -> None:
    _, series = drawn
    shift, until = timedelta(minutes=15 * quarters), series.start + timedelta(days=500)
    every = starts(series, until)
    assume(every)
    cut = every[nth % len(every)]
    anchor = series.start if scope is Scope.ALL else cut
    # Within one day, away from changes of clocks: there a local time may have no instant to be named by.
    assume(all((one + shift).date() == one.date() for one in {anchor, cut, series.start}))
    now = placed(replace(series, exdates=()), anchor).start
    assume(now.astimezone(series.zone).replace(tzinfo=None, fold=0) == anchor)
    new = (anchor + shift).replace(tzinfo=series.zone)
    assume(new.astimezone(UTC).astimezone(series.zone).replace(tzinfo=None) == anchor + shift)
    occurrence = None if scope is Scope.ALL else placed(series, cut).start
    about = {
        Scope.THIS: [one for one in every if one == cut],
        Scope.FOLLOWING: [one for one in every if one >= cut],
        Scope.ALL: every,
    }[scope]
    rest = [one for one in every if one not in about]
    assert all_starts(strike(block(series), scope, occurrence), series.zone, until) == up_to(rest, until)
    revision = revise(block(series), Change(start=new), scope, occurrence, OTHER, series.zone)
    assert all_starts(revision, series.zone, until) == up_to(rest + [one + shift for one in about], until)


@given(st.lists(spans, max_size=12), st.lists(spans, max_size=12))
def test_what_is_left_is_what_nobody_has_and_is_had_once(wishes: list[Span], taken: list[Span]) -> None:
    left = left_of(wishes, taken)
    assert left == sorted(left)
    assert all(one.end <= two.start for one, two in itertools.pairwise(left))
    assert all(any(wish.contains(one) for wish in wishes) for one in left)
    assert subtract(left, []) == subtract(wishes, taken)


def test_series_reach_beyond_whatever_can_be_booked() -> None:
    farthest = timedelta(days=Horizon.__metadata__[0].le)  # type: ignore[attr-defined]
    assert farthest + timedelta(days=40) <= ROLLED_WHEN_NEARER < AHEAD
