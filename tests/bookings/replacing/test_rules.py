"""The plan: never two bookings at one time on one machine, never fewer than one machine could take alone."""

from datetime import UTC, datetime, timedelta
from itertools import combinations, product
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from votremachine.bookings.replacing.rules import Obstacle, Wish, obstacle, plan, standing_in
from votremachine.bookings.rules import Booking
from votremachine.bookings.rules import State as Booked
from votremachine.fleet.attributes import Attributes, Coupler, Hitch, Licence, PtoSpeed, PtoType
from votremachine.fleet.categories import categories
from votremachine.fleet.compatibility import Verdict, fit
from votremachine.fleet.likeness import differences, likeness
from votremachine.fleet.rules import Machine, State, Texts
from votremachine.fleet.terms import Pairing, Terms
from votremachine.kernel.money import Money
from votremachine.kernel.span import Span
from votremachine.pricing.rules.lines import Price

DAWN = datetime(2026, 6, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
MACHINES = [UUID(int=n) for n in (3, 1, 2)]
MANY = settings(max_examples=150)

spans = st.builds(
    lambda start, length: Span(DAWN + start * HOUR, DAWN + (start + length) * HOUR),
    st.integers(0, 12),
    st.integers(1, 5),
)


@st.composite
def wishes(draw: st.DrawFn, *, alike: bool = False, most: int = 7) -> list[Wish]:
    """Bookings that each may go to some machines, with buffers of each machine's own."""
    count = draw(st.integers(0, most))
    buffers = {one: draw(st.integers(0, 0 if alike else 2)) * HOUR for one in MACHINES}
    made = []
    for n in range(count):
        span = draw(spans)
        could = MACHINES if alike else draw(st.lists(st.sampled_from(MACHINES), unique=True))
        made.append(Wish(UUID(int=100 + n), {one: span.widened(buffers[one], buffers[one]) for one in could}))
    return made


def clash(wished: list[Wish], placed: dict[UUID, UUID]) -> bool:
    by_id = {wish.booking_id: wish for wish in wished}
    return any(
        machine == other and by_id[one].places[machine].overlaps(by_id[two].places[machine])
        for (one, machine), (two, other) in combinations(placed.items(), 2)
    )


def most_possible(wished: list[Wish], machines: list[UUID]) -> int:
    """By trying everything."""
    best = 0
    for choice in product([None, *machines], repeat=len(wished)):
        placed = {wish.booking_id: to for wish, to in zip(wished, choice, strict=True) if to is not None}
        legal = all(to in wish.places for wish, to in zip(wished, choice, strict=True) if to is not None)
        if legal and len(placed) > best and not clash(wished, placed):
            best = len(placed)
    return best


@MANY
@given(wishes())
def test_no_machine_is_given_what_it_cannot_take_or_two_at_once(wished: list[Wish]) -> None:
    placed = plan(wished, MACHINES)
    by_id = {wish.booking_id: wish for wish in wished}
    assert all(machine in by_id[booking].places for booking, machine in placed.items())
    assert not clash(wished, placed)


@MANY
@given(wishes())
def test_never_fewer_than_one_machine_could_take_alone(wished: list[Wish]) -> None:
    placed = plan(wished, MACHINES)
    assert len(placed) >= max(most_possible(wished, [machine]) for machine in MACHINES)


@MANY
@given(wishes())
def test_whatever_is_left_out_meets_something_everywhere(wished: list[Wish]) -> None:
    placed = plan(wished, MACHINES)
    for wish in wished:
        if wish.booking_id not in placed:
            assert all(clash(wished, {**placed, wish.booking_id: machine}) for machine in wish.places)


@MANY
@given(wishes())
def test_if_one_can_take_them_all_it_does(wished: list[Wish]) -> None:
    for machine in MACHINES:
        alone = {wish.booking_id: machine for wish in wished if machine in wish.places}
        if len(alone) == len(wished) > 0 and not clash(wished, alone):
            assert len(set(plan(wished, MACHINES).values())) == 1
            assert len(plan(wished, MACHINES)) == len(wished)


@settings(max_examples=40)
@given(wishes(alike=True, most=6))
def test_of_machines_alike_it_is_the_most_that_can_be_had(wished: list[Wish]) -> None:
    assert len(plan(wished, MACHINES)) == most_possible(wished, MACHINES)


@MANY
@given(wishes(), st.randoms(use_true_random=False))
def test_the_order_in_which_bookings_are_read_changes_nothing(wished: list[Wish], chance: object) -> None:
    shuffled = wished.copy()
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert plan(shuffled, MACHINES) == plan(wished, MACHINES)


def test_side_by_side_where_one_by_one_would_leave_one_out() -> None:
    hours = {1: (0, 2), 2: (1, 3), 3: (2, 6), 4: (3, 4)}
    wished = [
        Wish(UUID(int=n), dict.fromkeys(MACHINES[:2], Span(DAWN + start * HOUR, DAWN + end * HOUR)))
        for n, (start, end) in hours.items()
    ]
    assert len(plan(wished, MACHINES[:2])) == 4


def machine(number: int, category: str = "tractor", *, wants: str | None = None) -> Machine:
    pairing = Pairing((wants,)) if wants else None
    terms, nothing = Terms(pairing=pairing), Money(0)
    return Machine(UUID(int=number), UUID(int=99), category, Texts(), State.LISTED, ZoneInfo("UTC"), terms, nothing, 1)


def booking_of(*machines: Machine) -> Booking:
    ids = tuple(one.id for one in machines)
    free = Price((), Money(0), Money(0), Money(0))
    during = Span(DAWN, DAWN + HOUR)
    return Booking(
        *(UUID(int=50), UUID(int=99), UUID(int=98), ids, (), Booked.CONFIRMED, during, None, {}, free, Money(0)),
        *(True, False, False, None, None, "", 1, DAWN),
    )


def test_an_implement_does_not_lose_its_tractor() -> None:
    plough, tractor = machine(1, "plough", wants="tractor"), machine(2)
    other_tractor, harvester = machine(3), machine(4, "harvester")
    both, known = booking_of(plough, tractor), {one.id: one for one in (plough, tractor)}
    assert obstacle(both, tractor, other_tractor, known) is None
    assert obstacle(both, tractor, harvester, known) is Obstacle.PAIRING_MISSING
    assert obstacle(both, plough, machine(5, "plough", wants="tractor"), known) is None
    assert obstacle(both, plough, tractor, known) is Obstacle.TAKEN, "it is in this booking already"


def test_whoever_was_let_have_one_alone_is_let_have_the_other() -> None:
    """A member of the cooperative, who has a tractor."""
    plough, other, free = (machine(1, "plough", wants="tractor"), machine(2, "plough", wants="tractor"), machine(3))
    assert obstacle(booking_of(plough), plough, other, {plough.id: plough}) is None
    assert obstacle(booking_of(free), free, other, {free.id: free}) is Obstacle.PAIRING_MISSING


def test_nobody_can_take_anything_where_there_is_nobody() -> None:
    assert plan([Wish(UUID(int=9), {})], []) == {}
    assert plan([], MACHINES) == {}


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=12))
def test_whoever_stands_in_is_charged_as_what_was_agreed(steps: list[tuple[int, int]]) -> None:
    """However machines are exchanged, each place of a booking is charged as at the start."""
    agreed = [UUID(int=n) for n in range(2)]
    now = list(agreed)
    stands_for: dict[UUID, UUID] = {}
    for step, to in steps:
        other, place = UUID(int=to), step % 2
        if other in now:
            continue
        stands_for = standing_in(stands_for, now[place], other)
        now[place] = other
    assert [stands_for.get(one, one) for one in now] == agreed
    assert all(one in now and one != before for one, before in stands_for.items())


def test_a_tractor_must_offer_as_much() -> None:
    tractor = categories()["tractor"]
    wanted = Attributes(power_hp=120, hydraulic_outlets=3, pto_speeds=(PtoSpeed.R540, PtoSpeed.R1000), year=2010)
    assert differences(wanted, wanted, tractor) == ()
    stronger = Attributes(power_hp=121, hydraulic_outlets=4, pto_speeds=tuple(PtoSpeed))
    assert likeness(differences(wanted, stronger, tractor)) is Verdict.YES
    weaker = Attributes(power_hp=119, hydraulic_outlets=3, pto_speeds=(PtoSpeed.R540,))
    found = differences(wanted, weaker, tractor)
    assert [(one.attribute, one.verdict) for one in found] == [
        ("power_hp", Verdict.NO),
        ("pto_speeds", Verdict.NO),
    ]
    silent = differences(wanted, Attributes(power_hp=120, hydraulic_outlets=3), tractor)
    assert [(one.attribute, one.verdict, one.has) for one in silent] == [("pto_speeds", Verdict.UNKNOWN, None)]
    assert likeness(found) is Verdict.NO
    assert likeness(silent) is Verdict.UNKNOWN
    assert found[0].name("fr") == "la puissance en ch"
    harder = Attributes(power_hp=120, licences=(Licence.C,))
    assert likeness(differences(Attributes(licences=()), harder, tractor)) is Verdict.NO


speeds = st.none() | st.lists(st.sampled_from(PtoSpeed), unique=True).map(tuple)
types = st.none() | st.lists(st.sampled_from(PtoType), unique=True).map(tuple)
hitches = st.none() | st.lists(st.sampled_from(Hitch), unique=True, max_size=3).map(tuple)
couplers = st.none() | st.lists(st.sampled_from(Coupler), unique=True, max_size=3).map(tuple)
numbers = st.none() | st.integers(1, 4)


def _known(**facts: object) -> Attributes:
    return Attributes(**{name: value for name, value in facts.items() if value is not None})  # type: ignore[arg-type]


implements = st.builds(
    _known,
    required_power_hp=numbers,
    hydraulic_outlets=numbers,
    hydraulic_flow_lpm=numbers,
    pto_types=types,
    pto_speeds=speeds,
    hitch=hitches,
    couplers=couplers,
)
tractors = st.builds(
    _known,
    power_hp=numbers,
    hydraulic_outlets=numbers,
    hydraulic_flow_lpm=numbers,
    pto_types=types,
    pto_speeds=speeds,
    hitch=hitches,
    couplers=couplers,
)


@settings(max_examples=300)
@given(tractors, implements, implements)
def test_an_implement_that_is_as_good_is_pulled_by_what_pulled_the_other(
    tractor: Attributes, one: Attributes, other: Attributes
) -> None:
    category = next(found for found in categories().values() if {"required_power_hp", "hitch"} <= found.attributes)
    better = likeness(differences(one, other, category)) is Verdict.YES
    if better and fit(tractor, one, category).verdict is Verdict.YES:
        assert fit(tractor, other, category).verdict is not Verdict.NO


@settings(max_examples=300)
@given(tractors, tractors, implements)
def test_a_tractor_that_is_as_good_pulls_what_the_other_pulled(
    one: Attributes, other: Attributes, implement: Attributes
) -> None:
    pulled = next(found for found in categories().values() if {"required_power_hp", "hitch"} <= found.attributes)
    better = likeness(differences(one, other, categories()["tractor"])) is Verdict.YES
    if better and fit(one, implement, pulled).verdict is Verdict.YES:
        assert fit(other, implement, pulled).verdict is Verdict.YES
