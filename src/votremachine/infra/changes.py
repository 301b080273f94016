"""Reading what open screens are told of: in an order in which nothing that is committed later is passed over.

Transactions do not commit in the order of their ids. Below the horizon, the oldest transaction that still runs, all
have ended: what stands there is all that ever will. So rows are read below the horizon only, by transaction, and
whoever remembers a position may go on from it (docs/adr/0007-changes-below-the-horizon.md).
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from votremachine.infra.database import Tx
from votremachine.infra.publishing import changes

KEPT_FOR = timedelta(hours=48)
NIL = UUID(int=0)


class Position(NamedTuple):
    """A place in the order of all changes: those up to it have been told."""

    xid: int
    id: UUID = NIL


class Change(NamedTuple):
    position: Position
    name: str
    parties: Sequence[UUID]
    body: Mapping[str, Any]
    at: datetime


class Batch(NamedTuple):
    """Changes after a position, oldest first. `held` says that others were committed, which a transaction that still
    runs holds back; `horizon` is the place below which nothing can be added, and `database` whose places these are.
    """

    changes: Sequence[Change]
    horizon: Position
    held: bool
    database: str


_OLDEST_RUNNING = sa.cast(
    sa.cast(sa.func.pg_snapshot_xmin(sa.func.pg_current_snapshot()), sa.Text), sa.BigInteger
).label("xid")
# Transaction ids mean something in one database only: of one cluster, and up to the moment to which a backup of it was
# brought back, from which on it counts anew on another timeline.
_IDENTITY = sa.literal_column(
    "(SELECT substr(md5(concat_ws('.', s.system_identifier, c.timeline_id, d.oid)), 1, 8)"
    " FROM pg_control_system() s, pg_control_checkpoint() c, pg_database d WHERE d.datname = current_database())",
    sa.Text,
).label("database")
_horizon = sa.select(_OLDEST_RUNNING, _IDENTITY).subquery("horizon")
_held = sa.exists().where(changes.c.xid >= _horizon.c.xid).label("held")
_below = (
    sa.select(changes)
    .where(
        sa.tuple_(changes.c.xid, changes.c.id)
        > sa.tuple_(sa.bindparam("after_xid", type_=sa.BigInteger), sa.bindparam("after_id", type_=sa.Uuid)),
        changes.c.xid < _horizon.c.xid,
    )
    .order_by(changes.c.xid, changes.c.id)
    .limit(sa.bindparam("most", type_=sa.Integer))
    .correlate(_horizon)
)
_for_some = _below.where(changes.c.parties.overlap(sa.bindparam("parties", type_=ARRAY(sa.Uuid))))


def _beside_the_horizon(found: sa.Select[Any]) -> sa.Select[Any]:
    rows = found.lateral("found")
    beside = sa.select(_horizon.c.xid.label("horizon"), _horizon.c.database, _held, rows)
    # Once more: the order within a part of a statement is none of the whole.
    return beside.select_from(_horizon.outerjoin(rows, sa.true())).order_by(rows.c.xid, rows.c.id)


_ALL, _SOME = _beside_the_horizon(_below), _beside_the_horizon(_for_some)
_HORIZON = sa.select(_OLDEST_RUNNING, _IDENTITY)


async def horizon(tx: Tx) -> tuple[Position, str]:
    """The place below which all has been committed that ever will be, and the database that it is a place of."""
    found = (await tx.execute(_HORIZON)).one()
    return Position(found.xid), found.database


async def after(tx: Tx, position: Position, most: int) -> Batch:
    """The changes after a position, `most` of them at most."""
    return _read(await tx.rows(_ALL, {"after_xid": position.xid, "after_id": position.id, "most": most}))


async def told_to(tx: Tx, parties: Collection[UUID], position: Position, most: int) -> Batch:
    """The same, of what these parties are told."""
    values = {"after_xid": position.xid, "after_id": position.id, "most": most, "parties": list(parties)}
    return _read(await tx.rows(_SOME, values))


async def purge(tx: Tx) -> int:
    """Forget the changes older than 48 hours; how many there were."""
    return (await tx.execute(changes.delete().where(changes.c.at <= tx.now - KEPT_FOR))).rowcount


def _read(rows: Sequence[sa.Row[Any]]) -> Batch:
    found = [
        Change(Position(row.xid, row.id), row.name, row.parties, row.body, row.at) for row in rows if row.id is not None
    ]
    return Batch(found, Position(rows[0].horizon), rows[0].held, rows[0].database)
