"""One open stream, from its first word to its last."""

import asyncio
from contextlib import suppress
from typing import NamedTuple

from litestar.types import Receive, Scope, Send

from votremachine.infra import changes
from votremachine.infra.changes import Position
from votremachine.infra.database import Database
from votremachine.sync import frames
from votremachine.sync.listeners import Listener
from votremachine.sync.live import Live, told
from votremachine.sync.rules import MOST_MISSED, Ended, EventId, Reset, why_not

# Proxies cut what is silent for longer than a minute, some for longer than 30 seconds.
HEARTBEAT_SECONDS = 15.0
# Who takes nothing for so long is not there, or too slow.
PATIENCE_SECONDS = 10.0

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


class First(NamedTuple):
    """What a stream begins with, and the place up to which it has told everything then."""

    said: bytes
    place: EventId


class EventStream:
    """An answer that goes on: an ASGI application, for it must notice who does not read, and who has gone."""

    def __init__(
        self, live: Live, database: Database, listener: Listener, resume: EventId | None, *, follow: bool
    ) -> None:
        self._live = live
        self._database = database
        self._listener = listener
        self._resume = resume
        self._follow = follow

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        """Raises what `Live.listening` raises, before the first word."""
        telling, gone = asyncio.create_task(self._tell(send)), asyncio.create_task(_until_gone(receive))
        try:
            await asyncio.wait({telling, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            telling.cancel()
            await asyncio.gather(gone, telling, return_exceptions=True)
        if not telling.cancelled():
            telling.result()

    async def _tell(self, send: Send) -> None:
        async with self._live.listening(self._listener):
            first = await self._first()
            await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
            # Whoever is cut off here comes back, and is told from where they were.
            with suppress(TimeoutError):
                await _say(send, first.said)
                await self._go_on(send, first.place)
                await _say(send, frames.ended(self._listener.ended or Ended.STOPPING), last=True)

    async def _first(self) -> First:
        async with self._database.read() as tx:
            if self._resume is None:
                horizon, database = await changes.horizon(tx)
                here = EventId(database, tx.now, *horizon)
                return First(frames.ready(here, resumed=False), here)
            after = Position(self._resume.xid, self._resume.id)
            missed = await changes.told_to(tx, self._listener.parties, after, MOST_MISSED + 1)
            here = EventId(missed.database, tx.now, *missed.horizon)
            why = why_not(self._resume, missed.database, missed.horizon.xid, tx.now)
        if len(missed.changes) > MOST_MISSED:
            why = why or Reset.TOO_MANY
        if why:
            return First(frames.reset(here, why), here)
        heard = [one.frame for one in told(missed) if self._listener.hears(one)]
        return First(b"".join([frames.ready(self._resume, resumed=True), *heard]), here)

    async def _go_on(self, send: Send, place: EventId) -> None:
        listener = self._listener
        if not self._follow:
            listener.end(Ended.CAUGHT_UP)
        while listener.ended is None:
            left = (listener.expires_at - self._database.clock()).total_seconds()
            if left <= 0:
                listener.end(Ended.TOKEN_EXPIRED)
                break
            waiting = await listener.next(min(left, HEARTBEAT_SECONDS))
            fresh = [one for one in waiting if one.position > (place.xid, place.id)]
            if fresh:
                place = EventId(place.database, fresh[-1].at, *fresh[-1].position)
                await _say(send, b"".join(one.frame for one in fresh))
            elif not waiting and listener.ended is None:
                place = self._live.place(place)
                await _say(send, frames.heartbeat(place))


async def _say(send: Send, words: bytes, *, last: bool = False) -> None:
    """Raises `TimeoutError` when nobody takes them."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        await send({"type": "http.response.body", "body": words, "more_body": not last})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
