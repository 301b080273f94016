"""Work that stands in a table until it is done: taken for a while, by one worker at a time.

A lease is the instant until which it stands, and the name by which whoever took it knows that it is still theirs: it
can only be given anew after that instant, and is another one then.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from votremachine.infra.database import Tx


class Queue:
    """The rows of a table that wait in the state `waiting`, by `due_at`; see `is_due` for which of them are due."""

    def __init__(self, table: sa.Table, waiting: str) -> None:
        self.table = table
        # A literal, so that the plan may use the index of just these.
        self.waiting = table.c.state == sa.literal_column(f"'{waiting}'")
        now = sa.bindparam("now", type_=sa.DateTime(timezone=True))
        free = sa.or_(table.c.lease_until.is_(None), table.c.lease_until <= now)
        self.due = sa.and_(self.waiting, table.c.due_at <= now, free)
        self.leased = sa.and_(self.waiting, table.c.due_at <= now, table.c.lease_until > now)
        # In order, though any would do: PostgreSQL takes state and hour for independent of each other, so it expects to
        # come by one soon if it just reads the table, of which most is long done.
        self.look = sa.select(sa.literal(1)).where(self.due).order_by(table.c.due_at).limit(1)
        self._oldest = (
            sa.select(table.c.id)
            .where(self.due)
            .order_by(table.c.due_at)
            .limit(sa.bindparam("most", type_=sa.Integer))
            .with_for_update(skip_locked=True)
        )

    async def is_due(self, tx: Tx) -> bool:
        """Whether anything is due: one question, which the index answers alone."""
        return bool(await tx.rows(self.look, {"now": tx.now}))

    async def held(self, tx: Tx) -> int:
        """How many are held by workers."""
        counted = sa.select(sa.func.count()).select_from(self.table).where(self.leased)
        return int((await tx.execute(counted, {"now": tx.now})).scalar_one())

    async def lease(self, tx: Tx, most: int, life: timedelta) -> tuple[list[UUID], datetime]:
        """The oldest that are due, held until the instant that comes with them; others' are passed over."""
        until = tx.now + life
        taken = (
            self.table.update()
            .where(self.table.c.id.in_(self._oldest))
            .values(lease_until=until)
            .returning(self.table.c.id)
        )
        return [row.id for row in await tx.rows(taken, {"now": tx.now, "most": most})], until

    async def still(self, tx: Tx, ids: Collection[UUID], lease: datetime) -> Sequence[sa.Row[Any]]:
        """Those of these rows that this lease still holds, locked until the transaction ends."""
        mine = sa.select(self.table).where(
            self.table.c.id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))),
            self.waiting,
            self.table.c.lease_until == lease,
        )
        return await tx.rows(mine.order_by(self.table.c.id).with_for_update(), {"ids": list(ids)})

    async def hand_back(self, tx: Tx, ids: Collection[UUID], lease: datetime, until: datetime | None = None) -> None:
        """Let others have these, at once or after `until`; nothing was tried."""
        mine = sa.and_(self.table.c.id.in_(list(ids)), self.waiting, self.table.c.lease_until == lease)
        later = {} if until is None else {"due_at": until}
        await tx.execute(self.table.update().where(mine).values(lease_until=None, **later))
