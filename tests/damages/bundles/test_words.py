"""Whatever a claim may be, or ask for, has its words."""

import pytest

from votremachine.damages.bundles.words import WORDS
from votremachine.damages.rules.claim import State
from votremachine.damages.rules.costs import Kind


@pytest.mark.parametrize("word", [*(f"state.{one}" for one in State), *(f"step.{one}" for one in State)])
def test_every_state_and_step(word: str) -> None:
    assert all(WORDS[word])


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_line(kind: Kind) -> None:
    assert all(WORDS[f"kind.{kind}"])
