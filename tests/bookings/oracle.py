"""A plain in-memory calendar that says what the engine must do: the oracle of the state machine.

It keeps one list of what blocks which machine and knows no database, no index and no transaction.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from votremachine.kernel.span import Span, subtract

Buffers = tuple[timedelta, timedelta]
NONE: Buffers = (timedelta(0), timedelta(0))
LIVE_STATES = {"held", "requested", "confirmed", "in_use", "returned"}


@dataclass
class Taken:
    """One machine's time, taken by `ref`."""

    ref: UUID
    machine: UUID
    during: Span
    blocked: Span
    expires_at: datetime | None = None


@dataclass
class Booked:
    """What the oracle remembers of a booking."""

    machines: list[UUID]
    span: Span
    state: str
    expires_at: datetime | None = None
    out_at: datetime | None = None
    returned_at: datetime | None = None
    asked: bool = False  # an owner was asked, or will be


@dataclass
class Blocked:
    """What the oracle remembers of a block: the starts of a series, those left out among them, or the only one."""

    machine: UUID
    starts: list[datetime]
    length: timedelta
    recurs: bool
    left_out: set[datetime] = field(default_factory=set)

    def spans(self, now: datetime) -> list[Span]:
        """What it wants: the only one in any case, of a series what is not over."""
        every = [Span(start, start + self.length) for start in self.starts if start not in self.left_out]
        return [span for span in every if span.end > now or not self.recurs]

    def alive(self) -> list[datetime]:
        return [start for start in self.starts if start not in self.left_out]

    def moved(self, shift: timedelta) -> "Blocked":
        left_out = {start + shift for start in self.left_out}
        return Blocked(self.machine, [one + shift for one in self.starts], self.length, self.recurs, left_out)

    def part(self, since: datetime | None, until: datetime | None) -> "Blocked":
        def within(start: datetime) -> bool:
            return (since is None or start >= since) and (until is None or start < until)

        left_out = {one for one in self.left_out if within(one)}
        return Blocked(self.machine, [one for one in self.starts if within(one)], self.length, self.recurs, left_out)


@dataclass
class Followed:
    """What the oracle remembers of an outside calendar: the times that it wants, and the bookings that it met last."""

    machine: UUID
    wanted: set[Span] = field(default_factory=set)
    clashes: dict[UUID, Span] = field(default_factory=dict)


def event_of(feed_id: UUID, span: Span) -> UUID:
    """How a time that a feed wants is called here; the database has ids of its own."""
    return uuid5(feed_id, f"{span.start} {span.end}")


@dataclass
class Oracle:
    """The whole truth: `buffers` by machine, the machines that are booked on request, the hour."""

    now: datetime
    buffers: dict[UUID, Buffers]
    on_request: set[UUID]
    taken: list[Taken] = field(default_factory=list)
    bookings: dict[UUID, Booked] = field(default_factory=dict)
    blocks: dict[UUID, Blocked] = field(default_factory=dict)
    feeds: dict[UUID, Followed] = field(default_factory=dict)
    told: Counter[tuple[UUID, UUID]] = field(default_factory=Counter)

    def is_free(self, machine: UUID, blocked: Span, but: UUID | None = None) -> bool:
        return not any(
            one.machine == machine and one.ref != but and one.blocked.overlaps(blocked) for one in self.live()
        )

    def live(self) -> list[Taken]:
        return [one for one in self.taken if one.expires_at is None or one.expires_at > self.now]

    def state(self, booking: UUID) -> str:
        one = self.bookings[booking]
        ran_out = one.expires_at is not None and one.expires_at <= self.now
        return "expired" if one.state in {"held", "requested"} and ran_out else one.state

    def may_take(self, machines: list[UUID], span: Span, but: UUID | None = None) -> str | None:
        """The code of the refusal, None when the time is free for all of them."""
        if not all(self.is_free(machine, span.widened(*self.buffers[machine]), but) for machine in machines):
            return "span_taken"
        return None

    def take(self, ref: UUID, machines: list[UUID], span: Span, expires_at: datetime | None) -> None:
        self.give_back(ref)
        for machine in machines:
            self.taken.append(Taken(ref, machine, span, span.widened(*self.buffers[machine]), expires_at))

    def any_out(self, machines: list[UUID]) -> bool:
        """Whether one of these machines is with some renter."""
        return any(one.state == "in_use" and set(one.machines) & set(machines) for one in self.bookings.values())

    def give_back(self, ref: UUID) -> None:
        self.taken = [one for one in self.taken if one.ref != ref]

    def book(self, ref: UUID, machines: list[UUID], span: Span, *, on_account: bool) -> None:
        booked = Booked(machines, span, "held", self.now + timedelta(minutes=15))
        booked.asked = bool(self.on_request & set(machines))
        self.bookings[ref] = booked
        self.take(ref, machines, span, booked.expires_at)
        if on_account:
            self.commit(ref)

    def commit(self, ref: UUID) -> None:
        """What a hold becomes when it is paid or goes on account."""
        one = self.bookings[ref]
        asked = bool(self.on_request & set(one.machines))
        expires_at = min(self.now + timedelta(hours=24), one.span.start) if asked else None
        self.become(ref, "requested" if asked else "confirmed", expires_at)

    def become(self, ref: UUID, state: str, expires_at: datetime | None = None) -> None:
        one = self.bookings[ref]
        one.state, one.expires_at = state, expires_at
        if state not in LIVE_STATES:
            self.give_back(ref)
        for taken in self.taken:
            if taken.ref == ref:
                taken.expires_at = expires_at

    def move(self, ref: UUID, span: Span) -> None:
        one = self.bookings[ref]
        one.span = span
        if one.expires_at is not None:
            one.expires_at = min(one.expires_at, span.start)
        self.take(ref, one.machines, span, one.expires_at)

    def replaceable(self, machine: UUID) -> list[UUID]:
        """The bookings of a machine that another could take over, by their id."""
        return sorted(
            ref
            for ref, one in self.bookings.items()
            if machine in one.machines and self.state(ref) in {"requested", "confirmed"} and self.now < one.span.end
        )

    def may_replace(self, machine: UUID, moves: dict[UUID, UUID], *, leave: bool) -> str | None:
        """The code of the refusal, None when each booking finds its other machine free."""
        here = self.replaceable(machine)
        if not set(moves) <= set(here) or (not leave and set(here) > set(moves)):
            return "plan_stale"
        placed: list[tuple[UUID, Span]] = []
        for ref, other in moves.items():
            blocked = self.bookings[ref].span.widened(*self.buffers[other])
            meets = any(other == to and blocked.overlaps(one) for to, one in placed)
            if meets or other in self.bookings[ref].machines or not self.is_free(other, blocked):
                return "plan_stale"
            placed.append((other, blocked))
        return None

    def replace(self, machine: UUID, moves: dict[UUID, UUID]) -> None:
        """Bookings go to other machines at their own time; the blocks that want the time they leave have it."""
        for ref, other in moves.items():
            one = self.bookings[ref]
            one.machines = sorted({*one.machines, other} - {machine})
            self.taken = [taken for taken in self.taken if (taken.ref, taken.machine) != (ref, machine)]
            blocked = one.span.widened(*self.buffers[other])
            self.taken.append(Taken(ref, other, one.span, blocked, one.expires_at))
        self.fill(machine, set())

    def cut(self, ref: UUID, end: datetime) -> None:
        """The rest of the time is given back, but for the buffer after."""
        for taken in [one for one in self.taken if one.ref == ref and one.during.end > end]:
            self.taken.remove(taken)
            if taken.during.start < end:
                during = Span(taken.during.start, end)
                after = self.buffers[taken.machine][1]
                blocked = Span(taken.blocked.start, end + after)
                self.taken.append(Taken(ref, taken.machine, during, blocked))

    def may_block(self, machine: UUID, wanted: list[Span], before: list[Span]) -> str | None:
        """The code of the refusal, None when no booking stands in what is wanted now and was not before."""
        newly = subtract(wanted, before)
        booked = [one for one in self.live() if one.machine == machine and one.ref in self.bookings]
        met = any(one.blocked.overlaps(span) for one in booked for span in newly)
        return "block_meets_bookings" if met else None

    def put(self, old: UUID | None, new: dict[UUID, Blocked], machine: UUID) -> None:
        """Blocks in the place of an old one; what is over of a series that stays is left as it was."""
        if old is not None:
            kept_past = self.blocks.pop(old).recurs and old in new
            self.taken = [one for one in self.taken if one.ref != old or (kept_past and one.during.end <= self.now)]
        self.blocks |= new
        self.fill(machine, set(new))

    def fill(self, machine: UUID, changed: set[UUID]) -> None:
        """Give each block what it wants and nobody has, the oldest first."""
        for ref in sorted(self.blocks):
            block = self.blocks[ref]
            if block.machine != machine:
                continue
            for span in block.spans(self.now):
                if span.end > self.now or ref in changed:
                    busy = [one.blocked for one in self.live() if one.machine == machine]
                    self.taken += [Taken(ref, machine, left, left) for left in subtract([span], busy)]

    def apply(self, feed_id: UUID, spans: list[Span] | None, since: datetime) -> None:
        """A feed was read: these are its times now, those that were over by `since` aside.

        Time that nobody has is taken, whoever had it before; a booking that is not over keeps its own: a clash.
        """
        feed = self.feeds[feed_id]
        gone = set() if spans is None else {span for span in feed.wanted if span.end > since} - set(spans)
        self._forget(feed_id, gone)
        feed.wanted |= set(spans or ())
        self.fill_feeds(feed.machine, since, gave_back=bool(gone))

    def unfollow(self, feed_id: UUID, since: datetime) -> None:
        """A feed is followed no more: all of its time is given back, and taken by who else wants it."""
        feed = self.feeds[feed_id]
        had = bool(feed.wanted)
        self._forget(feed_id, set(feed.wanted))
        del self.feeds[feed_id]
        self.fill_feeds(feed.machine, since, gave_back=had)

    def _forget(self, feed_id: UUID, gone: set[Span]) -> None:
        self.feeds[feed_id].wanted -= gone
        for span in gone:
            self.give_back(event_of(feed_id, span))

    def fill_feeds(self, machine: UUID, since: datetime, *, gave_back: bool = False) -> None:
        """Give the feeds of a machine what they want and nobody has, and then its blocks if a feed gave time back."""
        here = {feed_id: feed for feed_id, feed in sorted(self.feeds.items()) if feed.machine == machine}
        for feed_id, feed in here.items():
            for span in sorted(feed.wanted):
                if span.end > since:
                    busy = [one.blocked for one in self.live() if one.machine == machine]
                    ref = event_of(feed_id, span)
                    self.taken += [Taken(ref, machine, left, left) for left in subtract([span], busy)]
        if gave_back:
            self.fill(machine, set())
        for feed_id, feed in here.items():
            before, feed.clashes = feed.clashes, dict(self._met(feed, since))
            self.told.update((feed_id, ref) for ref in feed.clashes.keys() - before.keys())

    def _met(self, feed: Followed, since: datetime) -> Iterator[tuple[UUID, Span]]:
        """The first time of a feed in which each booking stands, buffers included."""
        wanted = sorted(span for span in feed.wanted if span.end > since)
        for one in self.live():
            if one.machine != feed.machine or one.ref not in self.bookings or one.blocked.end <= self.now:
                continue
            if first := next((span for span in wanted if span.overlaps(one.blocked)), None):
                yield one.ref, Span(max(first.start, one.blocked.start), min(first.end, one.blocked.end))
