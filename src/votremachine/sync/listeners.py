"""Who listens in this process, and what waits for each of them. Nothing here waits for the database or the network."""

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from votremachine.infra.changes import Position
from votremachine.sync.rules import MOST_PER_PERSON, MOST_PER_PROCESS, Ended, TooManyListeners, TooManyStreams

# Who falls further behind is sent away, and finds the rest when it comes back.
MOST_WAITING = 256
RETRY_AFTER_SECONDS = 60


class Told(NamedTuple):
    """A change as it is sent, made once for all who hear it."""

    position: Position
    at: datetime
    parties: Sequence[UUID]
    machines: frozenset[UUID]
    frame: bytes


class Listener:
    """One open stream."""

    def __init__(
        self,
        person_id: UUID,
        session_id: UUID,
        seats: frozenset[UUID],
        *,
        party_id: UUID | None,
        machine_id: UUID | None,
        expires_at: datetime,
    ) -> None:
        self.person_id = person_id
        self.session_id = session_id
        self.seats = seats
        self.parties = seats if party_id is None else frozenset({party_id})
        self.expires_at = expires_at
        self.ended: Ended | None = None
        self._machine_id = machine_id
        self._waiting: deque[Told] = deque()
        self._woken = asyncio.Event()

    def hears(self, told: Told) -> bool:
        """Whether it asked for this, as far as its parties do not decide."""
        return self._machine_id is None or self._machine_id in told.machines

    def tell(self, told: Told) -> None:
        if self.ended is not None or not self.hears(told):
            return
        if len(self._waiting) >= MOST_WAITING:
            self.end(Ended.SLOW)
            return
        self._waiting.append(told)
        self._woken.set()

    def end(self, why: Ended) -> None:
        """What waits is dropped: who comes back is told it again."""
        if self.ended is None:
            self.ended = why
            self._waiting.clear()
            self._woken.set()

    async def next(self, seconds: float) -> list[Told]:
        """What waits, once something does, the stream has ended or this time is over."""
        try:
            async with asyncio.timeout(max(seconds, 0)):
                await self._woken.wait()
        except TimeoutError:
            pass
        self._woken.clear()
        taken = list(self._waiting)
        self._waiting.clear()
        if self.ended is not None:
            self._woken.set()
        return taken


class Listeners:
    """All of them, found by party."""

    def __init__(self) -> None:
        self._everyone: set[Listener] = set()
        self._by_party: defaultdict[UUID, set[Listener]] = defaultdict(set)
        self._by_person: Counter[UUID] = Counter()

    def __len__(self) -> int:
        return len(self._everyone)

    def __iter__(self) -> Iterator[Listener]:
        return iter(tuple(self._everyone))

    def check_room(self, person_id: UUID) -> None:
        """Raises `TooManyStreams`, `TooManyListeners`."""
        if self._by_person[person_id] >= MOST_PER_PERSON:
            raise TooManyStreams(most=MOST_PER_PERSON, retry_after=RETRY_AFTER_SECONDS)
        if len(self._everyone) >= MOST_PER_PROCESS:
            raise TooManyListeners

    def add(self, listener: Listener) -> None:
        """Raises as `check_room` does."""
        self.check_room(listener.person_id)
        self._everyone.add(listener)
        self._by_person[listener.person_id] += 1
        for party in listener.parties:
            self._by_party[party].add(listener)

    def remove(self, listener: Listener) -> None:
        self._everyone.discard(listener)
        self._by_person[listener.person_id] -= 1
        if not self._by_person[listener.person_id]:
            del self._by_person[listener.person_id]
        for party in listener.parties:
            self._by_party[party].discard(listener)
            if not self._by_party[party]:
                del self._by_party[party]

    def tell(self, told: Told) -> None:
        """To everybody who hears of one of its parties, once."""
        hearing: set[Listener] = set()
        for party in told.parties:
            hearing |= self._by_party.get(party, set())
        for listener in hearing:
            listener.tell(told)
