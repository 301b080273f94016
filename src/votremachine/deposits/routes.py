"""HTTP of deposits: one of a booking, the card for it, its waiver, and an owner's list."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from votremachine.accounts.refusals import NotAllowed, NotInTheirPlace, NotSignedIn, UnknownParty
from votremachine.accounts.rules import Actor
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.config import Settings
from votremachine.deposits.rules import DepositOver, DepositUnderClaim, UnknownDeposit
from votremachine.deposits.schemas import DepositProof, DepositView, GiveCard, Listed, OwnersDepositView, Waive
from votremachine.deposits.service import ending, giving, reading
from votremachine.infra import idempotency
from votremachine.infra.database import Database, Tx
from votremachine.infra.idempotency import Ended
from votremachine.infra.openapi import Committing, Repeatable
from votremachine.infra.pages import BadCursor, Cursors, Page
from votremachine.infra.problems import INPUT, InvalidInput, responses
from votremachine.infra.replies import reply
from votremachine.infra.wire import Cursor, HttpRequest, Limit
from votremachine.kernel.errors import DomainError
from votremachine.payments.gateway import Gateway
from votremachine.payments.instruments.rules import InstrumentNotReady, UnknownInstrument
from votremachine.payments.orders.carrying import carry_out
from votremachine.payments.orders.rules import CardDeclined, GatewaySilent, Outcome, PaymentOrder, PaymentUnderWay

_WHO = (NotSignedIn, NotAllowed)
_CARD = (UnknownInstrument, InstrumentNotReady, PaymentUnderWay, CardDeclined, GatewaySilent)
Of = Annotated[Listed | None, QueryParameter(name="state", description="How they stand; all of them by default.")]


@get("/bookings/{booking_id:uuid}/deposit", responses=responses(*_WHO, UnknownDeposit))
async def show(
    request: HttpRequest,
    booking_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[DepositView]:
    """The deposit of a booking, for both of its sides."""
    async with database.read() as tx:
        found = await reading.show(tx, await sessions.actor(tx, claims), booking_id)
    return reply(request, found, version=found.version)


@post(
    "/bookings/{booking_id:uuid}/deposit",
    operation_class=Committing,
    status_code=200,
    responses=responses(*INPUT, *idempotency.ERRORS, *_WHO, UnknownDeposit, DepositOver, *_CARD),
)
async def give(
    request: HttpRequest,
    booking_id: FromPath[UUID],
    data: JSONBody[GiveCard],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    gateway: NamedDependency[Gateway],
    settings: NamedDependency[Settings],
) -> Response[DepositView | DepositProof]:
    """The renter gives a card: it is asked a day before the start, or now if that is past. Needs an `Idempotency-Key`.

    Answers 202 when the bank wants the cardholder to prove who they are first.
    """
    longest, margin = gateway.capabilities.longest_hold, timedelta(hours=settings.deposit_margin_hours)

    async def begin(tx: Tx, who: Actor) -> PaymentOrder | None:
        return await giving.begin(tx, who, booking_id, data.instrument_id, longest_hold=longest, margin=margin)

    async def ask(order: PaymentOrder | None) -> Outcome | None:
        return None if order is None else await carry_out(gateway, order)

    async def end(
        tx: Tx, who: Actor, order: PaymentOrder | None, outcome: Outcome | None
    ) -> Ended[DepositView | DepositProof]:
        done = await giving.end(tx, who, booking_id, order, outcome)
        if isinstance(done, DomainError):
            return Ended(refusal=done)
        if isinstance(done, DepositProof):
            return Ended(reply(request, done, status=202), final=False)
        return Ended(reply(request, done, version=done.version))

    return await idempotency.in_two(request, database, claims.person_id, sessions.identify(claims), begin, ask, end)


@post(
    "/bookings/{booking_id:uuid}/deposit/waive",
    operation_class=Repeatable,
    status_code=200,
    responses=responses(
        *INPUT, *idempotency.ERRORS, *_WHO, NotInTheirPlace, UnknownDeposit, DepositOver, DepositUnderClaim
    ),
)
async def waive(
    request: HttpRequest,
    booking_id: FromPath[UUID],
    data: JSONBody[Waive],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[DepositView]:
    """The owner does without the deposit, in writing; what is held of it goes back."""

    async def verb(tx: Tx, who: Actor) -> Response[DepositView]:
        waived = await reading.view(tx, who, await ending.waive(tx, who, booking_id, data.reason))
        return reply(request, waived, version=waived.version)

    return await idempotency.once(request, database, claims.person_id, sessions.identify(claims), verb, required=False)


@get("/parties/{party_id:uuid}/deposits", responses=responses(InvalidInput, BadCursor, *_WHO, UnknownParty))
async def browse(
    request: HttpRequest,
    party_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    cursors: NamedDependency[Cursors],
    listed: Of = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response[Page[OwnersDepositView]]:
    """The deposits for a party's machines, newest first: which are live, lapsing within 48 hours, failed, …"""
    scope = f"deposits {party_id} {listed}"
    after = cursors.read(scope, cursor, UUID) if cursor else None
    async with database.read() as tx:
        who = await sessions.actor(tx, claims)
        rows = await reading.of_owner(tx, who, party_id, listed, after=after, limit=limit)
    return reply(request, cursors.page(scope, rows, limit, lambda row: row.id))


router = Router(path="/v1", tags=["deposits"], route_handlers=[show, give, waive, browse])
