"""What monitoring reads of messages: how many wait, since when, and what became of the others by channel."""

import hmac
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from litestar import MediaType, Response, Router, get
from litestar.di import NamedDependency
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from votremachine.accounts.refusals import NotSignedIn
from votremachine.config import Settings
from votremachine.infra.database import Database, Tx
from votremachine.infra.openapi import PUBLIC
from votremachine.infra.problems import responses
from votremachine.infra.wire import HttpRequest
from votremachine.notifications.delivering.rules import Channel

Rows = Sequence[sa.Row[Any]]
# Each answered by a partial index that holds only what waits, or is dead.
_QUEUES = sa.text(
    """
    SELECT 'reminders' AS queue, 'inbox' AS channel, count(*) AS due, min(due_at) AS oldest
    FROM reminders WHERE state = 'planned' AND due_at <= :now
    UNION ALL
    SELECT 'deliveries', channel, count(*), min(due_at) FROM deliveries WHERE state = 'waiting' AND due_at <= :now
    GROUP BY channel
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


class _Told(Collector):
    """What was counted, as metrics."""

    def __init__(self, queues: Rows, dead: Rows, counts: Rows, now: datetime) -> None:
        self._queues, self._dead, self._counts, self._now = queues, dead, counts, now

    def collect(self) -> Iterator[Metric]:
        which = ["queue", "channel"]
        due = GaugeMetricFamily("votremachine_due", "What is due and not done yet.", labels=which)
        oldest = GaugeMetricFamily("votremachine_oldest_due_seconds", "How long the oldest is due.", labels=which)
        found = {(row.queue, row.channel): row for row in self._queues}
        # Where nothing is due, that is said.
        for one in [("reminders", "inbox"), *(("deliveries", channel.value) for channel in Channel)]:
            row = found.get(one)
            due.add_metric(one, row.due if row else 0)
            since = row.oldest if row else None
            oldest.add_metric(one, (self._now - since).total_seconds() if since else 0)
        dead = GaugeMetricFamily("votremachine_dead", "What was given up, for people to look at.", labels=["channel"])
        for row in self._dead:
            dead.add_metric([row.channel], row.dead)
        outcomes = CounterMetricFamily("votremachine_deliveries", "Tries by outcome.", labels=["channel", "outcome"])
        for row in self._counts:
            outcomes.add_metric([row.channel, row.outcome], row.total)
        yield from (due, oldest, dead, outcomes)


async def _gathered(tx: Tx) -> CollectorRegistry:
    queues = await tx.rows(_QUEUES, {"now": tx.now})
    registry = CollectorRegistry()
    registry.register(_Told(queues, await tx.rows(_DEAD), await tx.rows(_COUNTS), tx.now))
    return registry


router = Router(path="/", tags=["health"], route_handlers=[metrics])
