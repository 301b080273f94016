"""HTTP of metered work: what was used, what both agree to, and paying what is still due."""

from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from votremachine.accounts.refusals import NotAllowed, NotSignedIn
from votremachine.accounts.rules import Actor
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.bookings.metering import service
from votremachine.bookings.metering.rules import NotBackYet, NotMetered, OwnWord, UnknownUsage, UsageCountered
from votremachine.bookings.metering.schemas import AgreeUsage, PayMissing, TellUsage, UsageView
from votremachine.bookings.paying import routes as paying
from votremachine.bookings.paying.rules import NothingDue
from votremachine.bookings.refusals import BookingChanged, UnknownBooking
from votremachine.bookings.schemas import BookingView, Proof
from votremachine.infra import idempotency
from votremachine.infra.database import Database, Tx
from votremachine.infra.openapi import Committing
from votremachine.infra.problems import INPUT, responses
from votremachine.infra.replies import reply
from votremachine.infra.wire import HttpRequest
from votremachine.payments.gateway import Gateway
from votremachine.pricing.rules.price import NotCharged, TooFine
from votremachine.pricing.rules.settling import MachineNotSettled, QuantityMissing

_VERB = (*INPUT, *idempotency.ERRORS, NotSignedIn, NotAllowed, UnknownBooking)
_SETTLING = (*_VERB, NotMetered, NotBackYet)


@post(
    "/bookings/{booking_id:uuid}/usage",
    operation_class=Committing,
    responses=responses(*_SETTLING, QuantityMissing, NotCharged, MachineNotSettled, TooFine),
)
async def propose(
    request: HttpRequest,
    booking_id: FromPath[UUID],
    data: JSONBody[TellUsage],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[UsageView]:
    """How much was used, as one side says, once the machine is back; the other side agrees, or says something else."""

    async def verb(tx: Tx, who: Actor) -> Response[UsageView]:
        return reply(request, await service.propose(tx, who, booking_id, data), status=201)

    return await idempotency.once(request, database, claims.person_id, sessions.identify(claims), verb)


@post(
    "/bookings/{booking_id:uuid}/usage/agree",
    operation_class=Committing,
    status_code=200,
    responses=responses(*_SETTLING, BookingChanged, UnknownUsage, UsageCountered, OwnWord),
)
async def agree(
    request: HttpRequest,
    booking_id: FromPath[UUID],
    data: JSONBody[AgreeUsage],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[BookingView]:
    """Agree to what the other side said last: the booking costs that, and the difference is charged or given back."""

    async def verb(tx: Tx, who: Actor) -> Response[BookingView]:
        view = await service.agree(tx, who, booking_id, data.usage_id)
        return reply(request, view, version=view.version)

    return await idempotency.once(request, database, claims.person_id, sessions.identify(claims), verb)


@get("/bookings/{booking_id:uuid}/usage", responses=responses(NotSignedIn, UnknownBooking))
async def browse(
    request: HttpRequest,
    booking_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[list[UsageView]]:
    """Everything that was said of the use of a booking, oldest first."""
    async with database.read() as tx:
        found = await service.browse(tx, await sessions.actor(tx, claims), booking_id)
    return reply(request, list(found))


@post(
    "/bookings/{booking_id:uuid}/pay",
    operation_class=Committing,
    status_code=200,
    responses=responses(*_VERB, NothingDue, *paying.ERRORS),
)
async def pay(
    request: HttpRequest,
    booking_id: FromPath[UUID],
    data: JSONBody[PayMissing],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    gateway: NamedDependency[Gateway],
) -> Response[BookingView | Proof]:
    """Pay what a booking costs more than its cards have paid; nothing, if they have paid it all.

    Answers 202 when the bank wants the cardholder to prove who they are first: then send the same again.
    """
    return await paying.pay(request, booking_id, data.instrument_id, claims, database, gateway)
