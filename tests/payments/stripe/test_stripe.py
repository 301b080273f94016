"""Stripe beyond the contract: what is sent, what its documented shapes mean, and what not hearing from it means."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from tests.payments.benches import Bench, new_key, order
from votremachine.config import BadSetting, Settings, check_gateway
from votremachine.infra.database import utc_now
from votremachine.kernel.money import Money
from votremachine.payments.gateway import Movement, OutcomeUnknown, Refusal, SavedInstrument, Standing
from votremachine.payments.stripe import reading
from votremachine.payments.stripe.gateway import StripeGateway
from votremachine.payments.stripe.reading import KEY, movement, saved
from votremachine.payments.stripe.shapes import as_intent, as_setup

# Stripe's client speaks to httpx as older versions of it wanted.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

OURS = new_key()
A_CARD = SavedInstrument(
    key=new_key(), reference="seti_1", standing=Standing.SUCCEEDED, instrument="pm_1", customer="cus_1"
)


def intent(status: str, charge: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A PaymentIntent as docs.stripe.com/api/payment_intents/object shows it, with what we do not read."""
    return {
        "id": "pi_3MtwBwLkdIwHu7ix28a3tqPa",
        "object": "payment_intent",
        "amount": 2000,
        "amount_capturable": 0,
        "amount_received": 0,
        "automatic_payment_methods": {"enabled": True},
        "currency": "eur",
        "client_secret": "pi_3MtwBwLkdIwHu7ix28a3tqPa_secret_YrKJUKribcBjcG8HVhfZluoGH",
        "latest_charge": None if charge is None else {"id": "ch_1", "object": "charge", "amount": 2000, **charge},
        "livemode": False,
        "metadata": {KEY: str(OURS)},
        "status": status,
        **more,
    }


BEFORE = 1_682_000_000
HELD = {"payment_method_details": {"type": "card", "card": {"brand": "visa", "capture_before": BEFORE}}}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (intent("succeeded", {"amount_captured": 2000}, amount_received=2000), {"captured": 2000}),
        (
            # The rest of a partial capture stands beside real refunds.
            intent("succeeded", {"amount_captured": 750, "amount_refunded": 1250}, amount_received=750),
            {"captured": 750},
        ),
        (
            intent("succeeded", {"amount_captured": 750, "amount_refunded": 1350}, amount_received=750),
            {"captured": 750, "refunded": 100},
        ),
        (
            intent("succeeded", {"amount_captured": 2000, "amount_refunded": 2000}, amount_received=2000),
            {"captured": 2000, "refunded": 2000},
        ),
        (
            intent("requires_capture", HELD, amount_capturable=2000),
            {"standing": Standing.HELD, "capture_before": datetime.fromtimestamp(BEFORE, UTC)},
        ),
        (intent("requires_capture"), {"standing": Standing.HELD}),
        (
            intent("requires_action"),
            {
                "standing": Standing.REQUIRES_ACTION,
                "client_secret": "pi_3MtwBwLkdIwHu7ix28a3tqPa_secret_YrKJUKribcBjcG8HVhfZluoGH",
            },
        ),
        # A hold that lapsed, one that was given back, and an order that was closed after a decline.
        (intent("canceled", HELD, cancellation_reason="automatic"), {"standing": Standing.RELEASED}),
        (intent("canceled", cancellation_reason="requested_by_customer"), {"standing": Standing.RELEASED}),
        (
            intent("canceled", cancellation_reason="abandoned"),
            {"standing": Standing.DECLINED, "refusal": Refusal.DECLINED},
        ),
    ],
)
def test_what_an_intent_means(given: dict[str, Any], expected: dict[str, Any]) -> None:
    plain = {"standing": Standing.SUCCEEDED, "amount": Money(2000), "reference": given["id"], "key": OURS}
    assert movement(as_intent(given)) == Movement(**{**plain, **expected})


@pytest.mark.parametrize(
    ("error", "why"),
    [
        ({"code": "card_declined", "decline_code": "insufficient_funds"}, Refusal.INSUFFICIENT_FUNDS),
        ({"code": "card_declined", "decline_code": "generic_decline"}, Refusal.DECLINED),
        ({"code": "expired_card", "decline_code": "expired_card"}, Refusal.EXPIRED_CARD),
        ({"code": "authentication_required", "decline_code": "authentication_required"}, Refusal.NEEDS_AUTHENTICATION),
        ({"code": "payment_intent_authentication_failure"}, Refusal.NEEDS_AUTHENTICATION),
        ({"code": "card_declined", "decline_code": "a reason of next year"}, Refusal.DECLINED),
        (None, Refusal.DECLINED),
    ],
)
def test_why_a_card_was_declined(error: dict[str, str] | None, why: Refusal) -> None:
    made = movement(as_intent(intent("requires_payment_method", last_payment_error=error)))
    assert (made.standing, made.refusal, made.client_secret) == (Standing.DECLINED, why, "")


@pytest.mark.parametrize(
    "given",
    [
        intent("processing"),
        intent("a status of next year"),
        intent("succeeded", metadata={}),
        {"id": "pi_1"},
        {**intent("succeeded"), "amount": "2000"},
        None,
    ],
)
def test_what_cannot_be_read_is_not_guessed(given: Any) -> None:
    with pytest.raises(OutcomeUnknown):
        movement(as_intent(given))


def test_a_card_that_was_saved() -> None:
    method = {"id": "pm_1", "object": "payment_method", "card": {"brand": "visa", "last4": "4242", "exp_month": 8}}
    method["card"] |= {"exp_year": 2026}  # type: ignore[operator]
    given = {"id": "seti_1", "object": "setup_intent", "status": "succeeded", "customer": "cus_1"}
    given |= {"metadata": {KEY: str(OURS)}, "client_secret": "seti_1_secret_x", "payment_method": method}  # type: ignore[dict-item]
    assert saved(as_setup(given)) == SavedInstrument(
        key=OURS,
        reference="seti_1",
        standing=Standing.SUCCEEDED,
        instrument="pm_1",
        customer="cus_1",
        brand="visa",
        last4="4242",
        expires="2026-08",
    )


async def test_an_old_order_is_found_by_search(stripe_bench: Bench, stripe_url: str) -> None:
    asked = order(await stripe_bench.card())
    made = await stripe_bench.gateway.charge(asked)
    tomorrow = StripeGateway("sk_test_tests", api_base=stripe_url, clock=lambda: utc_now() + timedelta(days=1))
    assert await tomorrow.look_up(asked.key) is None, "search does not know of it yet"
    await asyncio.sleep(3.1)
    assert await tomorrow.look_up(asked.key) == made
    assert await tomorrow.look_up(new_key()) is None
    await tomorrow.close()


async def test_the_books_are_read_page_by_page(stripe_bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("votremachine.payments.stripe.intents.PAGE", 2)
    card, since = await stripe_bench.card(), utc_now() - timedelta(seconds=1)
    made = [(await stripe_bench.gateway.charge(order(card, 100 + i))).key for i in range(5)]
    listed = [one.key async for one in stripe_bench.gateway.movements(since, utc_now() + timedelta(seconds=2))]
    assert [key for key in listed if key in made] == made[::-1]
    assert len(listed) == len(set(listed))


async def test_a_declined_order_cannot_be_paid_later_by_another_card(stripe_bench: Bench, stripe_url: str) -> None:
    made = await stripe_bench.gateway.charge(order(await stripe_bench.card("declined")))
    async with httpx.AsyncClient(headers={"Authorization": "Bearer sk_test_phone"}) as stripe:
        there = (await stripe.get(f"{stripe_url}/v1/payment_intents/{made.reference}")).json()
    assert (there["status"], there["cancellation_reason"]) == ("canceled", "abandoned")


class Recorder:
    """Plays a Stripe that answers the same to everything, and keeps what it was asked."""

    def __init__(self, status: int, body: str) -> None:
        self.status, self.body, self.asked = status, body, ""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            (int(line.split(":")[1]) for line in head.splitlines() if line.lower().startswith("content-le")), 0
        )
        self.asked += head + (await reader.readexactly(length)).decode()
        if self.status:
            answer = f"HTTP/1.1 {self.status} X\r\nContent-Length: {len(self.body)}\r\nConnection: close\r\n\r\n"
            writer.write((answer + self.body).encode())
        writer.close()


async def answering(recorder: Recorder) -> AsyncIterator[StripeGateway]:
    server = await asyncio.start_server(recorder, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    gateway = StripeGateway("sk_test_secret", api_base=f"http://127.0.0.1:{port}", fee_bp=1_250)
    yield gateway
    await gateway.close()
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, "{}"),
        (503, "<html>"),
        (200, "<html>"),
        (200, "{}"),
        (200, "[]"),
        (401, '{"error": {"type": "invalid_request_error", "message": "Invalid API Key"}}'),
        (402, '{"error": {"type": "card_error", "code": "card_declined"}}'),
        (409, '{"error": {"type": "idempotency_error", "code": "idempotency_key_in_use"}}'),
        (429, '{"error": {"type": "invalid_request_error", "code": "rate_limit"}}'),
        (0, ""),
    ],
)
async def test_no_sensible_answer_leaves_the_outcome_open(
    status: int, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("votremachine.payments.stripe.gateway.REPEATS", 0)
    async for gateway in answering(Recorder(status, body)):
        with pytest.raises(OutcomeUnknown) as told:
            await gateway.charge(order(A_CARD))
        assert "sk_test_secret" not in repr(told.value)


async def test_nobody_there_leaves_the_outcome_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("votremachine.payments.stripe.gateway.REPEATS", 0)
    gateway = StripeGateway("sk_test_secret", api_base="http://127.0.0.1:1")
    for verb in (gateway.charge(order(A_CARD)), gateway.look_up(OURS), gateway.release("pi_1", OURS)):
        with pytest.raises(OutcomeUnknown):
            await verb
    await gateway.close()


async def test_money_for_an_owner_goes_on_to_their_account_but_for_the_fee(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("votremachine.payments.stripe.gateway.REPEATS", 0)
    recorder, asked = Recorder(500, "{}"), replace(order(A_CARD, 10_001), destination="acct_1", off_session=True)
    async for gateway in answering(recorder):
        with pytest.raises(OutcomeUnknown):
            await gateway.charge(asked)
    sent = dict(httpx.QueryParams(recorder.asked.partition("\r\n\r\n")[2]))
    assert (sent["amount"], sent["currency"], sent["off_session"]) == ("10001", "eur", "true")
    assert (sent["transfer_data[destination]"], sent["application_fee_amount"]) == ("acct_1", "1250")
    assert sent[f"metadata[{KEY}]"] == str(asked.key)
    assert f"idempotency-key: {asked.key}" in recorder.asked.lower()


def test_a_service_that_cannot_speak_to_its_gateway_does_not_start() -> None:
    whole = {"gateway": "stripe", "stripe_secret_key": "sk_test_x", "stripe_webhook_secrets": "whsec_x"}
    check_gateway(Settings())
    check_gateway(Settings(**whole))  # type: ignore[arg-type]
    for name in ("stripe_secret_key", "stripe_webhook_secrets"):
        with pytest.raises(BadSetting, match="STRIPE"):
            check_gateway(Settings(**{**whole, name: " " if name.endswith("secrets") else ""}))  # type: ignore[arg-type]


def test_secrets_are_not_printed_with_the_settings() -> None:
    kept = Settings(secret="s3cret-one", stripe_secret_key="s3cret-two", stripe_webhook_secrets="s3cret-three")
    assert "s3cret" not in repr(kept)
    assert "s3cret" not in f"{kept}"
    assert reading.KEY not in repr(kept)
