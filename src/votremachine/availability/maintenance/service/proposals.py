"""Proposing a time for what comes due, and what its owner makes of it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from votremachine.accounts.rules import Actor, Verb, require
from votremachine.accounts.service import audit
from votremachine.availability.blocks.schemas import BlockTime
from votremachine.availability.blocks.service import verbs as blocks
from votremachine.availability.events import MaintenanceDue
from votremachine.availability.maintenance.models import maintenance_proposals
from votremachine.availability.maintenance.rules.plans import (
    FARTHEST,
    GRACE,
    Proposal,
    ProposalDecided,
    State,
    UnknownProposal,
    due_on,
    place,
)
from votremachine.availability.maintenance.schemas import ProposalView
from votremachine.availability.maintenance.service import store
from votremachine.availability.service import look
from votremachine.fleet import service as fleet
from votremachine.fleet.rules import Machine
from votremachine.fleet.rules import State as MachineState
from votremachine.infra.database import Tx
from votremachine.kernel.span import Span, merge

# What is looked at for a free place: it lies within this from now.
_WINDOW = FARTHEST + GRACE + timedelta(days=60)


async def consider(tx: Tx, machine: Machine) -> int:
    """Propose a time for each plan of a machine that comes due and has no proposal; how many. Its lock must be held.

    None for a machine that is retired.
    """
    if machine.state is MachineState.RETIRED:
        return 0
    plans = await store.unproposed(tx, machine.id)
    if not plans:
        return 0
    readings, today = await store.for_rate(tx, machine.id), tx.now.astimezone(machine.zone).date()
    due = [(plan, due_on(plan, [one for one in readings if one.meter is plan.meter], today)) for plan in plans]
    if not any(day for _, day in due):
        return 0
    busy = await _busy(tx, machine)
    rows: list[dict[str, Any]] = []
    for plan, day in due:
        span = None if day is None else place(plan.minutes, day, machine.zone, busy, tx.now)
        if span is None:
            continue
        # Two that come due together are not proposed for the same time.
        busy = merge([*busy, span])
        row: dict[str, Any] = {
            "id": tx.new_id(),
            "plan_id": plan.id,
            "round": plan.round,
            "starts": span.start,
            "ends": span.end,
        }
        rows.append({**row, "due_on": day, "state": State.PROPOSED, "created_at": tx.now})
    if rows:
        await tx.execute(maintenance_proposals.insert().values(rows))
    for row in rows:
        about: dict[str, UUID] = {"machine_id": machine.id, "owner_party_id": machine.party_id}
        tx.publish(MaintenanceDue(plan_id=row["plan_id"], proposal_id=row["id"], **about))
    return len(rows)


async def sweep(tx: Tx, after: UUID) -> UUID | None:
    """Consider the next machine, by id, that has plans without a proposal; None at the end."""
    machine_id = await store.next_machine(tx, after)
    if machine_id is None:
        return None
    await fleet.lock(tx, machine_id)
    await consider(tx, await fleet.machine(tx, machine_id))
    return machine_id


async def browse(tx: Tx, who: Actor, machine_id: UUID, *, before: UUID | None, limit: int) -> Sequence[ProposalView]:
    """The proposals for a machine, newest first; `limit + 1` rows. Raises `UnknownMachine`, `NotAllowed`."""
    machine = await fleet.owned(tx, who, Verb.READ_CALENDAR, machine_id)
    found = await store.proposals(tx, machine_id, before=before, limit=limit)
    return [ProposalView.of(one, machine.zone) for one in found]


async def accept(tx: Tx, who: Actor, proposal_id: UUID) -> ProposalView:
    """The proposed time becomes a maintenance block.

    Raises `UnknownProposal`, `NotAllowed`, `ProposalDecided`, `BlockMeetsBookings` when it was taken meanwhile.
    """
    machine, found = await _open(tx, who, proposal_id)
    title = (await store.plan(tx, found.plan_id)).title
    asked = BlockTime(start=found.during.start, end=found.during.end, kind="maintenance", note=title)
    block = await blocks.block(tx, who, machine.id, asked)
    return await _decide(tx, who, machine, found, State.ACCEPTED, block.id)


async def dismiss(tx: Tx, who: Actor, proposal_id: UUID) -> ProposalView:
    """Nothing more is proposed until the plan is marked as done. Raises as `accept` does."""
    machine, found = await _open(tx, who, proposal_id)
    return await _decide(tx, who, machine, found, State.DISMISSED, None)


async def propose_anew(tx: Tx, who: Actor, proposal_id: UUID) -> ProposalView | None:
    """Another time for a proposal whose time was taken; None when there is none. Raises as `accept` does."""
    machine, found = await _open(tx, who, proposal_id)
    plan = await store.plan(tx, found.plan_id)
    busy = await _busy(tx, machine, but=proposal_id)
    span = place(plan.minutes, found.due_on, machine.zone, busy, tx.now)
    if span is None:
        return None
    this = maintenance_proposals.c.id == proposal_id
    await tx.execute(maintenance_proposals.update().where(this).values(starts=span.start, ends=span.end))
    return ProposalView.of(msgspec.structs.replace(found, during=span), machine.zone)


async def _decide(
    tx: Tx, who: Actor, machine: Machine, found: Proposal, state: State, block_id: UUID | None
) -> ProposalView:
    this = maintenance_proposals.c.id == found.id
    await tx.execute(maintenance_proposals.update().where(this).values(state=state, block_id=block_id))
    await audit.note(tx, who, state, "maintenance_proposal", found.id, machine.party_id)
    return ProposalView.of(msgspec.structs.replace(found, state=state, block_id=block_id), machine.zone)


async def _busy(tx: Tx, machine: Machine, *, but: UUID | None = None) -> list[Span]:
    """When nothing is to be proposed: the machine is taken, or another proposal waits for an answer."""
    taken = await look.busy(tx, [machine], Span(tx.now, tx.now + _WINDOW))
    return merge([*taken, *await store.proposed(tx, machine.id, but=but)])


async def _open(tx: Tx, who: Actor, proposal_id: UUID) -> tuple[Machine, Proposal]:
    """A proposal that this person may decide, its machine's lock held."""
    machine = await fleet.machine(tx, (await store.proposal(tx, proposal_id)).machine_id)
    require(Verb.EDIT_CALENDAR, who, owner=machine.party_id, stranger=UnknownProposal())
    await fleet.lock(tx, machine.id)
    found = await store.proposal(tx, proposal_id)
    if found.state is not State.PROPOSED:
        raise ProposalDecided
    return machine, found
