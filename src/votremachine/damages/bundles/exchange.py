"""What was said about a claim, in order: steps, offers, reasons, and the decision."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from votremachine.damages.bundles.dossier import Dossier
from votremachine.damages.bundles.words import Tongue
from votremachine.damages.rules.claim import State
from votremachine.damages.schemas import StepView

# Who alone takes a step.
_WHO = {
    State.OPEN: "owner",
    State.ACCEPTED: "renter",
    State.CONTESTED: "renter",
    State.WITHDRAWN: "owner",
    State.DECIDED: "mediator",
    State.SETTLED: "system",
}


class _Said(NamedTuple):
    at: datetime
    who: str
    what: str
    text: str


def exchange(dossier: Dossier, say: Tongue) -> list[dict[str, Any]]:
    """Each with when, who, what, and their own words."""
    said = sorted((*_steps(dossier, say), *_offers(dossier, say)), key=lambda one: one.at)
    return [
        {"at": say.moment(one.at, dossier.clock), "who": one.who, "what": one.what, "text": one.text} for one in said
    ]


def _steps(dossier: Dossier, say: Tongue) -> Iterator[_Said]:
    for step in dossier.claim.steps:
        if step.state is State.MEDIATION and step.by is None:
            yield _Said(step.at, say("system"), say("step.silence"), "")
            continue
        what = say(f"step.{step.state}", amount=say.money(dossier.claim.asked))
        # The first reason stands above, in whole.
        text = "" if step.state is State.OPEN else step.why
        yield _Said(step.at, say(_WHO.get(step.state, "a_side")), _with_amount(dossier, step, what, say), text)


def _with_amount(dossier: Dossier, step: StepView, what: str, say: Tongue) -> str:
    paid = dossier.claim.settlement
    awards = {State.AGREED, State.DECIDED}
    return f"{what} : {say.money(paid.awarded)}" if paid is not None and step.state in awards else what


def _offers(dossier: Dossier, say: Tongue) -> Iterator[_Said]:
    for offer in dossier.claim.offers:
        yield _Said(offer.at, say(offer.side), say("offers", amount=say.money(offer.amount)), offer.note)
