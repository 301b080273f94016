"""What the simulated gateway tells us by itself: signed HTTP bodies that arrive late, twice, or in the wrong order."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import msgspec
import sqlalchemy as sa
import structlog

from votremachine.infra.database import Clock, Database, Tx
from votremachine.payments.notices.rules import LONGEST_NAME, Notice, Subject, Unreadable, check_signature, signed
from votremachine.payments.simulated.cards import Card, Posting
from votremachine.payments.simulated.models import webhooks
from votremachine.payments.simulated.rules import Instrument, SimulatedOrder

SIGNATURE = "Simulated-Signature"
# How much later the first of two comes, when they are reordered.
DELAY = timedelta(seconds=2)
LEASE = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=1)
GIVEN_UP_AFTER = timedelta(days=3)
BATCH = 20
PATIENCE_SECONDS = 5.0

log = structlog.get_logger()

_due = (
    sa.select(webhooks.c.id)
    .where(webhooks.c.due_at <= sa.bindparam("now"))
    .order_by(webhooks.c.due_at, webhooks.c.id)
    .limit(BATCH)
    .with_for_update(skip_locked=True)
)
_TAKE = (
    webhooks.update()
    .where(webhooks.c.id.in_(_due))
    .values(attempts=webhooks.c.attempts + 1, due_at=sa.bindparam("lease"))
    .returning(webhooks)
)


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a webhook."""

    id: str
    type: str
    created: int
    subject: Subject
    key: UUID
    reference: str


class Reader:
    """Reads what arrives: a `NoticeReader`."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._secrets = secrets

    def __call__(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """Raises `WrongSignature`, `TooOld` and `Unreadable`."""
        check_signature(headers.get(SIGNATURE.lower(), ""), body, self._secrets, now)
        try:
            told = msgspec.json.decode(body, type=Told)
        except (msgspec.DecodeError, UnicodeError) as error:
            raise Unreadable from error
        if max(len(told.id), len(told.type), len(told.reference)) > LONGEST_NAME:
            raise Unreadable
        return Notice(
            id=told.id,
            gateway="simulated",
            kind=told.type,
            subject=told.subject,
            reference=told.reference,
            key=told.key,
        )


async def tell_order(tx: Tx, now: datetime, order: SimulatedOrder, what: Sequence[str]) -> None:
    """Send word of what happened to an order, in this order, as its card's post goes."""
    await tx.execute(webhooks.insert(), letters(tx.new_id, now, order, what))


def letters(
    new_id: Callable[[], UUID], now: datetime, order: SimulatedOrder, what: Sequence[str]
) -> list[dict[str, Any]]:
    """The rows that send this word; ids sort as they are made."""
    return _letters(new_id, now, order.card, Subject.ORDER, order.key, order.reference, what)


async def tell_instrument(tx: Tx, now: datetime, instrument: Instrument, what: Sequence[str]) -> None:
    rows = _letters(tx.new_id, now, instrument.card, Subject.INSTRUMENT, instrument.key, instrument.reference, what)
    await tx.execute(webhooks.insert(), rows)


def _letters(
    new_id: Callable[[], UUID],
    now: datetime,
    card: Card,
    subject: Subject,
    key: UUID,
    reference: str,
    what: Sequence[str],
) -> list[dict[str, Any]]:
    rows = []
    for place, name in enumerate(what):
        event_id = f"sim_event_{new_id().hex}"
        told = Told(
            id=event_id,
            type=f"{subject}.{name}",
            created=int(now.timestamp()),
            subject=subject,
            key=key,
            reference=reference,
        )
        late = card.posting is Posting.REORDERED and place < len(what) - 1
        row = {"event_id": event_id, "body": msgspec.json.encode(told).decode(), "made_at": now, "attempts": 0}
        row["due_at"] = now + DELAY if late else now
        times = 2 if card.posting is Posting.TWICE else 1
        rows += [{**row, "id": new_id()} for _ in range(times)]
    return rows


async def deliver(database: Database, client: httpx.AsyncClient, address: str, secret: bytes, clock: Clock) -> int:
    """Post what is due to `address`, signed; how many arrived. What does not is tried again, for three days."""
    arrived = 0
    while True:
        now = clock()
        async with database.begin() as tx:
            due = await tx.rows(_TAKE, {"now": now, "lease": now + LEASE})
        for row in sorted(due, key=lambda one: one.id):
            ok = await _post(client, address, row.body.encode(), secret, now)
            arrived += ok
            again = None if ok or now - row.made_at > GIVEN_UP_AFTER else now + _wait(row.attempts)
            async with database.begin() as tx:
                await tx.execute(webhooks.update().where(webhooks.c.id == row.id).values(due_at=again))
        if len(due) < BATCH:
            return arrived


async def _post(client: httpx.AsyncClient, address: str, body: bytes, secret: bytes, now: datetime) -> bool:
    headers = {SIGNATURE: signed(secret, body, now), "Content-Type": "application/json"}
    try:
        answer = await client.post(address, content=body, headers=headers, timeout=PATIENCE_SECONDS)
    except httpx.HTTPError as error:
        log.warning("simulated.webhook_lost", error=repr(error))
        return False
    return answer.is_success


def _wait(attempts: int) -> timedelta:
    return min(timedelta(seconds=2 ** min(attempts, 12)), LONGEST_WAIT)
