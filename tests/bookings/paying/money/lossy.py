"""The simulated gateway at the end of a bad line: what is said to it, or what it answers, is lost when a test wants it."""

from collections.abc import Coroutine
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from votremachine.infra.database import Database
from votremachine.payments.gateway import Movement, Order, OutcomeUnknown
from votremachine.payments.simulated.gateway import SimulatedGateway

Answer = TypeVar("Answer")


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
        return await self._exchange(self._first_answer(order.key, super().charge(order)))

    async def hold(self, order: Order) -> Movement:
        return await self._exchange(self._first_answer(order.key, super().hold(order)))

    async def capture(self, reference: str, minor: int, key: UUID, *, final: bool) -> Movement:
        return await self._exchange(super().capture(reference, minor, key, final=final))

    async def release(self, reference: str, key: UUID) -> Movement:
        return await self._exchange(super().release(reference, key))

    async def refund(self, reference: str, minor: int, key: UUID) -> Movement:
        return await self._exchange(super().refund(reference, minor, key))

    async def look_up(self, key: UUID) -> Movement | None:
        return await self._exchange(super().look_up(key))

    async def _exchange(self, asked: Coroutine[Any, Any, Answer]) -> Answer:
        loss = self.losses.pop(0) if self.losses else Loss.NOTHING
        if loss is Loss.ORDER:
            asked.close()
            raise OutcomeUnknown("the line is dead")
        answer = await asked
        if loss is Loss.ANSWER:
            raise OutcomeUnknown("the line went dead")
        return answer

    async def _first_answer(self, key: UUID, asked: Coroutine[Any, Any, Movement]) -> Movement:
        if key in self.said:
            asked.close()
            return self.said[key]
        self.said[key] = await asked
        return self.said[key]
