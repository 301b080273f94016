"""HTTP of what is done to a booking; each verb is a POST that answers with the booking as it is then."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from uuid import UUID

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.openapi.spec import Operation
from litestar.params import FromPath, JSONBody

from votremachine.accounts.refusals import NotAllowed, NotSignedIn
from votremachine.accounts.rules import Actor
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.availability.rules import SpanTaken
from votremachine.bookings.paying import routes as paying
from votremachine.bookings.refusals import (
    TIME_ERRORS,
    BookingChanged,
    CardsNotTaken,
    HoldExpired,
    ImpossibleReturn,
    NotFreeYet,
    NotLater,
    NotMovable,
    OwnerDecides,
    PaymentRequired,
    ReportNeeded,
    StillOut,
    TimeFixed,
    TooEarly,
    TooLate,
    UnknownBooking,
    WeatherNotOffered,
)
from votremachine.bookings.rules import Wish, WishKind
from votremachine.bookings.schemas import BookingView, CheckIn, Confirm, Extend, Proof, Reschedule, Why
from votremachine.bookings.service import decide, handover
from votremachine.config import Settings
from votremachine.deposits.rules import DepositMissing
from votremachine.infra import idempotency
from votremachine.infra.database import Database, Tx
from votremachine.infra.openapi import Committing, Moving, Repeatable
from votremachine.infra.problems import INPUT, responses
from votremachine.infra.replies import MatchRequired, Stale, expected_version, reply
from votremachine.infra.wire import HttpRequest
from votremachine.kernel.errors import DomainError
from votremachine.kernel.span import NaiveTime, Span
from votremachine.kernel.states import IllegalTransition
from votremachine.payments.gateway import Gateway

_VERB = (*INPUT, *idempotency.ERRORS, NotSignedIn, NotAllowed, UnknownBooking, IllegalTransition, BookingChanged)
_MOVE = (*TIME_ERRORS, MatchRequired, Stale, HoldExpired, NotMovable, OwnerDecides, *paying.ERRORS)


def on_booking(name: str, *errors: type[DomainError], operation: type[Operation] = Repeatable) -> post:
    """A verb's route, which states these errors besides those that all verbs have."""
    stated = responses(*_VERB, *errors)
    return post(f"/bookings/{{booking_id:uuid}}/{name}", operation_class=operation, status_code=200, responses=stated)


@on_booking("confirm", HoldExpired, PaymentRequired, CardsNotTaken, *paying.ERRORS, operation=Committing)
async def confirm(
    request: HttpRequest,
    booking_id: FromPath[UUID],
    data: JSONBody[Confirm],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    gateway: NamedDependency[Gateway],
    settings: NamedDependency[Settings],
) -> Response[BookingView | Proof]:
    """The renter commits to a hold. Needs an `Idempotency-Key`.

    Answers 202 when the bank wants the cardholder to prove who they are first.
    """
    if data.payment == "card":
        if not settings.card_payments:
            raise CardsNotTaken
        return await paying.confirm(request, booking_id, data, claims, database, gateway)
    answer: Response[Any] = await _act(
        request, claims, database, lambda tx, who: decide.confirm_on_account(tx, who, booking_id), required=True
    )
    return answer


@on_booking("accept", HoldExpired)
async def accept(
    request: HttpRequest,
    booking_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[BookingView]:
    """The owner says yes to a request."""
    return await _act(request, claims, database, lambda tx, who: decide.accept(tx, who, booking_id))


@on_booking("decline", HoldExpired)
async def decline(
    request: HttpRequest,
    booking_id: FromPath[UUID],
    data: JSONBody[Why],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[BookingView]:
    """The owner says no to a request."""
    return await _act(request, claims, database, lambda tx, who: decide.decline(tx, who, booking_id, data.why))


@on_booking("cancel", HoldExpired, TooLate)
async def cancel(
    request: HttpRequest,
    booking_id: FromPath[UUID],
    data: JSONBody[Why],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[BookingView]:
    """Either side calls a booking off before the machine is out."""
    return await _act(request, claims, database, lambda tx, who: decide.cancel(tx, who, booking_id, data.why))


@on_booking("reschedule", *_MOVE, TimeFixed, WeatherNotOffered, TooEarly, TooLate, operation=Moving)
async def reschedule(
    request: HttpRequest,
    booking_id: FromPath[UUID],
    data: JSONBody[Reschedule],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    gateway: NamedDependency[Gateway],
) -> Response[BookingView | Proof]:
    """Another time for a booking; the old one is kept if the new one is taken. Needs `If-Match`.

    The difference is charged to the card that paid, or to `instrument_id`, or given back. Answers 202 when the bank
    wants the cardholder to prove who they are first: then send the same again.
    """
    span = Span(data.start, data.end)
    weather = data.reason == "weather"
    wish = Wish(WishKind.RESCHEDULE, expected_version(request), span.end, span.start, weather)
    return await paying.move(request, booking_id, wish, data.instrument_id, claims, database, gateway)


@on_booking("extend", *_MOVE, NotLater, operation=Moving)
async def extend(
    request: HttpRequest,
    booking_id: FromPath[UUID],
    data: JSONBody[Extend],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    gateway: NamedDependency[Gateway],
) -> Response[BookingView | Proof]:
    """A later end for a booking that stands or is under way, at its price. Needs `If-Match`; see `reschedule`."""
    wish = Wish(WishKind.EXTEND, expected_version(request), data.end)
    return await paying.move(request, booking_id, wish, data.instrument_id, claims, database, gateway)


@on_booking("check_out", TooEarly, StillOut, SpanTaken, NotFreeYet, DepositMissing, ReportNeeded)
async def check_out(
    request: HttpRequest,
    booking_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[BookingView]:
    """The machine leaves with the renter, without a condition report; its deposit is live, or the owner waived it."""
    return await _act(request, claims, database, lambda tx, who: _bare(tx, who, booking_id, handover.check_out))


@on_booking("check_in", NaiveTime, ImpossibleReturn, ReportNeeded)
async def check_in(
    request: HttpRequest,
    booking_id: FromPath[UUID],
    data: JSONBody[CheckIn],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[BookingView]:
    """The machine is back, without a condition report; what is left of its time is free again."""
    if data.at is not None and data.at.tzinfo is None:
        raise NaiveTime(pointer="/at")
    check_in_at = partial(handover.check_in, at=data.at)
    return await _act(request, claims, database, lambda tx, who: _bare(tx, who, booking_id, check_in_at))


@on_booking("no_show", TooEarly)
async def no_show(
    request: HttpRequest,
    booking_id: FromPath[UUID],
    data: JSONBody[Why],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[BookingView]:
    """Nobody came for the machine: its time is free again."""
    return await _act(request, claims, database, lambda tx, who: handover.no_show(tx, who, booking_id, data.why))


async def _bare(
    tx: Tx, who: Actor, booking_id: UUID, act: Callable[[Tx, Actor, UUID], Awaitable[BookingView]]
) -> BookingView:
    """What is done without a condition report, where the owner asks for none."""
    view = await act(tx, who, booking_id)
    await handover.check_bare(tx, booking_id)
    return view


async def _act(
    request: HttpRequest,
    claims: Claims,
    database: Database,
    act: Callable[[Tx, Actor], Awaitable[BookingView]],
    *,
    required: bool = False,
) -> Response[BookingView]:
    """One verb on one booking: one transaction, once for its `Idempotency-Key`, answered with the booking."""

    async def verb(tx: Tx, who: Actor) -> Response[BookingView]:
        view = await act(tx, who)
        return reply(request, view, version=view.version)

    return await idempotency.once(
        request, database, claims.person_id, sessions.identify(claims), verb, required=required
    )
