"""Reading and writing feeds, the times that they take, and their clashes; each in one statement."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from asyncpg import Range
from msgspec.structs import asdict
from sqlalchemy.dialects.postgresql import TSTZRANGE

from votremachine.availability.feeds.models import calendar_feeds, feed_clashes, feed_events
from votremachine.availability.feeds.rules import KEPT, LEASE, MOST_FEEDS, Clash, Feed, State, TooManyFeeds, UnknownFeed
from votremachine.availability.service import claims
from votremachine.infra.database import Tx
from votremachine.kernel.span import Span

PURGE_BATCH = 5_000
_COLUMNS = [calendar_feeds.c[name] for name in Feed.__struct_fields__]
_INSTANTS = sa.ARRAY(sa.DateTime(timezone=True))
_EVENTS = (
    sa.select(feed_events.c.id, feed_events.c.feed_id, feed_events.c.during)
    .join_from(feed_events, calendar_feeds)
    .where(
        calendar_feeds.c.machine_id == sa.bindparam("machine", type_=sa.Uuid),
        sa.func.upper(feed_events.c.during) > sa.bindparam("since", type_=sa.DateTime(timezone=True)),
    )
    .order_by(feed_events.c.feed_id, feed_events.c.during)
)
_new = (
    sa.func.unnest(
        sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid)),
        sa.bindparam("starts", type_=_INSTANTS),
        sa.bindparam("ends", type_=_INSTANTS),
    )
    .table_valued(*(sa.column(name) for name in ("id", "starts", "ends")), name="new")
    .render_derived()
)
_ADD = feed_events.insert().from_select(
    ["id", "feed_id", "during"],
    sa.select(
        _new.c.id,
        sa.bindparam("feed", type_=sa.Uuid),
        sa.func.tstzrange(_new.c.starts, _new.c.ends, type_=TSTZRANGE),
    ),
)
_DROP = feed_events.delete().where(feed_events.c.id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))))
_OVER = (
    sa.select(feed_events.c.id)
    .where(sa.func.upper(feed_events.c.during) < sa.bindparam("before", type_=sa.DateTime(timezone=True)))
    .limit(sa.bindparam("most", type_=sa.Integer))
    .with_for_update(skip_locked=True)
)
# Two machines of one booking are met at the same time.
_BY_START = (feed_clashes.c.during, feed_clashes.c.feed_id, feed_clashes.c.booking_id)
_DUE = (
    sa.select(calendar_feeds.c.id)
    .where(
        calendar_feeds.c.due_at <= sa.bindparam("now", type_=sa.DateTime(timezone=True)),
        sa.or_(
            calendar_feeds.c.leased_until.is_(None),
            calendar_feeds.c.leased_until <= sa.bindparam("now", type_=sa.DateTime(timezone=True)),
        ),
    )
    .order_by(calendar_feeds.c.due_at)
    .limit(sa.bindparam("most", type_=sa.Integer))
    .with_for_update(skip_locked=True)
)


async def load(tx: Tx, feed_id: UUID) -> Feed:
    """A feed as it stands; raises `UnknownFeed`."""
    row = await tx.row(sa.select(*_COLUMNS).where(calendar_feeds.c.id == feed_id))
    if row is None:
        raise UnknownFeed
    return from_row(row)


async def browse(tx: Tx, machine_id: UUID, *, after: UUID | None, limit: int) -> list[Feed]:
    """The feeds of a machine in the order in which they were made; `limit + 1` rows."""
    wanted = sa.select(*_COLUMNS).where(calendar_feeds.c.machine_id == machine_id)
    if after is not None:
        wanted = wanted.where(calendar_feeds.c.id > after)
    return [from_row(row) for row in await tx.rows(wanted.order_by(calendar_feeds.c.id).limit(limit + 1))]


async def check_room(tx: Tx, machine_id: UUID) -> None:
    """Raises `TooManyFeeds`."""
    count = sa.select(sa.func.count()).where(calendar_feeds.c.machine_id == machine_id)
    if (await tx.execute(count)).scalar_one() >= MOST_FEEDS:
        raise TooManyFeeds(most=MOST_FEEDS)


async def add(tx: Tx, feed: Feed, by: UUID) -> None:
    """Write a new feed."""
    await tx.execute(calendar_feeds.insert(), asdict(feed) | {"created_by": by})


async def change(tx: Tx, feed: Feed) -> None:
    """Write a feed anew, and end its lease."""
    values = asdict(feed) | {"lease": None, "leased_until": None}
    del values["id"], values["machine_id"]
    await tx.execute(calendar_feeds.update().where(calendar_feeds.c.id == feed.id).values(values))


async def ask(tx: Tx, feed_id: UUID) -> None:
    """Make a feed due at once."""
    due = {"due_at": sa.func.least(calendar_feeds.c.due_at, tx.now), "asked_at": tx.now}
    await tx.execute(calendar_feeds.update().where(calendar_feeds.c.id == feed_id).values(due))


async def remove(tx: Tx, feed_id: UUID) -> None:
    """Forget a feed, its times and its clashes."""
    await tx.execute(calendar_feeds.delete().where(calendar_feeds.c.id == feed_id))


async def of_machines(tx: Tx, machine_ids: Collection[UUID]) -> list[Feed]:
    """All feeds of these machines."""
    wanted = sa.select(*_COLUMNS).where(calendar_feeds.c.machine_id.in_(list(machine_ids)))
    return [from_row(row) for row in await tx.rows(wanted.order_by(calendar_feeds.c.id))]


async def made_by(tx: Tx, person_id: UUID) -> Sequence[sa.Row[Any]]:
    """What a person subscribed to, without the addresses."""
    told = (calendar_feeds.c[name] for name in ("id", "machine_id", "name", "url_shown", "created_at"))
    own = sa.select(*told).where(calendar_feeds.c.created_by == person_id)
    return await tx.rows(own.order_by(calendar_feeds.c.id))


async def lease(tx: Tx, most: int) -> list[Feed]:
    """Take up to so many feeds that are due, for one worker; when it does not come back, another takes them again."""
    token = tx.new_id()
    due = (await tx.execute(_DUE, {"now": tx.now, "most": most})).scalars().all()
    if not due:
        return []
    taken = calendar_feeds.update().where(calendar_feeds.c.id.in_(due)).returning(*_COLUMNS)
    rows = await tx.execute(taken.values(lease=token, leased_until=tx.now + LEASE))
    return sorted(map(from_row, rows.all()), key=lambda feed: feed.due_at)


async def events(tx: Tx, machine_id: UUID, since: datetime) -> Mapping[UUID, Mapping[UUID, Span]]:
    """The times that each feed of a machine takes and that are not over, by feed and by their ids; in order."""
    found: dict[UUID, dict[UUID, Span]] = {}
    for row in await tx.rows(_EVENTS, {"machine": machine_id, "since": since}):
        found.setdefault(row.feed_id, {})[row.id] = Span(row.during.lower, row.during.upper)
    return found


async def add_events(tx: Tx, feed_id: UUID, spans: Sequence[Span]) -> Mapping[UUID, Span]:
    """Write new times of a feed."""
    made = {tx.new_id(): span for span in spans}
    if made:
        starts, ends = [span.start for span in made.values()], [span.end for span in made.values()]
        await tx.execute(_ADD, {"feed": feed_id, "ids": list(made), "starts": starts, "ends": ends})
    return made


async def drop_events(tx: Tx, ids: Sequence[UUID]) -> None:
    """Forget times of feeds."""
    await tx.execute(_DROP, {"ids": list(ids)})


async def purge(tx: Tx) -> int:
    """Forget some of the times of feeds that are long over, with what they took; how many, 0 when none is left."""
    ids = (await tx.execute(_OVER, {"before": tx.now - KEPT, "most": PURGE_BATCH})).scalars().all()
    if ids:
        await claims.release_all(tx, ids)
        await drop_events(tx, ids)
    return len(ids)


async def all_events(tx: Tx, feed_id: UUID) -> Sequence[UUID]:
    """The ids of all times of a feed, those that are over too."""
    return (await tx.execute(sa.select(feed_events.c.id).where(feed_events.c.feed_id == feed_id))).scalars().all()


async def clashes(tx: Tx, feed_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[Clash]]:
    """The open clashes of these feeds, by start."""
    found: dict[UUID, list[Clash]] = {one: [] for one in feed_ids}
    wanted = sa.select(feed_clashes).where(feed_clashes.c.feed_id.in_(feed_ids)).order_by(*_BY_START)
    for row in await tx.rows(wanted):
        found[row.feed_id].append(Clash(row.booking_id, Span(row.during.lower, row.during.upper)))
    return found


async def clashes_on(tx: Tx, machine_id: UUID) -> Mapping[UUID, Sequence[Clash]]:
    """The open clashes of a machine by feed, each by start; only of feeds that have any."""
    found: dict[UUID, list[Clash]] = {}
    wanted = sa.select(feed_clashes).join_from(feed_clashes, calendar_feeds).order_by(*_BY_START)
    for row in await tx.rows(wanted.where(calendar_feeds.c.machine_id == machine_id)):
        found.setdefault(row.feed_id, []).append(Clash(row.booking_id, Span(row.during.lower, row.during.upper)))
    return found


async def rewrite_clashes(tx: Tx, feed_id: UUID, found: Sequence[Clash]) -> None:
    """Keep just these clashes of a feed."""
    await tx.execute(feed_clashes.delete().where(feed_clashes.c.feed_id == feed_id))
    rows = [
        {
            "feed_id": feed_id,
            "booking_id": one.booking_id,
            "during": Range(one.during.start, one.during.end),
            "found_at": tx.now,
        }
        for one in found
    ]
    if rows:
        await tx.execute(feed_clashes.insert(), rows)


def from_row(row: sa.Row[Any]) -> Feed:
    """A row as a value."""
    values = {name: getattr(row, name) for name in Feed.__struct_fields__}
    return Feed(**values | {"state": State(row.state)})
