"""What meters showed: entered by the owner's people, later told by condition reports."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on

from votremachine.accounts.rules import Actor, Verb
from votremachine.accounts.service import audit
from votremachine.availability.maintenance.models import meter_readings
from votremachine.availability.maintenance.rules.plans import NoSuchMeter
from votremachine.availability.maintenance.rules.readings import (
    Reading,
    Shown,
    check_beside,
    check_read_at,
    check_value,
)
from votremachine.availability.maintenance.schemas import ReadingView, ReadMeter
from votremachine.availability.maintenance.service import proposals
from votremachine.availability.rules import check_instant
from votremachine.fleet import service as fleet
from votremachine.fleet.rules import Machine, Meter
from votremachine.infra.database import Tx

_OF_METER = (
    meter_readings.c.machine_id == sa.bindparam("machine", type_=sa.Uuid),
    meter_readings.c.meter == sa.bindparam("meter"),
)
_AT = sa.bindparam("at", type_=sa.DateTime(timezone=True))
_SHOWN = sa.select(meter_readings.c.value, meter_readings.c.read_at)
_before = (
    _SHOWN.where(*_OF_METER, meter_readings.c.read_at <= _AT)
    .order_by(meter_readings.c.read_at.desc(), meter_readings.c.id.desc())
    .limit(1)
    .subquery("before")
)
_after = (
    _SHOWN.where(*_OF_METER, meter_readings.c.read_at > _AT)
    .order_by(meter_readings.c.read_at, meter_readings.c.id)
    .limit(1)
    .subquery("after")
)
# What it showed just before and just after an instant, as one row.
_BESIDE = sa.select(
    _before.c.value.label("before"),
    _before.c.read_at.label("before_at"),
    _after.c.value.label("after"),
    _after.c.read_at.label("after_at"),
).select_from(sa.select(sa.literal(1)).subquery("always").outerjoin(_before, sa.true()).outerjoin(_after, sa.true()))

_LATEST = (
    sa.select(meter_readings)
    .ext(distinct_on(meter_readings.c.meter))
    .where(_OF_METER[0], meter_readings.c.read_at <= _AT)
    .order_by(meter_readings.c.meter, meter_readings.c.read_at.desc(), meter_readings.c.id.desc())
)


async def read_meter(tx: Tx, who: Actor, machine_id: UUID, asked: ReadMeter) -> ReadingView:
    """Somebody of the owner's reads a meter; whoever hands the machine over may.

    Raises `UnknownMachine`, `NotAllowed`, and what `record_reading` does.
    """
    machine = await fleet.owned(tx, who, Verb.HAND_OVER, machine_id)
    at = tx.now if asked.read_at is None else asked.read_at
    made = await record_reading(tx, who, machine, asked.meter, asked.value, at, why=asked.why)
    return view(made)


async def record_reading(
    tx: Tx, who: Actor | None, machine: Machine, meter: Meter, value: Decimal, read_at: datetime, *, why: str = ""
) -> Reading:
    """Keep what a meter of a machine showed, and propose the maintenance that comes near by it.

    `who` is None when a machine or a report tells it. Raises `NoSuchMeter`, `NoReading`, `NaiveTime`, `OutOfTime`,
    `ReadInFuture`, and without a reason `ReadTwice`, `MeterRunsBackwards`, `MeterJumps`.
    """
    at, value = check_instant(read_at, "/read_at"), check_value(value)
    check_read_at(at, tx.now)
    if meter not in await fleet.meters(tx, machine.id):
        raise NoSuchMeter(pointer="/meter")
    await fleet.lock(tx, machine.id)
    if not why.strip():
        check_beside(meter, value, at, *await _beside(tx, machine.id, meter, at))
    made = Reading(tx.new_id(), machine.id, meter, value, at, why)
    by = who.person_id if who else None
    row = {name: getattr(made, name) for name in Reading.__struct_fields__} | {"by": by}
    await tx.execute(meter_readings.insert(), row)
    if who is not None:
        await audit.note(tx, who, "read_meter", "machine", machine.id, machine.party_id, meter=meter, value=str(value))
    await proposals.consider(tx, machine)
    return made


async def latest(tx: Tx, machine_id: UUID, at: datetime) -> Mapping[Meter, Reading]:
    """What each meter of a machine showed last, up to an instant; one statement."""
    rows = await tx.rows(_LATEST, {"machine": machine_id, "at": at})
    return {Meter(row.meter): from_row(row) for row in rows}


async def browse(tx: Tx, who: Actor, machine_id: UUID, *, before: UUID | None, limit: int) -> Sequence[ReadingView]:
    """The readings of a machine as they were entered, newest first; `limit + 1` rows.

    Raises `UnknownMachine`, `NotAllowed`.
    """
    await fleet.owned(tx, who, Verb.READ_CALENDAR, machine_id)
    wanted = sa.select(meter_readings).where(meter_readings.c.machine_id == machine_id)
    if before is not None:
        wanted = wanted.where(meter_readings.c.id < before)
    rows = await tx.rows(wanted.order_by(meter_readings.c.id.desc()).limit(limit + 1))
    return [view(from_row(row)) for row in rows]


def view(one: Reading) -> ReadingView:
    """A reading as it is told."""
    return ReadingView(one.id, one.machine_id, one.meter, one.value, one.read_at, one.why)


def from_row(row: sa.Row[Any]) -> Reading:
    """A row as a value."""
    return Reading(row.id, row.machine_id, Meter(row.meter), row.value, row.read_at, row.why)


async def _beside(tx: Tx, machine_id: UUID, meter: Meter, at: datetime) -> tuple[Shown | None, Shown | None]:
    found = (await tx.execute(_BESIDE, {"machine": machine_id, "meter": meter, "at": at})).one()
    before = None if found.before is None else Shown(found.before, found.before_at)
    return before, None if found.after is None else Shown(found.after, found.after_at)
