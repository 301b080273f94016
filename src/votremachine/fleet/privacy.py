"""What the fleet has to say when a person asks for their data or leaves: machines are their parties', and retire."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.privacy import PersonalData
from votremachine.accounts.rules import Actor
from votremachine.fleet.models import machines
from votremachine.fleet.rules import State
from votremachine.infra.database import Tx


async def _export(tx: Tx, who: Actor) -> list[dict[str, Any]]:
    """The machines of the person's parties."""
    mine = machines.c.party_id.in_(list(who.seats))
    return [dict(row._mapping) for row in await tx.rows(sa.select(machines).where(mine).order_by(machines.c.id))]


async def _retire(tx: Tx, party_ids: Sequence[UUID]) -> None:
    """Nobody is left who could hand a machine over: none of them is offered any more."""
    theirs = sa.and_(machines.c.party_id.in_(list(party_ids)), machines.c.state != State.RETIRED)
    await tx.execute(machines.update().where(theirs).values(state=State.RETIRED, version=machines.c.version + 1))


MACHINES = PersonalData("machines", _export, close_parties=_retire)
