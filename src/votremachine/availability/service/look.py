"""Looking at time: what is taken, and what is free."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSTZRANGE

from votremachine.accounts.rules import Actor
from votremachine.availability.bookable import Outlook, outlook
from votremachine.availability.models import occupancies
from votremachine.availability.rules import Occupancy, busy_for
from votremachine.availability.schemas import Availability, HandOverView, UnbookableView
from votremachine.availability.service.table import COLUMNS, from_row, meets_window, on_machine, window_values
from votremachine.fleet import service as fleet
from votremachine.fleet.opening import any_hour
from votremachine.fleet.rules import Machine
from votremachine.infra.database import Database, Tx
from votremachine.infra.identify import Identify
from votremachine.infra.questions import ask
from votremachine.infra.replies import Encoded, encoded
from votremachine.infra.wire import SpanView
from votremachine.kernel.span import Span, merge

_asked = (
    sa.func.unnest(sa.bindparam("machines", type_=sa.ARRAY(sa.Uuid)))
    .table_valued(sa.column("id", sa.Uuid), name="asked")
    .render_derived()
)
_INSTANT = sa.DateTime(timezone=True)
_live = sa.or_(occupancies.c.expires_at.is_(None), occupancies.c.expires_at > sa.bindparam("now", type_=_INSTANT))
_LIVE = (
    sa.select(*COLUMNS)
    .select_from(_asked.join(occupancies, sa.and_(on_machine(_asked.c.id), meets_window())))
    .where(_live)
)


_WANTED_FROM: sa.ColumnElement[Any] = sa.bindparam("wanted_from", type_=_INSTANT)
_WANTED_TO: sa.ColumnElement[Any] = sa.bindparam("wanted_to", type_=_INSTANT)


def in_the_way(
    machine_id: sa.ColumnElement[Any],
    before_minutes: sa.ColumnElement[Any],
    after_minutes: sa.ColumnElement[Any],
    starts: sa.ColumnElement[Any] = _WANTED_FROM,
    ends: sa.ColumnElement[Any] = _WANTED_TO,
) -> sa.ColumnElement[bool]:
    """Whether a newcomer with these buffers finds a span taken at the bound `now`: two columns, or the bound
    `wanted_from`, `wanted_to`.

    The same as an overlap with `busy`, for a statement of a slice above.
    """
    return sa.exists().where(*_meeting(machine_id, before_minutes, after_minutes, starts, ends))


def _meeting(
    machine_id: sa.ColumnElement[Any],
    before_minutes: sa.ColumnElement[Any],
    after_minutes: sa.ColumnElement[Any],
    starts: sa.ColumnElement[Any] = _WANTED_FROM,
    ends: sa.ColumnElement[Any] = _WANTED_TO,
) -> tuple[sa.ColumnElement[bool], ...]:
    wanted = sa.func.tstzrange(
        starts - _minutes(before_minutes),
        ends + _minutes(after_minutes),
        type_=TSTZRANGE,
    )
    return on_machine(machine_id), occupancies.c.blocked.op("&&", is_comparison=True)(wanted), _live


def _minutes(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return column * sa.literal_column("interval '1 minute'", sa.Interval)


async def taken(tx: Tx, machine_ids: Collection[UUID], window: Span) -> list[Occupancy]:
    """The live occupancies of these machines whose blocked time meets `window`, by start; one statement."""
    values = {"machines": list(machine_ids), "now": tx.now, **window_values(window)}
    return sorted(map(from_row, await tx.rows(_LIVE, values)), key=lambda one: one.during)


async def busy(tx: Tx, machines: Sequence[Machine], window: Span, *, but: UUID | None = None) -> list[Span]:
    """When any of these machines cannot be had by a newcomer, given their buffers; what `but` holds is left out."""
    buffers = {machine.id: machine.terms.buffers for machine in machines}
    widest = (max(before for before, _ in buffers.values()), max(after for _, after in buffers.values()))
    found = await taken(tx, buffers, window.widened(*widest))
    others = (one for one in found if one.ref_id != but)
    return merge(span for one in others for span in busy_for([one.blocked], buffers[one.machine_id]))


async def free(tx: Tx, machines: Sequence[Machine], span: Span) -> set[UUID]:
    """Which of these machines a newcomer could have for this span, buffers included; one statement."""
    wanted = {machine.id: span.widened(*machine.terms.buffers) for machine in machines}
    if not wanted:
        return set()
    window = Span(min(one.start for one in wanted.values()), max(one.end for one in wanted.values()))
    found = await taken(tx, wanted, window)
    return wanted.keys() - {one.machine_id for one in found if one.blocked.overlaps(wanted[one.machine_id])}


_machine = fleet.BY_IDS.subquery("machine")


def _micros(instant: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    # Exact before the year 2242; read in a fifth of the time that instants take.
    return sa.cast(sa.func.date_part("epoch", instant) * 1_000_000, sa.BigInteger)


# A gap that the window cuts is as long as it is: its other end lies within the shortest booking, if it is too short.
_blocked = (
    sa.select(
        sa.func.array_agg(_micros(sa.func.lower(occupancies.c.blocked))).label("blocked_from"),
        sa.func.array_agg(_micros(sa.func.upper(occupancies.c.blocked))).label("blocked_to"),
    )
    .where(
        *_meeting(
            _machine.c.id,
            _machine.c.buffer_before_minutes + _machine.c.min_minutes,
            _machine.c.buffer_after_minutes + _machine.c.min_minutes,
        )
    )
    .correlate(_machine)
    .lateral("blocked")
)
# The machine of `ids`, and when it is blocked about the bound window, as one row.
_MACHINE_AND_BLOCKED = sa.select(_machine, _blocked).select_from(_machine.join(_blocked, sa.true()))


async def availability(
    database: Database, identify: Identify[Actor], machine_id: UUID, window: Span
) -> Encoded[Availability]:
    """What can be booked and why not the rest, for anybody who may see the machine; who asks and all of it in one
    statement. Raises `UnknownMachine`.
    """
    now = database.clock()
    values = {"ids": [machine_id], "wanted_from": window.start, "wanted_to": window.end, "now": now}
    who, rows = await ask(database, identify, now, _MACHINE_AND_BLOCKED, values)
    known = fleet.check_found({row.id: fleet.from_row(row) for row in rows}, [machine_id])
    (machine,) = fleet.check_visible(who, known)
    return _told(machine, tuple(rows[0].blocked_from or ()), tuple(rows[0].blocked_to or ()), window, _next_minute(now))


# Everybody who has a calendar open reads it again when it changes: the same of the same is worked out once. What it
# follows from is asked each time, so nothing that is told is older than the question.
@lru_cache(maxsize=64)
def _told(
    machine: Machine, blocked_from: Sequence[int], blocked_to: Sequence[int], window: Span, now: datetime
) -> Encoded[Availability]:
    found = outlook(machine, zip(blocked_from, blocked_to, strict=True), window, now)
    local = _on_its_clock(found, machine.zone)
    return encoded(
        Availability(
            machine.id,
            machine.zone.key,
            [SpanView(local[start], local[end]) for start, end in found.free],
            [SpanView(local[start], local[end]) for start, end in found.busy],
            _hand_over(machine, window),
            [UnbookableView(local[start], local[end], reason) for (start, end), reason in found.unbookable],
        )
    )


def _on_its_clock(found: Outlook, zone: ZoneInfo) -> Mapping[int, datetime]:
    """Every instant of an outlook in a machine's zone: what ends one span begins the next."""
    told = {edge for one in (*found.free, *found.busy) for edge in one}
    told.update(edge for one, _ in found.unbookable for edge in one)
    # The quick way from a number to a clock, and exact before the year 2242.
    return {instant: datetime.fromtimestamp(instant / 1_000_000, zone) for instant in told}


def _next_minute(now: datetime) -> datetime:
    # What is said to be free still is so for a moment, and the answer stays the same: 304 to who asks again.
    return now.replace(second=0, microsecond=0) + timedelta(minutes=1)


def _hand_over(machine: Machine, window: Span) -> HandOverView | None:
    if any_hour(machine.terms):
        return None
    first, last = (edge.astimezone(machine.zone).date() for edge in (window.start, window.end))
    exceptions = [one for one in machine.terms.exceptions if one.first <= last and first <= one.last]
    return HandOverView(machine.terms.hand_over or None, exceptions)
