"""HTTP of what is said to a claim; each is a POST that answers with the claim as it is then."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from votremachine.accounts.rules import Actor, NotAllowed, NotInTheirPlace, NotSignedIn
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.damages.rules.claim import (
    AnswerTooLate,
    Claim,
    ClaimChanged,
    MoreThanAsked,
    NoOffer,
    NotImpartial,
    OutOfTurn,
    TooManyOffers,
    UnknownClaim,
)
from votremachine.damages.schemas import ClaimDetails, Contest, Decide, Offer, Why
from votremachine.damages.service import answering, mediating, reading
from votremachine.infra import idempotency
from votremachine.infra.database import Database, Tx
from votremachine.infra.links import Links
from votremachine.infra.openapi import Answering
from votremachine.infra.problems import INPUT, responses
from votremachine.infra.replies import MatchRequired, Stale, expected_version, reply
from votremachine.infra.wire import HttpRequest
from votremachine.kernel.errors import DomainError
from votremachine.kernel.states import IllegalTransition

_VERB = (*INPUT, *idempotency.ERRORS, MatchRequired, Stale, NotSignedIn, NotAllowed, NotInTheirPlace, UnknownClaim)
_STATE = (ClaimChanged, IllegalTransition)


def on_claim(name: str, *errors: type[DomainError]) -> post:
    """A verb's route, which states these errors besides those that all verbs have."""
    stated = responses(*_VERB, *_STATE, *errors)
    return post(f"/claims/{{claim_id:uuid}}/{name}", operation_class=Answering, status_code=200, responses=stated)


async def _said(
    request: HttpRequest,
    claims: Claims,
    database: Database,
    links: Links,
    say: Callable[[Tx, Actor, int], Awaitable[Claim]],
) -> Response[ClaimDetails]:
    """Say something to a claim as it was last read, once for its key."""
    version = expected_version(request)

    async def verb(tx: Tx, who: Actor) -> Response[ClaimDetails]:
        found = await reading.details(tx, who, links, await say(tx, who, version))
        return reply(request, found, version=found.version)

    return await idempotency.once(request, database, claims.person_id, sessions.identify(claims), verb)


@on_claim("accept", AnswerTooLate)
async def accept(
    request: HttpRequest,
    claim_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    links: NamedDependency[Links],
) -> Response[ClaimDetails]:
    """The renter pays what is asked: from the deposit, and what exceeds it by card."""
    return await _said(request, claims, database, links, lambda tx, who, at: answering.accept(tx, who, claim_id, at))


@on_claim("contest", AnswerTooLate, MoreThanAsked)
async def contest(
    request: HttpRequest,
    claim_id: FromPath[UUID],
    data: JSONBody[Contest],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    links: NamedDependency[Links],
) -> Response[ClaimDetails]:
    """The renter does not pay what is asked, says why, and may offer less."""
    return await _said(
        request, claims, database, links, lambda tx, who, at: answering.contest(tx, who, claim_id, at, data)
    )


@on_claim("offer", AnswerTooLate, OutOfTurn, MoreThanAsked, TooManyOffers)
async def offer(
    request: HttpRequest,
    claim_id: FromPath[UUID],
    data: JSONBody[Offer],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    links: NamedDependency[Links],
) -> Response[ClaimDetails]:
    """Say what one's side would settle for; then it is for the other to answer, within 72 hours."""
    return await _said(
        request, claims, database, links, lambda tx, who, at: answering.offer(tx, who, claim_id, at, data)
    )


@on_claim("agree", AnswerTooLate, OutOfTurn, NoOffer)
async def agree(
    request: HttpRequest,
    claim_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    links: NamedDependency[Links],
) -> Response[ClaimDetails]:
    """Take the other side's last offer; the owner's first one is what the claim asks."""
    return await _said(request, claims, database, links, lambda tx, who, at: answering.agree(tx, who, claim_id, at))


@on_claim("withdraw", AnswerTooLate)
async def withdraw(
    request: HttpRequest,
    claim_id: FromPath[UUID],
    data: JSONBody[Why],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    links: NamedDependency[Links],
) -> Response[ClaimDetails]:
    """The owner asks for nothing any more; the deposit is let go."""
    return await _said(
        request, claims, database, links, lambda tx, who, at: answering.withdraw(tx, who, claim_id, at, data.reason)
    )


@on_claim("escalate", AnswerTooLate)
async def escalate(
    request: HttpRequest,
    claim_id: FromPath[UUID],
    data: JSONBody[Why],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    links: NamedDependency[Links],
) -> Response[ClaimDetails]:
    """Either side asks for a mediator, who decides."""
    return await _said(
        request, claims, database, links, lambda tx, who, at: answering.escalate(tx, who, claim_id, at, data.reason)
    )


@on_claim("decide", NotImpartial, MoreThanAsked)
async def decide(
    request: HttpRequest,
    claim_id: FromPath[UUID],
    data: JSONBody[Decide],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    links: NamedDependency[Links],
) -> Response[ClaimDetails]:
    """A mediator awards so much, or nothing, with reasons that both sides read."""
    return await _said(
        request, claims, database, links, lambda tx, who, at: mediating.decide(tx, who, claim_id, at, data)
    )
