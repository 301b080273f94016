"""Webhooks over HTTP: whose they are, how old, how often, and that they are only ever a reason to look."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from litestar import Litestar
from structlog.testing import capture_logs

from tests.payments.benches import Bench, Hands, new_key, order
from tests.payments.card_numbers import check_no_card_numbers
from tests.payments.notices.conftest import NEW, NOW, OLD
from votremachine.config import Settings
from votremachine.infra import logs
from votremachine.infra.database import Database
from votremachine.payments.gateway import Standing
from votremachine.payments.gateways import simulated_secrets
from votremachine.payments.notices import rules
from votremachine.payments.notices.rules import TooOld, WrongSignature, check_signature, signed
from votremachine.payments.notices.service import purge
from votremachine.payments.simulated import posting
from votremachine.payments.simulated.jobs import play_gateway
from votremachine.payments.stripe.reading import KEY

OURS = UUID("01980000-0000-7000-8000-000000000001")
PATH = "/v1/webhooks/stripe"


def an_event(event_id: str = "evt_1", kind: str = "payment_intent.succeeded", **about: Any) -> bytes:
    shown = {"object": "payment_intent", "id": "pi_1", "amount": 999_999_999, "metadata": {KEY: str(OURS)}, **about}
    return json.dumps({"id": event_id, "object": "event", "type": kind, "data": {"object": shown}}).encode()


async def post(http: httpx.AsyncClient, body: bytes, secret: str = NEW, at: datetime = NOW) -> httpx.Response:
    return await http.post(PATH, content=body, headers={"Stripe-Signature": signed(secret.encode(), body, at)})


async def kept(database: Database) -> tuple[list[tuple[str, str]], list[dict[str, Any]]]:
    """The notices with what became of them, and the facts that were published."""
    async with database.read() as tx:
        notices = await tx.rows(sa.text("SELECT id, outcome FROM gateway_notices ORDER BY id"))
        facts = await tx.rows(sa.text("SELECT body FROM outbox WHERE name = 'GatewayNoticed' ORDER BY id"))
    return [(row.id, row.outcome) for row in notices], [row.body for row in facts]


async def test_a_signed_event_is_a_reason_to_look(stripe_http: httpx.AsyncClient, database: Database) -> None:
    answer = await post(stripe_http, an_event())
    assert (answer.status_code, answer.content) == (204, b"")
    fact = {"key": str(OURS), "subject": "order", "gateway": "stripe", "reference": "pi_1"}
    assert await kept(database) == ([("evt_1", "passed_on")], [fact])


async def test_a_replay_counts_once(stripe_http: httpx.AsyncClient, database: Database) -> None:
    for at in (NOW, NOW, NOW + timedelta(seconds=10)):
        assert (await post(stripe_http, an_event(), at=at)).status_code == 204
    notices, facts = await kept(database)
    assert (notices, len(facts)) == ([("evt_1", "passed_on")], 1)


@pytest.mark.parametrize("seconds", [-300, 300])
async def test_a_signature_is_good_for_five_minutes(
    stripe_http: httpx.AsyncClient, database: Database, seconds: int
) -> None:
    within, beyond = timedelta(seconds=seconds), timedelta(seconds=seconds + (1 if seconds > 0 else -1))
    assert (await post(stripe_http, an_event("evt_1"), at=NOW + within)).status_code == 204
    refused = await post(stripe_http, an_event("evt_2"), at=NOW + beyond)
    assert (refused.status_code, refused.json()["code"]) == (400, "too_old")
    assert (await kept(database))[0] == [("evt_1", "passed_on")]


async def test_either_secret_is_believed_while_one_follows_the_other(stripe_http: httpx.AsyncClient) -> None:
    assert (await post(stripe_http, an_event(), OLD)).status_code == 204
    body = an_event("evt_2")
    both = signed(b"whsec_unknown", body, NOW) + "," + signed(NEW.encode(), body, NOW).partition(",")[2]
    assert (await stripe_http.post(PATH, content=body, headers={"Stripe-Signature": both})).status_code == 204


@pytest.mark.parametrize(
    "header",
    [
        "",
        "nonsense",
        "t=1782907200",
        "t=1782907200,v1=",
        "t=1782907200,v1=00",
        "t=x,v1=00",
        "t=-1,v1=00",
        "v1=00",
        "t=9999999999999999999,v1=00",
        "t=1,t=2,v1=00",
        "é=ü",
        "t=²,v1=00",
        ",=,=,",
    ],
)
async def test_a_header_that_is_no_signature_is_refused(
    stripe_http: httpx.AsyncClient, database: Database, header: str
) -> None:
    refused = await stripe_http.post(PATH, content=an_event(), headers=[(b"stripe-signature", header.encode())])
    assert (refused.status_code, refused.json()["code"]) == (400, "wrong_signature")
    assert refused.headers["content-type"] == "application/problem+json"
    assert await kept(database) == ([], [])


async def test_a_wrong_signature_is_refused(stripe_http: httpx.AsyncClient, database: Database) -> None:
    body, other = an_event(), an_event("evt_2")
    good = signed(NEW.encode(), body, NOW)
    cases = [
        (body, signed(b"whsec_wrong", body, NOW)),
        (body, signed(b"", body, NOW)),
        (other, good),
        (body + b" ", good),
        (body, good.replace("t=1", "t=2")),
        (body, good.replace("v1=", "v0=")),
    ]
    for sent, header in cases:
        refused = await stripe_http.post(PATH, content=sent, headers={"Stripe-Signature": header})
        assert (refused.status_code, refused.json()["code"]) == (400, "wrong_signature")
    assert (await stripe_http.post(PATH, content=body)).status_code == 400
    assert await kept(database) == ([], [])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"id": 1}',
        b"\xff\xfe",
        b'{"id": "", "type": "x", "data": {"object": {}}}',
        an_event("e" * 300),
        an_event(kind="k" * 300),
        b"[" * 50_000,
    ],
)
async def test_what_is_signed_and_unreadable_is_refused(
    stripe_http: httpx.AsyncClient, database: Database, body: bytes
) -> None:
    refused = await post(stripe_http, body)
    assert (refused.status_code, refused.json()["code"]) == (400, "unreadable_notice")
    assert await kept(database) == ([], [])


async def test_a_body_that_is_too_large_is_not_read(stripe_http: httpx.AsyncClient, database: Database) -> None:
    assert (await post(stripe_http, an_event(description="x" * 300_000))).status_code == 413
    assert await kept(database) == ([], [])


@pytest.mark.parametrize(
    ("about", "subject"),
    [
        ({"object": "setup_intent", "id": "seti_1"}, "instrument"),
        ({"object": "charge", "id": "ch_1", "payment_intent": "pi_1"}, "order"),
    ],
)
async def test_what_it_is_about(
    stripe_http: httpx.AsyncClient, database: Database, about: dict[str, str], subject: str
) -> None:
    await post(stripe_http, an_event(**about))
    [fact] = (await kept(database))[1]
    assert (fact["subject"], fact["reference"]) == (subject, about.get("payment_intent", about["id"]))


@pytest.mark.parametrize(
    "about",
    [
        {"metadata": {}},
        {"metadata": None},
        {"metadata": {KEY: "nonsense"}},
        {"metadata": {"key": str(OURS)}},
        {"object": "payout"},
    ],
)
async def test_what_is_not_ours_is_kept_and_ignored(
    stripe_http: httpx.AsyncClient, database: Database, about: dict[str, Any]
) -> None:
    assert (await post(stripe_http, an_event(**about))).status_code == 204
    assert await kept(database) == ([("evt_1", "ignored")], [])


async def test_who_is_not_in_use_is_not_believed(
    http: httpx.AsyncClient, stripe_http: httpx.AsyncClient, settings: Settings, database: Database
) -> None:
    body, now = an_event(), datetime.now(UTC)
    for secret in ("", NEW):
        headers = {"Stripe-Signature": signed(secret.encode(), body, now)}
        assert (await http.post(PATH, content=body, headers=headers)).status_code == 400
    headers = {posting.SIGNATURE: signed(simulated_secrets(settings)[0], b"{}", NOW)}
    refused = await stripe_http.post("/v1/webhooks/simulated", content=b"{}", headers=headers)
    assert refused.json()["code"] == "wrong_signature"
    assert await kept(database) == ([], [])


async def test_old_notices_are_forgotten(database: Database, stripe_http: httpx.AsyncClient) -> None:
    await post(stripe_http, an_event())
    async with database.begin() as tx:
        for more, forgotten in ((timedelta(), 0), (timedelta(seconds=1), 1)):
            tx.now = NOW + timedelta(days=90) + more
            assert await purge(tx) == forgotten


def test_stripes_own_example_of_a_signature() -> None:
    """The scheme, computed by hand: HMAC-SHA256 of `<seconds>.<body>` in hexadecimal."""
    import hashlib
    import hmac

    expected = hmac.new(b"whsec_x", b'1782907200.{"a": 1}', hashlib.sha256).hexdigest()
    header = f"t=1782907200,v1={expected},v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39"
    check_signature(header, b'{"a": 1}', [b"whsec_x"], datetime.fromtimestamp(1_782_907_200, UTC))
    with pytest.raises(WrongSignature):
        check_signature(header, b'{"a": 2}', [b"whsec_x"], NOW)
    with pytest.raises(TooOld):
        check_signature(header, b'{"a": 1}', [b"whsec_x"], datetime.fromtimestamp(1_782_907_501, UTC))
    assert (
        rules.signed(b"whsec_x", b'{"a": 1}', datetime.fromtimestamp(1_782_907_200, UTC)) == header[: len(header) - 68]
    )


async def test_the_simulated_gateway_posts_what_happened(
    simulated_bench: Bench, http: httpx.AsyncClient, database: Database, settings: Settings, capfd: Any
) -> None:
    asked = order(await simulated_bench.card())
    held = await simulated_bench.gateway.hold(asked)
    assert await delivered(http, database, settings) == 4
    assert await delivered(http, database, settings) == 0
    notices, facts = await kept(database)
    assert {outcome for _, outcome in notices} == {"passed_on"}
    assert [(fact["subject"], fact["reference"]) for fact in facts[2:]] == [("order", held.reference)] * 2
    await check_no_card_numbers(database, *capfd.readouterr())


async def test_a_webhook_that_comes_twice_counts_once(
    simulated_bench: Bench, http: httpx.AsyncClient, database: Database, settings: Settings
) -> None:
    await simulated_bench.card("webhooks_twice")
    assert await delivered(http, database, settings) == 4
    notices, facts = await kept(database)
    assert (len(notices), len(facts)) == (2, 2)


async def test_webhooks_out_of_order_ask_to_look_all_the_same(
    simulated_bench: Bench, http: httpx.AsyncClient, database: Database, settings: Settings, hands: Hands
) -> None:
    await simulated_bench.gateway.hold(order(await simulated_bench.card("webhooks_reordered")))
    assert await delivered(http, database, settings) == 2
    hands.move(posting.DELAY)
    assert await delivered(http, database, settings, hands.now) == 2
    async with database.read() as tx:
        kinds = await tx.rows(sa.text("SELECT kind FROM gateway_notices WHERE kind LIKE 'order%' ORDER BY received_at"))
    assert [row.kind for row in kinds] == ["order.held", "order.created"]


async def test_what_does_not_arrive_is_posted_again(
    simulated_bench: Bench, http: httpx.AsyncClient, database: Database, settings: Settings, hands: Hands
) -> None:
    await simulated_bench.card()
    away = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(503)))
    assert await delivered(away, database, settings) == 0
    assert await delivered(http, database, settings) == 0, "too early"
    hands.move(timedelta(seconds=3))
    assert await delivered(http, database, settings, hands.now) == 2
    assert len((await kept(database))[0]) == 2
    await simulated_bench.card()
    hands.move(timedelta(days=4))
    assert await delivered(away, database, settings, hands.now) == 0
    hands.move(timedelta(days=4))
    assert await delivered(http, database, settings, hands.now) == 0, "given up"


async def test_the_worker_plays_the_clock_and_the_post(
    simulated_bench: Bench, database: Database, settings: Settings, hands: Hands
) -> None:
    heads: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        writer.close()

    held = await simulated_bench.gateway.hold(order(await simulated_bench.card()))
    hands.move(timedelta(days=7))
    server = await asyncio.start_server(take, "127.0.0.1", 0)
    values = {name: getattr(settings, name) for name in settings.__struct_fields__}
    there = Settings(**{**values, "port": server.sockets[0].getsockname()[1]})
    secret = simulated_secrets(settings)[0]
    ctx = {"gateway": simulated_bench.gateway, "database": database, "settings": there, "simulated_secret": secret}
    assert await play_gateway(ctx) == 4, "the lapse is due in a week"
    assert [head.startswith(b"POST /v1/webhooks/simulated ") for head in heads] == [True] * 4
    lapsed = await simulated_bench.gateway.look_up(held.key)
    assert lapsed is not None
    assert lapsed.standing is Standing.RELEASED
    server.close()
    await server.wait_closed()


async def test_what_is_refused_or_ignored_is_logged_without_what_it_says(
    stripe_http: httpx.AsyncClient, settings: Settings
) -> None:
    logs.configure("info", as_json=True)
    with capture_logs() as lines:
        await post(stripe_http, an_event(description="words"), "whsec_wrong")
        await post(stripe_http, an_event(description="words", metadata={}))
        await post(stripe_http, an_event(description="words", metadata={}))
    logs.configure(settings.log_level, settings.log_json)
    told = [line for line in lines if line["event"].startswith("gateway.notice")]
    assert [line.get("code") or line["outcome"] for line in told] == ["wrong_signature", "ignored", "repeated"]
    assert "words" not in str(lines)


async def delivered(
    http: httpx.AsyncClient, database: Database, settings: Settings, now: datetime | None = None
) -> int:
    at = now or datetime.now(UTC)
    secret = simulated_secrets(settings)[0]
    return await posting.deliver(database, http, "http://test/v1/webhooks/simulated", secret, lambda: at)


async def test_an_unknown_key_is_passed_on_and_hurts_nobody(stripe_http: httpx.AsyncClient, database: Database) -> None:
    unknown = new_key()
    assert (await post(stripe_http, an_event(metadata={KEY: str(unknown)}))).status_code == 204
    assert [fact["key"] for fact in (await kept(database))[1]] == [str(unknown)]


async def test_it_takes_no_body_of_ours(app: Litestar) -> None:
    for name in ("stripe", "simulated"):
        assert "requestBody" not in app.openapi_schema.to_schema()["paths"][f"/v1/webhooks/{name}"]["post"]


def test_a_secret_that_is_empty_signs_nothing() -> None:
    body = an_event()
    with pytest.raises(WrongSignature):
        check_signature(signed(b"", body, NOW), body, [b""], NOW)
