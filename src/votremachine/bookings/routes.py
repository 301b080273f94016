"""HTTP of bookings: take a machine's time, decide about it, change it, hand the machine over."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from votremachine.accounts import service as accounts
from votremachine.accounts.rules import Actor, NotAllowed, NotSignedIn, Relation, UnknownParty, WhichParty
from votremachine.accounts.tokens import Claims
from votremachine.availability.rules import SpanTaken
from votremachine.bookings.rules import (
    BookingChanged,
    HoldExpired,
    ImpossibleReturn,
    NotLater,
    NotMovable,
    OwnerDecides,
    OwnMachine,
    PaymentRequired,
    RenterDecides,
    State,
    TooEarly,
    UnknownBooking,
)
from votremachine.bookings.schemas import Book, BookingView, CheckIn, Confirm, Extend, Reschedule, StepView, Why
from votremachine.bookings.service import decide, handover, look, move
from votremachine.bookings.service.book import book
from votremachine.fleet.rules import BOOKABLE_ERRORS, SeveralOwners, UnknownMachine
from votremachine.infra import idempotency
from votremachine.infra.database import Database, Tx
from votremachine.infra.pages import BadCursor, Cursors, Page
from votremachine.infra.problems import INPUT, InvalidInput, responses
from votremachine.infra.replies import MatchRequired, Stale, expected_version, reply
from votremachine.infra.wire import Cursor, HttpRequest, Limit
from votremachine.kernel.span import EndsBeforeStart, NaiveTime, Span
from votremachine.kernel.states import IllegalTransition
from votremachine.pricing.rules import NoPrice

# How a hold may be settled; card payments will stand beside it.
PAYMENTS = {"on_account": decide.confirm_on_account}

_TIME = (NaiveTime, EndsBeforeStart, SpanTaken, *BOOKABLE_ERRORS)
_VERB = (*INPUT, *idempotency.ERRORS, NotSignedIn, NotAllowed, UnknownBooking, IllegalTransition, BookingChanged)
_MOVE = (*_VERB, *_TIME, MatchRequired, Stale, HoldExpired, NotMovable, OwnerDecides, RenterDecides)


@post(
    "/bookings",
    responses=responses(
        *INPUT,
        *idempotency.ERRORS,
        *_TIME,
        NotSignedIn,
        NotAllowed,
        UnknownParty,
        WhichParty,
        UnknownMachine,
        SeveralOwners,
        OwnMachine,
        NoPrice,
        PaymentRequired,
    ),
)
async def create(
    request: HttpRequest,
    data: JSONBody[Book],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[BookingView]:
    """Hold machines for 15 minutes, or book them on account at once. Needs an `Idempotency-Key`."""

    async def verb(tx: Tx) -> Response[BookingView]:
        view = await book(tx, await accounts.actor(tx, claims), data)
        location = {"Location": f"/v1/bookings/{view.id}"}
        return reply(request, view, version=view.version, status=201, headers=location)

    return await idempotency.once(request, database, claims.person_id, verb)


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
        who = await accounts.actor(tx, claims)
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
) -> Response[BookingView]:
    """One booking."""
    async with database.read() as tx:
        view = await look.show(tx, await accounts.actor(tx, claims), booking_id)
    return reply(request, view, version=view.version)


@get("/bookings/{booking_id:uuid}/history", responses=responses(NotSignedIn, UnknownBooking))
async def history(
    request: HttpRequest,
    booking_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[list[StepView]]:
    """Every step in the life of a booking: who, when, why."""
    async with database.read() as tx:
        return reply(request, await look.history(tx, await accounts.actor(tx, claims), booking_id))


@post("/bookings/{booking_id:uuid}/confirm", status_code=200, responses=responses(*_VERB, HoldExpired, PaymentRequired))
async def confirm(
    request: HttpRequest,
    booking_id: FromPath[UUID],
    data: JSONBody[Confirm],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[BookingView]:
    """The renter commits to a hold. Needs an `Idempotency-Key`."""
    return await _act(
        request, claims, database, lambda tx, who: PAYMENTS[data.payment](tx, who, booking_id), required=True
    )


@post("/bookings/{booking_id:uuid}/accept", status_code=200, responses=responses(*_VERB, HoldExpired))
async def accept(
    request: HttpRequest,
    booking_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[BookingView]:
    """The owner says yes to a request."""
    return await _act(request, claims, database, lambda tx, who: decide.accept(tx, who, booking_id))


@post("/bookings/{booking_id:uuid}/decline", status_code=200, responses=responses(*_VERB, HoldExpired))
async def decline(
    request: HttpRequest,
    booking_id: FromPath[UUID],
    data: JSONBody[Why],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[BookingView]:
    """The owner says no to a request."""
    return await _act(request, claims, database, lambda tx, who: decide.decline(tx, who, booking_id, data.why))


@post("/bookings/{booking_id:uuid}/cancel", status_code=200, responses=responses(*_VERB, HoldExpired))
async def cancel(
    request: HttpRequest,
    booking_id: FromPath[UUID],
    data: JSONBody[Why],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[BookingView]:
    """Either side calls a booking off before the machine is out."""
    return await _act(request, claims, database, lambda tx, who: decide.cancel(tx, who, booking_id, data.why))


@post("/bookings/{booking_id:uuid}/reschedule", status_code=200, responses=responses(*_MOVE))
async def reschedule(
    request: HttpRequest,
    booking_id: FromPath[UUID],
    data: JSONBody[Reschedule],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[BookingView]:
    """Another time for a booking; the old one is kept if the new one is taken. Needs `If-Match`."""
    version, span = expected_version(request), Span(data.start, data.end)
    return await _act(request, claims, database, lambda tx, who: move.reschedule(tx, who, booking_id, version, span))


@post("/bookings/{booking_id:uuid}/extend", status_code=200, responses=responses(*_MOVE, NotLater))
async def extend(
    request: HttpRequest,
    booking_id: FromPath[UUID],
    data: JSONBody[Extend],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[BookingView]:
    """A later end for a booking that stands or is under way. Needs `If-Match`."""
    version = expected_version(request)
    return await _act(request, claims, database, lambda tx, who: move.extend(tx, who, booking_id, version, data.end))


@post("/bookings/{booking_id:uuid}/check_out", status_code=200, responses=responses(*_VERB, TooEarly))
async def check_out(
    request: HttpRequest,
    booking_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[BookingView]:
    """The machine leaves with the renter."""
    return await _act(request, claims, database, lambda tx, who: handover.check_out(tx, who, booking_id))


@post("/bookings/{booking_id:uuid}/check_in", status_code=200, responses=responses(*_VERB, NaiveTime, ImpossibleReturn))
async def check_in(
    request: HttpRequest,
    booking_id: FromPath[UUID],
    data: JSONBody[CheckIn],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[BookingView]:
    """The machine is back; what is left of its time is free again."""
    if data.at is not None and data.at.tzinfo is None:
        raise NaiveTime(pointer="/at")
    return await _act(request, claims, database, lambda tx, who: handover.check_in(tx, who, booking_id, data.at))


@post("/bookings/{booking_id:uuid}/no_show", status_code=200, responses=responses(*_VERB, TooEarly))
async def no_show(
    request: HttpRequest,
    booking_id: FromPath[UUID],
    data: JSONBody[Why],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[BookingView]:
    """Nobody came for the machine: its time is free again."""
    return await _act(request, claims, database, lambda tx, who: handover.no_show(tx, who, booking_id, data.why))


async def _act(
    request: HttpRequest,
    claims: Claims,
    database: Database,
    act: Callable[[Tx, Actor], Awaitable[BookingView]],
    *,
    required: bool = False,
) -> Response[BookingView]:
    """One verb on one booking: one transaction, once for its `Idempotency-Key`, answered with the booking."""

    async def verb(tx: Tx) -> Response[BookingView]:
        view = await act(tx, await accounts.actor(tx, claims))
        return reply(request, view, version=view.version)

    return await idempotency.once(request, database, claims.person_id, verb, required=required)


router = Router(
    path="/v1",
    tags=["bookings"],
    route_handlers=[
        create,
        browse,
        show,
        history,
        confirm,
        accept,
        decline,
        cancel,
        reschedule,
        extend,
        check_out,
        check_in,
        no_show,
    ],
)
