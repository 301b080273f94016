"""HTTP of bookings as such: make one, list them, look at one and at its history."""

from typing import Annotated
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from votremachine.accounts.refusals import NotAllowed, NotSignedIn, UnknownParty, WhichParty
from votremachine.accounts.rules import Actor, Relation
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.bookings.paying import look as paying
from votremachine.bookings.paying.schemas import PaymentsView
from votremachine.bookings.refusals import TIME_ERRORS, OwnMachine, PaymentRequired, UnknownBooking
from votremachine.bookings.rules import State
from votremachine.bookings.schemas import Book, BookingDetails, BookingView, StepView
from votremachine.bookings.service import look
from votremachine.bookings.service.book import book
from votremachine.config import Settings
from votremachine.fleet.rules import SeveralOwners, UnknownMachine
from votremachine.infra import idempotency
from votremachine.infra.database import Database, Tx
from votremachine.infra.openapi import Committing
from votremachine.infra.pages import BadCursor, Cursors, Page
from votremachine.infra.problems import INPUT, InvalidInput, responses
from votremachine.infra.replies import reply
from votremachine.infra.wire import Cursor, HttpRequest, Limit
from votremachine.payments.rules.splitting import Fee
from votremachine.pricing.offers import Offers
from votremachine.pricing.rules.card import NoPrice
from votremachine.pricing.rules.offer import QUOTE_ERRORS
from votremachine.pricing.rules.price import EstimateNeeded


@post(
    "/bookings",
    operation_class=Committing,
    responses=responses(
        *INPUT,
        *idempotency.ERRORS,
        *TIME_ERRORS,
        NotSignedIn,
        NotAllowed,
        UnknownParty,
        WhichParty,
        UnknownMachine,
        SeveralOwners,
        OwnMachine,
        NoPrice,
        EstimateNeeded,
        *QUOTE_ERRORS,
        PaymentRequired,
    ),
)
async def create(
    request: HttpRequest,
    data: JSONBody[Book],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    offers: NamedDependency[Offers],
    settings: NamedDependency[Settings],
) -> Response[BookingView]:
    """Hold machines for 15 minutes, or book them on account at once. Needs an `Idempotency-Key`."""

    async def verb(tx: Tx, who: Actor) -> Response[BookingView]:
        offer = offers.read(data.quote, tx.now) if data.quote is not None else None
        view = await book(tx, who, data, offer, fee=Fee.of(settings))
        location = {"Location": f"/v1/bookings/{view.id}"}
        return reply(request, view, version=view.version, status=201, headers=location)

    return await idempotency.once(request, database, claims.person_id, sessions.identify(claims), verb)


@get("/bookings", responses=responses(InvalidInput, BadCursor, NotSignedIn, UnknownParty))
async def browse(
    request: HttpRequest,
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    cursors: NamedDependency[Cursors],
    side: FromQuery[Relation | None] = None,
    booking_state: Annotated[State | None, QueryParameter(name="state")] = None,
    party_id: FromQuery[UUID | None] = None,
    machine_id: FromQuery[UUID | None] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response[Page[BookingView]]:
    """The bookings that the caller's parties are a side of, newest first."""
    before = cursors.read("bookings", cursor, UUID) if cursor else None
    async with database.read() as tx:
        who = await sessions.actor(tx, claims)
        rows = await look.browse(
            tx,
            who,
            side=side,
            state=booking_state,
            party_id=party_id,
            machine_id=machine_id,
            before=before,
            limit=limit,
        )
    return reply(request, cursors.page("bookings", rows, limit, lambda view: view.id))


@get("/bookings/{booking_id:uuid}", responses=responses(NotSignedIn, UnknownBooking))
async def show(
    request: HttpRequest,
    booking_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[BookingDetails]:
    """One booking; once it is confirmed, with whom to call and where the machines stand."""
    async with database.read() as tx:
        view = await look.show(tx, await sessions.actor(tx, claims), booking_id)
    return reply(request, view, version=view.version)


@get("/bookings/{booking_id:uuid}/payments", responses=responses(NotSignedIn, NotAllowed, UnknownBooking))
async def show_payments(
    request: HttpRequest,
    booking_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[PaymentsView]:
    """What was paid, refunded and is held for a booking, the life of its deposit, and its owner's part."""
    async with database.read() as tx:
        return reply(request, await paying.payments(tx, await sessions.actor(tx, claims), booking_id))


@get("/bookings/{booking_id:uuid}/history", responses=responses(NotSignedIn, UnknownBooking))
async def history(
    request: HttpRequest,
    booking_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[list[StepView]]:
    """Every step in the life of a booking: who, when, why."""
    async with database.read() as tx:
        return reply(request, await look.history(tx, await sessions.actor(tx, claims), booking_id))
