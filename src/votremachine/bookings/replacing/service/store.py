"""Reading the bookings of a machine that is to be replaced, and writing where they went: many at once."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from votremachine.accounts.rules import Actor
from votremachine.bookings.models import booking_machines, booking_transitions, bookings
from votremachine.bookings.replacing.rules import REPLACEABLE, standing_in
from votremachine.bookings.rules import Booking, State
from votremachine.bookings.service.reading import MACHINE_IDS, SEEN_VERSION, SELECT, from_row, in_state
from votremachine.infra.database import RunAgain, Tx

_INSTANT, _UUIDS, _TEXTS = sa.DateTime(timezone=True), sa.ARRAY(sa.Uuid), sa.ARRAY(sa.Text)
_HERE = bookings.c.id.in_(
    sa.select(booking_machines.c.booking_id).where(
        booking_machines.c.machine_id == sa.bindparam("machine", type_=sa.Uuid)
    )
)
_MEETS = sa.and_(
    bookings.c.starts < sa.bindparam("until", type_=_INSTANT), bookings.c.ends > sa.bindparam("since", type_=_INSTANT)
)
_LIVE = sa.or_(bookings.c.expires_at.is_(None), bookings.c.expires_at > sa.bindparam("now", type_=_INSTANT))
_STANDING = (
    SELECT.where(_HERE, _MEETS, _LIVE, in_state(State.HELD, State.IN_USE, *sorted(REPLACEABLE)))
    .order_by(bookings.c.starts, bookings.c.id)
    .limit(sa.bindparam("most", type_=sa.Integer))
)
_NAMED = bookings.c.id == sa.any_(sa.bindparam("ids", type_=_UUIDS))
_LOCKED = (
    SELECT.add_columns(SEEN_VERSION)
    .where(_HERE, sa.or_(_NAMED, sa.and_(_MEETS, in_state(*sorted(REPLACEABLE)))))
    .order_by(bookings.c.id)
    .with_for_update(of=bookings)
)
_moves = (
    sa.func.unnest(
        sa.bindparam("ids", type_=_UUIDS),
        sa.bindparam("others", type_=_UUIDS),
        sa.bindparam("stand_ins", type_=_TEXTS),
    )
    .table_valued(
        sa.column("booking_id", sa.Uuid),
        sa.column("machine_id", sa.Uuid),
        sa.column("stands_for", sa.Text),
        name="moves",
    )
    .render_derived()
)
_PUT = (
    booking_machines.update()
    .where(
        booking_machines.c.booking_id == _moves.c.booking_id,
        booking_machines.c.machine_id == sa.bindparam("machine", type_=sa.Uuid),
    )
    .values(machine_id=_moves.c.machine_id)
)
_CHANGE = (
    bookings.update()
    .where(bookings.c.id == _moves.c.booking_id)
    .values(
        stands_for=sa.cast(_moves.c.stands_for, JSONB),
        version=bookings.c.version + 1,
        # Another machine, another risk: the sweep weighs it anew.
        at_risk=False,
    )
    .returning(bookings, MACHINE_IDS)
)


_steps = (
    sa.func.unnest(
        sa.bindparam("step_ids", type_=_UUIDS), sa.bindparam("ids", type_=_UUIDS), sa.bindparam("whys", type_=_TEXTS)
    )
    .table_valued(sa.column("id", sa.Uuid), sa.column("booking_id", sa.Uuid), sa.column("why", sa.Text), name="steps")
    .render_derived()
)
_RECORD = booking_transitions.insert().from_select(
    ["id", "booking_id", "from_state", "to_state", "at", "by", "why"],
    sa.select(
        _steps.c.id,
        _steps.c.booking_id,
        bookings.c.state,
        bookings.c.state,
        sa.bindparam("now", type_=_INSTANT),
        sa.bindparam("by", type_=sa.Uuid),
        _steps.c.why,
    ).join(bookings, bookings.c.id == _steps.c.booking_id),
)


class Period(NamedTuple):
    """From when until when bookings are looked at."""

    since: datetime
    until: datetime


async def standing(tx: Tx, machine_id: UUID, period: Period, most: int) -> list[Booking]:
    """The bookings of a machine that meet the period and are held, requested, confirmed or in use, by their start."""
    values = {"machine": machine_id, "now": tx.now, "most": most, **period._asdict()}
    return [from_row(row) for row in await tx.rows(_STANDING, values)]


async def locked(tx: Tx, machine_id: UUID, period: Period, ids: Collection[UUID]) -> list[Booking]:
    """The bookings of a machine that could be replaced in the period, and those of `ids`, whatever they have become.

    Nobody else changes them until this transaction ends. Raises `RunAgain` when one changed while we waited.
    """
    values = {"machine": machine_id, "ids": list(ids), **period._asdict()}
    rows = await tx.rows(_LOCKED, values)
    if any(row.version != row.seen_version for row in rows):
        raise RunAgain
    return [from_row(row) for row in rows]


async def put(
    tx: Tx, who: Actor, machine_id: UUID, moved: Mapping[UUID, UUID], found: Sequence[Booking], why: str
) -> list[Booking]:
    """Write another machine, by the booking's id, in the place of one, with a step for each; the bookings after that.

    Three statements, however many there are.
    """
    values = {
        "ids": [one.id for one in found],
        "others": [moved[one.id] for one in found],
        "stand_ins": [_text(standing_in(one.stands_for, machine_id, moved[one.id])) for one in found],
    }
    await tx.execute(_PUT, {**values, "machine": machine_id})
    changed = await tx.rows(_CHANGE, values)
    steps = {
        "step_ids": [tx.new_id() for _ in found],
        "ids": values["ids"],
        "whys": [_why(machine_id, moved[one.id], why) for one in found],
    }
    await tx.execute(_RECORD, {**steps, "by": who.person_id, "now": tx.now})
    return sorted((from_row(row) for row in changed), key=lambda one: (one.during, one.id))


def _why(machine_id: UUID, other_id: UUID, why: str) -> str:
    went = f"{machine_id} → {other_id}"
    return f"{went}: {why}" if why else went


def _text(stands_for: Mapping[UUID, UUID]) -> str:
    return msgspec.json.encode(stands_for).decode()
