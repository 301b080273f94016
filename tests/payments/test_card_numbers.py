"""What looks like the number of a card, and what does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from votremachine.payments.card_numbers import card_numbers_in


@pytest.mark.parametrize(
    "number",
    [
        "4242424242424242",
        "4242 4242 4242 4242",
        "4242-4242-4242-4242",
        "5555555555554444",
        "2223003122003222",
        "378282246310005",
        "30569309025904",
        "3566002020360505",
        "6011111111111117",
        "6200000000000005",
        "4222222222222",
    ],
)
def test_numbers_of_cards_are_seen_in_any_text(number: str) -> None:
    bare = number.replace(" ", "").replace("-", "")
    assert card_numbers_in(f"pay with {number}, please") == [bare]
    assert card_numbers_in(number) == [bare]
    assert card_numbers_in(f"x{number}") == card_numbers_in(f"{number}0000000") == []


@pytest.mark.parametrize(
    "text",
    [
        "4242424242424241",  # the sum is wrong
        "73282932000074",  # a SIRET: Luhn as well
        "FR7630006000011234567890189",
        "+33 5 58 05 00 00",
        "01939f8e-4242-7242-8242-424242424242",
        "sim_card_4242424242424242424242ab",
        "",
    ],
)
def test_other_numbers_are_not(text: str) -> None:
    assert card_numbers_in(text) == []


@given(st.integers(0, 10**11 - 1), st.integers(1, 9))
def test_a_digit_that_is_mistyped_is_no_card(middle: int, off: int) -> None:
    body = f"4242{middle:011}"
    last = next(digit for digit in "0123456789" if card_numbers_in(body + digit))
    assert card_numbers_in(f"{body}{(int(last) + off) % 10}") == []
