"""What Stripe answers to a call, or the port's word for why it does not."""

from collections.abc import Awaitable
from typing import Any

import stripe

from votremachine.payments.gateway import KeyReused, NotAtGateway, OutcomeUnknown


async def heard(call: Awaitable[Any]) -> Any:
    """The answer, as plain dictionaries; raises `stripe.CardError`, `KeyReused`, `NotAtGateway` and `OutcomeUnknown`.

    What Stripe writes in its errors may repeat what it was sent, so only its codes go on.
    """
    try:
        given = await call
    except stripe.CardError:
        raise
    except stripe.IdempotencyError as error:
        raise KeyReused("Stripe knows this key with other parameters") from error
    except stripe.InvalidRequestError as error:
        raise NotAtGateway(f"Stripe refuses: {error.code or 'invalid'} {error.param or ''}".rstrip()) from error
    except stripe.StripeError as error:
        raise OutcomeUnknown(f"{type(error).__name__}: {error.code or error.http_status or 'no answer'}") from error
    return given.to_dict() if isinstance(given, stripe.StripeObject) else given


def declined_id(error: stripe.CardError, name: str) -> str:
    """The id of the intent that Stripe attaches to a decline. Raises `OutcomeUnknown`."""
    body = error.json_body if isinstance(error.json_body, dict) else {}
    try:
        return str(body["error"][name]["id"])
    except (KeyError, TypeError):
        raise OutcomeUnknown("a decline without its intent") from error
