"""Stripe's objects, as far as we read them. Pure.

Field by field as in docs.stripe.com/api: PaymentIntent, Charge, SetupIntent, PaymentMethod, Event.
"""

from typing import Any, TypeVar

import msgspec

from votremachine.payments.gateway import OutcomeUnknown

Shape = TypeVar("Shape")


class Failure(msgspec.Struct, frozen=True):
    code: str | None = None
    decline_code: str | None = None


class CardDetails(msgspec.Struct, frozen=True):
    capture_before: int | None = None


class MethodDetails(msgspec.Struct, frozen=True):
    card: CardDetails | None = None


class Charge(msgspec.Struct, frozen=True):
    amount: int
    amount_captured: int = 0
    amount_refunded: int = 0
    payment_method_details: MethodDetails | None = None


class Intent(msgspec.Struct, frozen=True):
    """A PaymentIntent with its latest charge expanded."""

    id: str
    status: str
    amount: int
    currency: str
    metadata: dict[str, str] = {}
    amount_received: int = 0
    latest_charge: Charge | None = None
    last_payment_error: Failure | None = None
    cancellation_reason: str | None = None
    client_secret: str | None = None


class Page(msgspec.Struct, frozen=True):
    """A list of PaymentIntents, or what a search found."""

    data: list[Intent]
    has_more: bool = False


class Named(msgspec.Struct, frozen=True):
    id: str


class Listed(msgspec.Struct, frozen=True):
    """A list of whatever has an id."""

    data: list[Named]


class Card(msgspec.Struct, frozen=True):
    brand: str = ""
    last4: str = ""
    exp_month: int = 0
    exp_year: int = 0


class Method(msgspec.Struct, frozen=True):
    id: str
    card: Card | None = None


class Setup(msgspec.Struct, frozen=True):
    """A SetupIntent with its payment method expanded."""

    id: str
    status: str
    customer: str | None = None
    metadata: dict[str, str] = {}
    payment_method: Method | None = None
    last_setup_error: Failure | None = None
    cancellation_reason: str | None = None
    client_secret: str | None = None


class About(msgspec.Struct, frozen=True):
    """What an event is about."""

    object: str = ""
    id: str = ""
    payment_intent: str | None = None
    metadata: dict[str, str] | None = None


class Data(msgspec.Struct, frozen=True):
    object: About


class StripeEvent(msgspec.Struct, frozen=True):
    id: str
    type: str
    data: Data


def as_intent(given: Any) -> Intent:
    """Raises `OutcomeUnknown` for what is no PaymentIntent."""
    return _read(given, Intent)


def as_setup(given: Any) -> Setup:
    """Raises `OutcomeUnknown` for what is no SetupIntent."""
    return _read(given, Setup)


def as_page(given: Any) -> Page:
    """Raises `OutcomeUnknown` for what is no list of PaymentIntents."""
    return _read(given, Page)


def as_named(given: Any) -> Named:
    """Raises `OutcomeUnknown` for what has no id."""
    return _read(given, Named)


def as_listed(given: Any) -> Listed:
    """Raises `OutcomeUnknown` for what is no list of things with ids."""
    return _read(given, Listed)


def _read(given: Any, kind: type[Shape]) -> Shape:
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise OutcomeUnknown(f"Stripe's answer cannot be read: {error}") from error
