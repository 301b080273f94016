"""The simulated gateway at the end of a bad line: orders, or answers to them, get lost as a test wants it."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from uuid import UUID

from votremachine.infra.database import Database
from votremachine.payments.gateway import Movement, Order, OutcomeUnknown
from votremachine.payments.simulated.gateway import SimulatedGateway


class Loss(StrEnum):
    """What of one exchange gets lost."""

    NOTHING = "nothing"
    ORDER = "order"  # it never arrives
    ANSWER = "answer"  # it was carried out, and nobody hears of it


class LossyGateway(SimulatedGateway):
    """Loses what `losses` says, exchange by exchange; and says to a key what it said first, as Stripe does."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.losses: list[Loss] = []
        self.said: dict[UUID, Movement] = {}

    async def charge(self, order: Order) -> Movement:
        with self._line():
            return self.said.setdefault(order.key, await super().charge(order))

    async def hold(self, order: Order) -> Movement:
        with self._line():
            return self.said.setdefault(order.key, await super().hold(order))

    async def capture(self, reference: str, minor: int, key: UUID, *, final: bool) -> Movement:
        with self._line():
            return await super().capture(reference, minor, key, final=final)

    async def release(self, reference: str, key: UUID) -> Movement:
        with self._line():
            return await super().release(reference, key)

    async def refund(self, reference: str, minor: int, key: UUID) -> Movement:
        with self._line():
            return await super().refund(reference, minor, key)

    async def look_up(self, key: UUID) -> Movement | None:
        with self._line():
            return await super().look_up(key)

    @contextmanager
    def _line(self) -> Iterator[None]:
        """One exchange."""
        loss = self.losses.pop(0) if self.losses else Loss.NOTHING
        if loss is Loss.ORDER:
            raise OutcomeUnknown("the line is dead")
        yield
        if loss is Loss.ANSWER:
            raise OutcomeUnknown("the line went dead")
