"""An owner's own time: blocks and maintenance."""

from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.rules import Actor, Verb, require
from votremachine.accounts.service import audit
from votremachine.availability.events import CalendarChanged
from votremachine.availability.models import blocks
from votremachine.availability.rules import Claim, Taker, UnknownBlock
from votremachine.availability.schemas import BlockTime, BlockView
from votremachine.availability.service.claims import claim, release
from votremachine.fleet import service as fleet
from votremachine.infra.database import Tx
from votremachine.infra.wire import SpanView
from votremachine.kernel.span import Span

# An owner's own time needs no buffers: the bookings around it keep theirs.
NO_BUFFERS = (timedelta(0), timedelta(0))


async def block(tx: Tx, who: Actor, machine_id: UUID, asked: BlockTime) -> BlockView:
    """An owner keeps a machine for a span. Raises `UnknownMachine`, `NotAllowed`, `SpanTaken`, `EndsBeforeStart`."""
    machine = await fleet.owned(tx, who, Verb.EDIT_CALENDAR, machine_id)
    span, taker, block_id = Span(asked.start, asked.end), Taker(asked.kind), tx.new_id()
    await claim(tx, taker, block_id, [Claim(machine_id, span, NO_BUFFERS)])
    await tx.execute(
        blocks.insert(),
        {
            "id": block_id,
            "machine_id": machine_id,
            "kind": taker,
            "note": asked.note,
            "created_by": who.person_id,
            "created_at": tx.now,
        },
    )
    await audit.note(tx, who, "block", "machine", machine_id, machine.party_id, block_id=str(block_id))
    tx.publish(CalendarChanged(machine_id=machine_id, owner_party_id=machine.party_id, by=who.person_id))
    return BlockView(block_id, machine_id, taker, SpanView.of(span, machine.zone), asked.note)


async def unblock(tx: Tx, who: Actor, block_id: UUID) -> None:
    """An owner opens a blocked span again. Raises `UnknownBlock`, `NotAllowed`."""
    found = await tx.row(sa.select(blocks.c.machine_id).where(blocks.c.id == block_id))
    if found is None:
        raise UnknownBlock
    machine = await fleet.machine(tx, found.machine_id)
    require(Verb.EDIT_CALENDAR, who, owner=machine.party_id, stranger=UnknownBlock())
    await release(tx, block_id)
    await tx.execute(blocks.delete().where(blocks.c.id == block_id))
    await audit.note(tx, who, "unblock", "machine", machine.id, machine.party_id, block_id=str(block_id))
    tx.publish(CalendarChanged(machine_id=machine.id, owner_party_id=machine.party_id, by=who.person_id))
