"""What availability says of a window, held against the rules that decide on each single booking."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from votremachine.availability.bookable import Outlook, Reason, micros, outlook, stretch
from votremachine.fleet.bookable import (
    BeyondHorizon,
    InThePast,
    NobodyThere,
    NotBookable,
    TooLong,
    TooShort,
    TooSoon,
    check_bookable,
)
from votremachine.fleet.opening import is_open
from votremachine.fleet.rules import Machine, State, Texts
from votremachine.fleet.terms import DatedHours, HandOver, Hours, Terms
from votremachine.kernel.errors import DomainError
from votremachine.kernel.money import Money
from votremachine.kernel.span import Span

PARIS = ZoneInfo("Europe/Paris")
# The clocks go forward on the 28th.
START, DAYS = datetime(2027, 3, 22, tzinfo=UTC), 10
FIRST = date(2027, 3, 22)
QUARTER, DAY, INSTANT = timedelta(minutes=15), timedelta(days=1), timedelta(microseconds=1)


Stretch = tuple[datetime, datetime]


class Told(NamedTuple):
    """An `Outlook` in instants."""

    free: list[Stretch]
    busy: list[Stretch]
    unbookable: list[tuple[Stretch, Reason]]


def in_instants(found: Outlook) -> Told:
    def instants(one: tuple[int, int]) -> Stretch:
        start, end = (datetime(1970, 1, 1, tzinfo=UTC) + edge * INSTANT for edge in one)
        assert (micros(start), micros(end)) == one
        return start, end

    return Told(
        [instants(one) for one in found.free],
        [instants(one) for one in found.busy],
        [(instants(one), why) for one, why in found.unbookable],
    )


class Scene(NamedTuple):
    machine: Machine
    blocked: list[Stretch]
    window: Span
    now: datetime

    def outlook(self) -> Told:
        """From what the database gives: only the occupancies within reach of the window."""
        terms = self.machine.terms
        before, after = terms.buffers
        shortest = timedelta(minutes=terms.min_minutes)
        reach = self.window.widened(before + shortest, after + shortest)
        near = [stretch(Span(*one)) for one in self.blocked if reach.overlaps(Span(*one))]
        return in_instants(outlook(self.machine, reversed(near), self.window, self.now))

    def refusal(self, span: Span) -> type[DomainError] | Reason | None:
        """Why a booking of this span is refused, None when it is not."""
        try:
            check_bookable(self.machine, span, self.now)
        except DomainError as error:
            return type(error)
        wanted = span.widened(*self.machine.terms.buffers)
        return Reason.BUSY if any(wanted.overlaps(Span(*one)) for one in self.blocked) else None

    def is_open(self, instant: datetime) -> bool:
        return is_open(self.machine.terms, self.machine.zone, instant)


def machine(state: State = State.LISTED, **terms: Any) -> Machine:
    made = Terms(**terms)
    return Machine(uuid4(), uuid4(), "tractor", Texts("x"), state, PARIS, made, Money(0), version=1)


quarters = st.integers(0, DAYS * 24 * 4).map(lambda number: START + number * QUARTER)
clocks = st.sampled_from(["00:00", "02:30", "06:00", "08:00", "12:00", "12:15", "18:00", "24:00"])
hours = st.tuples(clocks, clocks).map(sorted).filter(lambda pair: pair[0] < pair[1]).map(lambda pair: Hours(*pair))
weekdays = st.lists(st.tuples(st.integers(1, 7), hours), min_size=1, max_size=6)


@st.composite
def exceptions(draw: st.DrawFn) -> tuple[DatedHours, ...]:
    found, number = [], 0
    while number < DAYS and draw(st.booleans()):
        first = number + draw(st.integers(0, 3))
        last = first + draw(st.integers(0, 2))
        own = tuple(draw(st.lists(hours, max_size=1)))
        found.append(DatedHours(FIRST + first * DAY, FIRST + last * DAY, own))
        number = last + 1
    return tuple(found)


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    weekly = draw(st.one_of(st.just([]), weekdays))
    shortest = draw(st.sampled_from([15, 60, 300, 24 * 60, 3 * 24 * 60]))
    terms: dict[str, Any] = {
        "buffer_before_minutes": draw(st.sampled_from([0, 30, 120])),
        "buffer_after_minutes": draw(st.sampled_from([0, 45, 240])),
        "min_minutes": shortest,
        "max_minutes": draw(st.sampled_from([28 * 24 * 60, max(shortest, 36 * 60)])),
        "lead_minutes": draw(st.sampled_from([0, 0, 60, 48 * 60])),
        "horizon_days": draw(st.sampled_from([365, 365, 8, 1])),
        "hand_over": tuple(HandOver(day, one.opens, one.closes) for day, one in weekly),
        "exceptions": draw(exceptions()),
    }
    edges = sorted(draw(st.sets(quarters, max_size=12)))
    blocked = [(start, end) for start, end in pairwise(edges) if draw(st.booleans())]
    window = sorted(draw(st.lists(quarters, min_size=2, max_size=2, unique=True)))
    now = draw(st.sampled_from([START - 3 * DAY, START + timedelta(minutes=7), START + 3 * DAY]))
    return Scene(machine(**terms), blocked, Span(*window), now)


def touching(span: Span, reason: Reason, found: Told) -> bool:
    return any(why is reason and span.overlaps(Span(*one)) for one, why in found.unbookable)


def candidates(data: st.DataObject, scene: Scene, found: Told) -> Iterator[Span]:
    """Spans within the window, between its quarters of hours and the edges of what was said of it."""
    edges = {edge for one in found.free for edge in one} | {edge for one, _ in found.unbookable for edge in one}
    first, step = data.draw(st.integers(0, 40)), data.draw(st.integers(1, 13))
    grid = [scene.window.start + number * QUARTER for number in range(first, first + 300, step)]
    instants = sorted({one for one in (*edges, *grid) if scene.window.start <= one <= scene.window.end})
    for _ in range(25):
        start, end = data.draw(st.sampled_from(instants)), data.draw(st.sampled_from(instants))
        if start < end:
            yield Span(start, end)


def check_refused(scene: Scene, found: Told, span: Span) -> None:
    """For the reason that it meets, and for none that it does not."""
    why = scene.refusal(span)
    if touching(span, Reason.TOO_SOON, found):
        assert why in {InThePast, TooSoon}
        return
    assert why not in {InThePast, TooSoon}
    length = span.length / timedelta(minutes=1)
    if not scene.machine.terms.min_minutes <= length <= scene.machine.terms.max_minutes:
        assert why in {TooShort, TooLong}
        return
    assert not any(Span(*one).contains(span) for one, reason in found.unbookable if reason is Reason.TOO_SHORT)
    if touching(span, Reason.BEYOND_HORIZON, found):
        assert why is BeyondHorizon
        return
    assert why is not BeyondHorizon
    ends_open = scene.is_open(span.start) and scene.is_open(span.end)
    if touching(span, Reason.BUSY, found):
        assert why is (Reason.BUSY if ends_open else NobodyThere)
        return
    assert why is not Reason.BUSY
    shut = [one for one, reason in found.unbookable if reason is Reason.CLOSED]
    if any(start < edge < end for edge in (span.start, span.end) for start, end in shut):
        assert why is NobodyThere


@settings(max_examples=200)
@given(st.data(), scenes())
def test_a_booking_is_accepted_where_it_is_free_and_refused_for_the_reason_given(
    data: st.DataObject, scene: Scene
) -> None:
    found = scene.outlook()
    free = [Span(*one) for one in found.free]
    terms = scene.machine.terms
    for span in candidates(data, scene, found):
        check_refused(scene, found, span)
        length = span.length / timedelta(minutes=1)
        fits = (
            terms.min_minutes <= length <= terms.max_minutes and scene.is_open(span.start) and scene.is_open(span.end)
        )
        accepted = scene.refusal(span) is None
        event(f"accepted: {accepted}")
        assert accepted == (fits and any(one.contains(span) for one in free))


@settings(max_examples=200)
@given(scenes())
def test_every_instant_of_the_window_is_free_or_has_its_reason(scene: Scene) -> None:
    found = scene.outlook()
    parts = sorted([*found.free, *(one for one, why in found.unbookable if why is not Reason.CLOSED)])
    assert all(before[1] <= after[0] for before, after in pairwise(parts)), "one reason for each"
    shut = [one for one, why in found.unbookable if why is Reason.CLOSED]
    covered = scene.window.start
    for start, end in sorted([*parts, *shut]):
        assert start <= covered, "nothing is passed over"
        assert scene.window.contains(Span(start, end))
        covered = max(covered, end)
    assert covered == scene.window.end
    assert found.unbookable == sorted(found.unbookable)


@settings(max_examples=200)
@given(scenes())
def test_what_is_free_between_two_other_things_can_be_booked_whole(scene: Scene) -> None:
    longest = timedelta(minutes=scene.machine.terms.max_minutes)
    for start, end in scene.outlook().free:
        assume(scene.window.start < start and end < scene.window.end and end - start <= longest)
        last = end if scene.is_open(end) else end - INSTANT
        assert scene.refusal(Span(start, last)) is None


@settings(max_examples=100)
@given(scenes())
def test_busy_is_busy_whatever_else_holds(scene: Scene) -> None:
    found, paused = scene.outlook(), machine(State.PAUSED)
    busy = [Span(*one) for one in found.busy]
    assert all(span.start >= scene.window.start and span.end <= scene.window.end for span in busy)
    instant = scene.window.start
    while instant < scene.window.end:
        # A newcomer that is there for this instant.
        wanted = Span(instant, instant + INSTANT).widened(*scene.machine.terms.buffers)
        assert any(span.start <= instant < span.end for span in busy) == any(
            wanted.overlaps(Span(*one)) for one in scene.blocked
        )
        instant += 13 * QUARTER
    unlisted = scene._replace(machine=paused).outlook()
    assert (unlisted.free, unlisted.unbookable) == ([], [((scene.window.start, scene.window.end), Reason.NOT_LISTED)])
    assert scene._replace(machine=paused).refusal(scene.window) is NotBookable


def clock(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2027, 3, day, hour, minute, tzinfo=PARIS)


MORNINGS = tuple(HandOver(day, "08:00", "12:00") for day in range(1, 6))


@pytest.mark.parametrize(
    ("terms", "blocked", "free", "unbookable"),
    [
        # Taken from Friday evening on, back on Monday noon: nobody is there for the weekend before.
        (
            {"hand_over": MORNINGS},
            [(clock(22, 0), clock(26, 11)), (clock(29, 7), clock(29, 13))],
            [(clock(26, 11), clock(26, 12)), (clock(30, 8), clock(31, 0))],
            [
                (clock(26, 0), clock(26, 11), Reason.BUSY),
                (clock(26, 12), clock(29, 7), Reason.CLOSED),
                (clock(29, 7), clock(29, 13), Reason.BUSY),
                (clock(29, 13), clock(30, 8), Reason.CLOSED),
            ],
        ),
        # The same with half a day at least: nothing is left of that Friday.
        (
            {"hand_over": MORNINGS, "min_minutes": 12 * 60},
            [(clock(22, 0), clock(26, 11)), (clock(29, 7), clock(29, 13))],
            [(clock(30, 8), clock(31, 0))],
            [
                (clock(26, 0), clock(26, 11), Reason.BUSY),
                (clock(26, 11), clock(29, 7), Reason.CLOSED),
                (clock(29, 7), clock(29, 13), Reason.BUSY),
                (clock(29, 13), clock(30, 8), Reason.CLOSED),
            ],
        ),
        # A closure within free time is passed over; so is the end of a window that cuts a long gap.
        (
            {"exceptions": (DatedHours(date(2027, 3, 27), date(2027, 3, 28)),), "min_minutes": 3 * 24 * 60},
            [],
            [(clock(26, 0), clock(31, 0))],
            [(clock(27, 0), clock(29, 0), Reason.CLOSED)],
        ),
        # Closed from a midnight on: until then somebody is there.
        (
            {"exceptions": (DatedHours(date(2027, 3, 27), date(2027, 3, 27)),)},
            [(clock(22, 0), clock(26, 3)), (clock(27, 20), clock(31, 0))],
            [(clock(26, 3), clock(27, 0))],
            [
                (clock(26, 0), clock(26, 3), Reason.BUSY),
                (clock(27, 0), clock(28, 0), Reason.CLOSED),
                (clock(27, 20), clock(31, 0), Reason.BUSY),
            ],
        ),
        # Too short once both buffers are kept.
        (
            {"buffer_before_minutes": 60, "buffer_after_minutes": 60, "min_minutes": 120},
            [(clock(25, 0), clock(27, 0)), (clock(27, 3, 59), clock(30, 0))],
            [(clock(30, 1), clock(31, 0))],
            [
                (clock(26, 0), clock(27, 1), Reason.BUSY),
                (clock(27, 1), clock(27, 2, 59), Reason.TOO_SHORT),
                (clock(27, 2, 59), clock(30, 1), Reason.BUSY),
            ],
        ),
        # Too short, as what ends it lies beyond the window.
        (
            {"min_minutes": 2 * 24 * 60},
            [(clock(26, 0), clock(30, 12)), (clock(31, 12), datetime(2027, 4, 2, tzinfo=PARIS))],
            [],
            [(clock(26, 0), clock(30, 12), Reason.BUSY), (clock(30, 12), clock(31, 0), Reason.TOO_SHORT)],
        ),
    ],
)
def test_weekends_closures_and_gaps(
    terms: dict[str, Any],
    blocked: list[Stretch],
    free: list[Stretch],
    unbookable: list[tuple[datetime, datetime, Reason]],
) -> None:
    window = Span(clock(26, 0), clock(31, 0))
    scene = Scene(machine(**terms), [(s.astimezone(UTC), e.astimezone(UTC)) for s, e in blocked], window, START - DAY)
    found = scene.outlook()
    assert found.free == [(s.astimezone(UTC), e.astimezone(UTC)) for s, e in free]
    assert [(*one, why) for one, why in found.unbookable] == [
        (s.astimezone(UTC), e.astimezone(UTC), why) for s, e, why in unbookable
    ]


def test_a_window_within_closed_dates_is_free_to_be_passed_over() -> None:
    weekend = Span(clock(27, 0), clock(29, 0))
    found = Scene(machine(hand_over=MORNINGS), [], weekend, START - DAY).outlook()
    assert found == Told([(weekend.start, weekend.end)], [], [((weekend.start, weekend.end), Reason.CLOSED)])
