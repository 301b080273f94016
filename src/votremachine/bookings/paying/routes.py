"""Confirming by card over HTTP: two transactions, and the gateway's answer between them."""

from uuid import UUID

from litestar import Response

from votremachine.accounts.rules import Actor
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.bookings.paying import moving, owing, service
from votremachine.bookings.paying.service import Begun
from votremachine.bookings.rules import Wish
from votremachine.bookings.schemas import BookingView, Confirm, Proof
from votremachine.infra import idempotency
from votremachine.infra.database import Database, Tx
from votremachine.infra.idempotency import Ended
from votremachine.infra.replies import reply
from votremachine.infra.wire import HttpRequest
from votremachine.kernel.errors import DomainError
from votremachine.payments.gateway import Gateway
from votremachine.payments.instruments.rules import InstrumentNotReady, UnknownInstrument
from votremachine.payments.orders.carrying import carry_out
from votremachine.payments.orders.rules import CardDeclined, GatewaySilent, Outcome, PaymentOrder, PaymentUnderWay

ERRORS = (UnknownInstrument, InstrumentNotReady, PaymentUnderWay, CardDeclined, GatewaySilent)


async def confirm(
    request: HttpRequest, booking_id: UUID, data: Confirm, claims: Claims, database: Database, gateway: Gateway
) -> Response[BookingView | Proof]:
    """Charge the card and confirm the booking, or say what is still missing. Raises `ERRORS` and what `begin` does."""
    instrument_id = data.instrument_id
    if instrument_id is None:
        raise UnknownInstrument(pointer="/instrument_id")

    async def begin(tx: Tx, who: Actor) -> Begun | Ended[BookingView | Proof]:
        begun = await service.begin(tx, who, booking_id, instrument_id)
        return _ended(request, begun) if isinstance(begun, BookingView) else begun

    async def ask(begun: Begun) -> Outcome:
        return await carry_out(gateway, begun.order)

    async def end(tx: Tx, who: Actor, begun: Begun, outcome: Outcome) -> Ended[BookingView | Proof]:
        return _ended(request, await service.end(tx, who, begun, outcome))

    return await idempotency.in_two(request, database, claims.person_id, sessions.identify(claims), begin, ask, end)


async def move(
    request: HttpRequest,
    booking_id: UUID,
    wish: Wish,
    instrument_id: UUID | None,
    claims: Claims,
    database: Database,
    gateway: Gateway,
) -> Response[BookingView | Proof]:
    """Have another time, and pay the difference or get it back. Raises `ERRORS` and what `moving.begin` does."""

    async def begin(tx: Tx, who: Actor) -> PaymentOrder | Ended[BookingView | Proof]:
        begun = await moving.begin(tx, who, booking_id, wish, instrument_id)
        return _ended(request, begun) if isinstance(begun, BookingView) else begun

    async def ask(order: PaymentOrder) -> Outcome:
        return await carry_out(gateway, order)

    async def end(tx: Tx, who: Actor, order: PaymentOrder, outcome: Outcome) -> Ended[BookingView | Proof]:
        return _ended(request, await moving.end(tx, who, order, outcome))

    identify = sessions.identify(claims)
    return await idempotency.in_two(request, database, claims.person_id, identify, begin, ask, end, required=False)


async def pay(
    request: HttpRequest, booking_id: UUID, instrument_id: UUID, claims: Claims, database: Database, gateway: Gateway
) -> Response[BookingView | Proof]:
    """Pay what is missing of a booking. Raises `ERRORS` and what `owing.begin` does."""

    async def begin(tx: Tx, who: Actor) -> PaymentOrder | Ended[BookingView | Proof]:
        begun = await owing.begin(tx, who, booking_id, instrument_id)
        return _ended(request, begun) if isinstance(begun, BookingView) else begun

    async def ask(order: PaymentOrder) -> Outcome:
        return await carry_out(gateway, order)

    async def end(tx: Tx, _: Actor, order: PaymentOrder, outcome: Outcome) -> Ended[BookingView | Proof]:
        return _ended(request, await owing.end(tx, order, outcome))

    return await idempotency.in_two(request, database, claims.person_id, sessions.identify(claims), begin, ask, end)


def _ended(request: HttpRequest, done: BookingView | Proof | DomainError) -> Ended[BookingView | Proof]:
    if isinstance(done, DomainError):
        return Ended(refusal=done)
    if isinstance(done, Proof):
        return Ended(reply(request, done, status=202), final=False)
    return Ended(reply(request, done, version=done.version))
