"""Sending what is due: looked at once more, handed to its channel outside of any transaction, and written down."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from uuid import UUID

import structlog
from sqlalchemy.exc import DBAPIError

from votremachine.infra.database import Database, DatabaseAway, Tx
from votremachine.notifications.channels.port import NotTaken, Parcel, Ways
from votremachine.notifications.delivering.posting import Posted
from votremachine.notifications.delivering.rules import AWAY_FOR, MOST_MISSED, NEEDED, Channel
from votremachine.notifications.delivering.service import outcomes
from votremachine.notifications.delivering.service.outcomes import Result
from votremachine.notifications.delivering.service.packing import Packer
from votremachine.notifications.delivering.service.store import DUE

RECORD_TRIES, RECORD_PAUSE_SECONDS = 120, 0.5

log = structlog.get_logger()


@dataclass
class Sender:
    """What sending needs. `jitter` gives numbers between 0 and 1; `stopping` says that the process is to end.

    One lock for each channel: a process has no more under way on it than may be repeated when it dies.
    """

    database: Database
    ways: Ways
    packer: Packer
    jitter: Callable[[], float]
    stopping: Callable[[], bool] = lambda: False
    turns: Mapping[Channel, asyncio.Lock] = field(default_factory=lambda: {one: asyncio.Lock() for one in Channel})
    away_until: dict[Channel, datetime] = field(default_factory=dict)
    missed: Counter[Channel] = field(default_factory=Counter)

    async def send(self, posted: Sequence[Posted], lease: datetime) -> int:
        """Send those that this lease still holds; how many were taken. What there is no time for is handed back."""
        by_channel = {channel: [one.id for one in posted if one.channel == channel] for channel in Channel}
        taken = await asyncio.gather(*(self._on(channel, ids, lease) for channel, ids in by_channel.items() if ids))
        return sum(taken)

    async def _on(self, channel: Channel, ids: Sequence[UUID], lease: datetime) -> int:
        taken, size = 0, self.ways[channel].at_once
        for place in range(0, len(ids), size):
            async with self.turns[channel]:
                now = self.database.clock()
                away = self.away_until.get(channel, now)
                if away > now or self.stopping() or lease - now < NEEDED:
                    await self._hand_back(ids[place:], lease, away if away > now else None)
                    return taken
                taken += await self._some(channel, ids[place : place + size], lease)
        return taken

    async def _some(self, channel: Channel, ids: Sequence[UUID], lease: datetime) -> int:
        """As many as may be under way at once: packed in one transaction, written down in another."""
        parcels = await self.database.run(partial(self.packer.pack, ids=ids, lease=lease))
        if not parcels:
            return 0
        results = await asyncio.gather(*(self._one(channel, parcel) for parcel in parcels))
        self._mind(channel, results)
        jitters = [self.jitter() for _ in results]
        await self._write_down(partial(outcomes.record, lease=lease, results=results, jitters=jitters))
        return sum(one.receipt is not None for one in results)

    def _mind(self, channel: Channel, results: Sequence[Result]) -> None:
        """A provider that failed several times in a row is left alone for a while, by all that waits for it."""
        for one in results:
            missed = one.refusal is not None and one.refusal.away
            self.missed[channel] = self.missed[channel] + 1 if missed else 0
        if self.missed[channel] >= MOST_MISSED:
            self.away_until[channel] = self.database.clock() + AWAY_FOR
            self.missed[channel] = 0

    async def _one(self, channel: Channel, parcel: Parcel) -> Result:
        try:
            return Result(parcel.delivery_id, receipt=await self.ways[channel].send(parcel))
        except NotTaken as refusal:
            return Result(parcel.delivery_id, refusal=refusal)
        except Exception as error:
            # Whatever is wrong with this one must not hold up those behind it.
            log.exception("delivery.broke", delivery=str(parcel.delivery_id), channel=channel.value)
            return Result(parcel.delivery_id, refusal=NotTaken(repr(error)))

    async def _write_down(self, record: Callable[[Tx], Awaitable[None]]) -> None:
        """While the database is away, what is known only here is kept here: to forget it is to send it again."""
        for _ in range(RECORD_TRIES):
            try:
                return await self.database.run(record)
            except (DatabaseAway, DBAPIError, OSError) as error:
                log.warning("delivery.not_written_down", error=repr(error))
                await asyncio.sleep(RECORD_PAUSE_SECONDS)
        return await self.database.run(record)

    async def _hand_back(self, ids: Sequence[UUID], lease: datetime, until: datetime | None) -> None:
        await self.database.run(lambda tx: DUE.hand_back(tx, ids, lease, until))
