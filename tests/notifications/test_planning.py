"""Whatever the order of bookings, moves, hand-overs and cancellations, and however late their facts are handed on:
what is planned is what a plain list says, and nothing is told about a booking that does not stand so.
"""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.cast import Cast, plant
from tests.emptying import empty
from votremachine.bookings.paying import moving
from votremachine.bookings.rules import Booking, State, Wish, WishKind
from votremachine.bookings.schemas import Book
from votremachine.bookings.service import decide, handover, reading
from votremachine.bookings.service.book import book
from votremachine.config import Settings
from votremachine.infra.database import Database
from votremachine.infra.outbox import drain
from votremachine.kernel.errors import DomainError
from votremachine.notifications.delivering.rules import LEASE
from votremachine.notifications.reminders.rules import Moments
from votremachine.notifications.reminders.service import telling
from votremachine.worker import handlers

PARIS = ZoneInfo("Europe/Paris")
NONE = timedelta(0)
# Around a change of clocks, at noon.
BEGINNING = datetime(2027, 3, 26, 11, tzinfo=UTC)
MACHINES = 2
LIVE = "SELECT id FROM bookings WHERE state IN ('held', 'requested', 'confirmed', 'in_use') ORDER BY id"
# A booking begins and ends once, and may be called off at any moment: in proportion.
VERBS = (*("accept", "out") * 3, "accept", "decline", "cancel", "confirm", "out", "in", "move")


Wants = set[tuple[str, datetime]]


def wanted(one: Booking) -> Wants:
    """The oracle: kinds and moments of a booking, written down once more and plainly."""
    start, end, expires = one.during.start, one.during.end, one.expires_at
    found: Wants = set()
    if one.state is State.CONFIRMED:
        eve = start.astimezone(PARIS).date() - timedelta(days=1)
        found.add(("booking_tomorrow", datetime(eve.year, eve.month, eve.day, 18, tzinfo=PARIS)))
        found.add(("hand_over_soon", evening(start - timedelta(hours=2))))
    if one.state is State.IN_USE:
        found.add(("return_due", evening(end - timedelta(hours=2))))
        found |= {("overdue", end + timedelta(minutes=late)) for late in (30, 240)}
        found.add(("overdue_escalated", end + timedelta(days=1)))
    if expires:
        found |= wanted_of_a_promise(one.state, expires, one.created_at)
    return {(kind, at.astimezone(UTC)) for kind, at in found if expires is None or at < expires}


def wanted_of_a_promise(state: State, expires: datetime, made: datetime) -> Wants:
    if state is State.HELD:
        return {("hold_expiring", expires - max(timedelta(minutes=5), (expires - made) / 4))}
    asked = max(made, expires - timedelta(days=1))
    waiting = {("request_waiting", morning(asked + timedelta(hours=after))) for after in (2, 12)}
    return {*waiting, ("request_expiring", evening(expires - timedelta(hours=1)))}


def night(one: datetime) -> bool:
    return not 7 <= one.astimezone(PARIS).hour < 22


def evening(one: datetime) -> datetime:
    """An hour before the night into which it falls, if it does."""
    if not night(one):
        return one
    one = one.replace(second=0)
    while night(one):
        one -= timedelta(minutes=1)
    return one + timedelta(minutes=1) - timedelta(hours=1)


def morning(one: datetime) -> datetime:
    while night(one):
        one = (one + timedelta(minutes=1)).replace(second=0)
    return one


SIDES = {
    "return_due": ("renter",),
    "request_waiting": ("owner",),
    "request_expiring": ("owner",),
    "hold_expiring": ("renter",),
}


class Planning(RuleBasedStateMachine):
    """Drives the engine and its outbox on a clock of its own."""

    database: Database
    loop: asyncio.AbstractEventLoop

    @initialize()
    def begin(self) -> None:
        self.now = BEGINNING
        self.database.clock = lambda: self.now
        self.known: dict[UUID, dict[tuple[str, str, datetime], str]] = {}
        self.cast: Cast = self.do(self._plant())

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    async def _plant(self) -> Cast:
        async with self.database.begin() as tx:
            await empty(tx)
        async with self.database.begin() as tx:
            return await plant(tx, buffers=[(NONE, NONE)] * MACHINES, on_request={1})

    async def _verb(self, verb: Any, *given: Any, **named: Any) -> Any:
        """A verb that may be refused: that is the engine's business."""
        try:
            async with self.database.begin() as tx:
                return await verb(tx, *given, **named)
        except DomainError:
            return None

    @rule(
        machine=st.integers(0, MACHINES - 1),
        ahead=st.integers(3, 120),
        hours=st.integers(3, 60),
        payment=st.sampled_from([None, "on_account", "on_account"]),
    )
    def book(self, machine: int, ahead: int, hours: int, payment: Any) -> None:
        start = self.now.replace(minute=0, second=0) + timedelta(hours=ahead)
        asked = Book(
            machine_ids=[self.cast.machines[machine]], start=start, end=start + timedelta(hours=hours), payment=payment
        )
        if made := self.do(self._verb(book, self.cast.renter, asked)):
            self.known[made.id] = {}

    @precondition(lambda self: self.known)
    @rule(
        which=st.integers(0, 20),
        what=st.sampled_from(VERBS),
        hours=st.integers(2, 90),
    )
    def act(self, which: int, what: str, hours: int) -> None:
        live = [row.id for row in self.do(self._rows(LIVE))]
        if not live:
            return
        booking_id = live[which % len(live)]
        owner, renter = self.cast.owner, self.cast.renter
        plain: dict[str, tuple[Any, ...]] = {
            "accept": (decide.accept, owner, booking_id),
            "decline": (decide.decline, owner, booking_id, ""),
            "cancel": (decide.cancel, renter, booking_id, ""),
            "confirm": (decide.confirm_on_account, renter, booking_id),
            "in": (handover.check_in, owner, booking_id, None),
        }
        if what in plain:
            self.do(self._verb(*plain[what]))
        elif what == "out":
            self._collect(booking_id)
        else:
            self._move(booking_id, hours)

    def _move(self, booking_id: UUID, hours: int) -> None:
        one = self.do(self._verb(reading.load, booking_id))
        start = self.now.replace(minute=0, second=0) + timedelta(hours=hours)
        wish = Wish(WishKind.RESCHEDULE, one.version, start + (one.during.end - one.during.start), start)
        self.do(self._verb(moving.begin, self.cast.renter, booking_id, wish, None))

    def _collect(self, booking_id: UUID) -> None:
        """Nobody waits for days here to see a machine leave."""
        one = self.do(self._verb(reading.load, booking_id))
        self.now = max(self.now, one.during.start - timedelta(hours=1))
        self.do(self._verb(handover.check_out, self.cast.owner, booking_id))

    @rule()
    def hear(self) -> None:
        """Facts are handed on, of all that happened since; each booking is planned as it stands now."""
        heard = {row.id for row in self.do(self._rows("SELECT DISTINCT (body->>'booking_id')::uuid AS id FROM outbox"))}
        self.do(drain(self.database, handlers(Moments())))
        for booking_id in heard & self.known.keys():
            self._plan(booking_id)

    def _plan(self, booking_id: UUID) -> None:
        one = self.do(self._verb(reading.load, booking_id))
        wants = wanted(one)
        keys = {(kind, side, at) for kind, at in wants for side in SIDES.get(kind, ("owner", "renter"))}
        mine = self.known[booking_id]
        for key, state in list(mine.items()):
            if state == "planned" and key[2] > self.now and key not in keys:
                mine[key] = "dropped"
        for key in keys:
            if key[2] > self.now and mine.get(key) in {None, "dropped"}:
                mine[key] = "planned"

    @rule(minutes=st.sampled_from([5, 20, 90, 600, 1500]))
    def pass_time(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule()
    def expire(self) -> None:
        self.do(self._verb(decide.expire))

    @rule()
    def sweep(self) -> None:
        """What is due is told if it still holds, and dropped if not; whoever heard of what."""
        self.do(self._sweep())
        again = set()
        for booking_id, mine in self.known.items():
            one = self.do(self._verb(reading.load, booking_id))
            wants = wanted(one)
            stands = one.expires_at is None or self.now < one.expires_at
            for key, state in list(mine.items()):
                kind, _, at = key
                if state != "planned" or at > self.now:
                    continue
                late = {"return_due": one.during.end}.get(kind, one.during.start)
                too_late = kind in {"booking_tomorrow", "hand_over_soon", "return_due"} and late <= self.now
                mine[key] = "told" if stands and not too_late and (kind, at) in wants else "dropped"
                if mine[key] == "dropped":
                    again.add(booking_id)
        for booking_id in again:
            self._plan(booking_id)

    async def _sweep(self) -> None:
        async with self.database.begin() as tx:
            ids, lease = await telling.DUE.lease(tx, 1000, LEASE)
        async with self.database.begin() as tx:
            await telling.tell(tx, ids, lease, Moments())

    async def _rows(self, statement: str) -> Any:
        async with self.database.read() as tx:
            return await tx.rows(sa.text(statement))

    @invariant()
    def what_is_planned_is_what_the_list_says(self) -> None:
        if not hasattr(self, "known"):
            return
        rows = self.do(self._rows("SELECT subject, kind, person_id, due_at, state FROM reminders"))
        side = {self.cast.owner.person_id: "owner", self.cast.renter.person_id: "renter"}
        found = {(row.subject, row.kind, side[row.person_id], row.due_at): row.state for row in rows}
        expected = {(booking_id, *key): state for booking_id, mine in self.known.items() for key, state in mine.items()}
        assert found == expected


def test_any_order_of_things(settings: Settings) -> None:
    loop = asyncio.new_event_loop()
    Planning.loop, Planning.database = loop, Database(settings.database_url, 2)
    try:
        run_state_machine_as_test(
            Planning,
            settings=hypothesis_settings(
                max_examples=30, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
            ),
        )
    finally:
        loop.run_until_complete(Planning.database.close())
        loop.close()


def test_who_is_late_hears_of_it_again_until_the_machine_is_back(settings: Settings) -> None:
    """One straight walk through what the machine above meets now and then."""
    loop = asyncio.new_event_loop()
    Planning.loop, Planning.database = loop, Database(settings.database_url, 2)
    walk = Planning()
    try:
        walk.begin()
        walk.book(0, 24, 10, "on_account")
        (booking_id,) = walk.known
        walk.act(0, "out", 2)
        walk.hear()
        for minutes in (10 * 60, 91, 4 * 60):
            walk.pass_time(minutes)
            walk.sweep()
            walk.what_is_planned_is_what_the_list_says()
        walk.act(0, "in", 2)
        walk.hear()
        walk.what_is_planned_is_what_the_list_says()
        found = sorted((kind, state) for (kind, _, _), state in walk.known[booking_id].items())
        assert found == [
            *[("overdue", "told")] * 4,
            *[("overdue_escalated", "dropped")] * 2,
            ("return_due", "told"),
        ]
    finally:
        loop.run_until_complete(Planning.database.close())
        loop.close()
