"""A local Stripe-compatible server, as a process of its own: localstripe, and what it lacks of what we use.

Added here, as docs.stripe.com/api states it: Idempotency-Key; orders without the cardholder; `description` and Connect
on PaymentIntents; SetupIntents that are confirmed when they are made; search, and lists by time, newest first;
`amount_received`, `amount_captured`, `capture_before`; why an intent was cancelled; the intent inside a decline, and
the bank's reasons; bounds of captures and refunds. Connect is taken in and moves nothing.

Run as `python -m tests.payments.stripe_server PORT`; it listens on 127.0.0.1 alone. `POST /_clock` with `ahead`, in
seconds, turns its clock: holds that are made then live from that hour on.
"""

import asyncio
import json
import sys
import time
from types import SimpleNamespace
from typing import Any

from aiohttp import web
from localstripe import resources
from localstripe.errors import UserError
from localstripe.resources import Charge, List, PaymentIntent, PaymentMethod, Refund, SetupIntent, store

# Test cards: the number that plays each, whether its bank asks for proof, and why it declines a charge.
CARDS = {
    "pm_card_visa": "4242424242424242",
    "pm_card_mastercard": "5555555555554444",
    "pm_card_declined": "4000000000000341",
    "pm_card_insufficient": "4000000000009995",
    "pm_card_expired": "4000000000000069",
    "pm_card_unsaveable": "4000000000000002",
    "pm_card_authentication": "4000002760003184",
}
WHY = {
    "4000000000000341": ("card_declined", "generic_decline"),
    "4000000000009995": ("card_declined", "insufficient_funds"),
    "4000000000000069": ("expired_card", "expired_card"),
}
# Search knows nothing younger.
SEARCH_LAG_SECONDS = 2
# How long an answer takes, so that two that come together do meet.
BUSY_SECONDS = 0.03


class Clock:
    """The hour on which this server makes things."""

    ahead = 0.0

    @classmethod
    def time(cls) -> float:
        return time.time() + cls.ahead


class Answers(List):  # type: ignore[misc]
    object = "list"


def _number(method: Any) -> str:
    return str(getattr(method, "_card_number", ""))


def _test_card(name: str) -> Any:
    number = CARDS.get(name)
    card = {"number": number, "exp_month": "12", "exp_year": "2040", "cvc": "123"}
    return PaymentMethod(type="card", card=card) if number else None


def _create(confirm: Any = None, off_session: Any = None, **asked: Any) -> Any:
    more = {name: asked.pop(name, None) for name in ("description", "transfer_data", "application_fee_amount")}
    method = PaymentMethod._api_retrieve(asked["payment_method"])
    if method.customer != asked.get("customer"):
        raise UserError(400, "The payment method does not belong to the customer.")
    intent = PaymentIntent(**asked)
    intent.cancellation_reason, intent._error = None, None
    for name, value in more.items():
        setattr(intent, name, value)
    if str(confirm).lower() != "true":
        return intent
    if method._requires_authentication() and str(off_session).lower() == "true":
        intent._error = {"code": "authentication_required", "decline_code": "authentication_required"}
        intent.payment_method = None
        intent._report_failure()
    intent._confirm(on_failure_now=intent._report_failure)
    return intent


def _report_failure(intent: Any) -> None:
    told = intent._export()
    raise UserError(402, "Your card was declined.", {**(intent.last_payment_error or {}), "payment_intent": told})


def _last_payment_error(intent: Any) -> Any:
    if intent._error:
        return intent._error
    if intent._authentication_failed:
        return {"code": "payment_intent_authentication_failure"}
    if intent.latest_charge and intent.latest_charge.status == "failed":
        code, decline = WHY[_number(PaymentMethod._api_retrieve(intent.latest_charge.payment_method))]
        return {"code": code, "decline_code": decline, "charge": intent.latest_charge.id}
    return None


def _cancel(id: str, cancellation_reason: str | None = None, **_: Any) -> Any:  # noqa: A002
    intent = PaymentIntent._api_retrieve(id)
    if intent.status not in ("requires_payment_method", "requires_capture", "requires_confirmation", "requires_action"):
        raise UserError(400, "Bad request")
    intent._canceled, intent.next_action, intent.cancellation_reason = True, None, cancellation_reason
    return intent


def _capture(id: str, amount_to_capture: Any = None, **_: Any) -> Any:  # noqa: A002
    intent = PaymentIntent._api_retrieve(id)
    minor = int(amount_to_capture or intent.amount)
    if intent.status != "requires_capture" or not 1 <= minor <= intent.amount:
        raise UserError(400, "Bad request")
    intent.latest_charge._capture(amount=minor, on_success=intent._on_success)
    intent.latest_charge._taken = minor
    return intent


def _amount_captured(charge: Any) -> int:
    if charge.status != "succeeded" or not charge.captured:
        return 0
    return int(getattr(charge, "_taken", charge.amount))


_refund = Refund.__init__


def _bounded_refund(
    refund: Any, charge: Any = None, payment_intent: Any = None, amount: Any = None, **more: Any
) -> None:
    if payment_intent is not None:
        intent = PaymentIntent._api_retrieve(payment_intent)
        taken = intent.latest_charge
        if intent.status != "succeeded" or int(amount) > taken.amount - taken.amount_refunded:
            raise UserError(400, "Bad request", {"code": "charge_already_refunded"})
    _refund(refund, charge=charge, payment_intent=payment_intent, amount=amount, **more)
    # In localstripe a refund of an intent is not one of its charge's.
    refund.charge = refund.charge or charge


def _set_up(confirm: Any = None, payment_method: Any = None, **asked: Any) -> Any:
    method = PaymentMethod._api_retrieve(payment_method)
    setup = SetupIntent(**asked)
    setup.last_setup_error, setup.cancellation_reason = None, None
    setup.payment_method = method.id
    if _number(method) == CARDS["pm_card_unsaveable"]:
        setup.status = "requires_payment_method"
        setup.last_setup_error = {"code": "card_declined", "decline_code": "generic_decline"}
        raise UserError(402, "Your card was declined.", {"code": "card_declined", "setup_intent": setup._export()})
    method.customer = asked["customer"]
    setup._attach_pm(method)
    return setup


def _newest_first(cls: type[Any], url: str, limit: Any = None, starting_after: Any = None, created: Any = None) -> Any:
    found = Answers(url, limit=limit, starting_after=starting_after)
    within = {name: int(value) for name, value in (created or {}).items()}
    made = [one for key, one in store.items() if key.startswith("payment_intent:")]
    found._list = [one for one in reversed(made) if within.get("gte", 0) <= one.created < within.get("lt", sys.maxsize)]
    return found


def _search(query: str, **_: Any) -> Any:
    name, value = (part.strip("'") for part in query.removeprefix("metadata[").split("]:"))
    found = Answers("/v1/payment_intents/search")
    found.object = "search_result"
    old = Clock.time() - SEARCH_LAG_SECONDS
    found._list = [one for one in _newest_first(PaymentIntent, "")._list if one.metadata.get(name) == value]
    found._list = [one for one in found._list if one.created < old]
    return found


def _mend() -> None:
    store.dump_to_disk = lambda: None
    resources.time = SimpleNamespace(time=Clock.time)
    PaymentMethod._try_get_canonical_test_article = classmethod(lambda _, name: _test_card(name))
    PaymentMethod._attaching_is_declined = lambda _: False
    PaymentMethod._charging_is_declined = lambda method: _number(method) in WHY
    PaymentIntent._api_create = classmethod(lambda _, **asked: _create(**asked))
    PaymentIntent._api_list_all = classmethod(_newest_first)
    PaymentIntent._report_failure = _report_failure
    PaymentIntent.last_payment_error = property(_last_payment_error)
    PaymentIntent.amount_received = property(
        lambda intent: intent.latest_charge.amount_captured if intent.latest_charge else 0
    )
    Charge.amount_captured = property(_amount_captured)
    Charge.payment_method_details = property(
        lambda charge: {"card": {"capture_before": charge.created + 7 * 86_400 if not charge.captured else None}}
    )
    Refund.__init__ = _bounded_refund
    SetupIntent._api_create = classmethod(lambda _, **asked: _set_up(**asked))
    mended = {"/cancel": _cancel, "/capture": _capture}
    for place, (method, url, verb) in enumerate(resources.extra_apis):
        if url.startswith("/v1/payment_intents/{id}"):
            end = url.removeprefix("/v1/payment_intents/{id}")
            resources.extra_apis[place] = (method, url, mended.get(end, verb))
    resources.extra_apis.append(("GET", "/v1/payment_intents/search", _search))


@web.middleware
async def keep_keys(request: web.Request, handler: Any) -> web.StreamResponse:
    """The same key gets the same answer; one that still runs, 409; with other parameters, 400."""
    key, known = request.headers.get("Idempotency-Key"), request.app["keys"]
    if key is None or request.method != "POST":
        return await handler(request)  # type: ignore[no-any-return]
    asked = (request.path, await request.read())
    before, answer = known.setdefault(key, (asked, None))
    if before != asked:
        return _refused(400, "")
    if answer is not None:
        return web.Response(body=answer[1], status=answer[0], content_type="application/json")
    if key in request.app["running"]:
        return _refused(409, "idempotency_key_in_use")
    request.app["running"].add(key)
    try:
        await asyncio.sleep(BUSY_SECONDS)
        given = await handler(request)
    finally:
        request.app["running"].discard(key)
    # What was refused before it began is not remembered.
    known[key] = (asked, (given.status, given.body))
    if given.status in (400, 404):
        del known[key]
    return given  # type: ignore[no-any-return]


def _refused(status: int, code: str) -> web.Response:
    error = {"type": "idempotency_error", "code": code, "message": "This key is taken."}
    return web.Response(text=json.dumps({"error": error}), status=status, content_type="application/json")


async def turn_clock(request: web.Request) -> web.Response:
    Clock.ahead = float(str((await request.post())["ahead"]))
    return web.Response()


def main() -> None:
    _mend()
    from localstripe.server import app  # makes its routes of what stands in the classes by now

    app["keys"], app["running"] = {}, set()
    app.middlewares.insert(0, keep_keys)
    app.router.add_post("/_clock", turn_clock)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)


if __name__ == "__main__":
    main()
