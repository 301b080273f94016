"""States are told in the reader's words, whatever a client does with their codes."""

from enum import StrEnum

import pytest

from votremachine.bookings import rules as bookings
from votremachine.damages.rules import claim as damages
from votremachine.deposits import rules as deposits
from votremachine.kernel.states import FRENCH, IllegalTransition, advance, named
from votremachine.payments.payouts import rules as payouts


@pytest.mark.parametrize("states", [bookings.State, damages.State, deposits.State, payouts.State])
def test_every_state_that_a_client_meets_has_a_french_name(states: type[StrEnum]) -> None:
    assert {state.value for state in states} <= FRENCH.keys()


def test_a_step_that_cannot_be_is_refused_in_words_and_in_codes() -> None:
    with pytest.raises(IllegalTransition) as refused:
        advance(bookings.LIFE, bookings.State.IN_USE, bookings.State.CANCELLED)
    assert refused.value.facts == {"state": "in_use", "to": "cancelled"}
    assert refused.value.sentence("en") == "This is in use and cannot become cancelled."
    assert refused.value.sentence("fr") == "L'état est « en cours » et ne peut pas devenir « annulée »."


@pytest.mark.parametrize("state", [None, *deposits.State])
def test_what_to_do_about_a_deposit_is_said_in_one_language(state: deposits.State | None) -> None:
    refusal = deposits.DepositMissing(state="none" if state is None else state.value)
    assert refusal.facts.keys() == {"state"}
    for language in ("fr", "en"):
        assert named(refusal.facts["state"], language) in refusal.sentence(language)
        assert "_" not in refusal.sentence(language)
    assert "locataire" not in refusal.sentence("en")
