"""The port over Stripe's own client (docs.stripe.com/api).

Stripe keeps the answer to a key for a day at least; after that, `look_up` finds the order by the key in its metadata.
A declined intent could be paid by another card from the phone that holds its secret, so it is cancelled: declined
here means declined for good.
"""

from collections.abc import AsyncIterator, Awaitable
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import stripe
import structlog

from votremachine.infra.database import Clock, utc_now
from votremachine.kernel.ids import made_at
from votremachine.kernel.money import Money, share
from votremachine.payments.card_numbers import refuse_card_numbers
from votremachine.payments.gateway import (
    Capabilities,
    KeyReused,
    Movement,
    NotAtGateway,
    Order,
    OutcomeUnknown,
    SavedInstrument,
)
from votremachine.payments.stripe import reading
from votremachine.payments.stripe.reading import KEY, Intent, as_intent, as_listed, as_named, as_page, as_setup

PATIENCE_SECONDS = 20.0
# The client repeats by itself what was not heard, or found its key in use, with the same key.
REPEATS = 2
# Search lags behind by a minute, by more on a bad day (docs.stripe.com/search, "Data freshness"); lists never do.
SEARCH_LAGS = timedelta(hours=1)
WRONG_CLOCK = timedelta(minutes=5)
PAGE = 100
_EXPAND = "latest_charge"
_CANCELLABLE = {"requires_payment_method", "requires_capture", "requires_confirmation", "requires_action"}

Answer = TypeVar("Answer")
log = structlog.get_logger()


class StripeGateway:
    """Charges real cards. `fee_bp`: what the platform keeps of what goes on to an owner, in basis points."""

    name = "stripe"
    capabilities = Capabilities(longest_hold=timedelta(days=30), partial_capture=True, multi_capture=False)

    def __init__(self, secret_key: str, *, api_base: str = "", fee_bp: int = 0, clock: Clock = utc_now) -> None:
        self._http = stripe.HTTPXClient(timeout=PATIENCE_SECONDS)
        self._client = stripe.StripeClient(
            secret_key,
            base_addresses={"api": api_base} if api_base else {},
            max_network_retries=REPEATS,
            http_client=self._http,
        )
        self._fee_bp = fee_bp
        self._clock = clock

    async def charge(self, order: Order) -> Movement:
        return await self._begin(order, "automatic")

    async def hold(self, order: Order) -> Movement:
        return await self._begin(order, "manual")

    async def save(self, key: UUID, token: str, customer: str) -> SavedInstrument:
        refuse_card_numbers(token, customer)
        asked: Any = {
            "customer": customer or await self._new_customer(key),
            "payment_method": token,
            "payment_method_types": ["card"],
            "usage": "off_session",
            "confirm": True,
            "metadata": {KEY: str(key)},
            "expand": ["payment_method"],
        }
        try:
            given = await _heard(self._client.v1.setup_intents.create_async(asked, {"idempotency_key": str(key)}))
        except stripe.CardError as error:
            # In the error, its card is not expanded.
            return await self._saved(_of_error(error, "setup_intent"))
        return reading.saved(as_setup(_plain(given)))

    async def look_up_saved(self, reference: str) -> SavedInstrument | None:
        try:
            return await self._saved(reference)
        except NotAtGateway:
            return None

    async def capture(self, reference: str, minor: int, key: UUID, *, final: bool) -> Movement:
        del final  # without multi-capture, every capture is
        if minor < 1:
            raise NotAtGateway(f"{minor} is no amount")
        given = await _heard(
            self._client.v1.payment_intents.capture_async(
                reference, {"amount_to_capture": minor, "expand": [_EXPAND]}, {"idempotency_key": str(key)}
            )
        )
        return reading.movement(as_intent(_plain(given)))

    async def release(self, reference: str, key: UUID) -> Movement:
        intent = await self._intent(reference)
        if intent.status in _CANCELLABLE:
            why = reading.DECLINED if intent.status == "requires_payment_method" else reading.GIVEN_BACK
            intent = await self._cancel(reference, why, f"{key}")
        return reading.movement(intent)

    async def refund(self, reference: str, minor: int, key: UUID) -> Movement:
        if minor < 1:
            raise NotAtGateway(f"{minor} is no amount")
        await _heard(
            self._client.v1.refunds.create_async(
                {"payment_intent": reference, "amount": minor, "metadata": {KEY: str(key)}},
                {"idempotency_key": str(key)},
            )
        )
        return reading.movement(await self._intent(reference))

    async def pay_out(self, account: str, amount: Money, key: UUID) -> str:
        # A key is forgotten after a day, and a payout may be asked about for longer: it names its group, too.
        asked: Any = {"transfer_group": str(key), "limit": 1}
        if known := as_listed(_plain(await _heard(self._client.v1.transfers.list_async(asked)))).data:
            return known[0].id
        made = await _heard(
            self._client.v1.transfers.create_async(
                {
                    "amount": amount.minor,
                    "currency": amount.currency.lower(),
                    "destination": account,
                    "transfer_group": str(key),
                    "metadata": {KEY: str(key)},
                },
                {"idempotency_key": str(key)},
            )
        )
        return as_named(_plain(made)).id

    async def look_up(self, key: UUID) -> Movement | None:
        found = await self._search(key) or await self._recent(key)
        return None if found is None else await self._settled(found)

    async def movements(self, since: datetime, until: datetime) -> AsyncIterator[Movement]:
        async for intent in self._made(since, until):
            if reading.key_of(intent.metadata) is not None:
                yield reading.movement(intent)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close_async()  # type: ignore[no-untyped-call]

    async def _begin(self, order: Order, capture_method: str) -> Movement:
        refuse_card_numbers(order.instrument, order.customer, order.description, order.destination)
        try:
            given = await _heard(
                self._client.v1.payment_intents.create_async(
                    self._asked(order, capture_method), {"idempotency_key": str(order.key)}
                )
            )
            intent = as_intent(_plain(given))
        except stripe.CardError as error:
            intent = await self._intent(_of_error(error, "payment_intent"))
        return await self._settled(intent)

    def _asked(self, order: Order, capture_method: str) -> Any:
        asked: dict[str, Any] = {
            "amount": order.amount.minor,
            "currency": order.amount.currency.lower(),
            "customer": order.customer,
            "payment_method": order.instrument,
            "payment_method_types": ["card"],
            "capture_method": capture_method,
            "confirm": True,
            "off_session": order.off_session,
            "description": order.description,
            "metadata": {KEY: str(order.key)},
            "expand": [_EXPAND],
        }
        if order.destination:
            asked["transfer_data"] = {"destination": order.destination}
            asked["application_fee_amount"] = share(order.amount.minor, self._fee_bp)
        return asked

    async def _settled(self, intent: Intent) -> Movement:
        """An order as it stands; one that was declined is closed first."""
        if intent.status == "requires_payment_method":
            intent = await self._cancel(intent.id, reading.DECLINED, f"{intent.id}-declined")
        return reading.movement(intent)

    async def _cancel(self, reference: str, why: Any, key: str) -> Intent:
        try:
            await _heard(
                self._client.v1.payment_intents.cancel_async(
                    reference, {"cancellation_reason": why}, {"idempotency_key": key}
                )
            )
        except NotAtGateway:
            # It changed meanwhile: paid, or cancelled by somebody else.
            log.info("stripe.not_cancelled", reference=reference)
        return await self._intent(reference)

    async def _intent(self, reference: str) -> Intent:
        given = await _heard(self._client.v1.payment_intents.retrieve_async(reference, {"expand": [_EXPAND]}))
        return as_intent(_plain(given))

    async def _saved(self, reference: str) -> SavedInstrument:
        setups = self._client.v1.setup_intents
        given = await _heard(setups.retrieve_async(reference, {"expand": ["payment_method"]}))
        return reading.saved(as_setup(_plain(given)))

    async def _new_customer(self, key: UUID) -> str:
        made = await _heard(
            self._client.v1.customers.create_async(
                {"metadata": {KEY: str(key)}}, {"idempotency_key": f"{key}-customer"}
            )
        )
        return as_named(_plain(made)).id

    async def _search(self, key: UUID) -> Intent | None:
        query = f"metadata['{KEY}']:'{key}'"
        asked: Any = {"query": query, "expand": [f"data.{_EXPAND}"]}
        found = as_page(_plain(await _heard(self._client.v1.payment_intents.search_async(asked)))).data
        # What search remembers may be a minute old.
        return await self._intent(found[0].id) if found else None

    async def _recent(self, key: UUID) -> Intent | None:
        """The order, if it is so young that search may not know of it yet."""
        made, now = made_at(key), self._clock()
        if made is None or now - made > SEARCH_LAGS:
            return None
        async for intent in self._made(made - WRONG_CLOCK, now + WRONG_CLOCK):
            if reading.key_of(intent.metadata) == key:
                return intent
        return None

    async def _made(self, since: datetime, until: datetime) -> AsyncIterator[Intent]:
        """Every intent that was made in this time, newest first."""
        asked: Any = {
            "created": {"gte": int(since.timestamp()), "lt": int(until.timestamp())},
            "limit": PAGE,
            "expand": [f"data.{_EXPAND}"],
        }
        while True:
            page = as_page(_plain(await _heard(self._client.v1.payment_intents.list_async(asked))))
            for intent in page.data:
                yield intent
            if not page.has_more or not page.data:
                return
            asked["starting_after"] = page.data[-1].id


async def _heard(call: Awaitable[Answer]) -> Answer:
    """The answer; raises `stripe.CardError`, `KeyReused`, `NotAtGateway` and `OutcomeUnknown`.

    What Stripe writes in its errors may repeat what it was sent, so only its codes go on.
    """
    try:
        return await call
    except stripe.CardError:
        raise
    except stripe.IdempotencyError as error:
        raise KeyReused("Stripe knows this key with other parameters") from error
    except stripe.InvalidRequestError as error:
        raise NotAtGateway(f"Stripe refuses: {error.code or 'invalid'} {error.param or ''}".rstrip()) from error
    except stripe.StripeError as error:
        raise OutcomeUnknown(f"{type(error).__name__}: {error.code or error.http_status or 'no answer'}") from error


def _plain(given: Any) -> Any:
    return given.to_dict() if isinstance(given, stripe.StripeObject) else given


def _of_error(error: stripe.CardError, name: str) -> str:
    """The intent that Stripe attaches to a decline."""
    body = error.json_body if isinstance(error.json_body, dict) else {}
    try:
        return str(body["error"][name]["id"])
    except (KeyError, TypeError):
        raise OutcomeUnknown("a decline without its intent") from error
