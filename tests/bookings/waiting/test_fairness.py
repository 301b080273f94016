"""The waiting list against a plain queue in memory: bookings, wishes, withdrawals, clocks and sweeps in any order."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.cast import Cast, farmer, plant
from tests.emptying import empty
from votremachine.accounts.rules import Actor
from votremachine.bookings.jobs import expire_provisional
from votremachine.bookings.schemas import Book
from votremachine.bookings.service import decide
from votremachine.bookings.service.book import book
from votremachine.bookings.waiting.jobs import offer_freed
from votremachine.bookings.waiting.rules import offer_expiry
from votremachine.bookings.waiting.schemas import Wait
from votremachine.bookings.waiting.service.verbs import wait, withdraw
from votremachine.config import Settings
from votremachine.fleet.service import machines_by_id
from votremachine.infra.database import Database, Tx
from votremachine.kernel.errors import DomainError
from votremachine.kernel.span import Span

START = datetime(2026, 10, 24, 6, tzinfo=UTC)  # the night that follows has an hour more in the Landes
HOUR = timedelta(hours=1)
BUFFERS = [(timedelta(0), timedelta(0)), (HOUR, HOUR / 2)]
WAITERS = 4
ENDS = {"taken", "passed", "withdrawn", "lapsed"}
ENTRIES = sa.text("SELECT id, state, booking_id FROM waiting_entries ORDER BY id")
HELD = sa.text("SELECT ref_id, lower(during) AS starts, upper(during) AS ends, expires_at FROM occupancies")
OVERLAPS = sa.text(
    """
    SELECT count(*) FROM occupancies a JOIN occupancies b
    ON a.machine_id = b.machine_id AND a.id < b.id AND a.blocked && b.blocked
    """
)

# Close enough together to meet, now and then already begun.
machines, starts, lengths = st.integers(0, 1), st.integers(-1, 10), st.integers(1, 6)
waiters = st.integers(0, WAITERS - 1)


@dataclass
class Wish:
    """Who waits for what, in the order in which they came."""

    machine: int
    who: int
    span: Span
    state: str = "waiting"
    booking: UUID | None = None


@dataclass
class Hold:
    """A booking that stands, `until` then, or for good."""

    machine: int
    span: Span
    until: datetime | None

    @property
    def blocked(self) -> Span:
        return self.span.widened(*BUFFERS[self.machine])


class Line(RuleBasedStateMachine):
    """Each rule does one thing to both sides; a sweep must leave the database just as the queue says."""

    url: ClassVar[str]

    @initialize()
    def open(self) -> None:
        self.runner = asyncio.Runner()
        self.now = START
        self.database = Database(self.url, pool_size=2, clock=lambda: self.now)
        self.cast, self.people = self.runner.run(self._planted())
        # As they stand: what was cancelled or swept is gone from `holds`.
        self.holds: dict[UUID, Hold] = {}
        self.wishes: dict[UUID, Wish] = {}

    async def _planted(self) -> tuple[Cast, list[Actor]]:
        async with self.database.begin() as tx:
            await empty(tx)
            cast = await plant(tx, buffers=BUFFERS)
            self.zone = (await machines_by_id(tx, cast.machines))[cast.machines[0]].zone
            return cast, [await farmer(tx, f"waiter {number}") for number in range(WAITERS)]

    def teardown(self) -> None:
        if not hasattr(self, "runner"):
            return
        try:
            self.everything_ends()
        finally:
            self.runner.run(self.database.close())
            self.runner.close()

    def everything_ends(self) -> None:
        """Whatever happens, in the end nobody waits any more."""
        for days in (3, 6):
            self.now = START + timedelta(days=days)
            self.sweep()
        assert {wish.state for wish in self.wishes.values()} <= ENDS

    def do(self, verb: Callable[[Tx], Awaitable[Any]], refusal: str | None) -> Any:
        try:
            answer, refused = self.runner.run(self.database.run(verb)), None
        except DomainError as error:
            answer, refused = None, error.code
        assert refused == refusal, f"refused as {refused}, expected {refusal}"
        return answer

    def span(self, start: int, length: int) -> Span:
        begin = self.now.replace(minute=0, second=0) + start * HOUR
        return Span(begin, begin + length * HOUR)

    def live(self, hold: Hold) -> bool:
        return hold.until is None or hold.until > self.now

    def free(self, machine: int, span: Span) -> bool:
        wanted = span.widened(*BUFFERS[machine])
        others = (one for one in self.holds.values() if one.machine == machine and self.live(one))
        return not any(one.blocked.overlaps(wanted) for one in others)

    @rule(machine=machines, start=starts, length=lengths)
    def somebody_books(self, machine: int, start: int, length: int) -> None:
        span = self.span(start, length)
        asked = Book(machine_ids=[self.cast.machines[machine]], start=span.start, end=span.end, payment="on_account")
        refusal = "in_the_past" if span.start < self.now else None if self.free(machine, span) else "span_taken"
        if made := self.do(lambda tx: book(tx, self.cast.renter, asked), refusal):
            self.holds[made.id] = Hold(machine, span, None)

    def settled_bookings(self) -> list[UUID]:
        return [ref for ref, one in self.holds.items() if one.until is None and one.span.start > self.now]

    @precondition(lambda self: bool(self.settled_bookings()))
    @rule(data=st.data())
    def somebody_cancels(self, data: st.DataObject) -> None:
        ref = data.draw(st.sampled_from(self.settled_bookings()))
        self.do(lambda tx: decide.cancel(tx, self.cast.owner, ref, ""), None)
        del self.holds[ref]

    @rule(machine=machines, who=waiters, start=starts, length=lengths)
    def somebody_waits(self, machine: int, who: int, start: int, length: int) -> None:
        self._wait(machine, who, self.span(start, length))

    @precondition(lambda self: bool(self.holds))
    @rule(data=st.data(), who=waiters, shift=st.integers(-1, 1))
    def somebody_waits_for_what_is_taken(self, data: st.DataObject, who: int, shift: int) -> None:
        hold = data.draw(st.sampled_from(list(self.holds.values())))
        self._wait(hold.machine, who, Span(hold.span.start + shift * HOUR, hold.span.end + shift * HOUR))

    @precondition(lambda self: bool(self.settled_bookings()))
    @rule(data=st.data(), crowd=st.lists(st.tuples(waiters, st.integers(-2, 2), lengths), min_size=2, max_size=4))
    def what_many_wait_for_comes_free(self, data: st.DataObject, crowd: list[tuple[int, int, int]]) -> None:
        ref = data.draw(st.sampled_from(self.settled_bookings()))
        hold = self.holds[ref]
        for who, shift, length in crowd:
            start = hold.span.start + shift * HOUR
            self._wait(hold.machine, who, Span(start, start + length * HOUR))
        if hold.span.end > self.now:
            self.do(lambda tx: decide.cancel(tx, self.cast.owner, ref, ""), None)
            del self.holds[ref]
        self.sweep()

    def _wait(self, machine: int, who: int, span: Span) -> None:
        # Nobody comes at the same moment as another.
        self.now += timedelta(seconds=1)
        asked = Wait(start=span.start, end=span.end)
        open_ones = [one for one in self.wishes.values() if one.state in {"waiting", "offered"}]
        refusal = None
        if span.start < self.now:
            refusal = "in_the_past"
        elif self.free(machine, span):
            refusal = "free_now"
        elif any((one.machine, one.who, one.span) == (machine, who, span) for one in open_ones):
            refusal = "already_waiting"
        ref = self.cast.machines[machine]
        if made := self.do(lambda tx: wait(tx, self.people[who], ref, asked), refusal):
            self.wishes[made.id] = Wish(machine, who, span)

    @precondition(lambda self: bool(self.wishes))
    @rule(data=st.data())
    def somebody_withdraws(self, data: st.DataObject) -> None:
        ref = data.draw(st.sampled_from(list(self.wishes)))
        wish = self.wishes[ref]
        hold = self.holds.get(wish.booking) if wish.booking else None
        offered = wish.state == "offered" and hold is not None and hold.until is not None and self.live(hold)
        refusal = None if wish.state == "waiting" or offered else "illegal_transition"
        self.do(lambda tx: withdraw(tx, self.people[wish.who], ref), refusal)
        if wish.state == "waiting":
            wish.state = "withdrawn"
        elif offered and wish.booking:
            wish.state = "passed"
            del self.holds[wish.booking]

    def offers(self) -> list[Wish]:
        return [one for one in self.wishes.values() if one.state == "offered"]

    @precondition(lambda self: bool(self.offers()))
    @rule(data=st.data())
    def somebody_confirms(self, data: st.DataObject) -> None:
        wish = data.draw(st.sampled_from(self.offers()))
        assert wish.booking
        ref, hold = wish.booking, self.holds[wish.booking]
        refusal = None
        if hold.until is None:
            refusal = "illegal_transition"
        elif not self.live(hold):
            refusal = "hold_expired"
        self.do(lambda tx: decide.confirm_on_account(tx, self.people[wish.who], ref), refusal)
        if refusal is None:
            hold.until = None

    @rule(hours=st.sampled_from([0.1, 1, 2, 5, 11]))
    def time_passes(self, hours: float) -> None:
        self.now += hours * HOUR

    @rule()
    def sweep(self) -> None:
        """The queue's own sweep: who came first and whose time is free gets it, one after the other."""
        self._settle()
        expected: dict[UUID, Hold] = {}
        for ref, wish in self.wishes.items():
            if wish.state == "waiting" and wish.span.start <= self.now:
                wish.state = "lapsed"
            elif wish.state == "waiting" and self.free(wish.machine, wish.span):
                wish.state = "offered"
                until = offer_expiry(self.now, wish.span.start, self.zone)
                self.holds[ref] = expected[ref] = Hold(wish.machine, wish.span, until)
        self.runner.run(expire_provisional({"database": self.database}))
        assert self.runner.run(offer_freed({"database": self.database, "settings": Settings()})) == len(expected)
        for row in self.rows(ENTRIES):
            if row.id in expected:
                # The queue knows no ids of bookings but those it is told.
                self.holds[row.booking_id] = self.holds.pop(row.id)
                self.wishes[row.id].booking = row.booking_id

    def _settle(self) -> None:
        self.holds = {ref: one for ref, one in self.holds.items() if self.live(one)}
        for wish in self.offers():
            hold = self.holds.get(wish.booking) if wish.booking else None
            if hold is None:
                wish.state = "passed"
            elif hold.until is None:
                wish.state = "taken"

    @invariant()
    def everybody_is_where_the_queue_says(self) -> None:
        if not hasattr(self, "runner"):
            return
        seen = {row.id: (row.state, row.booking_id) for row in self.rows(ENTRIES)}
        assert seen == {ref: (one.state, one.booking) for ref, one in self.wishes.items()}
        held = {row.ref_id: (Span(row.starts, row.ends), row.expires_at) for row in self.rows(HELD)}
        live = {ref: one for ref, one in held.items() if one[1] is None or one[1] > self.now}
        assert live == {ref: (one.span, one.until) for ref, one in self.holds.items() if self.live(one)}
        assert self.rows(OVERLAPS)[0].count == 0

    def rows(self, question: sa.TextClause) -> Any:
        async def ask() -> Any:
            async with self.database.read() as tx:
                return await tx.rows(question)

        return self.runner.run(ask())


def test_any_order_of_wishes_bookings_hours_and_sweeps(database_url: str) -> None:
    Line.url = database_url
    calm = settings(
        max_examples=40,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
    run_state_machine_as_test(Line, settings=calm)
