"""A life is one table from each state to those that may follow; there is no other way to change state."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from votremachine.kernel.errors import DomainError, Kind

State = TypeVar("State", bound=StrEnum)
Life = Mapping[State, frozenset[State]]


# How people call the states that a client may meet in a sentence, after "l'état est"; English has its own names.
FRENCH: Mapping[str, str] = {
    "held": "retenue pour un moment",
    "requested": "demandée",
    "confirmed": "confirmée",
    "in_use": "en cours",
    "returned": "rendue",
    "completed": "terminée",
    "cancelled": "annulée",
    "declined": "refusée",
    "expired": "expirée",
    "no_show": "locataire absent",
    "none": "aucune",
    "required": "à donner",
    "saved": "carte enregistrée",
    "authorised": "active",
    "failed": "échec",
    "lapsed": "échue",
    "captured": "encaissée",
    "partially_captured": "encaissée en partie",
    "released": "libérée",
    "waived": "non exigée",
    "pending": "en attente",
    "payable": "à payer",
    "sent": "envoyé",
    "paid": "payé",
    "open": "ouverte",
    "contested": "contestée",
    "mediation": "en médiation",
    "accepted": "acceptée",
    "agreed": "réglée à l'amiable",
    "decided": "tranchée",
    "withdrawn": "retirée",
    "unresolved": "sans décision",
    "settled": "réglée",
    "draft": "brouillon",
    "listed": "publié",
    "paused": "en pause",
    "retired": "retiré",
}


def named(state: str, language: str) -> str:
    """A state in the reader's words; one that has no French name is told as it is."""
    words = state.replace("_", " ")
    return FRENCH.get(state, words) if language == "fr" else words


class AboutState(DomainError):
    """An error whose sentence names states. Its facts `state` and `to` go on carrying the codes."""

    def sentence(self, language: str) -> str:
        told = {name: named(self.facts[name], language) for name in ("state", "to") if name in self.facts}
        return (self.fr if language == "fr" else self.en).format(**(self.facts | told))


class IllegalTransition(AboutState):
    kind = Kind.CONFLICT
    code = "illegal_transition"
    en = "This is {state} and cannot become {to}."
    fr = "L'état est « {state} » et ne peut pas devenir « {to} »."


def advance(life: Life[State], state: State, to: State) -> State:
    """`to`, if `life` lets `state` become it; raises `IllegalTransition` otherwise."""
    if to not in life[state]:
        raise IllegalTransition(state=state.value, to=to.value)
    return to
