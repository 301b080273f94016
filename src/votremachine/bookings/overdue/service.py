"""Telling that a machine is not back; the table remembers what was told, so that nothing is told twice."""

from collections.abc import Mapping
from datetime import timedelta
from itertools import groupby

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from votremachine.bookings.events import MachineOverdue
from votremachine.bookings.models import bookings
from votremachine.bookings.overdue.models import overdue_steps
from votremachine.bookings.overdue.rules import Step
from votremachine.bookings.rules import State
from votremachine.bookings.service import reading, store
from votremachine.infra.database import Tx

BATCH = 200

_steps = (
    sa.func.unnest(
        sa.bindparam("steps", type_=sa.ARRAY(sa.Text)),
        sa.bindparam("afters", type_=sa.ARRAY(sa.Interval)),
    )
    .table_valued(sa.column("step", sa.Text), sa.column("after", sa.Interval), name="steps")
    .render_derived()
)
_NOW = sa.bindparam("now", type_=sa.DateTime(timezone=True))
_told = sa.exists().where(
    overdue_steps.c.booking_id == bookings.c.id,
    overdue_steps.c.ends == bookings.c.ends,
    overdue_steps.c.step == _steps.c.step,
)
_DUE = (
    sa.select(bookings.c.id, bookings.c.ends, _steps.c.step, _NOW)
    .select_from(bookings.join(_steps, bookings.c.ends + _steps.c.after <= _NOW))
    .where(reading.in_state(State.IN_USE), ~_told)
    # A verb that has the booking in hand brings it back, perhaps; the next sweep sees.
    .with_for_update(of=bookings, skip_locked=True)
    .order_by(bookings.c.id, _steps.c.after)
    .limit(sa.bindparam("most", type_=sa.Integer))
)
_TELL = (
    insert(overdue_steps)
    .from_select(["booking_id", "ends", "step", "told_at"], _DUE)
    .on_conflict_do_nothing()
    .returning(overdue_steps.c.booking_id, overdue_steps.c.step)
)


async def escalate(tx: Tx, *, after: Mapping[Step, timedelta]) -> int:
    """Take a batch of the steps that are due of machines that are not back, each so long after the end; how many."""
    due = {"now": tx.now, "most": BATCH, "steps": [step.value for step in after], "afters": list(after.values())}
    told = sorted((row.booking_id, row.step) for row in await tx.rows(_TELL, due))
    if not told:
        return 0
    ids = [booking_id for booking_id, _ in groupby(booking_id for booking_id, _ in told)]
    rows = await tx.rows(reading.SELECT.where(bookings.c.id.in_(ids)))
    found = {row.id: reading.from_row(row) for row in rows}
    for booking_id, step in told:
        tx.publish(store.fact(MachineOverdue, found[booking_id], None, step=step))
    return len(told)
