"""What the inbox has to say when a person asks for their data or leaves."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.privacy import PersonalData
from votremachine.accounts.rules import Actor
from votremachine.infra.database import Tx
from votremachine.notifications.models import messages


async def _export(tx: Tx, who: Actor) -> list[dict[str, Any]]:
    rows = await tx.rows(sa.select(messages).where(messages.c.person_id == who.person_id).order_by(messages.c.id))
    return [dict(row._mapping) for row in rows]


async def _forget(tx: Tx, person_id: UUID) -> None:
    await tx.execute(messages.delete().where(messages.c.person_id == person_id))


INBOX = PersonalData("inbox", _export, _forget)
