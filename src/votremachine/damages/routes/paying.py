"""Paying what a claim still owes over HTTP: two transactions, and the gateway's answer between them."""

from uuid import UUID

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from votremachine.accounts.refusals import NotAllowed, NotSignedIn
from votremachine.accounts.rules import Actor
from votremachine.accounts.service import sessions
from votremachine.bookings.paying.routes import ERRORS
from votremachine.damages.routes.hearing import Hearing
from votremachine.damages.rules.claim import Claim, NothingOwed, UnknownClaim
from votremachine.damages.schemas import ClaimDetails, ClaimProof, PayClaim
from votremachine.damages.service import paying, reading
from votremachine.infra import idempotency
from votremachine.infra.database import Tx
from votremachine.infra.idempotency import Ended
from votremachine.infra.openapi import Committing
from votremachine.infra.problems import INPUT, responses
from votremachine.infra.replies import reply
from votremachine.kernel.errors import DomainError
from votremachine.payments.gateway import Gateway
from votremachine.payments.orders.carrying import carry_out
from votremachine.payments.orders.rules import Outcome, PaymentOrder


@post(
    "/claims/{claim_id:uuid}/pay",
    operation_class=Committing,
    status_code=200,
    responses=responses(*INPUT, *idempotency.ERRORS, *ERRORS, NotSignedIn, NotAllowed, UnknownClaim, NothingOwed),
)
async def pay(
    claim_id: FromPath[UUID],
    data: JSONBody[PayClaim],
    hearing: NamedDependency[Hearing],
    gateway: NamedDependency[Gateway],
) -> Response[ClaimDetails | ClaimProof]:
    """The renter pays what their card did not. 202 when its holder must prove who they are first."""

    async def begin(tx: Tx, who: Actor) -> PaymentOrder | Ended[ClaimDetails | ClaimProof]:
        begun = await paying.begin(tx, who, claim_id, data.instrument_id)
        return begun if isinstance(begun, PaymentOrder) else await ended(tx, who, begun)

    async def ask(order: PaymentOrder) -> Outcome:
        return await carry_out(gateway, order)

    async def end(tx: Tx, who: Actor, order: PaymentOrder, outcome: Outcome) -> Ended[ClaimDetails | ClaimProof]:
        return await ended(tx, who, await paying.end(tx, claim_id, order, outcome))

    async def ended(tx: Tx, who: Actor, done: Claim | ClaimProof | DomainError) -> Ended[ClaimDetails | ClaimProof]:
        if isinstance(done, DomainError):
            return Ended(refusal=done)
        if isinstance(done, ClaimProof):
            return Ended(reply(hearing.request, done, status=202), final=False)
        return Ended(reply(hearing.request, await reading.details(tx, who, hearing.links, done), version=done.version))

    claims = hearing.claims
    return await idempotency.in_two(
        hearing.request, hearing.database, claims.person_id, sessions.identify(claims), begin, ask, end
    )
