"""Who may say what to a claim just now, and the refusals of whoever says something else: each names what is possible.

Pure.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from votremachine.damages.rules.claim import BARGAINING, LIFE, Claim, Side, State, state_at
from votremachine.kernel.errors import DomainError, Kind
from votremachine.kernel.states import IllegalTransition

MEDIATOR = "mediator"
Possible = Mapping[str, Sequence[str]]
_WHO = {
    "fr": {"owner": "le propriétaire", "renter": "le locataire", MEDIATOR: "un médiateur"},
    "en": {"owner": "the owner", "renter": "the renter", MEDIATOR: "a mediator"},
}
# By the names of the routes.
_WHAT = {
    "fr": {
        "accept": "l'accepter",
        "contest": "la contester, et proposer moins",
        "withdraw": "la retirer",
        "escalate": "demander un médiateur",
        "offer": "faire une offre",
        "agree": "accepter la dernière offre de l'autre",
        "decide": "la trancher",
        "pay": "payer ce qui est encore dû",
    },
    "en": {
        "accept": "accept it",
        "contest": "contest it, and offer less",
        "withdraw": "withdraw it",
        "escalate": "ask for a mediator",
        "offer": "make an offer",
        "agree": "agree to the other's last offer",
        "decide": "decide it",
        "pay": "pay what is still owed",
    },
}
_SAYS = {"fr": ("Possible maintenant :", "peut", "ou"), "en": ("Possible now:", "may", "or")}
_NOTHING = {"fr": "Plus rien ne peut y être répondu.", "en": "Nothing can be answered to it any more."}


class SaysWhatIsPossible(DomainError):
    """A refusal whose fact `possible` has, by side, what may be said now; its sentence says it, too."""

    def sentence(self, language: str) -> str:
        return f"{super().sentence(language)} {_told(self.facts['possible'], 'fr' if language == 'fr' else 'en')}"


class NotPossible(SaysWhatIsPossible, IllegalTransition):
    """The same fact as `IllegalTransition`, of a claim."""


class OutOfTurn(SaysWhatIsPossible):
    kind = Kind.CONFLICT
    code = "out_of_turn"
    en = "It is for the other side to answer now."
    fr = "C'est à l'autre partie de répondre."


class AnswerTooLate(SaysWhatIsPossible):
    kind = Kind.CONFLICT
    code = "answer_too_late"
    en = "Nobody answered in time: the claim goes to mediation."
    fr = "Personne n'a répondu à temps : la déclaration part en médiation."


class NoOffer(SaysWhatIsPossible):
    kind = Kind.CONFLICT
    code = "no_offer"
    en = "The other side has made no offer that you could agree to."
    fr = "L'autre partie n'a fait aucune offre que vous pourriez accepter."


def possible(claim: Claim, now: datetime) -> dict[str, list[str]]:
    """What may be said to a claim, by who may say it. Of agreeing, as far as the other side has made an offer."""
    state = state_at(claim, now)
    if state is State.MEDIATION:
        return {MEDIATOR: ["decide"]}
    if state is State.SETTLED and claim.owed:
        return {Side.RENTER.value: ["pay"]}
    if state not in BARGAINING or claim.turn is None:
        return {}
    answers = ["accept", "contest"] if state is State.OPEN else ["agree", "offer"]
    may: dict[str, list[str]] = {claim.turn.value: answers, claim.turn.other.value: []}
    may[Side.OWNER.value].append("withdraw")
    return {who: [*verbs, "escalate"] for who, verbs in may.items()}


def guidance(claim: Claim, now: datetime) -> dict[str, Any]:
    """The facts of a refusal: what is possible, and until when its side is to answer."""
    state = state_at(claim, now)
    until = claim.due_at.isoformat() if claim.due_at and state in BARGAINING else None
    return {"state": state.value, "possible": possible(claim, now), "until": until}


def check_in_time(claim: Claim, now: datetime) -> None:
    """Raises `AnswerTooLate` where silence has sent the claim to mediation, whether or not the sweep has been by."""
    if state_at(claim, now) is not claim.state:
        raise AnswerTooLate(**guidance(claim, now))


def check_step(claim: Claim, to: State, now: datetime) -> None:
    """Raises `NotPossible` where a claim does not become that now."""
    if to not in LIFE[claim.state]:
        raise NotPossible(to=to.value, **guidance(claim, now))


def no_offer(claim: Claim, now: datetime) -> NoOffer:
    """The refusal to who would agree to nothing: what else they may say is possible."""
    may = {who: [one for one in verbs if one != "agree"] for who, verbs in possible(claim, now).items()}
    return NoOffer(**guidance(claim, now) | {"possible": may})


def _told(may: Possible, language: str) -> str:
    if not may:
        return _NOTHING[language]
    now, can, either = _SAYS[language]
    parts = [
        f"{_WHO[language][who]} {can} {_listed([_WHAT[language][one] for one in verbs], either)}"
        for who, verbs in may.items()
    ]
    return f"{now} {' ; '.join(parts) if language == 'fr' else '; '.join(parts)}."


def _listed(words: Sequence[str], either: str) -> str:
    *others, last = words
    return f"{', '.join(others)} {either} {last}" if others else last
