"""A life is one table from each state to those that may follow; there is no other way to change state."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from votremachine.kernel.errors import DomainError, Kind

State = TypeVar("State", bound=StrEnum)
Life = Mapping[State, frozenset[State]]


class IllegalTransition(DomainError):
    kind = Kind.CONFLICT
    code = "illegal_transition"
    en = "This is {state} and cannot become {to}."
    fr = "L'état est « {state} » et ne peut pas devenir « {to} »."


def advance(life: Life[State], state: State, to: State) -> State:
    """`to`, if `life` lets `state` become it; raises `IllegalTransition` otherwise."""
    if to not in life[state]:
        raise IllegalTransition(state=state.value, to=to.value)
    return to
