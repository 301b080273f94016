"""Confirming by card over HTTP: two transactions, and the gateway's answer between them."""

from uuid import UUID

from litestar import Response

from votremachine.accounts.rules import Actor
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.bookings.paying import service
from votremachine.bookings.schemas import BookingView, Confirm, Proof
from votremachine.bookings.service import decide
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

    async def begin(tx: Tx, who: Actor) -> PaymentOrder | None:
        return await service.begin(tx, who, booking_id, instrument_id)

    async def ask(order: PaymentOrder | None) -> Outcome | None:
        return None if order is None else await carry_out(gateway, order)

    async def end(
        tx: Tx, who: Actor, order: PaymentOrder | None, outcome: Outcome | None
    ) -> Ended[BookingView | Proof]:
        if order is None or outcome is None:
            free = await decide.confirm_free(tx, who, booking_id)
            return Ended(reply(request, free, version=free.version))
        done = await service.end(tx, who, order, outcome)
        if isinstance(done, DomainError):
            return Ended(refusal=done)
        if isinstance(done, Proof):
            return Ended(reply(request, done, status=202), final=False)
        return Ended(reply(request, done, version=done.version))

    return await idempotency.in_two(request, database, claims.person_id, sessions.identify(claims), begin, ask, end)
