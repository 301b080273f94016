"""Reading plans, readings and proposals."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from votremachine.availability.blocks.models import blocks
from votremachine.availability.maintenance.models import maintenance_plans, maintenance_proposals, meter_readings
from votremachine.availability.maintenance.rules.plans import (
    RATE_FROM,
    Plan,
    Proposal,
    State,
    UnknownPlan,
    UnknownProposal,
)
from votremachine.availability.maintenance.rules.readings import Reading
from votremachine.fleet.rules import Meter
from votremachine.infra.database import Tx
from votremachine.kernel.span import Span

_PROPOSALS = sa.select(maintenance_proposals, maintenance_plans.c.machine_id).join(
    maintenance_plans, maintenance_plans.c.id == maintenance_proposals.c.plan_id
)
_newer = meter_readings.alias("newer")
_FOR_RATE = (
    sa.select(meter_readings)
    .where(
        meter_readings.c.machine_id == sa.bindparam("machine", type_=sa.Uuid),
        sa.or_(
            meter_readings.c.read_at > sa.bindparam("since", type_=sa.DateTime(timezone=True)),
            ~sa.exists().where(
                _newer.c.machine_id == meter_readings.c.machine_id,
                _newer.c.meter == meter_readings.c.meter,
                _newer.c.read_at > meter_readings.c.read_at,
            ),
        ),
    )
    .order_by(meter_readings.c.read_at, meter_readings.c.id)
)
_proposed = sa.exists().where(
    maintenance_proposals.c.plan_id == maintenance_plans.c.id,
    maintenance_proposals.c.round == maintenance_plans.c.round,
)
# One that was accepted, and whose block was deleted since, is as if it had never been made.
_FORSAKEN = maintenance_proposals.delete().where(
    maintenance_proposals.c.state == "accepted",
    ~sa.exists().where(blocks.c.id == maintenance_proposals.c.block_id),
    sa.exists().where(
        maintenance_plans.c.id == maintenance_proposals.c.plan_id,
        maintenance_plans.c.round == maintenance_proposals.c.round,
    ),
)
_UNPROPOSED = (
    sa.select(maintenance_plans)
    .where(maintenance_plans.c.machine_id == sa.bindparam("machine", type_=sa.Uuid), ~_proposed)
    .order_by(maintenance_plans.c.id)
)
_NEXT_MACHINE = (
    sa.select(maintenance_plans.c.machine_id)
    .where(maintenance_plans.c.machine_id > sa.bindparam("after", type_=sa.Uuid), ~_proposed)
    .order_by(maintenance_plans.c.machine_id)
    .limit(1)
)


async def plan(tx: Tx, plan_id: UUID) -> Plan:
    """A plan as it stands; raises `UnknownPlan`."""
    row = await tx.row(sa.select(maintenance_plans).where(maintenance_plans.c.id == plan_id))
    if row is None:
        raise UnknownPlan
    return plan_from_row(row)


async def plans(tx: Tx, machine_id: UUID) -> list[Plan]:
    """Every plan of a machine, oldest first."""
    own = sa.select(maintenance_plans).where(maintenance_plans.c.machine_id == machine_id)
    return [plan_from_row(row) for row in await tx.rows(own.order_by(maintenance_plans.c.id))]


async def forget_forsaken(tx: Tx) -> int:
    """Forget the accepted proposals of this round whose blocks were deleted; how many there were."""
    return (await tx.execute(_FORSAKEN)).rowcount


async def unproposed(tx: Tx, machine_id: UUID) -> list[Plan]:
    """The plans of a machine that nothing was proposed for in this round."""
    return [plan_from_row(row) for row in await tx.rows(_UNPROPOSED, {"machine": machine_id})]


async def next_machine(tx: Tx, after: UUID) -> UUID | None:
    """The next machine, by id, that has such a plan."""
    row = await tx.row(_NEXT_MACHINE, {"after": after})
    return None if row is None else UUID(str(row.machine_id))


async def for_rate(tx: Tx, machine_id: UUID) -> list[Reading]:
    """The recent readings of all meters of a machine, and the newest of each in any case; oldest first."""
    rows = await tx.rows(_FOR_RATE, {"machine": machine_id, "since": tx.now - RATE_FROM})
    return [Reading(row.id, row.machine_id, Meter(row.meter), row.value, row.read_at, row.why) for row in rows]


async def proposal(tx: Tx, proposal_id: UUID) -> Proposal:
    """A proposal as it stands; raises `UnknownProposal`."""
    row = await tx.row(_PROPOSALS.where(maintenance_proposals.c.id == proposal_id))
    if row is None:
        raise UnknownProposal
    return proposal_from_row(row)


async def proposals(tx: Tx, machine_id: UUID, *, before: UUID | None, limit: int) -> list[Proposal]:
    """The proposals for a machine, newest first; `limit + 1` rows."""
    wanted = _PROPOSALS.where(maintenance_plans.c.machine_id == machine_id)
    if before is not None:
        wanted = wanted.where(maintenance_proposals.c.id < before)
    rows = await tx.rows(wanted.order_by(maintenance_proposals.c.id.desc()).limit(limit + 1))
    return [proposal_from_row(row) for row in rows]


async def proposed(tx: Tx, machine_id: UUID, *, but: UUID | None = None) -> list[Span]:
    """The times that are proposed for a machine and not decided on, those of the proposal `but` left out."""
    undecided = maintenance_proposals.c.state == State.PROPOSED
    rows = await tx.rows(_PROPOSALS.where(maintenance_plans.c.machine_id == machine_id, undecided))
    return [Span(row.starts, row.ends) for row in rows if row.id != but]


def plan_from_row(row: sa.Row[Any]) -> Plan:
    """A row as a value."""
    values = {name: getattr(row, name) for name in Plan.__struct_fields__}
    return Plan(**values | {"meter": None if row.meter is None else Meter(row.meter)})


def proposal_from_row(row: sa.Row[Any]) -> Proposal:
    """A row as a value."""
    during = Span(row.starts, row.ends)
    return Proposal(row.id, row.plan_id, row.machine_id, during, row.due_on, State(row.state), row.block_id)
