"""The hours of the seed: one real transaction that acts at many moments, with ids that the date alone decides."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from hashlib import blake2b
from itertools import count
from uuid import UUID

from votremachine.demo.world import ZONE, DemoTime
from votremachine.infra.database import Tx
from votremachine.kernel.events import Event
from votremachine.kernel.ids import uuid7


class Hours:
    """The transaction `present`, as it stands at any hour up to its own."""

    def __init__(self, present: Tx, today: date) -> None:
        self.today = today
        self._present = present
        self._midnight = datetime.combine(today, time(), ZONE)
        self._made = count()

    @property
    def now(self) -> datetime:
        return self._present.now

    def at(self, moment: datetime) -> "Then":
        """The transaction at that moment; ValueError when it has not come yet: the seed only tells what happened."""
        if moment > self.now:
            raise ValueError(f"{moment} has not come yet")
        return Then(self._present, moment.astimezone(UTC), self._id_at)

    def on(self, day: int, clock: str) -> Tx:
        """The transaction at a local wall time, `day` days from today (negative: before)."""
        return self.at(DemoTime(day, clock).seen_from(self.today))

    def _id_at(self, moment: datetime) -> UUID:
        # Counted first, so that ids sort as they were made; and never past this morning, so that the hour at which
        # the seed runs leaves no trace in them.
        number = next(self._made)
        mixed = blake2b(str(number).encode(), digest_size=6).digest()
        return uuid7(min(moment, self._midnight), number.to_bytes(4) + mixed)


class Then(Tx):
    """`present` at another moment: same connection, same commit. `past`: its facts, which nobody is told."""

    def __init__(self, present: Tx, moment: datetime, id_at: Callable[[datetime], UUID]) -> None:
        super().__init__(present._line, moment)
        self._present = present
        self._deferred = present._deferred
        self._id_at = id_at
        self.past: list[Event] = []

    def publish(self, event: Event) -> None:
        # A message is dated when it is delivered: were the facts of the past told, people would read today, forty
        # times over, that something of last month is confirmed. Only what happens now is told.
        if self.now == self._present.now:
            self._present.publish(event)
        else:
            self.past.append(event)

    def new_id(self) -> UUID:
        return self._id_at(self.now)
