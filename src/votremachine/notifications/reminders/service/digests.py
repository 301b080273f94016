"""The daily message of people who asked for one: what is not urgent, gathered since the last."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from votremachine.infra.database import Tx
from votremachine.notifications.delivering.posting import Notice
from votremachine.notifications.models import messages
from votremachine.notifications.reminders.rules import Moments
from votremachine.notifications.rules import Facts
from votremachine.notifications.standing import still_standing

KIND = "digest"
# More than this nobody reads; the rest stands in the inbox.
MOST_LINES = 30
Rows = Sequence[sa.Row[Any]]


async def digests(tx: Tx, rows: Rows, moments: Moments) -> Mapping[UUID, Notice]:
    """One notice for each person who has anything gathered that they have not read and that is still so; what was
    gathered waits no more.
    """
    people = [row.person_id for row in rows]
    mine = sa.and_(messages.c.in_digest, messages.c.person_id.in_(people))
    gathered = await tx.rows(messages.update().where(mine).values(in_digest=False).returning(messages))
    unread = [one for one in sorted(gathered, key=lambda one: one.id) if one.read_at is None]
    standing = await still_standing(tx, unread, moments)
    lines: dict[UUID, list[dict[str, Any]]] = {person_id: [] for person_id in people}
    for one in unread:
        if one.id in standing:
            lines[one.person_id].append({"kind": one.kind, "facts": one.facts, "message": str(one.id)})
    return {
        row.id: Notice(row.person_id, KIND, {"count": len(said), "lines": said[:MOST_LINES]})
        for row in rows
        if (said := lines[row.person_id])
    }


async def as_they_stand(tx: Tx, told: Rows, moments: Moments) -> Mapping[UUID, Facts]:
    """What each of these daily messages says by now: without the lines that are not so any more, or were read since.
    Those of which nothing is left are left out.
    """
    named = {UUID(line["message"]) for one in told for line in one.facts["lines"] if "message" in line}
    found = await tx.rows(sa.select(messages).where(messages.c.id.in_(named))) if named else []
    standing = await still_standing(tx, [one for one in found if one.read_at is None], moments)
    said = {}
    for one in told:
        lines = [line for line in one.facts["lines"] if "message" not in line or UUID(line["message"]) in standing]
        if lines:
            fewer = len(one.facts["lines"]) - len(lines)
            said[one.id] = {"count": one.facts["count"] - fewer, "lines": lines}
    return said
