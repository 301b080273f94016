"""What stands in the calendars of machines, as their owner sees it: one statement however many there are."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSTZRANGE
from sqlalchemy.types import NULLTYPE

from votremachine.availability.blocks.models import blocks
from votremachine.availability.blocks.parts import occurrence_of
from votremachine.availability.blocks.recurrence import Series
from votremachine.availability.blocks.service.store import series_of
from votremachine.availability.feeds.models import calendar_feeds, feed_clashes, feed_events
from votremachine.availability.maintenance.models import maintenance_plans, maintenance_proposals
from votremachine.availability.maintenance.rules.plans import State
from votremachine.availability.models import occupancies
from votremachine.availability.rules import Sight
from votremachine.availability.service.table import COLUMNS, on_machine
from votremachine.infra.database import Tx
from votremachine.kernel.span import Span


class Feed(NamedTuple):
    """An outside calendar."""

    id: UUID
    name: str


class Standing(msgspec.Struct, frozen=True, gc=False):
    """Something in a machine's calendar. Of a part, `whole` is all of what it is a part of."""

    machine_id: UUID
    kind: Sight
    ref_id: UUID
    during: Span
    blocked: Span
    expires_at: datetime | None
    note: str
    recurs: bool
    whole: Span | None
    feed: Feed | None
    due_on: date | None


class Clash(NamedTuple):
    """A feed wants the time of a booking, and this is where they meet first."""

    feed: Feed
    during: Span


class Found(NamedTuple):
    """What stands in the windows, in no order, and by booking the clashes of the machines' feeds."""

    standing: list[Standing]
    clashes: Mapping[UUID, Sequence[Clash]]


_CLASH = "clash"
_INSTANT = sa.DateTime(timezone=True)
_asked = (
    sa.func.unnest(
        sa.bindparam("machines", type_=sa.ARRAY(sa.Uuid)),
        sa.bindparam("since", type_=sa.ARRAY(_INSTANT)),
        sa.bindparam("until", type_=sa.ARRAY(_INSTANT)),
    )
    .table_valued(sa.column("id", sa.Uuid), sa.column("since", _INSTANT), sa.column("until", _INSTANT), name="asked")
    .render_derived()
)
_window = sa.func.tstzrange(_asked.c.since, _asked.c.until, type_=TSTZRANGE)
_wanted = sa.func.coalesce(blocks.c.during, feed_events.c.during, type_=TSTZRANGE)
# Dates as the driver has them: to go through them once more takes longer than all the rest of a row.
_DATES = tuple(sa.type_coerce(blocks.c[name], NULLTYPE).label(name) for name in ("rdates", "exdates"))
_SERIES = (*(blocks.c[name] for name in ("zone", "wall_start", "wall_end", "rrule")), *_DATES)
_NO_SERIES = tuple(sa.null().label(column.name) for column in _SERIES)
_taken = (
    sa.select(
        *COLUMNS,
        sa.func.coalesce(blocks.c.note, calendar_feeds.c.name).label("note"),
        calendar_feeds.c.id.label("feed_id"),
        sa.func.lower(_wanted).label("whole_from"),
        sa.func.upper(_wanted).label("whole_to"),
        sa.cast(sa.null(), sa.Date).label("due_on"),
        *_SERIES,
    )
    .select_from(
        _asked.join(occupancies, sa.and_(on_machine(_asked.c.id), occupancies.c.blocked.op("&&")(_window)))
        .outerjoin(blocks, blocks.c.id == occupancies.c.ref_id)
        .outerjoin(feed_events, feed_events.c.id == occupancies.c.ref_id)
        .outerjoin(calendar_feeds, calendar_feeds.c.id == feed_events.c.feed_id)
    )
    .where(sa.or_(occupancies.c.expires_at.is_(None), occupancies.c.expires_at > sa.bindparam("now", type_=_INSTANT)))
)
_proposed = (
    sa.select(
        maintenance_proposals.c.id,
        _asked.c.id.label("machine_id"),
        sa.literal(Sight.PROPOSAL.value).label("kind"),
        maintenance_proposals.c.id.label("ref_id"),
        maintenance_proposals.c.starts,
        maintenance_proposals.c.ends,
        maintenance_proposals.c.starts.label("blocked_from"),
        maintenance_proposals.c.ends.label("blocked_to"),
        sa.null().label("expires_at"),
        maintenance_plans.c.title.label("note"),
        sa.null().label("feed_id"),
        sa.null().label("whole_from"),
        sa.null().label("whole_to"),
        maintenance_proposals.c.due_on,
        *_NO_SERIES,
    )
    .select_from(
        _asked.join(maintenance_plans, maintenance_plans.c.machine_id == _asked.c.id).join(
            maintenance_proposals, maintenance_proposals.c.plan_id == maintenance_plans.c.id
        )
    )
    .where(
        # A literal, so that the plan may use the index of just these.
        maintenance_proposals.c.state == sa.literal_column(f"'{State.PROPOSED}'"),
        maintenance_proposals.c.starts < _asked.c.until,
        maintenance_proposals.c.ends > _asked.c.since,
    )
)
_meeting = sa.func.lower(feed_clashes.c.during), sa.func.upper(feed_clashes.c.during)
_clashing = sa.select(
    feed_clashes.c.booking_id.label("id"),
    calendar_feeds.c.machine_id,
    sa.literal(_CLASH).label("kind"),
    feed_clashes.c.booking_id.label("ref_id"),
    *(edge.label(name) for edge, name in zip(_meeting, ("starts", "ends"), strict=True)),
    *(edge.label(name) for edge, name in zip(_meeting, ("blocked_from", "blocked_to"), strict=True)),
    sa.null().label("expires_at"),
    calendar_feeds.c.name.label("note"),
    calendar_feeds.c.id.label("feed_id"),
    sa.null().label("whole_from"),
    sa.null().label("whole_to"),
    sa.null().label("due_on"),
    *_NO_SERIES,
).select_from(
    _asked.join(calendar_feeds, calendar_feeds.c.machine_id == _asked.c.id).join(
        feed_clashes, feed_clashes.c.feed_id == calendar_feeds.c.id
    )
)
_STANDING = sa.union_all(_taken, _proposed, _clashing)


def stands_in_window(machine_id: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether a machine's calendar has anything in the bound `wanted_from`, `wanted_to`, for a slice above."""
    edges = (sa.bindparam(name, type_=_INSTANT) for name in ("wanted_from", "wanted_to"))
    window = sa.func.tstzrange(*edges, type_=TSTZRANGE)
    return sa.exists().where(on_machine(machine_id), occupancies.c.blocked.op("&&", is_comparison=True)(window))


async def standing(tx: Tx, windows: Mapping[UUID, Span]) -> Found:
    """What stands in the calendars of these machines, each in its own window: what takes their time, live, and the
    maintenance that is proposed for it; and which bookings their feeds clash with.
    """
    asked = list(windows.values())
    values = {"machines": list(windows), "since": [one.start for one in asked], "until": [one.end for one in asked]}
    found, clashes, known = [], dict[UUID, list[Clash]](), dict[UUID, Series]()
    for row in await tx.rows(_STANDING, values | {"now": tx.now}):
        if row.kind == _CLASH:
            clash = Clash(Feed(row.feed_id, row.note), Span(row.starts, row.ends))
            clashes.setdefault(row.ref_id, []).append(clash)
        else:
            found.append(_standing(row, known))
    return Found(found, clashes)


def _standing(row: sa.Row[Any], known: dict[UUID, Series]) -> Standing:
    feed = None if row.feed_id is None else Feed(row.feed_id, row.note)
    during = Span(row.starts, row.ends)
    return Standing(
        machine_id=row.machine_id,
        kind=Sight(row.kind),
        ref_id=row.ref_id,
        during=during,
        blocked=Span(row.blocked_from, row.blocked_to),
        expires_at=row.expires_at,
        note="" if feed else row.note or "",
        recurs=row.zone is not None,
        whole=_whole(row, during, known),
        feed=feed,
        due_on=row.due_on,
    )


def _whole(row: sa.Row[Any], during: Span, known: dict[UUID, Series]) -> Span | None:
    if row.zone is None:
        return None if row.whole_from is None else Span(row.whole_from, row.whole_to)
    if row.ref_id not in known:
        known[row.ref_id] = series_of(row)
    return occurrence_of(known[row.ref_id], during)
