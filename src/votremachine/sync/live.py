"""The changes of all processes, read once for everybody who listens in this one.

A bell says when to look; without it one looks every second. What is read is handed on in memory, so an open stream
holds no connection to the database.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from votremachine.accounts.service import sessions
from votremachine.infra import changes
from votremachine.infra.bell import Bell
from votremachine.infra.changes import Batch, Change, Position
from votremachine.infra.database import Database
from votremachine.sync import frames
from votremachine.sync.listeners import Listener, Listeners, Told
from votremachine.sync.rules import Ended, EventId, heard_by

LOOK_SECONDS = 1.0
# Between two looks, however often it rings; and when what was committed is held back by another transaction.
APART_SECONDS = 0.02
IDENTIFY_SECONDS = 15.0
BATCH = 500

log = structlog.get_logger()


class Live:
    """One for each process, at work within `at_work`."""

    def __init__(self, database: Database, bell: Bell) -> None:
        self.listeners = Listeners()
        self._database = database
        self._bell = bell
        self._position: Position | None = None
        self._counted_by = ""
        self._looked_at: datetime = database.clock()
        self._woken = asyncio.Event()
        self._somebody = asyncio.Event()
        self._leaving = False

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Within the block everybody who listens is told; at its end all are sent away."""
        working = [
            asyncio.create_task(work) for work in (self._bell.listen(self.wake), self._follow(), self._identify())
        ]
        try:
            yield
        finally:
            self.leave()
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)

    def wake(self) -> None:
        """Look at once: something was committed."""
        self._woken.set()

    def leave(self) -> None:
        """End every stream, also those that are only just beginning: this process stops."""
        self._leaving = True
        for listener in self.listeners:
            listener.end(Ended.STOPPING)

    @asynccontextmanager
    async def listening(self, listener: Listener) -> AsyncIterator[None]:
        """Within the block whatever is committed from now on waits for the listener, if it may hear it.

        Raises `TooManyStreams`, `TooManyListeners`, `DatabaseAway`. What was committed before may be read after
        entering: nothing lies between the two, and what both have has one position.
        """
        if self._position is None:
            async with self._database.read() as tx:
                start, counted_by = await changes.horizon(tx)
            if self._position is None:
                self._position, self._counted_by = start, counted_by
            self._looked_at = self._database.clock()
        self.listeners.add(listener)
        self._somebody.set()
        if self._leaving:
            listener.end(Ended.STOPPING)
        try:
            yield
        finally:
            self.listeners.remove(listener)
            if not self.listeners:
                self._somebody.clear()
                self._position = None

    def place(self, told_up_to: EventId) -> EventId:
        """The place up to which somebody has been told everything, who was told all that waits."""
        if self._position is None or self._position <= (told_up_to.xid, told_up_to.id):
            return told_up_to
        return EventId(told_up_to.database, self._looked_at, *self._position)

    async def _follow(self) -> None:
        pause = APART_SECONDS
        while True:
            await self._somebody.wait()
            # Cleared before the look: a bell that rings during it asks for another.
            self._woken.clear()
            held = await _tried(self._look(), otherwise=False)
            await asyncio.sleep(APART_SECONDS)
            pause = min(pause * 2, LOOK_SECONDS) if held else APART_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(pause if held else LOOK_SECONDS):
                    await self._woken.wait()

    async def _look(self) -> bool:
        """Hand on what was committed since; whether there is more that another transaction holds back."""
        full = True
        held = False
        while full and self._position is not None:
            before = self._position
            async with self._database.read() as tx:
                batch = await changes.after(tx, before, BATCH)
                now = tx.now
            if batch.database != self._counted_by:
                # It was restored under those who listen: what they missed of it cannot be told.
                self._position = None
                for listener in self.listeners:
                    listener.end(Ended.STOPPING)
                return False
            for change in told(batch):
                self.listeners.tell(change)
            full, held = len(batch.changes) == BATCH, batch.held
            reached = batch.changes[-1].position if full else batch.horizon
            if self._position is not None:
                # Somebody may have come meanwhile, when nobody was left, and begun further on.
                self._position, self._looked_at = max(self._position, reached), now
        return held

    async def _identify(self) -> None:
        """Send away whose session or token has ended, and whose seats are others than when they came."""
        while True:
            await self._somebody.wait()
            await asyncio.sleep(IDENTIFY_SECONDS)
            await _tried(self._check_everybody(), otherwise=None)

    async def _check_everybody(self) -> None:
        asked = list(self.listeners)
        async with self._database.read() as tx:
            alive = await sessions.alive(tx, {listener.session_id for listener in asked})
        for listener in asked:
            seats = alive.get(listener.session_id)
            if seats is None:
                listener.end(Ended.SIGNED_OUT)
            elif heard_by(seats) != listener.seats:
                listener.end(Ended.SEATS_CHANGED)


def told(batch: Batch) -> Iterator[Told]:
    """Changes as they are sent."""
    return (_told(change, EventId(batch.database, change.at, *change.position)) for change in batch.changes)


def _told(change: Change, place: EventId) -> Told:
    body = change.body
    machines = frozenset(UUID(machine) for machine in body.get("machine_ids", [body.get("machine_id")]) if machine)
    frame = frames.change(change.name, place, body, change.at)
    return Told(change.position, change.at, change.parties, machines, frame)


async def _tried(work: Coroutine[Any, Any, Any], *, otherwise: Any) -> Any:
    """What `work` comes to; `otherwise` when it failed: it is tried again, whatever it was."""
    try:
        return await work
    except Exception as error:  # whoever listens must not be left with a stream that says nothing for ever
        log.warning("live.failed", error=repr(error))
        return otherwise
