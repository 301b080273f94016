"""The engine against its oracle: any order of verbs and hours, on real PostgreSQL, compared after every step."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule, run_state_machine_as_test

from tests.bookings.engine_feeds import Feeds
from tests.bookings.oracle import Blocked
from tests.bookings.stage import HOUR
from votremachine.availability.blocks.jobs import roll_forward
from votremachine.availability.blocks.rules import Scope
from votremachine.availability.blocks.schemas import BlockTime, EditBlock
from votremachine.availability.blocks.service import verbs as blocks
from votremachine.bookings.paying import moving as other_times
from votremachine.bookings.replacing.schemas import Move, PlanReplacement, Replace
from votremachine.bookings.replacing.service import moving, planning
from votremachine.bookings.rules import Wish, WishKind
from votremachine.bookings.schemas import Book
from votremachine.bookings.service import decide, handover, look
from votremachine.bookings.service.book import book
from votremachine.infra.database import Tx
from votremachine.kernel.span import Span

DAY = timedelta(days=1)

OVERLAPS = sa.text(
    """
    SELECT count(*) FROM occupancies a JOIN occupancies b
    ON a.machine_id = b.machine_id AND a.id < b.id AND a.blocked && b.blocked
    """
)
OCCUPIED = sa.text(
    """
    SELECT ref_id, machine_id, lower(during) AS s, upper(during) AS e, lower(blocked) AS bs, upper(blocked) AS be,
           expires_at
    FROM occupancies
    """
)
BOOKED = sa.text("SELECT id, state, expires_at FROM bookings")

lengths = st.integers(1, 14)
groups = st.sets(st.integers(0, 2), min_size=1, max_size=3)
# Mostly ahead of the engine's own hour, sometimes already begun, close enough together to collide.
starts = st.integers(-1, 20)
# For each booking of a machine, in order, which of the two others takes it, if any.
targets = st.lists(st.sampled_from([0, 1, None]), min_size=1, max_size=6)


@st.composite
def booking_in(draw: st.DrawFn, *states: str) -> UUID:
    """Mostly a booking in one of these states, so that verbs get somewhere; now and then any other."""
    engine: Engine = draw(st.runner())
    fitting = [ref for ref, one in engine.oracle.bookings.items() if one.state in states]
    anywhere = not fitting or draw(st.integers(0, 4)) == 0
    return draw(st.sampled_from(list(engine.oracle.bookings) if anywhere else fitting))


def some(*states: str) -> Callable[["Engine"], bool]:
    """The rule is worth trying: there is a booking that it fits."""
    return lambda engine: any(one.state in states for one in engine.oracle.bookings.values())


def some_block(engine: "Engine") -> bool:
    return bool(engine.block_ids)


class Engine(Feeds):
    """Verbs of bookings and blocks; the others come with what it is made of."""

    @initialize()
    def open(self) -> None:
        super().open()
        self.block_ids: list[UUID] = []

    def late(self, span: Span) -> str | None:
        return "in_the_past" if span.start < self.now else None

    def standing(self, ref: UUID, allowed: set[str], otherwise: str = "illegal_transition") -> str | None:
        state, ran_out = self.oracle.bookings[ref].state, self.oracle.state(ref) == "expired"
        if ran_out and state in {"held", "requested"}:
            return "hold_expired"
        return None if state in allowed else otherwise

    @rule(hours=st.sampled_from([0.1, 0.25, 1, 3, 13, 40]))
    def time_passes(self, hours: float) -> None:
        self.now += hours * HOUR
        self.oracle.now = self.now

    @precondition(some("confirmed", "in_use", "returned"))
    @rule(ref=booking_in("confirmed", "in_use", "returned"), hours=st.sampled_from([0, 0.5, 2, 60]), end=st.booleans())
    def the_hour_comes(self, ref: UUID, hours: float, end: bool) -> None:
        span = self.oracle.bookings[ref].span
        self.now = max(self.now, (span.end if end else span.start) + hours * HOUR)
        self.oracle.now = self.now

    @rule(group=groups, start=starts, length=lengths)
    def hold(self, group: set[int], start: int, length: int) -> None:
        self._book(group, start, length, on_account=False)

    @rule(group=groups, start=starts, length=lengths)
    def book_on_account(self, group: set[int], start: int, length: int) -> None:
        self._book(group, start, length, on_account=True)

    def _book(self, group: set[int], start: int, length: int, *, on_account: bool) -> None:
        machines, span = sorted(self.cast.machines[i] for i in group), self.span(start, length)
        asked = Book(machine_ids=machines, start=span.start, end=span.end)
        asked.payment = "on_account" if on_account else None
        refusal = self.late(span) or self.oracle.may_take(machines, span)
        made = self.do(lambda tx: book(tx, self.cast.renter, asked), refusal)
        if made:
            self.oracle.book(made.id, machines, span, on_account=on_account)

    @precondition(some("held"))
    @rule(ref=booking_in("held"))
    def confirm(self, ref: UUID) -> None:
        refusal = self.standing(ref, {"held"})
        one = self.oracle.bookings[ref]
        if refusal is None and self.oracle.on_request & set(one.machines) and one.span.start <= self.now:
            refusal = "hold_expired"
        if self.do(lambda tx: decide.confirm_on_account(tx, self.cast.renter, ref), refusal):
            self.oracle.commit(ref)

    @precondition(some("requested"))
    @rule(ref=booking_in("requested"))
    def accept(self, ref: UUID) -> None:
        if self.do(lambda tx: decide.accept(tx, self.cast.owner, ref), self.standing(ref, {"requested"})):
            self.oracle.become(ref, "confirmed")

    @precondition(some("requested"))
    @rule(ref=booking_in("requested"))
    def decline(self, ref: UUID) -> None:
        if self.do(lambda tx: decide.decline(tx, self.cast.owner, ref, ""), self.standing(ref, {"requested"})):
            self.oracle.become(ref, "declined")

    @precondition(some("held", "requested", "confirmed"))
    @rule(ref=booking_in("held", "requested", "confirmed"), by_owner=st.booleans())
    def cancel(self, ref: UUID, by_owner: bool) -> None:
        who = self.cast.owner if by_owner else self.cast.renter
        refusal, one = self.standing(ref, {"held", "requested", "confirmed"}), self.oracle.bookings[ref]
        if one.state == "confirmed" and self.now >= (one.span.end if by_owner else one.span.start):
            refusal = "too_late"
        if self.do(lambda tx: decide.cancel(tx, who, ref, "rain"), refusal):
            self.oracle.become(ref, "cancelled")

    @precondition(lambda self: any(one.expires_at for one in self.oracle.bookings.values()))
    @rule()
    def sweep(self) -> None:
        self.do(decide.expire, None)
        for ref, one in self.oracle.bookings.items():
            if one.state in {"held", "requested"} and self.oracle.state(ref) == "expired":
                self.oracle.become(ref, "expired")
        assert not [row for row in self.rows(OCCUPIED) if row.expires_at and row.expires_at <= self.now]

    @precondition(some("held", "requested", "confirmed"))
    @rule(ref=booking_in("held", "requested", "confirmed"), start=starts, length=lengths)
    def reschedule(self, ref: UUID, start: int, length: int) -> None:
        one, span = self.oracle.bookings[ref], self.span(start, length)
        refusal = self.standing(ref, {"held", "requested", "confirmed"}, "not_movable") or self.approved(ref)
        if refusal is None and one.state == "confirmed" and self.now > one.span.start - DAY:
            # By flexible terms cancelling is not free any more.
            refusal = "time_fixed"
        refusal = refusal or self.late(span) or self.oracle.may_take(one.machines, span, but=ref)
        if self.do(lambda tx: self._reschedule(tx, ref, span), refusal):
            self.oracle.move(ref, span)

    @precondition(some("confirmed", "in_use"))
    @rule(ref=booking_in("confirmed", "in_use"), hours=st.integers(-2, 8))
    def extend(self, ref: UUID, hours: int) -> None:
        one = self.oracle.bookings[ref]
        end = one.span.end + hours * HOUR
        refusal = self.standing(ref, {"confirmed", "in_use"}, "not_movable") or self.approved(ref)
        if refusal is None and end <= one.span.start:
            refusal = "ends_before_start"
        elif refusal is None and hours <= 0:
            refusal = "not_later"
        span = Span(one.span.start, max(end, one.span.end))
        refusal = refusal or self.oracle.may_take(one.machines, span, but=ref)
        if self.do(lambda tx: self._extend(tx, ref, end), refusal):
            self.oracle.move(ref, span)

    @precondition(some("requested", "confirmed"))
    @rule(ref=booking_in("requested", "confirmed"), nth=st.integers(0, 2), others=targets, leave=st.booleans())
    def replace(self, ref: UUID, nth: int, others: list[int | None], leave: bool) -> None:
        """Each booking of a machine to one of the others, or left; `ref` in any case, whatever has become of it."""
        machines = self.oracle.bookings[ref].machines
        machine = machines[nth % len(machines)]
        spare = [one for one in self.cast.machines if one != machine]
        here = [ref, *(one for one in self.oracle.replaceable(machine) if one != ref)]
        chosen = zip(here, [others[0] or 0, *others[1:]], strict=False)
        self._replace(machine, {one: spare[to] for one, to in chosen if to is not None}, leave=leave)

    @precondition(some("requested", "confirmed"))
    @rule(machine=st.integers(0, 2))
    def replace_as_planned(self, machine: int) -> None:
        machine_id = self.cast.machines[machine]
        plan = self.do(lambda tx: planning.propose(tx, self.cast.owner, machine_id, PlanReplacement(), "fr"), None)
        assert sorted(one.booking_id for one in plan.bookings) == self.oracle.replaceable(machine_id)
        moves = {one.booking_id: one.to_machine_id for one in plan.bookings if one.to_machine_id}
        if moves:
            assert self.oracle.may_replace(machine_id, moves, leave=True) is None, "what is planned can be done"
            self._replace(machine_id, moves, leave=True)

    def _replace(self, machine: UUID, moves: dict[UUID, UUID], *, leave: bool) -> None:
        refusal = self.oracle.may_replace(machine, moves, leave=leave)
        if self.do(lambda tx: self._put_others(tx, machine, moves, leave), refusal):
            self.oracle.replace(machine, moves)

    @rule(machine=st.integers(0, 2), start=starts, length=st.integers(1, 4))
    def block(self, machine: int, start: int, length: int) -> None:
        self._block(machine, start, length, count=1)

    # Some are so long that one occurrence reaches into the next.
    @rule(machine=st.integers(0, 2), start=starts, length=st.sampled_from([1, 3, 6, 26]), count=st.integers(2, 5))
    def block_daily(self, machine: int, start: int, length: int, count: int) -> None:
        self._block(machine, start, length, count=count)

    def _block(self, machine: int, start: int, length: int, *, count: int) -> None:
        span, machine_id = self.span(start, length), self.cast.machines[machine]
        dates = [span.start + day * DAY for day in range(count)]
        wanted = Blocked(machine_id, dates, span.length, recurs=count > 1)
        refusal = self.oracle.may_block(machine_id, wanted.spans(self.now), [])
        if not wanted.spans(self.now):
            refusal = "never_takes_place"
        asked = BlockTime(start=span.start, end=span.end, rrule=f"FREQ=DAILY;COUNT={count}" if count > 1 else "")
        made = self.do(lambda tx: blocks.block(tx, self.cast.owner, machine_id, asked), refusal)
        if made:
            self.block_ids.append(made.id)
            self.oracle.put(None, {made.id: wanted}, machine_id)

    @precondition(some_block)
    @rule(index=st.integers(0, 10), nth=st.integers(0, 4), scope=st.sampled_from(Scope), hours=st.integers(-5, 5))
    def move_block(self, index: int, nth: int, scope: Scope, hours: int) -> None:
        ref = self.block_ids[index % len(self.block_ids)]
        old = self.oracle.blocks.get(ref)
        if old is None or not old.alive():
            return
        at = old.alive()[nth % len(old.alive())]
        anchor, shift = old.starts[0] if scope is Scope.ALL else at, hours * HOUR
        kept, made = self._moved(old, at, scope, shift)
        wanted = [span for one in (kept, made) if one for span in one.spans(self.now)]
        refusal = self.oracle.may_block(old.machine, wanted, old.spans(self.now))
        view = self.do(lambda tx: self._move_block(tx, ref, anchor + shift, scope, at), refusal)
        if view is None:
            return
        assert (view.id == ref) == (made is None)
        if made is not None:
            self.block_ids.append(view.id)
        self.oracle.put(ref, self._standing({ref: kept} if made is None else {ref: kept, view.id: made}), old.machine)

    def _standing(self, blocked: dict[UUID, Blocked]) -> dict[UUID, Blocked]:
        return {ref: one for ref, one in blocked.items() if one.alive()}

    def _moved(self, old: Blocked, at: datetime, scope: Scope, shift: timedelta) -> tuple[Blocked, Blocked | None]:
        if scope is Scope.ALL or not old.recurs:
            return old.moved(shift), None
        if scope is Scope.THIS:
            kept = replace(old, left_out=old.left_out | {at})
            return kept, Blocked(old.machine, [at + shift], old.length, recurs=False)
        earlier, rest = old.part(None, at), old.part(at, None).moved(shift)
        return (earlier, rest) if earlier.alive() else (rest, None)

    async def _move_block(self, tx: Tx, ref: UUID, start: datetime, scope: Scope, at: datetime) -> Any:
        who, asked = self.cast.owner, EditBlock(start=start)
        version = (await blocks.show(tx, who, ref)).version
        return await blocks.edit(tx, who, ref, version, asked, scope, None if scope is Scope.ALL else at)

    @precondition(some_block)
    @rule(index=st.integers(0, 10), nth=st.integers(0, 4), scope=st.sampled_from(Scope))
    def unblock(self, index: int, nth: int, scope: Scope) -> None:
        ref = self.block_ids[index % len(self.block_ids)]
        old = self.oracle.blocks.get(ref)
        refusal = None if old else "unknown_block"
        at = old.alive()[nth % len(old.alive())] if old and old.alive() else self.now
        named = None if scope is Scope.ALL else at
        self.do(lambda tx: blocks.unblock(tx, self.cast.owner, ref, scope, named), refusal)
        if old is None:
            return
        left: Blocked | None = None
        if scope is Scope.THIS and old.recurs:
            left = replace(old, left_out=old.left_out | {at})
        elif scope is Scope.FOLLOWING and old.recurs:
            left = old.part(None, at)
        self.oracle.put(ref, {ref: left} if left and left.alive() else {}, old.machine)

    @precondition(some_block)
    @rule()
    def roll_forward(self) -> None:
        self.runner.run(roll_forward({"database": self.database}))
        for machine in self.cast.machines:
            self.oracle.fill(machine, set())

    @precondition(some("confirmed"))
    @rule(ref=booking_in("confirmed"))
    def check_out(self, ref: UUID) -> None:
        one = self.oracle.bookings[ref]
        refusal = "too_early" if self.now < one.span.start - 2 * HOUR else None
        if refusal is None and one.state != "confirmed":
            refusal = "illegal_transition"
        if refusal is None and self.oracle.any_out(one.machines):
            refusal = "machine_still_out"
        taken = Span(min(self.now, one.span.start), one.span.end) if self.now < one.span.end else None
        if refusal is None and taken and self.now < one.span.start:
            refusal = self.oracle.may_take(one.machines, taken, but=ref) and "not_free_yet"
        if self.do(lambda tx: handover.check_out(tx, self.cast.owner, ref), refusal):
            self.oracle.become(ref, "in_use")
            one.out_at = self.now
            if taken and self.now < one.span.start:
                self.oracle.take(ref, one.machines, taken, None)

    @precondition(some("in_use"))
    @rule(ref=booking_in("in_use"), minutes_ago=st.integers(0, 200))
    def check_in(self, ref: UUID, minutes_ago: int) -> None:
        one, at = self.oracle.bookings[ref], self.now - timedelta(minutes=minutes_ago)
        refusal = "impossible_return" if one.out_at and at < one.out_at else None
        if refusal is None and one.state != "in_use":
            refusal = "illegal_transition"
        if self.do(lambda tx: handover.check_in(tx, self.cast.owner, ref, at), refusal):
            self.oracle.become(ref, "returned")
            self.oracle.cut(ref, max(at, (one.out_at or at) + timedelta(minutes=1)))
            one.returned_at = at

    @precondition(some("confirmed"))
    @rule(ref=booking_in("confirmed"))
    def no_show(self, ref: UUID) -> None:
        one = self.oracle.bookings[ref]
        refusal = "too_early" if self.now < one.span.start else None
        if refusal is None and one.state != "confirmed":
            refusal = "illegal_transition"
        if self.do(lambda tx: handover.no_show(tx, self.cast.owner, ref, ""), refusal):
            self.oracle.become(ref, "no_show")

    @precondition(lambda self: any(one.state in {"in_use", "returned"} for one in self.oracle.bookings.values()))
    @rule()
    def complete(self) -> None:
        self.do(handover.complete, None)
        self.do(handover.warn_overdue, None)
        for ref, one in self.oracle.bookings.items():
            if one.state == "returned" and one.returned_at and one.returned_at <= self.now - 48 * HOUR:
                self.oracle.become(ref, "completed")

    @invariant()
    def no_machine_is_in_two_places(self) -> None:
        if hasattr(self, "cast"):
            assert self.rows(OVERLAPS)[0].count == 0

    @invariant()
    def the_calendar_is_the_oracles(self) -> None:
        if not hasattr(self, "cast"):
            return
        named = self.events()
        live = {
            (named.get(row.ref_id, row.ref_id), row.machine_id, row.s, row.e, row.bs, row.be)
            for row in self.rows(OCCUPIED)
            if row.expires_at is None or row.expires_at > self.now
        }
        expected = [
            (one.ref, one.machine, one.during.start, one.during.end, one.blocked.start, one.blocked.end)
            for one in self.oracle.live()
        ]
        assert len(expected) == len(set(expected))
        assert live == set(expected)

    @invariant()
    def the_states_are_the_oracles(self) -> None:
        if not hasattr(self, "cast"):
            return
        found = {row.id: row for row in self.rows(BOOKED)}
        assert {ref: row.state for ref, row in found.items()} == {
            ref: one.state for ref, one in self.oracle.bookings.items()
        }
        for ref, row in found.items():
            assert row.expires_at == self.oracle.bookings[ref].expires_at

    def approved(self, ref: UUID) -> str | None:
        """Whether an owner who was asked has said yes to this time."""
        one = self.oracle.bookings[ref]
        return "owner_decides" if one.asked and one.state in {"confirmed", "in_use"} else None

    async def _reschedule(self, tx: Tx, ref: UUID, span: Span) -> Any:
        who = self.cast.renter
        wish = Wish(WishKind.RESCHEDULE, (await look.show(tx, who, ref)).version, span.end, span.start)
        return await other_times.begin(tx, who, ref, wish, None)

    async def _put_others(self, tx: Tx, machine: UUID, moves: dict[UUID, UUID], leave: bool) -> Any:
        who = self.cast.owner
        versions = {ref: (await look.show(tx, who, ref)).version for ref in moves}
        asked = [Move(booking_id=ref, version=versions[ref], to_machine_id=other) for ref, other in moves.items()]
        return await moving.replace(tx, who, machine, Replace(moves=asked, leave_unassigned=leave))

    async def _extend(self, tx: Tx, ref: UUID, end: datetime) -> Any:
        who = self.cast.renter
        wish = Wish(WishKind.EXTEND, (await look.show(tx, who, ref)).version, end)
        return await other_times.begin(tx, who, ref, wish, None)


@pytest.mark.timeout(400)
def test_the_engine_does_what_the_oracle_says(database_url: str) -> None:
    Engine.url = database_url
    run_state_machine_as_test(
        Engine,
        settings=settings(
            max_examples=60,
            stateful_step_count=60,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
