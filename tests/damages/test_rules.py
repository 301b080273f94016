"""The arithmetic of claims, and their life, without a database."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from votremachine.damages.rules import claim as rules
from votremachine.damages.rules import turns
from votremachine.damages.rules.claim import BARGAINING, ENDED, LIFE, STANDARD_PATIENCE, Claim, Due, Side, State
from votremachine.damages.rules.costs import (
    AgeNeeded,
    Asked,
    CostUnclear,
    Kind,
    NoSuchWear,
    Wear,
    WornOut,
    Worth,
    by_age,
    by_life,
    fuel,
    line,
)
from votremachine.damages.rules.settling import settle
from votremachine.damages.wear import in_force, worth
from votremachine.fleet.categories import categories
from votremachine.kernel.errors import DomainError

MINOR = st.integers(0, 10**9)
MACHINE = UUID(int=1)
NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
KNIFE = Wear("knife", life_months=24, life_hours=150)
TODAY = NOW.date()
AGES = worth("tractor", TODAY).ages
WORTH = Worth((KNIFE,), AGES)


@given(MINOR, MINOR, MINOR)
def test_what_is_awarded_is_paid_whole_and_what_was_held_is_given_back_or_taken(
    award: int, held: int, cap: int
) -> None:
    paid = settle(award, held, cap)
    assert paid.from_deposit + paid.from_renter == paid.awarded == min(award, cap)
    assert paid.from_deposit + paid.released == held
    assert min(paid.from_deposit, paid.released, paid.from_renter) >= 0
    assert paid.released == 0 or paid.from_renter == 0, "nobody is charged while something of theirs is given back"


@given(MINOR, MINOR, MINOR, MINOR)
def test_a_greater_award_never_costs_the_renter_less(less: int, more: int, held: int, cap: int) -> None:
    less, more = sorted((less, more))
    first, second = settle(less, held, cap), settle(more, held, cap)
    assert first.from_deposit <= second.from_deposit
    assert first.from_renter <= second.from_renter


def test_money_below_zero_is_refused() -> None:
    for sums in ((-1, 0, 0), (0, -1, 0), (0, 0, -1)):
        with pytest.raises(ValueError, match="below zero"):
            settle(*sums)


@given(st.integers(0, 1_200), st.integers(0, 1_200))
def test_older_is_never_worth_more(one: int, other: int) -> None:
    younger, older = sorted((one, other))
    assert 10_000 >= by_age(younger, AGES) >= by_age(older, AGES) > 0
    assert 10_000 >= by_life(younger, 150) >= by_life(older, 150) >= 0


@given(st.integers(1, 8), st.integers(1, 5_000), st.integers(1, 10_000))
def test_fuel_is_rounded_half_up_to_the_cent(eighths: int, litres: int, price: int) -> None:
    assert abs(fuel(eighths, litres, price) * 8 - eighths * litres * price) <= 4


def asked(kind: Kind = Kind.REPAIR, **more: object) -> Asked:
    return Asked(machine_id=MACHINE, kind=kind, what="X", **more)  # type: ignore[arg-type]


def test_a_line_is_its_cost_with_vat_less_what_use_had_taken() -> None:
    assert line(asked(net=10_000, vat_rate=2_000), WORTH).asked == 12_000
    assert line(asked(gross=12_345), WORTH).asked == 12_345
    assert line(asked(Kind.PART, net=10_000, age_months=60), WORTH).asked == 5_500
    assert line(asked(Kind.PART, net=10_000, item="knife", age_hours=75), WORTH).asked == 5_000
    # Hours and months are both known: the least that either leaves.
    assert line(asked(Kind.PART, net=10_000, item="knife", age_hours=15, age_months=18), WORTH).asked == 2_500
    assert line(asked(Kind.FUEL, eighths=3, tank_litres=200, litre=125), WORTH).asked == 9_375


@pytest.mark.parametrize(
    ("wrong", "error", "pointer"),
    [
        (asked(), CostUnclear, "/net"),
        (asked(net=1, gross=1), CostUnclear, "/net"),
        (asked(gross=1, vat_rate=2_000), CostUnclear, "/net"),
        (asked(eighths=1, tank_litres=1, litre=100), CostUnclear, "/net"),
        (asked(Kind.FUEL, net=1), CostUnclear, "/net"),
        (asked(Kind.FUEL, eighths=1, litre=100), CostUnclear, "/eighths"),
        (asked(Kind.PART, net=1), AgeNeeded, "/age_months"),
        (asked(Kind.PART, net=1, item="knife"), AgeNeeded, "/age_hours"),
        (asked(Kind.PART, net=1_000, item="knife", age_hours=150), WornOut, "/age_months"),
        (asked(Kind.PART, net=1, item="halo", age_hours=1), NoSuchWear, "/item"),
        (asked(Kind.REPAIR, net=1, item="knife"), NoSuchWear, "/item"),
    ],
)
def test_a_line_that_does_not_say_what_it_costs_is_refused(
    wrong: Asked, error: type[DomainError], pointer: str
) -> None:
    with pytest.raises(error) as raised:
        line(wrong, WORTH)
    assert raised.value.pointer == pointer


@given(
    st.integers(1, 10**8),
    st.integers(0, 2_500),
    st.sampled_from([Kind.REPAIR, Kind.PART, Kind.MISSING]),
    st.integers(0, 600),
)
def test_a_line_never_asks_more_than_it_costs(net: int, vat: int, kind: Kind, age: int) -> None:
    try:
        made = line(asked(kind, net=net, vat_rate=vat, age_months=age), WORTH)
    except WornOut:
        return
    assert 0 < made.asked <= made.net + made.vat
    assert made.net == net


def test_what_wears_out_is_said_of_categories_that_exist() -> None:
    wears = {category: worth(category, TODAY).wears for category in categories()}
    assert {one.item for one in wears["mower"]} >= {"knife", "belt"}
    assert not {one.item for one in wears["tractor"]} & {"knife", "tine"}
    assert wears["storage_space"] == ()
    for some in wears.values():
        assert all(one.life_hours or one.life_months for one in some)


def test_the_tables_are_those_of_their_day() -> None:
    knife = {"item": "knife", "categories": "mower;baler", "life_hours": "150", "life_months": ""}
    wears = [
        knife | {"since": "2026-01-01"},
        knife | {"since": "2027-01-01", "life_hours": "200"},
        knife | {"since": "2028-01-01", "life_hours": "", "categories": "baler"},
        knife | {"since": "2026-06-01", "item": "belt", "categories": "*"},
    ]
    old = [{"months": months, "kept": kept, "since": "2026-01-01"} for months, kept in (("0", "10000"), ("12", "9000"))]
    ages = [*old, {"months": "0", "kept": "9500", "since": "2027-01-01"}]

    def on(category: str, *day: int) -> tuple[dict[str, int | None], Sequence[tuple[int, int]]]:
        found = in_force(wears, ages, category, date(*day))
        return {one.item: one.life_hours for one in found.wears}, found.ages

    first, second = ((0, 10_000), (12, 9_000)), ((0, 9_500),)
    assert on("mower", 2025, 12, 31) == ({}, ())
    assert on("mower", 2026, 1, 1) == ({"knife": 150}, first)
    assert on("mower", 2026, 12, 31) == ({"knife": 150, "belt": 150}, first)
    assert on("mower", 2028, 5, 1) == ({"knife": 200, "belt": 150}, second)
    assert on("baler", 2027, 12, 31) == ({"knife": 200, "belt": 150}, second)
    assert on("baler", 2028, 1, 1) == ({"belt": 150}, second), "it does not count as wearing out any more"
    assert on("tractor", 2028, 1, 1)[0] == {"belt": 150}


def test_there_was_a_table_on_every_day_on_which_a_machine_was_booked() -> None:
    assert worth("mower", date(2025, 1, 1)) == worth("mower", TODAY)
    assert [months for months, _ in AGES] == sorted({months for months, _ in AGES})
    assert AGES[0] == (0, 10_000)


def claim(state: State, *, due: datetime | None = None, turn: Side | None = None) -> Claim:
    return Claim(
        id=uuid4(),
        booking_id=uuid4(),
        owner_party_id=uuid4(),
        renter_party_id=uuid4(),
        machine_ids=(MACHINE,),
        state=state,
        reason="X",
        currency="EUR",
        total=1,
        cap=None,
        asked=1,
        turn=turn,
        due_at=due,
        created_at=NOW,
    )


@pytest.mark.parametrize("state", sorted(BARGAINING))
def test_silence_goes_to_mediation_and_never_to_yes(state: State) -> None:
    waiting = claim(state, due=NOW + STANDARD_PATIENCE.answer, turn=Side.RENTER)
    assert rules.state_at(waiting, NOW + STANDARD_PATIENCE.answer) is State.MEDIATION
    with pytest.raises(turns.AnswerTooLate):
        turns.check_in_time(waiting, NOW + STANDARD_PATIENCE.answer)
    turns.check_in_time(waiting, NOW + STANDARD_PATIENCE.answer - timedelta(seconds=1))


def of(who: Side | None, state: State) -> Claim:
    return claim(state, due=NOW + STANDARD_PATIENCE.answer, turn=who)


POSSIBLE: list[tuple[Claim, dict[str, list[str]]]] = [
    (of(Side.RENTER, State.OPEN), {"renter": ["accept", "contest", "escalate"], "owner": ["withdraw", "escalate"]}),
    (of(Side.OWNER, State.CONTESTED), {"owner": ["agree", "offer", "withdraw", "escalate"], "renter": ["escalate"]}),
    (of(Side.RENTER, State.CONTESTED), {"renter": ["agree", "offer", "escalate"], "owner": ["withdraw", "escalate"]}),
    (claim(State.MEDIATION, due=NOW), {"mediator": ["decide"]}),
    (replace(claim(State.SETTLED), from_renter=5, paid=4), {"renter": ["pay"]}),
    *((claim(state), {}) for state in (State.ACCEPTED, State.SETTLED, State.WITHDRAWN, State.UNRESOLVED)),
]


@pytest.mark.parametrize(("known", "may"), POSSIBLE, ids=lambda one: one.state if isinstance(one, Claim) else "")
def test_a_refusal_says_what_is_possible_in_both_languages(known: Claim, may: dict[str, list[str]]) -> None:
    assert turns.possible(known, NOW) == may
    with pytest.raises(turns.NotPossible) as refused:
        turns.check_step(known, State.OPEN, NOW)
    assert refused.value.facts["possible"] == may
    words = {"owner": "le propriétaire", "renter": "le locataire", "mediator": "un médiateur"}
    for language, who in (
        ("fr", words),
        ("en", {one: f"{'a' if one == 'mediator' else 'the'} {one}" for one in words}),
    ):
        told = refused.value.sentence(language)
        assert [one for one in words if f"{who[one]} {'peut' if language == 'fr' else 'may'} " in told] == [
            one for one in words if one in may
        ]


def test_what_nobody_answered_in_time_is_for_a_mediator_alone() -> None:
    late = of(Side.RENTER, State.OPEN)
    assert late.due_at is not None
    assert turns.guidance(late, late.due_at) == {
        "state": "mediation",
        "possible": {"mediator": ["decide"]},
        "until": None,
    }
    assert turns.guidance(late, NOW)["until"] == late.due_at.isoformat()


def test_who_would_agree_to_nothing_is_told_what_else() -> None:
    refused = turns.no_offer(of(Side.OWNER, State.CONTESTED), NOW)
    assert refused.facts["possible"] == {"owner": ["offer", "withdraw", "escalate"], "renter": ["escalate"]}
    assert refused.sentence("en").endswith(
        "Possible now: the owner may make an offer, withdraw it or ask for a mediator;"
        " the renter may ask for a mediator."
    )
    assert refused.sentence("fr").endswith(
        "Possible maintenant : le propriétaire peut faire une offre, la retirer ou demander un médiateur ;"
        " le locataire peut demander un médiateur."
    )


@given(st.sampled_from(State), st.sampled_from(Side))
def test_what_is_possible_is_what_the_life_of_a_claim_allows(state: State, turn: Side) -> None:
    known = of(turn, state) if state in BARGAINING else claim(state)
    leads = {"accept": State.ACCEPTED, "contest": State.CONTESTED, "agree": State.AGREED}
    leads |= {"withdraw": State.WITHDRAWN, "escalate": State.MEDIATION, "decide": State.DECIDED}
    said = {verb for verbs in turns.possible(known, NOW).values() for verb in verbs}
    assert {leads[one] for one in said - {"offer"}} == LIFE[state] - {State.SETTLED, State.UNRESOLVED}


def test_what_nobody_decides_is_told_to_staff_and_then_ends_without_an_award() -> None:
    waiting = claim(State.MEDIATION, due=NOW)
    assert rules.due(waiting) is Due.STALL
    assert rules.due(replace(waiting, stalled_at=NOW)) is Due.GIVE_UP
    assert State.UNRESOLVED in ENDED
    assert LIFE[State.MEDIATION] == {State.DECIDED, State.UNRESOLVED}, "never a yes"


def test_every_claim_can_end() -> None:
    ends = rules.ENDED
    for state in State:
        seen, ways = {state}, [state]
        while ways:
            following = LIFE[ways.pop()] - seen
            seen |= following
            ways += following
        assert seen & ends, state


def test_the_window_is_open_until_its_last_moment() -> None:
    window = timedelta(hours=48)
    rules.check_window(NOW, "returned", window, NOW + window - timedelta(microseconds=1))
    with pytest.raises(rules.ClaimWindowClosed):
        rules.check_window(NOW, "returned", window, NOW + window)
    with pytest.raises(rules.NotReturned):
        rules.check_window(None, "in_use", window, NOW)


def test_what_is_more_than_asked_is_refused_in_words_that_people_read() -> None:
    asked = replace(claim(State.OPEN), asked=123_405)
    with pytest.raises(rules.MoreThanAsked) as refused:
        rules.check_amount(asked, 123_406, "/minor")
    assert "1234,05 EUR" in refused.value.sentence("fr")
    assert "1234.05 EUR" in refused.value.sentence("en")
    assert refused.value.facts["asked"] == 123_405
