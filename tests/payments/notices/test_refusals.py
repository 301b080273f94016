"""What no gateway said, over HTTP, for both adapters: refused or ignored, logged, and nothing is changed by it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from tests.payments.benches import new_key
from tests.payments.notices.conftest import NEW, NOW
from tests.payments.notices.test_notices import an_event
from votremachine.config import Settings
from votremachine.infra import logs
from votremachine.infra.database import Database, utc_now
from votremachine.infra.outbox import drain
from votremachine.payments.gateways import simulated_secrets
from votremachine.payments.notices.rules import signed
from votremachine.payments.simulated import posting
from votremachine.payments.stripe.reading import KEY
from votremachine.worker import HANDLERS

LATE = timedelta(minutes=6)
# An order of ours that waits for nothing: whoever looks it up without a reason shows in `next_at`.
_ORDER = sa.text(
    """
    INSERT INTO payment_orders (id, what, purpose, subject_id, booking_id, payer_party_id, payee_party_id, minor,
        currency, instrument_id, instrument, customer, reference, description, off_session, gives_back, state, attempts,
        created_at)
    VALUES (:id, 'charge', 'rental', :id, :id, :id, :id, 100, 'EUR', :id, '', '', '', '', false, 0, 'pending', 0, now())
    """
)
_LOOKED_AT = sa.text("SELECT count(*) FROM payment_orders WHERE next_at IS NOT NULL")
_KEPT = sa.text("SELECT (SELECT count(*) FROM gateway_notices) AS notices, (SELECT count(*) FROM outbox) AS facts")


@dataclass
class Line:
    """Where a gateway posts, how it signs, and what it says of the order with a key."""

    http: httpx.AsyncClient
    database: Database
    path: str
    header: str
    secret: bytes
    now: datetime
    says: Callable[[UUID], bytes]

    async def post(self, body: bytes, *, secret: bytes | None = None, at: timedelta = timedelta(0)) -> httpx.Response:
        headers = {self.header: signed(self.secret if secret is None else secret, body, self.now + at)}
        return await self.http.post(self.path, content=body, headers=headers)

    async def looked_at(self) -> int:
        """How many orders are to be looked at, once facts are handed on."""
        await drain(self.database, HANDLERS)
        async with self.database.read() as tx:
            return int((await tx.execute(_LOOKED_AT)).scalar_one())

    async def kept(self) -> tuple[int, int]:
        async with self.database.read() as tx:
            row = (await tx.rows(_KEPT))[0]
        return row.notices, row.facts


@pytest.fixture(autouse=True)
def talkative(settings: Settings) -> Iterator[None]:
    """Logs say what is no error, too, which is too much for the rest of the tests."""
    logs.configure("info", as_json=True)
    yield
    logs.configure(settings.log_level, settings.log_json)


@pytest.fixture(params=["stripe", "simulated"])
def line(
    request: pytest.FixtureRequest,
    stripe_http: httpx.AsyncClient,
    http: httpx.AsyncClient,
    database: Database,
    settings: Settings,
) -> Line:
    if request.param == "stripe":
        said = an_event_of
        return Line(stripe_http, database, "/v1/webhooks/stripe", "Stripe-Signature", NEW.encode(), NOW, said)
    secret = simulated_secrets(settings)[0]
    return Line(http, database, "/v1/webhooks/simulated", posting.SIGNATURE, secret, utc_now(), told)


def an_event_of(key: UUID) -> bytes:
    return an_event(metadata={KEY: str(key)})


def told(key: UUID) -> bytes:
    said = {"id": "sim_event_1", "type": "order.succeeded", "created": 1, "subject": "order", "key": str(key)}
    return json.dumps(said | {"reference": "sim_order_1"}).encode()


@pytest.fixture
async def key(database: Database) -> UUID:
    """Of an order of ours."""
    made = new_key()
    async with database.begin() as tx:
        await tx.execute(_ORDER, {"id": made})
    return made


async def test_what_is_signed_is_a_reason_to_look_once(line: Line, key: UUID) -> None:
    """The control of those below; and a replay, which is no reason any more."""
    assert (await line.post(line.says(key))).status_code == 204
    assert (await line.kept(), await line.looked_at()) == ((1, 1), 1)
    async with line.database.begin() as tx:
        await tx.execute(sa.text("UPDATE payment_orders SET next_at = NULL"))
    with capture_logs() as lines:
        assert (await line.post(line.says(key), at=timedelta(seconds=5))).status_code == 204
    assert [one["outcome"] for one in lines if one["event"] == "gateway.noticed"] == ["repeated"]
    assert (await line.kept(), await line.looked_at()) == ((1, 0), 0)


@pytest.mark.parametrize("wrong", ["secret", "altered", "unsigned"])
async def test_a_wrong_signature_is_refused_and_logged(wrong: str, line: Line, key: UUID) -> None:
    body = line.says(key)
    with capture_logs() as lines:
        if wrong == "secret":
            refused = await line.post(body, secret=b"another")
        else:
            headers = {line.header: signed(line.secret, body, line.now)} if wrong == "altered" else {}
            refused = await line.http.post(line.path, content=body + b" ", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (400, "wrong_signature")
    assert [one["code"] for one in lines if one["event"] == "gateway.notice_refused"] == ["wrong_signature"]
    assert (await line.kept(), await line.looked_at()) == ((0, 0), 0)


@pytest.mark.parametrize("at", [-LATE, LATE])
async def test_an_old_timestamp_is_refused_and_logged(at: timedelta, line: Line, key: UUID) -> None:
    with capture_logs() as lines:
        refused = await line.post(line.says(key), at=at)
    assert (refused.status_code, refused.json()["code"]) == (400, "too_old")
    assert [one["code"] for one in lines if one["event"] == "gateway.notice_refused"] == ["too_old"]
    assert (await line.kept(), await line.looked_at()) == ((0, 0), 0)


async def test_an_unknown_id_changes_nothing(line: Line, key: UUID) -> None:
    with capture_logs() as lines:
        assert (await line.post(line.says(new_key()))).status_code == 204
    assert [one["outcome"] for one in lines if one["event"] == "gateway.noticed"] == ["passed_on"]
    assert await line.looked_at() == 0
