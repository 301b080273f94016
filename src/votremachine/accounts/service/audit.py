"""The audit log: who did what to which object, for whom, from which session. Only ever added to."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.models import audit_log
from votremachine.accounts.rules import Actor
from votremachine.accounts.schemas import AuditView
from votremachine.infra.database import Tx
from votremachine.infra.statements import Write

# Nobody waits for it: it travels with the writes that it speaks of.
_NOTE = Write(
    "audit",
    audit_log.insert().values(
        {column.name: sa.bindparam(f"audit_{column.name}", type_=column.type) for column in audit_log.c}
    ),
)


async def note(
    tx: Tx, who: Actor, verb: str, kind: str, object_id: UUID, party_id: UUID | None = None, **facts: Any
) -> None:
    """Record that `who` did `verb` to an object, in the transaction that does it. `facts` hold no secret."""
    values = {
        "id": tx.new_id(),
        "at": tx.now,
        "person_id": who.person_id,
        "impersonator_id": who.impersonator_id,
        "session_id": who.session_id,
        "party_id": party_id,
        "verb": verb,
        "object_kind": kind,
        "object_id": object_id,
        "facts": facts,
    }
    await tx.defer(_NOTE, {f"audit_{name}": value for name, value in values.items()})


async def own(tx: Tx, who: Actor, *, before: UUID | None, limit: int) -> Sequence[AuditView]:
    """What was done in a person's name, newest first; `limit + 1` rows."""
    wanted = sa.select(audit_log).where(audit_log.c.person_id == who.person_id)
    if before is not None:
        wanted = wanted.where(audit_log.c.id < before)
    rows = await tx.rows(wanted.order_by(audit_log.c.id.desc()).limit(limit + 1))
    return [
        AuditView(
            id=row.id,
            at=row.at,
            verb=row.verb,
            object_kind=row.object_kind,
            object_id=row.object_id,
            party_id=row.party_id,
            session_id=row.session_id,
            by_staff=row.impersonator_id is not None,
            facts=row.facts,
        )
        for row in rows
    ]
