"""What calendar links have to say when a person asks for their data or leaves."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.privacy import PersonalData
from votremachine.accounts.rules import Actor
from votremachine.calendars.models import calendar_links
from votremachine.calendars.schemas import LinkView
from votremachine.infra.database import Tx

_TOLD = [calendar_links.c[name] for name in LinkView.__struct_fields__]


async def _export(tx: Tx, who: Actor) -> list[dict[str, Any]]:
    own = sa.select(*_TOLD).where(calendar_links.c.person_id == who.person_id).order_by(calendar_links.c.id)
    return [dict(row._mapping) for row in await tx.rows(own)]


async def _forget(tx: Tx, person_id: UUID) -> None:
    await tx.execute(calendar_links.delete().where(calendar_links.c.person_id == person_id))


LINKS = PersonalData("calendar_links", _export, _forget)
