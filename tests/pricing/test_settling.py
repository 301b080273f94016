"""What a booking costs by what was used is what it would have cost, had that been the estimate."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.pricing.test_price import DAY, HECTARE, ID, TWO_DAYS, hire, said
from votremachine.pricing.rules.card import Fuel, FuelPolicy, Operator, Rate, Unit
from votremachine.pricing.rules.lines import LineKind, Price
from votremachine.pricing.rules.price import Extras, NotCharged, price
from votremachine.pricing.rules.settling import MachineNotSettled, QuantityMissing, measured_units, settled

QUANTITIES = st.integers(0, 1_000_000)
HOURS = Rate(Unit.ENGINE_HOUR, 1_535)
CONDITIONS: dict[str, Any] = {
    "minimum_minor": 40_000,
    "operator": Operator((Rate(Unit.ENGINE_HOUR, 777),), always=True),
    "fuel": Fuel(FuelPolicy.PER_LITRE, 163),
}
USED = st.fixed_dictionaries(dict.fromkeys((Unit.ENGINE_HOUR, Unit.LITRE, Unit.HECTARE), QUANTITIES))


def without_marks(whole: Price) -> Price:
    return replace(whole, lines=tuple(replace(line, estimated=False) for line in whole.lines))


@given(USED, USED)
def test_it_costs_what_it_would_have_cost(estimate: dict[Unit, int], used: dict[Unit, int]) -> None:
    rates = (*DAY, *HECTARE, HOURS)
    then = hire(rates, Extras(use=estimate), **CONDITIONS)
    now = price(TWO_DAYS, [hire(rates, Extras(use=used), **CONDITIONS)])
    done = settled(price(TWO_DAYS, [then]), {ID: used}, {ID: then.card})
    assert done == without_marks(now)
    assert done.total == done.net + done.vat
    assert measured_units(done) == {}, "and is settled no more"


@given(USED)
def test_what_was_estimated_rightly_costs_what_was_paid(estimate: dict[Unit, int]) -> None:
    asked = hire((*HECTARE, HOURS), Extras(use={**estimate, Unit.HECTARE: 1}), **CONDITIONS)
    before = price(TWO_DAYS, [asked])
    assert settled(before, {ID: asked.extras.use}, {ID: asked.card}) == without_marks(before)


def test_more_was_used_and_the_minimum_falls_away() -> None:
    asked = hire(HECTARE, Extras(use={Unit.HECTARE: 2_000}), minimum_minor=20_000)
    before = price(TWO_DAYS, [asked])
    assert said(before) == [("metered", "hectare", 2, 4_500, 9_000), ("minimum", "lump", 1, 11_000, 11_000)]
    after = settled(before, {ID: {Unit.HECTARE: 5_125}}, {ID: asked.card})
    assert said(after) == [("metered", "hectare", 5.125, 4_500, 23_063)]
    none = settled(before, {ID: {Unit.HECTARE: 0}}, {ID: asked.card})
    assert [line.kind for line in none.lines] == [LineKind.METERED, LineKind.MINIMUM]
    assert none.net.minor == 20_000


def test_just_what_is_measured_must_be_told() -> None:
    asked = hire((*DAY, HOURS), Extras(use={Unit.ENGINE_HOUR: 1_000}))
    before, cards = price(TWO_DAYS, [asked]), {ID: asked.card}
    with pytest.raises(QuantityMissing):
        settled(before, {}, cards)
    with pytest.raises(NotCharged):
        settled(before, {ID: {Unit.ENGINE_HOUR: 1, Unit.BALE: 1}}, cards)
    with pytest.raises(MachineNotSettled):
        settled(before, {ID: {Unit.ENGINE_HOUR: 1}, UUID(int=8): {Unit.BALE: 1}}, cards)
