"""What the holder of a card is told when it does not pay."""

import pytest

from votremachine.payments.gateway import Refusal
from votremachine.payments.orders.rules import CardDeclined


@pytest.mark.parametrize("refusal", Refusal)
def test_why_is_said_in_words_and_told_as_a_code(refusal: Refusal) -> None:
    error = CardDeclined(reason=refusal.value)
    french, english = error.sentence("fr"), error.sentence("en")
    assert "Rien n'a été débité" in french
    assert "Nothing was charged" in english
    for sentence in (french, english):
        # As a code, `insufficient_funds` is in the facts; nobody reads it in a sentence.
        assert "_" not in sentence
        assert "(" not in sentence
    assert error.facts == {"reason": refusal.value}
