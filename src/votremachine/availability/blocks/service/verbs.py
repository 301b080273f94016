"""What an owner does with blocks: make them, read them, change and delete them or some occurrences of them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from votremachine.accounts.rules import Actor, Verb, require
from votremachine.accounts.service import audit
from votremachine.availability.blocks import revisions, rules
from votremachine.availability.blocks.revisions import Revision
from votremachine.availability.blocks.rules import Block, Scope, left_of, wanted
from votremachine.availability.blocks.schemas import BlockTime, BlockView, EditBlock, view
from votremachine.availability.blocks.service import store
from votremachine.availability.blocks.service.filling import fill
from votremachine.availability.events import CalendarChanged
from votremachine.availability.rules import Taker, UnknownBlock
from votremachine.availability.service import claims
from votremachine.fleet import service as fleet
from votremachine.fleet.rules import Machine, check_in_service
from votremachine.infra.database import Tx
from votremachine.infra.replies import Stale
from votremachine.kernel.span import Span


async def block(tx: Tx, who: Actor, machine_id: UUID, asked: BlockTime) -> BlockView:
    """An owner keeps a machine, once or again and again.

    Raises `UnknownMachine`, `NotAllowed`, `MachineRetired`, `BlockMeetsBookings`, `TooManySeries`, and what
    `rules.time_of` and `rules.check_new` do.
    """
    machine = check_in_service(await fleet.owned(tx, who, Verb.EDIT_CALENDAR, machine_id))
    time, block_id = rules.time_of(machine.zone, asked.change()), tx.new_id()
    made = rules.expanded(Block(block_id, machine_id, Taker(asked.kind), asked.note, time, block_id, 1, None), tx.now)
    rules.check_new(made, tx.now)
    await fleet.lock(tx, machine_id)
    await store.check_room(tx, made)
    await store.add(tx, made, who)
    await fill(tx, machine, wanted(made, tx.now), [block_id])
    await _told(tx, who, "block", machine, block_id)
    return view(made, machine.zone)


async def show(tx: Tx, who: Actor, block_id: UUID) -> BlockView:
    """One block. Raises `UnknownBlock`, `NotAllowed`."""
    found = await store.load(tx, block_id)
    machine = await _of(tx, who, Verb.READ_CALENDAR, found)
    return (await _views(tx, machine, [found]))[0]


async def browse(tx: Tx, who: Actor, machine_id: UUID, *, after: UUID | None, limit: int) -> Sequence[BlockView]:
    """The blocks of a machine, in the order in which they were made; `limit + 1` rows.

    Raises `UnknownMachine`, `NotAllowed`.
    """
    machine = await fleet.owned(tx, who, Verb.READ_CALENDAR, machine_id)
    return await _views(tx, machine, await store.browse(tx, machine_id, after=after, limit=limit))


async def edit(
    tx: Tx, who: Actor, block_id: UUID, version: int, asked: EditBlock, scope: Scope, occurrence: datetime | None
) -> BlockView:
    """Change a block, or of a series one occurrence, or one and those after it; what was changed, with its own id.

    What is over of a series stays as it was. Raises `UnknownBlock`, `NotAllowed`, `MachineRetired`, `Stale`,
    `BlockMeetsBookings`, `TooManySeries`, and what `revisions.revise` does.
    """
    machine, found = await _locked(tx, who, block_id)
    check_in_service(machine)
    if found.version != version:
        raise Stale
    revision = revisions.revise(found, asked.change(), scope, occurrence, tx.new_id(), machine.zone)
    await _rewrite(tx, who, machine, found, revision)
    await _told(tx, who, "edit_block", machine, block_id)
    changed = revision.made or revision.kept
    assert changed is not None  # noqa: S101 -- a change leaves something
    return (await _views(tx, machine, [changed]))[0]


async def unblock(
    tx: Tx, who: Actor, block_id: UUID, scope: Scope = Scope.ALL, occurrence: datetime | None = None
) -> None:
    """An owner opens blocked time again: all of a block, one occurrence of a series, or one and those after it.

    Raises `UnknownBlock`, `NotAllowed`, `OccurrenceNeeded`, `UnknownOccurrence`, `TooManyDates`.
    """
    machine, found = await _locked(tx, who, block_id)
    await _rewrite(tx, who, machine, found, revisions.strike(found, scope, occurrence))
    await _told(tx, who, "unblock", machine, block_id)


async def _rewrite(tx: Tx, who: Actor, machine: Machine, found: Block, revision: Revision) -> None:
    """Put what a revision leaves in the place of a block, its time given back and claimed anew."""
    if revision.kept is None or isinstance(found.time, Span):
        await claims.release(tx, found.id)
    else:
        await claims.release_ahead(tx, found.id)
    kept = None if revision.kept is None else rules.expanded(revision.kept, tx.now)
    made = None if revision.made is None else rules.expanded(revision.made, tx.now)
    if kept is None:
        await store.remove(tx, found.id)
    else:
        await store.change(tx, kept)
    if made is not None:
        await store.check_room(tx, made)
        await store.add(tx, made, who)
    left = [one for one in (kept, made) if one is not None]
    newly = left_of((span for one in left for span in wanted(one, tx.now)), wanted(found, tx.now))
    await fill(tx, machine, newly, [one.id for one in left])


async def _locked(tx: Tx, who: Actor, block_id: UUID) -> tuple[Machine, Block]:
    """A block that this person may change, and its machine, whose blocks nobody else changes until the end."""
    machine = await _of(tx, who, Verb.EDIT_CALENDAR, await store.load(tx, block_id))
    await fleet.lock(tx, machine.id)
    return machine, await store.load(tx, block_id)


async def _of(tx: Tx, who: Actor, verb: Verb, found: Block) -> Machine:
    machine = await fleet.machine(tx, found.machine_id)
    require(verb, who, owner=machine.party_id, stranger=UnknownBlock())
    return machine


async def _views(tx: Tx, machine: Machine, found: Sequence[Block]) -> list[BlockView]:
    lost = await store.lost(tx, [one.id for one in found])
    starts = {one.id: tuple(sorted(start for block_id, start in lost if block_id == one.id)) for one in found}
    return [view(one, machine.zone, starts[one.id]) for one in found]


async def _told(tx: Tx, who: Actor, verb: str, machine: Machine, block_id: UUID) -> None:
    await audit.note(tx, who, verb, "machine", machine.id, machine.party_id, block_id=str(block_id))
    tx.publish(CalendarChanged(machine_id=machine.id, owner_party_id=machine.party_id, by=who.person_id))
