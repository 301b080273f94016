"""What is to be done to a machine every so often."""

from collections.abc import Sequence
from datetime import UTC, datetime, time
from uuid import UUID

from msgspec.structs import asdict

from votremachine.accounts.rules import Actor, Verb, require
from votremachine.accounts.service import audit
from votremachine.availability.maintenance.models import maintenance_plans, maintenance_proposals
from votremachine.availability.maintenance.rules.plans import (
    MOST_PLANS,
    Plan,
    ReadingNeeded,
    State,
    TooManyPlans,
    UnknownPlan,
    check_done,
    check_plan,
)
from votremachine.availability.maintenance.rules.readings import check_day, check_value
from votremachine.availability.maintenance.schemas import MarkDone, PlanMaintenance, PlanView
from votremachine.availability.maintenance.service import proposals, store
from votremachine.availability.maintenance.service.readings import record_reading
from votremachine.fleet import service as fleet
from votremachine.fleet.rules import Machine, check_in_service
from votremachine.infra.database import Tx

# What a meter may show.
_SHOWN = ("every_units", "last_value")


async def plan(tx: Tx, who: Actor, machine_id: UUID, asked: PlanMaintenance) -> PlanView:
    """Plan maintenance; what is due already is proposed at once.

    Raises `UnknownMachine`, `NotAllowed`, `MachineRetired`, `TooManyPlans`, `NoReading`, `ReadInFuture`,
    `OutOfTime`, and what `check_plan` does.
    """
    machine = check_in_service(await fleet.owned(tx, who, Verb.EDIT_CALENDAR, machine_id))
    if asked.last_on is not None:
        check_day(asked.last_on, tx.now.astimezone(machine.zone).date(), "/last_on")
    shown = {name: check_value(value, f"/{name}") for name in _SHOWN if (value := getattr(asked, name)) is not None}
    said = Plan(id=tx.new_id(), machine_id=machine_id, round=0, **(asdict(asked) | shown))
    made = check_plan(said, await fleet.meters(tx, machine_id))
    await fleet.lock(tx, machine_id)
    if len(await store.plans(tx, machine_id)) >= MOST_PLANS:
        raise TooManyPlans(most=MOST_PLANS)
    await tx.execute(maintenance_plans.insert(), {**asdict(made), "created_by": who.person_id, "created_at": tx.now})
    await audit.note(tx, who, "plan_maintenance", "machine", machine_id, machine.party_id, plan_id=str(made.id))
    await proposals.consider(tx, machine)
    return view(made)


async def browse(tx: Tx, who: Actor, machine_id: UUID) -> Sequence[PlanView]:
    """Every plan of a machine. Raises `UnknownMachine`, `NotAllowed`."""
    await fleet.owned(tx, who, Verb.READ_CALENDAR, machine_id)
    return [view(one) for one in await store.plans(tx, machine_id)]


async def drop(tx: Tx, who: Actor, plan_id: UUID) -> None:
    """Plan this no more; what was accepted stays blocked. Raises `UnknownPlan`, `NotAllowed`."""
    machine, found = await _own(tx, who, plan_id)
    await tx.execute(maintenance_plans.delete().where(maintenance_plans.c.id == found.id))
    await audit.note(tx, who, "drop_plan", "machine", machine.id, machine.party_id, plan_id=str(plan_id))


async def mark_done(tx: Tx, who: Actor, plan_id: UUID, asked: MarkDone) -> PlanView:
    """It was done: the next round counts from there, and an open proposal is of no more use.

    Raises `UnknownPlan`, `NotAllowed`, `ReadInFuture`, `ReadingNeeded`, `DoneBefore`, `PlanDisagrees`,
    and what `record_reading` does.
    """
    machine, found = await _own(tx, who, plan_id)
    today = tx.now.astimezone(machine.zone).date()
    on = check_day(asked.on or today, today, "/on")
    check_done(found, on, asked.value)
    values: dict[str, object] = {"last_on": on, "round": found.round + 1}
    if found.meter is not None:
        if asked.value is None:
            raise ReadingNeeded(pointer="/value")
        values["last_value"] = check_value(asked.value)
    open_one = (maintenance_proposals.c.plan_id == plan_id, maintenance_proposals.c.state == State.PROPOSED)
    await tx.execute(maintenance_proposals.update().where(*open_one).values(state=State.DISMISSED))
    await tx.execute(maintenance_plans.update().where(maintenance_plans.c.id == plan_id).values(**values))
    await audit.note(tx, who, "mark_done", "machine", machine.id, machine.party_id, plan_id=str(plan_id))
    if found.meter is not None and asked.value is not None:
        # Of an earlier day nobody knows the hour.
        at = tx.now if on == today else datetime.combine(on, time(12), machine.zone).astimezone(UTC)
        await record_reading(tx, who, machine, found.meter, asked.value, at, why=asked.why)
    else:
        await proposals.consider(tx, machine)
    return view(await store.plan(tx, plan_id))


def view(one: Plan) -> PlanView:
    """A plan as it is told."""
    return PlanView(**{name: getattr(one, name) for name in PlanView.__struct_fields__})


async def _own(tx: Tx, who: Actor, plan_id: UUID) -> tuple[Machine, Plan]:
    """A plan that this person may change, its machine's lock held."""
    machine = await fleet.machine(tx, (await store.plan(tx, plan_id)).machine_id)
    require(Verb.EDIT_CALENDAR, who, owner=machine.party_id, stranger=UnknownPlan())
    await fleet.lock(tx, machine.id)
    return machine, await store.plan(tx, plan_id)
