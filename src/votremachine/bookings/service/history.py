"""Bookings as an owner's calendar tells them: those that take time now, and those that are over; one statement."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSTZRANGE

from votremachine.accounts.service.parties import NAMES
from votremachine.bookings.models import booking_machines, bookings
from votremachine.bookings.rules import State, late_since
from votremachine.bookings.service.diary import as_it_went
from votremachine.bookings.service.reading import in_state
from votremachine.infra.database import Tx
from votremachine.kernel.span import Span


class Kept(msgspec.Struct, frozen=True, gc=False):
    """What the calendar of a machine tells of a booking. `during` is how it went; `late_since` is the end that the
    machine was or is kept beyond, until `returned_at`.
    """

    id: UUID
    machine_id: UUID
    renter_id: UUID
    renter: str
    state: State
    during: Span
    at_risk: bool
    returned_at: datetime | None
    late_since: datetime | None


_INSTANT = sa.DateTime(timezone=True)
_FROM = sa.bindparam("wanted_from", type_=_INSTANT)
_TO = sa.bindparam("wanted_to", type_=_INSTANT)
# Literals, not parameters: the expressions must be those of the index for it to answer.
_CLOSED: sa.ColumnElement[str] = sa.literal_column("'[]'")
_was_out = sa.func.tstzrange(
    sa.func.least(bookings.c.starts, bookings.c.out_at),
    sa.func.greatest(bookings.c.ends, bookings.c.returned_at),
    type_=TSTZRANGE,
).op("&&", is_comparison=True)(sa.func.tstzrange(_FROM, _TO, type_=TSTZRANGE))


def _of(owner: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    its_own = sa.func.uuid_range(bookings.c.owner_party_id, bookings.c.owner_party_id, _CLOSED)
    return its_own.op("&&", is_comparison=True)(sa.func.uuid_range(owner, owner, _CLOSED))


_OWNER = sa.bindparam("owner", type_=sa.Uuid)
_over = sa.select(bookings.c.id).where(in_state(State.RETURNED, State.COMPLETED), _of(_OWNER), _was_out)
# A machine that is out beyond its booking holds no time of the calendar, but it is not there either.
_overdue = sa.select(bookings.c.id).where(
    in_state(State.IN_USE),
    bookings.c.owner_party_id == _OWNER,
    bookings.c.ends <= _FROM,
    sa.bindparam("now", type_=_INSTANT) > _FROM,
)
_named = sa.select(sa.func.unnest(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))).label("id"))
_wanted = sa.union(_named, _over, _overdue).subquery("wanted")
_names = NAMES.subquery("renter")
_KEPT = (
    sa.select(
        *(bookings.c[name] for name in ("id", "renter_party_id", "state", "starts", "ends", "at_risk")),
        *(bookings.c[name] for name in ("out_at", "returned_at")),
        booking_machines.c.machine_id,
        _names.c.name.label("renter"),
    )
    .join(booking_machines, booking_machines.c.booking_id == bookings.c.id)
    .join(_names, _names.c.id == bookings.c.renter_party_id)
    .where(bookings.c.id.in_(sa.select(_wanted.c.id)))
)


def was_out_in_window(machine_id: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether a machine was with a renter in the bound `wanted_from`, `wanted_to`."""
    over = sa.and_(in_state(State.RETURNED, State.COMPLETED), _was_out)
    return sa.exists().where(
        booking_machines.c.machine_id == machine_id,
        bookings.c.id == booking_machines.c.booking_id,
        over,
    )


async def kept(tx: Tx, owner: UUID, ids: Collection[UUID], window: Span) -> list[Kept]:
    """These bookings; and, of this owner's, those that are over and were out in the window, and those that are out
    beyond their end: once for each of their machines.
    """
    values = {"owner": owner, "ids": list(ids), "now": tx.now, "wanted_from": window.start, "wanted_to": window.end}
    return [_kept(row, tx.now) for row in await tx.rows(_KEPT, values)]


def _kept(row: sa.Row[Any], now: datetime) -> Kept:
    state = State(row.state)
    return Kept(
        id=row.id,
        machine_id=row.machine_id,
        renter_id=row.renter_party_id,
        renter=row.renter,
        state=state,
        during=as_it_went(Span(row.starts, row.ends), row.out_at, row.returned_at),
        at_risk=row.at_risk,
        returned_at=row.returned_at,
        late_since=late_since(state, row.ends, row.returned_at, now),
    )
