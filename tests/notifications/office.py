"""What the worker does about messages, done in the test's own process at an hour of its choosing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from votremachine.config import Settings
from votremachine.infra.database import Database
from votremachine.infra.outbox import drain
from votremachine.notifications.delivering.posting import Posted
from votremachine.notifications.delivering.rules import LEASE, Channel
from votremachine.notifications.delivering.service import outcomes
from votremachine.notifications.delivering.service.sending import Sender
from votremachine.notifications.delivering.service.store import DUE
from votremachine.notifications.reminders.rules import Moments
from votremachine.notifications.reminders.service import telling
from votremachine.worker import handlers, sender


class Office:
    """A worker that works when it is told to; `now` is what its clock shows."""

    def __init__(self, database: Database, sender: Sender, moments: Moments) -> None:
        self.database, self.sender, self.moments = database, sender, moments
        self.now: datetime | None = None

    async def hear(self) -> None:
        """Hand on the facts."""
        await drain(self.database, handlers(self.moments))

    async def remind(self) -> None:
        """Tell what is due, and send it."""
        async with self.database.begin() as tx:
            ids, lease = await telling.DUE.lease(tx, 10_000, LEASE)
        async with self.database.begin() as tx:
            posted = await telling.tell(tx, ids, lease, self.moments)
        await self.sender.send(posted, lease)

    async def send(self) -> int:
        """Send the deliveries that are due; how many were taken."""
        async with self.database.begin() as tx:
            ids, lease = await DUE.lease(tx, 10_000, LEASE)
        async with self.database.begin() as tx:
            rows = await DUE.still(tx, ids, lease)
        return await self.sender.send([Posted(row.id, Channel(row.channel)) for row in rows], lease)

    async def follow_up(self) -> None:
        async with self.database.begin() as tx:
            await outcomes.follow_up(tx)

    async def all(self) -> None:
        await self.hear()
        await self.remind()
        await self.send()

    async def rows(self, statement: str, **values: Any) -> list[sa.Row[Any]]:
        async with self.database.read() as tx:
            return list(await tx.rows(sa.text(statement), values))

    async def reminders(self, subject: str) -> list[tuple[str, str, datetime]]:
        """Kind, state and moment of the reminders about something, in order of their moments."""
        found = await self.rows(
            "SELECT kind, state, due_at FROM reminders WHERE subject = :subject ORDER BY due_at, kind", subject=subject
        )
        return [(row.kind, row.state, row.due_at) for row in found]


@asynccontextmanager
async def open_office(settings: Settings, **changed: Any) -> AsyncIterator[Office]:
    """An office over the database of the settings, with the ways that these changes give."""
    settings = msgspec.structs.replace(settings, **changed)
    database = Database(settings.database_url, pool_size=4)
    office = Office(database, sender(settings, database, asyncio.Event()), Moments.of(settings))
    real = database.clock
    database.clock = lambda: office.now or real()
    try:
        yield office
    finally:
        await database.close()


def days_on(office: Office, moment: datetime, **more: float) -> datetime:
    """Set the clock of an office."""
    office.now = moment + timedelta(**more)
    return office.now
