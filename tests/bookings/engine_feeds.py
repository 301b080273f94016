"""The state machine's outside calendars: read anew, unchanged, followed no more; and what must be true of them."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from tests.bookings.oracle import NONE, Followed, event_of
from tests.bookings.stage import HOUR, Stage
from votremachine.availability.feeds.rules import Feed, window_at
from votremachine.availability.feeds.service import filling, store, verbs
from votremachine.fleet import service as fleet
from votremachine.infra.database import Tx
from votremachine.kernel.span import Span, merge

# Two share a machine that has buffers, one is on a machine that is booked on request.
FOLLOWED = (1, 1, 2)
EVENTS = sa.text("SELECT id, feed_id, lower(during) AS s, upper(during) AS e FROM feed_events")
CLASHES = sa.text("SELECT feed_id, booking_id, lower(during) AS s, upper(during) AS e FROM feed_clashes")
TOLD = sa.text(
    """
    SELECT (body->>'feed_id')::uuid AS feed_id, (body->>'booking_id')::uuid AS booking_id
    FROM outbox WHERE name = 'FeedClashed'
    """
)

feeds = st.integers(0, len(FOLLOWED) - 1)
# Half hours and hours about the engine's own: over each other, over bookings and blocks, some of them over already.
events = st.lists(st.tuples(st.integers(-60, 50), st.integers(1, 28)), max_size=5)


class Feeds(Stage):
    """Each feed's times are what the oracle says they want and have, under the ids that the database gave them."""

    @initialize()
    def open(self) -> None:
        super().open()
        self.feed_ids = [self._follow(self.cast.machines[machine]) for machine in FOLLOWED]

    def _follow(self, machine: UUID) -> UUID:
        # Ids of one millisecond are in no order, and it is the older feed that has what both want.
        self.now = self.oracle.now = self.now + timedelta(milliseconds=1)
        feed_id: UUID = self.do(lambda tx: self._add(tx, machine), None)
        self.oracle.feeds[feed_id] = Followed(machine)
        return feed_id

    async def _add(self, tx: Tx, machine: UUID) -> UUID:
        feed = Feed(tx.new_id(), machine, "Gîte", b"", "", tx.now, tx.now)
        await store.add(tx, feed, self.cast.owner.person_id)
        return feed.id

    @rule(nth=feeds, new=events, kept=st.sampled_from(["all", "every other", "shorter", "none"]))
    def read_anew(self, nth: int, new: Sequence[tuple[int, int]], kept: str) -> None:
        feed_id, since = self.feed_ids[nth], window_at(self.now).start
        before = sorted(self.oracle.feeds[feed_id].wanted)
        still = {"all": before, "every other": before[::2], "shorter": [*map(_halved, before)], "none": []}[kept]
        spans = merge([*still, *(self.span(start / 2, length / 2) for start, length in new)])
        self._apply(feed_id, [span for span in spans if span.end > since])

    @rule(nth=feeds, margin=st.sampled_from([-HOUR / 4, NONE[0], HOUR]))
    def read_what_others_have(self, nth: int, margin: timedelta) -> None:
        """Just what others take of its machine, holds that ran out included, or a little more or less."""
        feed_id, since = self.feed_ids[nth], window_at(self.now).start
        machine = self.oracle.feeds[feed_id].machine
        taken = [one.during for one in self.oracle.taken if one.machine == machine]
        others = [span.widened(margin, margin) for span in taken if span.length > -2 * margin]
        self._apply(feed_id, [span for span in merge(others) if span.end > since])

    @rule(nth=feeds)
    def read_unchanged(self, nth: int) -> None:
        self._apply(self.feed_ids[nth], None)

    def _apply(self, feed_id: UUID, spans: list[Span] | None) -> None:
        self.oracle.apply(feed_id, spans, window_at(self.now).start)
        self.do(lambda tx: self._applied(tx, feed_id, spans), None)

    async def _applied(self, tx: Tx, feed_id: UUID, spans: list[Span] | None) -> None:
        await filling.apply(tx, await store.load(tx, feed_id), spans)

    @rule(nth=feeds)
    def take_what_was_given_back(self, nth: int) -> None:
        machine = self.cast.machines[FOLLOWED[nth]]
        self.oracle.fill_feeds(machine, window_at(self.now).start)
        self.do(lambda tx: self._filled(tx, machine), None)

    async def _filled(self, tx: Tx, machine: UUID) -> None:
        await fleet.lock(tx, machine)
        await filling.fill(tx, await fleet.machine(tx, machine))

    @rule(nth=feeds)
    def unfollow(self, nth: int) -> None:
        feed_id = self.feed_ids[nth]
        self.do(lambda tx: verbs.unfollow(tx, self.cast.owner, feed_id), None)
        self.oracle.unfollow(feed_id, window_at(self.now).start)
        self.feed_ids[nth] = self._follow(self.cast.machines[FOLLOWED[nth]])

    def events(self) -> dict[UUID, UUID]:
        """The oracle's name for each event of a feed, by the id that it has in the database."""
        return {row.id: event_of(row.feed_id, Span(row.s, row.e)) for row in self.rows(EVENTS)}

    @invariant()
    def feeds_want_what_the_oracle_says(self) -> None:
        if not hasattr(self, "feed_ids"):
            return
        wanted = [event_of(feed, span) for feed, one in self.oracle.feeds.items() for span in one.wanted]
        assert sorted(self.events().values()) == sorted(wanted)

    @invariant()
    def clashes_are_the_oracles_and_told_once(self) -> None:
        if not hasattr(self, "feed_ids"):
            return
        found = {(row.feed_id, row.booking_id): Span(row.s, row.e) for row in self.rows(CLASHES)}
        feeds = self.oracle.feeds.items()
        assert found == {(feed, ref): span for feed, one in feeds for ref, span in one.clashes.items()}
        assert Counter((row.feed_id, row.booking_id) for row in self.rows(TOLD)) == self.oracle.told


def _halved(span: Span) -> Span:
    return Span(span.start, span.start + span.length / 2)
