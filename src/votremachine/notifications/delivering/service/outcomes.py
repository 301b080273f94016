"""What became of deliveries, written down with what follows: the next try, the next channel, the counts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from votremachine.infra.database import Tx
from votremachine.notifications.channels.port import NotTaken, Receipt
from votremachine.notifications.delivering.models import deliveries, delivery_counts
from votremachine.notifications.delivering.posting import new_delivery
from votremachine.notifications.delivering.rules import (
    MOST_ATTEMPTS,
    Channel,
    DeliveryState,
    follow_at,
    following,
    wait_after,
)
from votremachine.notifications.devices.service import forget
from votremachine.notifications.models import messages
from votremachine.notifications.preferences.rules import channels
from votremachine.notifications.preferences.service import preferred_by, reach_of
from votremachine.notifications.rules import KINDS

FOLLOW_BATCH = 200


class Result(NamedTuple):
    """What became of one parcel: a receipt, or why not."""

    delivery_id: UUID
    receipt: Receipt | None = None
    refusal: NotTaken | None = None


_SENT = (
    deliveries.update()
    .where(
        deliveries.c.id == sa.bindparam("delivery"),
        # Whoever holds it now: it was taken, and must not be sent again.
        deliveries.c.state == DeliveryState.WAITING,
    )
    .values(
        state=DeliveryState.SENT,
        lease_until=None,
        provider_id=sa.bindparam("provider"),
        follow_at=sa.bindparam("follow"),
        changed_at=sa.bindparam("now"),
        attempts=deliveries.c.attempts + 1,
    )
)


async def record(tx: Tx, *, lease: datetime, results: Sequence[Result], jitters: Sequence[float]) -> None:
    """Write down what became of parcels that were sent under this lease."""
    known = {row.id: row for row in await _known(tx, [one.delivery_id for one in results])}
    counts: Counter[tuple[str, str]] = Counter()
    sent = []
    for one, jitter in zip(results, jitters, strict=True):
        row = known.get(one.delivery_id)
        if row is None or row.state != DeliveryState.WAITING:
            continue
        if one.receipt is not None:
            sent.append(_sent(tx, row, one.receipt))
            counts[row.channel, "sent"] += 1
        elif one.refusal is not None and row.lease_until == lease:
            counts[row.channel, await _failed(tx, row, one.refusal, jitter)] += 1
    if sent:
        await tx.execute(_SENT, sent)
    for one in results:
        told = one.receipt or one.refusal
        if told is not None and told.gone:
            await forget(tx, told.gone)
    await count(tx, counts)


async def follow_up(tx: Tx) -> int:
    """Try the next channel for a batch of messages that were sent and not read in time; how many were looked at."""
    due = (
        sa.select(deliveries, messages.c.kind, messages.c.person_id, messages.c.read_at)
        .join(messages, messages.c.id == deliveries.c.message_id)
        .where(deliveries.c.follow_at <= tx.now)
        .order_by(deliveries.c.follow_at)
        .limit(FOLLOW_BATCH)
        .with_for_update(of=deliveries, skip_locked=True)
    )
    rows = await tx.rows(due)
    await _try_next(tx, [row for row in rows if row.read_at is None])
    if rows:
        seen = deliveries.c.id.in_([row.id for row in rows])
        await tx.execute(deliveries.update().where(seen).values(follow_at=None))
    return len(rows)


async def count(tx: Tx, counts: Mapping[tuple[str, str], int]) -> None:
    """Add to what metrics tell."""
    if not counts:
        return
    rows = [{"channel": channel, "outcome": outcome, "total": n} for (channel, outcome), n in sorted(counts.items())]
    given = insert(delivery_counts).values(rows)
    total = delivery_counts.c.total + given.excluded.total
    await tx.execute(given.on_conflict_do_update(index_elements=["channel", "outcome"], set_={"total": total}))


async def _known(tx: Tx, ids: Sequence[UUID]) -> Sequence[sa.Row[Any]]:
    return await tx.rows(
        sa.select(deliveries, messages.c.kind, messages.c.person_id)
        .join(messages, messages.c.id == deliveries.c.message_id)
        .where(deliveries.c.id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))))
        .order_by(deliveries.c.id)
        .with_for_update(of=deliveries),
        {"ids": list(ids)},
    )


def _sent(tx: Tx, row: sa.Row[Any], receipt: Receipt) -> dict[str, Any]:
    # An e-mail lies where it is looked for; what was pushed may never have been seen. Nothing follows an SMS.
    urgent = KINDS[row.kind].urgent
    follows = row.channel == Channel.PUSH or (row.channel == Channel.EMAIL and urgent)
    follow = follow_at(tx.now, urgent) if follows else None
    return {"delivery": row.id, "provider": receipt.provider_id[:200], "follow": follow, "now": tx.now}


async def _failed(tx: Tx, row: sa.Row[Any], refusal: NotTaken, jitter: float) -> str:
    """The outcome to count: it is tried again, or given up and the next channel tried at once."""
    attempts = row.attempts + 1
    gives_up = refusal.for_good or attempts >= MOST_ATTEMPTS
    changed = {"attempts": attempts, "last_error": str(refusal)[:500], "changed_at": tx.now}
    if gives_up:
        changed |= {"state": DeliveryState.DEAD, "lease_until": None}
    else:
        changed |= {"due_at": tx.now + max(wait_after(attempts, jitter), refusal.after), "lease_until": None}
    await tx.execute(deliveries.update().where(deliveries.c.id == row.id).values(changed))
    if gives_up:
        await _try_next(tx, [row])
    return "dead" if gives_up else "failed"


async def _try_next(tx: Tx, rows: Sequence[sa.Row[Any]]) -> None:
    """The next channel of each of these messages, where its person has one more."""
    if not rows:
        return
    people = {row.person_id for row in rows}
    reach, preferred = await reach_of(tx, people), await preferred_by(tx, people)
    tried = await _tried(tx, [row.message_id for row in rows])
    made = []
    for row in rows:
        if (reached := reach.get(row.person_id)) is None:
            continue
        usable = channels(row.kind, preferred[row.person_id], reached.channels)
        if (channel := following(usable, tried.get(row.message_id, ()))) is not None:
            made.append(new_delivery(tx, row.message_id, channel, tx.now))
    if made:
        await tx.execute(insert(deliveries).on_conflict_do_nothing(), made)


async def _tried(tx: Tx, message_ids: Sequence[UUID]) -> Mapping[UUID, list[Channel]]:
    found: dict[UUID, list[Channel]] = {}
    theirs = sa.select(deliveries.c.message_id, deliveries.c.channel).where(deliveries.c.message_id.in_(message_ids))
    for row in await tx.rows(theirs):
        found.setdefault(row.message_id, []).append(Channel(row.channel))
    return found
