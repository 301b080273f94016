"""Outside calendars that are applied while others apply them too, or book what they want."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.cast import Cast, plant
from tests.feed_server import FeedServer, answer, calendar, event, feed_server, raw
from tests.people import at
from tests.races.test_double_booking import doubles
from tests.races.test_double_booking import many as many  # noqa: PLC0414 -- a fixture
from tests.races.test_double_booking import unguarded as unguarded  # noqa: PLC0414 -- a fixture
from votremachine.accounts.credentials import keys_of
from votremachine.availability.feeds.jobs import fetch_feeds
from votremachine.availability.feeds.rules import Feed
from votremachine.availability.feeds.service import store
from votremachine.availability.feeds.service.filling import apply
from votremachine.availability.rules import SpanTaken
from votremachine.availability.service import claims
from votremachine.bookings.schemas import Book
from votremachine.bookings.service.book import book
from votremachine.config import Settings
from votremachine.fleet import service as fleet
from votremachine.infra.database import Database, Tx
from votremachine.infra.fetching.fetcher import Fetcher
from votremachine.infra.keys import Seal
from votremachine.kernel.span import Span

ROUNDS = 24
DAYS = 12
WANTED = sa.text("SELECT lower(during) AS s, upper(during) AS e FROM feed_events ORDER BY during")
HELD = sa.text("SELECT lower(during) AS s, upper(during) AS e FROM occupancies WHERE kind = 'external' ORDER BY during")
CLASHES = sa.text("SELECT booking_id, lower(during) AS s, upper(during) AS e FROM feed_clashes")
UNDER_LEASE = sa.text("SELECT count(*) FROM calendar_feeds WHERE lease IS NOT NULL")
BUFFER = timedelta(minutes=30)


@pytest.fixture
async def cast(many: Database) -> Cast:
    async with many.begin() as tx:
        return await plant(tx, buffers=[(BUFFER, BUFFER)])


@pytest.fixture
async def feed(many: Database, cast: Cast) -> Feed:
    return await follow(many, cast, b"")


async def follow(many: Database, cast: Cast, sealed: bytes) -> Feed:
    async with many.begin() as tx:
        feed = Feed(tx.new_id(), cast.machines[0], "Gîte", sealed, "", tx.now, tx.now)
        await store.add(tx, feed, cast.owner.person_id)
        return feed


async def spans(many: Database, question: sa.TextClause) -> list[Span]:
    async with many.read() as tx:
        return [Span(row.s, row.e) for row in await tx.rows(question)]


async def test_two_that_apply_one_feed_leave_what_one_of_them_read(many: Database, feed: Feed) -> None:
    assert not await mixed(many, feed)


async def test_control_without_the_lock_what_they_read_is_mixed(
    many: Database, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(tx: Tx, machine_id: UUID) -> None:
        pass

    monkeypatch.setattr(fleet, "lock", nothing)
    assert await mixed(many, feed)


async def mixed(many: Database, feed: Feed) -> int:
    """In how many rounds a feed is left with something that is not exactly what one of those who applied it read."""
    found = 0
    for round_ in range(ROUNDS):
        readings = [
            [Span(at(day, who), at(day, who + 2 + round_ % 3)) for day in range(1, DAYS)] for who in (0, 1, 2, 20)
        ]
        await asyncio.gather(*(applied(many, feed, reading) for reading in readings))
        left = await spans(many, WANTED)
        found += left not in readings or left != await spans(many, HELD)
    return found


async def applied(many: Database, feed: Feed, reading: Sequence[Span] | None) -> None:
    await many.run(lambda tx: apply(tx, feed, reading))


async def test_workers_that_meet_fetch_a_feed_once(
    many: Database, cast: Cast, settings: Settings, server: FeedServer
) -> None:
    seal = Seal(keys_of(settings), "calendar feeds")
    feeds = [await follow(many, cast, seal.close(server.url(f"/{i}.ics"))) for i in range(3)]
    ctx = {"database": many, "fetcher": Fetcher(allow_private=True), "feed_seal": seal}

    async def serve(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.2)
        await raw(answer(calendar(event("a", f":{at(2):%Y%m%dT%H%M%SZ}", f":{at(3):%Y%m%dT%H%M%SZ}")).encode()))(writer)

    server.serve = serve
    assert sum(await asyncio.gather(*(fetch_feeds(ctx) for _ in range(8)))) == len(feeds)
    assert len(server.heads) == len(feeds)
    assert await spans(many, HELD) == [Span(at(2), at(3))]
    assert await spans(many, WANTED) == [Span(at(2), at(3))] * len(feeds)
    async with many.read() as tx:
        assert (await tx.execute(UNDER_LEASE)).scalar_one() == 0


@pytest.fixture
async def server() -> AsyncIterator[FeedServer]:
    async with feed_server() as server:
        yield server


async def test_what_is_booked_while_a_feed_is_applied_is_a_clash_or_refused(
    many: Database, cast: Cast, feed: Feed
) -> None:
    came, pace, before, after = 0, 0.1, 0, 0
    for round_ in range(ROUNDS):
        booked, refused = await crowd(many, cast, feed, round_, pace)
        await as_it_must_be(many, feed, booked)
        before, after, came = before + len(booked), after + len(refused), came + DAYS
        # However quick the computer is, some are to come before the feed and some after it.
        pace *= 1.3 if len(booked) > len(refused) else 0.8
    assert (before + after, await doubles(many)) == (came, 0)
    assert before, "nobody came before the feed"
    assert after, "nobody came after the feed"


async def test_who_is_quicker_keeps_no_feed_from_the_rest(
    many: Database, cast: Cast, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They book between a look and the claim that follows it; what was claimed is not let go to begin anew."""
    wanted = [Span(at(day, 4), at(day, 10)) for day in range(1, DAYS + 1)]
    wishes, booked = [Span(at(day, 6), at(day, 8)) for day in range(1, DAYS + 1)], dict[UUID, Span]()
    claim_many = claims.claim_many

    async def after_somebody(tx: Tx, missing: Sequence[Any]) -> int:
        if len(missing) >= DAYS:  # nothing is ours yet: whoever wants what is would wait for us
            span = wishes.pop()
            asked = Book(machine_ids=cast.machines, start=span.start, end=span.end, payment="on_account")
            booked[(await many.run(lambda tx: book(tx, cast.renter, asked))).id] = span
        return await claim_many(tx, missing)

    monkeypatch.setattr(claims, "claim_many", after_somebody)
    await applied(many, feed, wanted)
    assert len(booked) == 1
    await as_it_must_be(many, feed, booked)


@pytest.mark.usefixtures("unguarded")
async def test_control_without_the_constraint_feed_and_booking_take_the_same_time(
    many: Database, cast: Cast, feed: Feed
) -> None:
    for round_ in range(ROUNDS):
        await crowd(many, cast, feed, round_, 0.1)
        if await doubles(many):
            return
    pytest.fail("nobody booked what the feed took: the race is none")


async def crowd(
    many: Database, cast: Cast, feed: Feed, round_: int, pace: float
) -> tuple[dict[UUID, Span], list[Span]]:
    """The feed wants a time of each day while people book in the midst of them: who got theirs, and who did not."""
    # Each round has days of its own; what the rounds before it left stays.
    days = [1 + round_ * DAYS + i for i in range(DAYS)]
    wanted = [Span(at(day, 4), at(day, 10)) for day in days]
    wishes = [Span(at(day, 6), at(day, 8)) for day in days]
    booked: dict[UUID, Span] = {}
    refused: list[Span] = []
    slow = random.Random(round_)  # noqa: S311 -- no secret

    async def wish(span: Span) -> None:
        await asyncio.sleep(slow.random() * pace)
        asked = Book(machine_ids=cast.machines, start=span.start, end=span.end, payment="on_account")
        try:
            booked[(await many.run(lambda tx: book(tx, cast.renter, asked))).id] = span
        except SpanTaken:
            refused.append(span)

    await asyncio.gather(applied(many, feed, wanted), *map(wish, wishes))
    return booked, refused


async def as_it_must_be(many: Database, feed: Feed, booked: dict[UUID, Span]) -> None:
    """Each booking that stands in the feed's time is a clash with what it keeps, and the feed has all the rest."""
    blocked = {ref: span.widened(BUFFER, BUFFER) for ref, span in booked.items()}
    async with many.read() as tx:
        clashes = {row.booking_id: Span(row.s, row.e) for row in await tx.rows(CLASHES)}
    assert clashes == blocked
    left = [
        part
        for span in await spans(many, WANTED)
        for part in _around(span, [one for one in blocked.values() if span.overlaps(one)])
    ]
    assert await spans(many, HELD) == left


def _around(span: Span, taken: Sequence[Span]) -> list[Span]:
    if not taken:
        return [span]
    (hole,) = taken
    return [Span(span.start, hole.start), Span(hole.end, span.end)]
