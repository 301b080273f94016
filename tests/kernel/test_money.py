"""Money is conserved to the cent, and rounds half up."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from votremachine.kernel.money import Money, allocate, share, total

amounts = st.integers(-(10**12), 10**12)
weights = st.lists(st.integers(0, 10**6), min_size=1, max_size=20).filter(any)


@given(amounts, weights)
def test_allocation_loses_and_invents_no_cent(minor: int, parts: list[int]) -> None:
    shares = allocate(minor, parts)
    assert sum(shares) == minor
    assert len(shares) == len(parts)


@given(amounts, weights)
def test_each_share_is_within_a_cent_of_its_due(minor: int, parts: list[int]) -> None:
    whole = sum(parts)
    for given_share, weight in zip(allocate(minor, parts), parts, strict=True):
        assert abs(given_share * whole - minor * weight) < whole
        assert weight or given_share == 0


@given(amounts, st.integers(0, 10_000))
def test_a_share_rounds_half_away_from_zero(minor: int, rate: int) -> None:
    exact = Decimal(minor) * rate / 10_000
    assert share(minor, rate) == int(exact.quantize(Decimal(1), ROUND_HALF_UP))


@given(st.lists(amounts))
def test_a_total_is_exact(minors: list[int]) -> None:
    assert total(Money(minor) for minor in minors) == Money(sum(minors))


def test_weights_must_weigh_something() -> None:
    for bad in ([], [0, 0], [1, -1], [2, -1]):
        with pytest.raises(ValueError, match="weights"):
            allocate(100, bad)


def test_currencies_do_not_mix() -> None:
    with pytest.raises(ValueError, match="EUR and XPF"):
        Money(1) + Money(1, "XPF")
    with pytest.raises(ValueError, match="EUR and XPF"):
        Money(1) - Money(1, "XPF")
