"""HTTP of what is said to a claim; each is a POST that answers with the claim as it is then."""

from uuid import UUID

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from votremachine.accounts.refusals import NotAllowed, NotInTheirPlace, NotSignedIn
from votremachine.damages.routes.hearing import Hearing
from votremachine.damages.rules.claim import (
    ClaimChanged,
    MoreThanAsked,
    NotImpartial,
    TooManyOffers,
    UnknownClaim,
)
from votremachine.damages.rules.turns import AnswerTooLate, NoOffer, NotPossible, OutOfTurn
from votremachine.damages.schemas import ClaimDetails, Contest, Decide, Offer, Why
from votremachine.damages.service import answering, mediating
from votremachine.infra import idempotency
from votremachine.infra.openapi import Answering
from votremachine.infra.problems import INPUT, responses
from votremachine.infra.replies import MatchRequired, Stale
from votremachine.kernel.errors import DomainError

_WHO = (NotSignedIn, NotAllowed, NotInTheirPlace, UnknownClaim)
_VERB = (*INPUT, *idempotency.ERRORS, MatchRequired, Stale, *_WHO, ClaimChanged, NotPossible)


def on_claim(name: str, *errors: type[DomainError]) -> post:
    """A verb's route, which states these errors besides those that all verbs have."""
    stated = responses(*_VERB, *errors)
    return post(f"/claims/{{claim_id:uuid}}/{name}", operation_class=Answering, status_code=200, responses=stated)


@on_claim("accept", AnswerTooLate)
async def accept(claim_id: FromPath[UUID], hearing: NamedDependency[Hearing]) -> Response[ClaimDetails]:
    """The renter pays what is asked: from the deposit, and what exceeds it by card."""
    return await hearing.said(lambda tx, who, at: answering.accept(tx, who, claim_id, at))


@on_claim("contest", AnswerTooLate, MoreThanAsked)
async def contest(
    claim_id: FromPath[UUID], data: JSONBody[Contest], hearing: NamedDependency[Hearing]
) -> Response[ClaimDetails]:
    """The renter does not pay what is asked, says why, and may offer less."""
    return await hearing.said(lambda tx, who, at: answering.contest(tx, who, claim_id, at, data, hearing.patience))


@on_claim("offer", AnswerTooLate, OutOfTurn, MoreThanAsked, TooManyOffers)
async def offer(
    claim_id: FromPath[UUID], data: JSONBody[Offer], hearing: NamedDependency[Hearing]
) -> Response[ClaimDetails]:
    """Say what one's side would settle for; then it is for the other to answer, within the time that `due_at` says."""
    return await hearing.said(lambda tx, who, at: answering.offer(tx, who, claim_id, at, data, hearing.patience))


@on_claim("agree", AnswerTooLate, OutOfTurn, NoOffer)
async def agree(claim_id: FromPath[UUID], hearing: NamedDependency[Hearing]) -> Response[ClaimDetails]:
    """Take the other side's last offer; the owner's first one is what the claim asks."""
    return await hearing.said(lambda tx, who, at: answering.agree(tx, who, claim_id, at))


@on_claim("withdraw", AnswerTooLate)
async def withdraw(
    claim_id: FromPath[UUID], data: JSONBody[Why], hearing: NamedDependency[Hearing]
) -> Response[ClaimDetails]:
    """The owner asks for nothing any more; the deposit is let go."""
    return await hearing.said(lambda tx, who, at: answering.withdraw(tx, who, claim_id, at, data.reason))


@on_claim("escalate", AnswerTooLate)
async def escalate(
    claim_id: FromPath[UUID], data: JSONBody[Why], hearing: NamedDependency[Hearing]
) -> Response[ClaimDetails]:
    """Either side asks for a mediator, who decides."""
    return await hearing.said(
        lambda tx, who, at: answering.escalate(tx, who, claim_id, at, data.reason, hearing.patience)
    )


@on_claim("decide", NotImpartial, MoreThanAsked)
async def decide(
    claim_id: FromPath[UUID], data: JSONBody[Decide], hearing: NamedDependency[Hearing]
) -> Response[ClaimDetails]:
    """A mediator awards so much, or nothing, with reasons that both sides read."""
    return await hearing.said(lambda tx, who, at: mediating.decide(tx, who, claim_id, at, data))
