"""HTTP of payouts: what an owner has and is to have, and what the operator's people record of it."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated
from uuid import UUID

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from votremachine.accounts.refusals import NotAllowed, NotInTheirPlace, NotSignedIn, UnknownParty
from votremachine.accounts.rules import Actor, Verb, require
from votremachine.accounts.service import audit, sessions
from votremachine.accounts.tokens import Claims
from votremachine.infra import idempotency
from votremachine.infra.database import Database, Tx
from votremachine.infra.idempotency import ERRORS as REPEATS
from votremachine.infra.openapi import Committing
from votremachine.infra.pages import BadCursor, Cursors, Page
from votremachine.infra.problems import INPUT, InvalidInput, responses
from votremachine.infra.replies import reply
from votremachine.infra.wire import Cursor, HttpRequest, Limit
from votremachine.kernel.states import IllegalTransition
from votremachine.payments.payouts import look, service
from votremachine.payments.payouts.rules import State, UnknownPayout
from votremachine.payments.payouts.schemas import Failed, PayoutDetails, PayoutView

InState = Annotated[State, QueryParameter(name="state", description="Of everybody's payouts, those in this state.")]
_READING = (InvalidInput, BadCursor, NotSignedIn, NotAllowed)
_RECORDING = (*REPEATS, NotSignedIn, NotInTheirPlace, NotAllowed, UnknownPayout, IllegalTransition)


@get("/parties/{party_id:uuid}/payouts", responses=responses(*_READING, UnknownParty))
async def of_party(
    request: HttpRequest,
    party_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    cursors: NamedDependency[Cursors],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response[Page[PayoutView]]:
    """What was and will be paid out to a party, newest first."""
    listed = f"payouts {party_id}"
    before = cursors.read(listed, cursor, UUID) if cursor else None
    async with database.read() as tx:
        who = await sessions.actor(tx, claims)
        rows = await look.of_party(tx, who, party_id, before=before, limit=limit)
    return reply(request, cursors.page(listed, rows, limit, lambda row: row.id))


@get("/payouts", responses=responses(*_READING))
async def in_state(
    request: HttpRequest,
    wanted: InState,
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    cursors: NamedDependency[Cursors],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response[Page[PayoutView]]:
    """Everybody's payouts in a state, for the operator's people."""
    listed = f"payouts {wanted}"
    before = cursors.read(listed, cursor, UUID) if cursor else None
    async with database.read() as tx:
        who = await sessions.actor(tx, claims)
        rows = await look.in_state(tx, who, wanted, before=before, limit=limit)
    return reply(request, cursors.page(listed, rows, limit, lambda row: row.id))


@get("/payouts/{payout_id:uuid}", responses=responses(NotSignedIn, NotAllowed, UnknownPayout))
async def one(
    request: HttpRequest,
    payout_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[PayoutDetails]:
    """A payout and what it is made of."""
    async with database.read() as tx:
        return reply(request, await look.one(tx, await sessions.actor(tx, claims), payout_id))


@post(
    "/payouts/{payout_id:uuid}/sent",
    operation_class=Committing,
    status_code=200,
    responses=responses(*_RECORDING),
)
async def sent(
    request: HttpRequest,
    payout_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[PayoutDetails]:
    """The bank was told to pay it."""
    return await _recorded(request, payout_id, claims, database, "send", service.mark_sent)


@post(
    "/payouts/{payout_id:uuid}/paid",
    operation_class=Committing,
    status_code=200,
    responses=responses(*_RECORDING),
)
async def paid(
    request: HttpRequest,
    payout_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[PayoutDetails]:
    """The owner has it."""
    return await _recorded(request, payout_id, claims, database, "pay", service.mark_paid)


@post(
    "/payouts/{payout_id:uuid}/failed",
    operation_class=Committing,
    status_code=200,
    responses=responses(*INPUT, *_RECORDING),
)
async def failed(
    request: HttpRequest,
    payout_id: FromPath[UUID],
    data: JSONBody[Failed],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[PayoutDetails]:
    """The owner's bank did not take it: its lines go into another payout."""
    recording = partial(service.mark_failed, reason=data.reason)
    return await _recorded(request, payout_id, claims, database, "fail", recording)


async def _recorded(
    request: HttpRequest,
    payout_id: UUID,
    claims: Claims,
    database: Database,
    what: str,
    recording: Callable[[Tx, UUID], Awaitable[None]],
) -> Response[PayoutDetails]:
    async def verb(tx: Tx, who: Actor) -> Response[PayoutDetails]:
        require(Verb.KEEP_BOOKS, who, stranger=NotAllowed())
        before = await look.one(tx, who, payout_id)
        await recording(tx, payout_id)
        await audit.note(tx, who, f"{what}_payout", "payout", payout_id, before.payout.party_id)
        return reply(request, await look.one(tx, who, payout_id))

    return await idempotency.once(request, database, claims.person_id, sessions.identify(claims), verb)


router = Router(path="/v1", tags=["ledger"], route_handlers=[of_party, in_state, one, sent, paid, failed])
