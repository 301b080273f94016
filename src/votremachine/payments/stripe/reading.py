"""Stripe's objects as values of the port: how an order, a card or a notice stands in our words. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from votremachine.kernel.money import Money
from votremachine.payments.gateway import Movement, OutcomeUnknown, Refusal, SavedInstrument, Standing
from votremachine.payments.notices.rules import LONGEST_NAME, Notice, Subject, Unreadable
from votremachine.payments.stripe.shapes import Card, Charge, Failure, Intent, Setup, StripeEvent

# Our id of the order, in the metadata of what it made.
KEY = "votremachine_key"
# Why an intent was cancelled: given up after a decline, or given back on purpose. A lapse is "automatic".
DECLINED, GIVEN_BACK = "abandoned", "requested_by_customer"

_REFUSALS = {
    "insufficient_funds": Refusal.INSUFFICIENT_FUNDS,
    "expired_card": Refusal.EXPIRED_CARD,
    "authentication_required": Refusal.NEEDS_AUTHENTICATION,
    "authentication_not_handled": Refusal.NEEDS_AUTHENTICATION,
    "payment_intent_authentication_failure": Refusal.NEEDS_AUTHENTICATION,
    "setup_intent_authentication_failure": Refusal.NEEDS_AUTHENTICATION,
}
_SUBJECTS = {"payment_intent": Subject.ORDER, "charge": Subject.ORDER, "setup_intent": Subject.INSTRUMENT}


_STANDINGS = {
    "requires_action": Standing.REQUIRES_ACTION,
    "requires_confirmation": Standing.REQUIRES_ACTION,
    "requires_payment_method": Standing.DECLINED,
    "requires_capture": Standing.HELD,
    "succeeded": Standing.SUCCEEDED,
}


def movement(intent: Intent) -> Movement:
    """How an order stands. Raises `OutcomeUnknown` while Stripe itself waits ("processing"), or if it is not ours."""
    key = key_of(intent.metadata)
    if key is None:
        raise OutcomeUnknown(f"{intent.id} has no key of ours")
    standing = _standing(intent.status, intent.cancellation_reason)
    charge = intent.latest_charge
    held = standing is Standing.HELD
    waits = standing is Standing.REQUIRES_ACTION
    return Movement(
        key=key,
        reference=intent.id,
        standing=standing,
        amount=Money(intent.amount, intent.currency.upper()),
        captured=intent.amount_received,
        refunded=_refunded(charge) if standing is Standing.SUCCEEDED and charge else 0,
        capture_before=_capture_before(charge) if held else None,
        refusal=_refusal(intent.last_payment_error) if standing is Standing.DECLINED else None,
        client_secret=intent.client_secret or "" if waits else "",
    )


def saved(setup: Setup) -> SavedInstrument:
    """How a card that is to be kept stands. Raises as `movement`."""
    key = key_of(setup.metadata)
    if key is None:
        raise OutcomeUnknown(f"{setup.id} has no key of ours")
    standing = _standing(setup.status, setup.cancellation_reason)
    card = (setup.payment_method.card if setup.payment_method else None) or Card()
    return SavedInstrument(
        key=key,
        reference=setup.id,
        standing=standing,
        instrument=setup.payment_method.id if setup.payment_method else "",
        customer=setup.customer or "",
        brand=card.brand,
        last4=card.last4,
        expires=f"{card.exp_year:04}-{card.exp_month:02}" if card.exp_year else "",
        refusal=_refusal(setup.last_setup_error) if standing is Standing.DECLINED else None,
        client_secret=setup.client_secret or "" if standing is Standing.REQUIRES_ACTION else "",
    )


def notice(body: bytes) -> Notice:
    """A signed event. Raises `Unreadable`."""
    try:
        event = msgspec.json.decode(body, type=StripeEvent)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise Unreadable from error
    about = event.data.object
    reference = about.payment_intent or about.id
    if not event.id or max(len(event.id), len(event.type), len(reference)) > LONGEST_NAME:
        raise Unreadable
    return Notice(
        id=event.id,
        gateway="stripe",
        kind=event.type,
        subject=_SUBJECTS.get(about.object, Subject.OTHER),
        reference=reference,
        key=key_of(about.metadata or {}),
    )


def key_of(metadata: Mapping[str, str]) -> UUID | None:
    """Our key, if these are the metadata of something that we ordered."""
    try:
        return UUID(metadata[KEY])
    except (KeyError, ValueError):
        return None


def _standing(status: str, why: str | None) -> Standing:
    if status == "canceled":
        return Standing.DECLINED if why == DECLINED else Standing.RELEASED
    if status not in _STANDINGS:
        raise OutcomeUnknown(f"Stripe says {status}")
    return _STANDINGS[status]


def _refusal(failure: Failure | None) -> Refusal:
    """What the bank said says more than what Stripe makes of it."""
    codes = (failure.decline_code, failure.code) if failure else ()
    return next((_REFUSALS[code] for code in codes if code in _REFUSALS), Refusal.DECLINED)


def _refunded(charge: Charge) -> int:
    """What was given back of what was taken: Stripe books the rest of a partial capture as a refund as well."""
    return max(charge.amount_refunded - (charge.amount - charge.amount_captured), 0)


def _capture_before(charge: Charge | None) -> datetime | None:
    details = charge.payment_method_details if charge else None
    seconds = details.card.capture_before if details and details.card else None
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
