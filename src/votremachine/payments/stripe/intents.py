"""Stripe's PaymentIntents: one by its name or by our key, those of a time, and closing one."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import stripe
import structlog

from votremachine.infra.database import Clock
from votremachine.kernel.ids import made_at
from votremachine.payments.gateway import NotAtGateway
from votremachine.payments.stripe.hearing import declined_id, heard
from votremachine.payments.stripe.reading import KEY, key_of
from votremachine.payments.stripe.shapes import Intent, as_intent, as_page

# Search lags behind by a minute, by more on a bad day (docs.stripe.com/search, "Data freshness"); lists never do.
SEARCH_LAGS = timedelta(hours=1)
WRONG_CLOCK = timedelta(minutes=5)
PAGE = 100
EXPAND = "latest_charge"

log = structlog.get_logger()


class Intents:
    """The orders to charge and to hold, as Stripe keeps them. Every question raises what `heard` does."""

    def __init__(self, client: stripe.StripeClient, clock: Clock) -> None:
        self._intents = client.v1.payment_intents
        self._clock = clock

    async def make(self, asked: Any, key: UUID) -> Intent:
        """A new one, asked for in Stripe's words; what the bank declines is made as well."""
        try:
            return as_intent(await heard(self._intents.create_async(asked, {"idempotency_key": str(key)})))
        except stripe.CardError as error:
            return await self.one(declined_id(error, "payment_intent"))

    async def one(self, reference: str) -> Intent:
        """As it stands."""
        return as_intent(await heard(self._intents.retrieve_async(reference, {"expand": [EXPAND]})))

    async def by_key(self, key: UUID) -> Intent | None:
        """As it stands, by our key; None if Stripe never heard of it."""
        return await self._search(key) or await self._recent(key)

    async def made(self, since: datetime, until: datetime) -> AsyncIterator[Intent]:
        """Every one that was made in this time, newest first."""
        asked: Any = {
            "created": {"gte": int(since.timestamp()), "lt": int(until.timestamp())},
            "limit": PAGE,
            "expand": [f"data.{EXPAND}"],
        }
        while True:
            page = as_page(await heard(self._intents.list_async(asked)))
            for intent in page.data:
                yield intent
            if not page.has_more or not page.data:
                return
            asked["starting_after"] = page.data[-1].id

    async def capture(self, reference: str, minor: int, key: UUID) -> Intent:
        """Take this much of what is held, and let the rest go."""
        asked: Any = {"amount_to_capture": minor, "expand": [EXPAND]}
        return as_intent(await heard(self._intents.capture_async(reference, asked, {"idempotency_key": str(key)})))

    async def cancel(self, reference: str, why: Any, key: str) -> Intent:
        """Close one, if it can be closed still; how it stands then."""
        asked: Any = {"cancellation_reason": why}
        try:
            await heard(self._intents.cancel_async(reference, asked, {"idempotency_key": key}))
        except NotAtGateway:
            # It changed meanwhile: paid, or cancelled by somebody else.
            log.info("stripe.not_cancelled", reference=reference)
        return await self.one(reference)

    async def _search(self, key: UUID) -> Intent | None:
        asked: Any = {"query": f"metadata['{KEY}']:'{key}'", "expand": [f"data.{EXPAND}"]}
        found = as_page(await heard(self._intents.search_async(asked))).data
        # What search remembers may be a minute old.
        return await self.one(found[0].id) if found else None

    async def _recent(self, key: UUID) -> Intent | None:
        """The order, if it is so young that search may not know of it yet."""
        made, now = made_at(key), self._clock()
        if made is None or now - made > SEARCH_LAGS:
            return None
        async for intent in self.made(made - WRONG_CLOCK, now + WRONG_CLOCK):
            if key_of(intent.metadata) == key:
                return intent
        return None
