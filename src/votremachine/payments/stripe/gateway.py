"""The port over Stripe's own client (docs.stripe.com/api).

Stripe keeps the answer to a key for a day at least; after that, `look_up` finds the order by the key in its metadata.
A declined intent could be paid by another card from the phone that holds its secret, so it is cancelled: declined
here means declined for good.
"""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import stripe

from votremachine.infra.database import Clock, utc_now
from votremachine.kernel.money import Money, share
from votremachine.payments.card_numbers import refuse_card_numbers
from votremachine.payments.gateway import Capabilities, Movement, NotAtGateway, Order, SavedInstrument
from votremachine.payments.stripe import reading
from votremachine.payments.stripe.hearing import declined_id, heard
from votremachine.payments.stripe.intents import EXPAND, Intents
from votremachine.payments.stripe.reading import KEY
from votremachine.payments.stripe.shapes import Intent, as_listed, as_named, as_setup

PATIENCE_SECONDS = 20.0
# The client repeats by itself what was not heard, or found its key in use, with the same key.
REPEATS = 2
_CANCELLABLE = {"requires_payment_method", "requires_capture", "requires_confirmation", "requires_action"}


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
        self._intents = Intents(self._client, clock)

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
            given = await heard(self._client.v1.setup_intents.create_async(asked, {"idempotency_key": str(key)}))
        except stripe.CardError as error:
            # In the error, its card is not expanded.
            return await self._saved(declined_id(error, "setup_intent"))
        return reading.saved(as_setup(given))

    async def look_up_saved(self, reference: str) -> SavedInstrument | None:
        try:
            return await self._saved(reference)
        except NotAtGateway:
            return None

    async def capture(self, reference: str, minor: int, key: UUID, *, final: bool) -> Movement:
        del final  # without multi-capture, every capture is
        if minor < 1:
            raise NotAtGateway(f"{minor} is no amount")
        return reading.movement(await self._intents.capture(reference, minor, key))

    async def release(self, reference: str, key: UUID) -> Movement:
        intent = await self._intents.one(reference)
        if intent.status in _CANCELLABLE:
            why = reading.DECLINED if intent.status == "requires_payment_method" else reading.GIVEN_BACK
            intent = await self._intents.cancel(reference, why, f"{key}")
        return reading.movement(intent)

    async def refund(self, reference: str, minor: int, key: UUID) -> Movement:
        if minor < 1:
            raise NotAtGateway(f"{minor} is no amount")
        await heard(
            self._client.v1.refunds.create_async(
                {"payment_intent": reference, "amount": minor, "metadata": {KEY: str(key)}},
                {"idempotency_key": str(key)},
            )
        )
        return reading.movement(await self._intents.one(reference))

    async def pay_out(self, account: str, amount: Money, key: UUID) -> str:
        # A key is forgotten after a day, and a payout may be asked about for longer: it names its group, too.
        asked: Any = {"transfer_group": str(key), "limit": 1}
        if known := as_listed(await heard(self._client.v1.transfers.list_async(asked))).data:
            return known[0].id
        made = await heard(
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
        return as_named(made).id

    async def look_up(self, key: UUID) -> Movement | None:
        found = await self._intents.by_key(key)
        return None if found is None else await self._settled(found)

    async def movements(self, since: datetime, until: datetime) -> AsyncIterator[Movement]:
        async for intent in self._intents.made(since, until):
            if reading.key_of(intent.metadata) is not None:
                yield reading.movement(intent)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close_async()  # type: ignore[no-untyped-call]

    async def _begin(self, order: Order, capture_method: str) -> Movement:
        refuse_card_numbers(order.instrument, order.customer, order.description, order.destination)
        return await self._settled(await self._intents.make(self._asked(order, capture_method), order.key))

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
            "expand": [EXPAND],
        }
        if order.destination:
            asked["transfer_data"] = {"destination": order.destination}
            asked["application_fee_amount"] = share(order.amount.minor, self._fee_bp)
        return asked

    async def _settled(self, intent: Intent) -> Movement:
        """An order as it stands; one that was declined is closed first."""
        if intent.status == "requires_payment_method":
            intent = await self._intents.cancel(intent.id, reading.DECLINED, f"{intent.id}-declined")
        return reading.movement(intent)

    async def _saved(self, reference: str) -> SavedInstrument:
        setups = self._client.v1.setup_intents
        given = await heard(setups.retrieve_async(reference, {"expand": ["payment_method"]}))
        return reading.saved(as_setup(given))

    async def _new_customer(self, key: UUID) -> str:
        made = await heard(
            self._client.v1.customers.create_async(
                {"metadata": {KEY: str(key)}}, {"idempotency_key": f"{key}-customer"}
            )
        )
        return as_named(made).id
