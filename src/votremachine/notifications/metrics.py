"""What monitoring reads of messages: how many wait, since when, and what became of the others by channel."""

import hmac

import sqlalchemy as sa
from litestar import MediaType, Response, Router, get
from litestar.di import NamedDependency
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, generate_latest

from votremachine.accounts.rules import NotSignedIn
from votremachine.config import Settings
from votremachine.infra.database import Database, Tx
from votremachine.infra.openapi import PUBLIC
from votremachine.infra.problems import responses
from votremachine.infra.wire import HttpRequest

# Each answered by a partial index that holds only what waits, or is dead.
_QUEUES = sa.text(
    """
    SELECT 'reminders' AS queue, count(*) AS due, min(due_at) AS oldest
    FROM reminders WHERE state = 'planned' AND due_at <= :now
    UNION ALL
    SELECT 'deliveries', count(*), min(due_at) FROM deliveries WHERE state = 'waiting' AND due_at <= :now
    """
)
_DEAD = sa.text(
    """
    SELECT 'inbox' AS channel, count(*) AS dead FROM reminders WHERE state = 'dead'
    UNION ALL
    SELECT channel, count(*) FROM deliveries WHERE state = 'dead' GROUP BY channel
    """
)
_COUNTS = sa.text("SELECT channel, outcome, total FROM delivery_counts")


@get("/metrics", security=PUBLIC, media_type=MediaType.TEXT, responses=responses(NotSignedIn))
async def metrics(
    request: HttpRequest, database: NamedDependency[Database], settings: NamedDependency[Settings]
) -> Response[bytes]:
    """Prometheus' text format; with `VOTREMACHINE_METRICS_TOKEN` set, to who shows it."""
    shown, wanted = request.headers.get("authorization", ""), f"Bearer {settings.metrics_token}"
    if settings.metrics_token and not hmac.compare_digest(shown.encode(), wanted.encode()):
        raise NotSignedIn
    async with database.read() as tx:
        registry = await _gathered(tx)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


async def _gathered(tx: Tx) -> CollectorRegistry:
    registry = CollectorRegistry()
    due = Gauge("votremachine_due", "What is due and not done yet.", ["queue"], registry=registry)
    oldest = Gauge("votremachine_oldest_due_seconds", "For how long the oldest is due.", ["queue"], registry=registry)
    for row in await tx.rows(_QUEUES, {"now": tx.now}):
        due.labels(row.queue).set(row.due)
        oldest.labels(row.queue).set((tx.now - row.oldest).total_seconds() if row.oldest else 0)
    dead = Gauge("votremachine_dead", "What was given up, for people to look at.", ["channel"], registry=registry)
    for row in await tx.rows(_DEAD):
        dead.labels(row.channel).set(row.dead)
    sent = Counter("votremachine_deliveries", "Deliveries by outcome.", ["channel", "outcome"], registry=registry)
    for row in await tx.rows(_COUNTS):
        sent.labels(row.channel, row.outcome).inc(row.total)
    return registry


router = Router(path="/", tags=["health"], route_handlers=[metrics])
