"""The test cards, by the tokens that name them. They have no numbers."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

import msgspec

from votremachine.payments.gateway import Refusal


class Asks(StrEnum):
    """When the card's bank wants its holder to prove who they are."""

    NEVER = "never"
    ONCE = "once"  # when it is saved
    ALWAYS = "always"


class Silence(StrEnum):
    """When the first answer to a charge or a hold gets lost."""

    NEVER = "never"
    BEFORE = "before"  # it was carried out
    AFTER = "after"


class Posting(StrEnum):
    """How webhooks about the card arrive."""

    ONCE = "once"
    TWICE = "twice"
    REORDERED = "reordered"  # the last first


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A card and how its bank behaves. `renewals`: whether it lets a second hold pass without its holder."""

    brand: str = "visa"
    last4: str
    expires: str = "2040-12"
    hold_for: timedelta = timedelta(days=7)
    cannot_be_saved: bool = False
    refusal: Refusal | None = None
    asks: Asks = Asks.NEVER
    silence: Silence = Silence.NEVER
    posting: Posting = Posting.ONCE
    renewals: bool = True


CARDS: Mapping[str, Card] = {
    "tok_visa": Card(last4="4242"),
    "tok_mastercard": Card(last4="4444", brand="mastercard"),
    # How long a hold lives differs by network and by what the merchant is.
    "tok_short_hold": Card(last4="1005", hold_for=timedelta(days=5)),
    "tok_extended_hold": Card(last4="1030", brand="mastercard", hold_for=timedelta(days=30)),
    "tok_declined": Card(last4="0341", refusal=Refusal.DECLINED),
    "tok_insufficient_funds": Card(last4="9995", refusal=Refusal.INSUFFICIENT_FUNDS),
    "tok_expired": Card(last4="0069", refusal=Refusal.EXPIRED_CARD, expires="2020-01"),
    "tok_cannot_be_saved": Card(last4="0002", cannot_be_saved=True, refusal=Refusal.DECLINED),
    "tok_needs_authentication": Card(last4="3184", asks=Asks.ALWAYS),
    "tok_authenticates_once": Card(last4="3155", asks=Asks.ONCE),
    "tok_declines_renewal": Card(last4="1341", renewals=False),
    "tok_timeout_before": Card(last4="1408", silence=Silence.BEFORE),
    "tok_timeout_after": Card(last4="2408", silence=Silence.AFTER),
    "tok_webhooks_twice": Card(last4="2222", posting=Posting.TWICE),
    "tok_webhooks_reordered": Card(last4="3210", posting=Posting.REORDERED),
}
