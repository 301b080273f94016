"""The daily message of people who asked for one: what is not urgent, gathered since the last."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from votremachine.infra.database import Tx
from votremachine.notifications.delivering.posting import Notice
from votremachine.notifications.models import messages
from votremachine.notifications.reminders.rules import Moments

# More than this nobody reads; the rest stands in the inbox.
MOST_LINES = 30


async def digests(tx: Tx, rows: Sequence[sa.Row[Any]], _: Moments) -> Mapping[UUID, Notice]:
    """One notice for each person who has anything gathered that they have not read; what is in it waits no more."""
    people = [row.person_id for row in rows]
    mine = sa.and_(messages.c.in_digest, messages.c.person_id.in_(people))
    gathered = await tx.rows(
        messages.update()
        .where(mine)
        .values(in_digest=False)
        .returning(messages.c.id, messages.c.person_id, messages.c.kind, messages.c.facts, messages.c.read_at)
    )
    lines: dict[UUID, list[dict[str, Any]]] = {person_id: [] for person_id in people}
    for one in sorted(gathered, key=lambda one: one.id):
        if one.read_at is None:
            lines[one.person_id].append({"kind": one.kind, "facts": one.facts})
    return {
        row.id: Notice(row.person_id, "digest", {"count": len(said), "lines": said[:MOST_LINES]})
        for row in rows
        if (said := lines[row.person_id])
    }
