"""Finding machines: those that a person may see, in the order of their ids."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.rules import Actor
from votremachine.fleet import table
from votremachine.fleet.models import machines
from votremachine.fleet.schemas import MachineView
from votremachine.infra.database import Tx


async def browse(
    tx: Tx, who: Actor, language: str, category: str | None, party_id: UUID | None, after: UUID | None, limit: int
) -> Sequence[MachineView]:
    """Listed machines and one's own, newest id last; `limit + 1` rows so that a page knows whether more follow."""
    wanted = sa.select(*table.WHOLE).where(table.shown_to(who))
    if category is not None:
        wanted = wanted.where(machines.c.category == category)
    if party_id is not None:
        wanted = wanted.where(machines.c.party_id == party_id)
    if after is not None:
        wanted = wanted.where(machines.c.id > after)
    return [table.view(row, who, language) for row in await tx.rows(wanted.order_by(machines.c.id).limit(limit + 1))]
