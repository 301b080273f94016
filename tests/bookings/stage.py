"""What every rule of the engine's state machine stands on: the hour, the people, one verb at a time on both sides."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import sqlalchemy as sa
from hypothesis.stateful import RuleBasedStateMachine, initialize

from tests.bookings.oracle import NONE, Oracle
from tests.cast import Cast, plant
from tests.emptying import empty
from votremachine.infra.database import Database, Tx
from votremachine.kernel.errors import DomainError
from votremachine.kernel.span import Span

START = datetime(2026, 6, 1, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)
BUFFERS = [NONE, (HOUR, HOUR / 2), (timedelta(0), HOUR)]


class Stage(RuleBasedStateMachine):
    """Each rule does one thing to both sides; the oracle says beforehand whether the engine must refuse, and how."""

    url: ClassVar[str]

    @initialize()
    def open(self) -> None:
        self.runner = asyncio.Runner()
        self.now = START
        self.database = Database(self.url, pool_size=2, clock=lambda: self.now)
        self.cast: Cast = self.runner.run(self._planted())
        ids = self.cast.machines
        self.oracle = Oracle(START, dict(zip(ids, BUFFERS, strict=True)), {ids[2]})

    async def _planted(self) -> Cast:
        async with self.database.begin() as tx:
            await empty(tx)
            return await plant(tx, buffers=BUFFERS, on_request={2})

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.runner.run(self.database.close())
            self.runner.close()

    def do(self, verb: Callable[[Tx], Awaitable[Any]], refusal: str | None) -> Any:
        """The verb's answer; it must be refused with just this code, or not at all."""
        try:
            answer, refused = self.runner.run(self.database.run(verb)), None
        except DomainError as error:
            answer, refused = None, error.code
        assert refused == refusal, f"the engine says {refused}, the oracle says {refusal}"
        return answer

    def span(self, start: float, length: float) -> Span:
        """So many hours from now on, this hour's minutes left out."""
        begin = self.now.replace(minute=0, second=0, microsecond=0) + start * HOUR
        return Span(begin, begin + length * HOUR)

    def rows(self, question: sa.TextClause) -> Any:
        async def ask() -> Any:
            async with self.database.read() as tx:
                return await tx.rows(question)

        return self.runner.run(ask())
