"""Outside calendars from their address to the machine's time: taken, given back, kept, and what owners are told."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa

from tests.calendars.test_feeds import asked, linked
from tests.feed_server import FeedServer, calendar, event, feed_server
from tests.people import Json, Person, World, at
from tests.statements import Statements
from votremachine.accounts.credentials import keys_of
from votremachine.accounts.rules import Actor
from votremachine.availability.blocks.jobs import roll_forward
from votremachine.availability.feeds import jobs
from votremachine.availability.feeds.jobs import fetch_feeds, purge_past
from votremachine.availability.feeds.privacy import FEEDS
from votremachine.availability.feeds.rules import MOST_FEEDS
from votremachine.config import Settings
from votremachine.infra.database import Database
from votremachine.infra.fetching.fetcher import Fetcher
from votremachine.infra.keys import Seal
from votremachine.infra.outbox import drain
from votremachine.kernel.span import Span, merge
from votremachine.worker import HANDLERS

HELD = sa.text(
    "SELECT lower(during) AS starts, upper(during) AS ends FROM occupancies"
    " WHERE machine_id = :machine AND kind = :kind ORDER BY during"
)
Times = Sequence[tuple[datetime, datetime]]


@pytest.fixture
async def server() -> AsyncIterator[FeedServer]:
    async with feed_server() as server:
        yield server


@pytest.fixture
async def tractor(world: World, owner: Person) -> str:
    return await world.machine(owner, horizon_days=365)


class Clockwork:
    """The worker's part, run when a test wants it to."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database = database
        seal = Seal(keys_of(settings), "calendar feeds")
        self.ctx = {"database": database, "fetcher": Fetcher(allow_private=True), "feed_seal": seal}

    async def fetch(self) -> int:
        """Everything is due."""
        async with self.database.begin() as tx:
            await tx.execute(sa.text("UPDATE calendar_feeds SET due_at = now() - interval '1 second'"))
        return await fetch_feeds(self.ctx)

    async def sql(self, text: str, **values: Any) -> None:
        async with self.database.begin() as tx:
            await tx.execute(sa.text(text), values)

    async def held(self, machine: str, kind: str = "external") -> Times:
        async with self.database.read() as tx:
            rows = await tx.rows(HELD, {"machine": UUID(machine), "kind": kind})
        return [(row.starts, row.ends) for row in rows]


@pytest.fixture
def clockwork(database: Database, settings: Settings) -> Clockwork:
    return Clockwork(database, settings)


def z(instant: datetime) -> str:
    return f":{instant.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def busy(uid: str, start: datetime, end: datetime, *more: str) -> str:
    return event(uid, z(start), z(end), *more)


async def followed(owner: Person, machine: str, server: FeedServer, path: str = "/calendar.ics") -> Json:
    return await owner.made(f"/machines/{machine}/feeds", {"name": "Gîte", "url": server.url(path)})


async def look(owner: Person, feed: Json) -> Json:
    return (await owner.get(f"/feeds/{feed['id']}")).json()


async def told(person: Person, database: Database) -> list[str]:
    await drain(database, HANDLERS)
    return [one["kind"] for one in (await person.get("/inbox")).json()["items"]]


async def test_events_take_their_time_merged_and_free_it_when_they_go(
    owner: Person, renter: Person, tractor: str, server: FeedServer, clockwork: Clockwork
) -> None:
    server.say(calendar(busy("a", at(2), at(3)), busy("b", at(3), at(4)), busy("c", at(6), at(7))))
    feed = await followed(owner, tractor, server)
    assert (feed["state"], feed["last_success_at"], feed["address"]) == ("new", None, "127.0.0.1/….ics")
    assert await clockwork.fetch() == 1
    assert await clockwork.held(tractor) == [(at(2), at(4)), (at(6), at(7))]
    now = await look(owner, feed)
    assert (now["state"], now["events"], now["failures"], now["last_error"]) == ("ok", 3, 0, None)
    refused = await renter.book([tractor], at(3), at(3, 4), payment="on_account")
    assert (refused.status_code, refused.json()["code"]) == (409, "span_taken")
    server.say(calendar(busy("a", at(2), at(3)), busy("d", at(9), at(10))))
    await clockwork.fetch()
    assert await clockwork.held(tractor) == [(at(2), at(3)), (at(9), at(10))]
    await renter.booked([tractor], at(3), at(3, 4))


async def test_a_booking_stays_the_clash_is_told_once_and_its_time_is_taken_when_it_goes(
    owner: Person, renter: Person, tractor: str, server: FeedServer, clockwork: Clockwork, database: Database
) -> None:
    booking = await renter.booked([tractor], at(3), at(4))
    await told(owner, database)
    server.say(calendar(busy("a", at(2), at(5))))
    feed = await followed(owner, tractor, server)
    await clockwork.fetch()
    await clockwork.fetch()
    assert await clockwork.held(tractor) == [(at(2), at(3)), (at(4), at(5))]
    assert await clockwork.held(tractor, "booking") == [(at(3), at(4))]
    (clash,) = (await look(owner, feed))["clashes"]
    assert (clash["booking_id"], datetime.fromisoformat(clash["during"]["start"])) == (booking["id"], at(3))
    server.say(calendar(busy("shorter", at(3, 2), at(5))))
    await clockwork.fetch()
    server.say(calendar(busy("another uid", at(2, 1), at(5))))
    await clockwork.fetch()
    assert (await told(owner, database)).count("FeedClashed") == 1
    assert "FeedClashed" not in await told(renter, database)
    await renter.act(booking["id"], "cancel", {})
    await clockwork.fetch()
    assert await clockwork.held(tractor) == [(at(2, 1), at(3)), (at(3), at(4)), (at(4), at(5))]
    assert (await look(owner, feed))["clashes"] == []


async def test_what_is_not_modified_takes_what_a_booking_gave_back(
    owner: Person, renter: Person, tractor: str, server: FeedServer, clockwork: Clockwork
) -> None:
    booking = await renter.booked([tractor], at(2), at(3))
    server.say(calendar(busy("a", at(2), at(3))), ETag='"1"', Last_Modified="Wed, 01 Jan 2025 00:00:00 GMT")
    feed = await followed(owner, tractor, server)
    await clockwork.fetch()
    assert await clockwork.held(tractor) == []
    await renter.act(booking["id"], "cancel", {})
    server.say(b"", "304 Not Modified")
    await clockwork.fetch()
    assert await clockwork.held(tractor) == [(at(2), at(3))]
    assert 'If-None-Match: "1"' in server.heads[-1]
    assert "If-Modified-Since: Wed, 01 Jan 2025 00:00:00 GMT" in server.heads[-1]
    assert (await look(owner, feed))["state"] == "ok"
    await clockwork.sql("UPDATE calendar_feeds SET read_at = now() - interval '1 day'")
    server.say(calendar())
    await clockwork.fetch()
    assert "If-None-Match" not in server.heads[-1], "once a day all of it is read: its window has moved on"
    assert await clockwork.held(tractor) == []


async def test_a_feed_that_fails_keeps_its_time_and_its_owner_is_told_once(
    owner: Person, tractor: str, server: FeedServer, clockwork: Clockwork, database: Database
) -> None:
    server.say(calendar(busy("a", at(2), at(3))))
    feed = await followed(owner, tractor, server)
    await clockwork.fetch()
    pauses = []
    for i in range(1, 6):
        server.say("<html>Sign in</html>", Content_Type="text/html")
        await clockwork.fetch()
        now = await look(owner, feed)
        assert (now["state"], now["failures"], now["last_error"]["code"]) == ("failing", i, "not_a_calendar")
        pauses.append(datetime.fromisoformat(now["next_fetch_at"]) - datetime.now(UTC))
        assert (await told(owner, database)).count("FeedFails") == (i >= 3)
    assert now["last_error"]["detail"].startswith("What stands at this address is not a calendar")
    french = (await owner.get(f"/feeds/{feed['id']}", Accept_Language="fr")).json()
    assert french["last_error"]["detail"].startswith("Ce qui se trouve à cette adresse")
    assert all(0.85 < pause / (timedelta(minutes=30) * 2**i) < 1.15 for i, pause in enumerate(pauses)), pauses
    assert await clockwork.held(tractor) == [(at(2), at(3))]
    server.say(calendar(busy("a", at(2), at(3))))
    await clockwork.fetch()
    now = await look(owner, feed)
    assert (now["state"], now["failures"], now["last_error"]) == ("ok", 0, None)


async def test_gone_and_asked_to_wait(
    owner: Person, tractor: str, server: FeedServer, clockwork: Clockwork, database: Database
) -> None:
    server.say(calendar(busy("a", at(2), at(3))))
    feed = await followed(owner, tractor, server)
    await clockwork.fetch()
    server.say(b"", "503 Later", Retry_After="36000")
    await clockwork.fetch()
    now = await look(owner, feed)
    wait = datetime.fromisoformat(now["next_fetch_at"]) - datetime.now(UTC)
    assert (now["last_error"]["code"], round(wait / timedelta(hours=1))) == ("server_trouble", 10)
    assert now["last_error"]["detail"] == "The server answers with an error (503)."
    server.say(b"", "410 Gone")
    for _ in range(3):
        await clockwork.fetch()
    assert (await look(owner, feed))["state"] == "gone"
    assert (await told(owner, database)).count("FeedFails") == 1
    assert await clockwork.held(tractor) == [(at(2), at(3))]


async def test_a_block_takes_the_time_that_a_feed_gives_back(
    owner: Person, tractor: str, server: FeedServer, clockwork: Clockwork
) -> None:
    server.say(calendar(busy("a", at(2), at(4))))
    await followed(owner, tractor, server)
    await clockwork.fetch()
    await owner.made(f"/machines/{tractor}/blocks", {"start": at(3).isoformat(), "end": at(5).isoformat()})
    assert await clockwork.held(tractor, "block") == [(at(4), at(5))]
    server.say(calendar())
    await clockwork.fetch()
    assert await clockwork.held(tractor) == []
    assert await clockwork.held(tractor, "block") == [(at(3), at(4)), (at(4), at(5))]


async def test_two_feeds_share_and_one_that_is_followed_no_more_leaves_all_to_the_other(
    owner: Person, tractor: str, server: FeedServer, clockwork: Clockwork
) -> None:
    server.say(calendar(busy("a", at(2), at(4))))
    first = await followed(owner, tractor, server)
    await clockwork.fetch()
    second = await followed(owner, tractor, server)
    server.say(calendar(busy("a", at(2), at(4)), busy("b", at(3), at(5))))
    await clockwork.fetch()
    for feed in (first, second):
        assert (await look(owner, feed))["state"] == "ok"
    # Both are fetched at once; whoever comes second has what is left.
    assert merge(Span(*one) for one in await clockwork.held(tractor)) == [Span(at(2), at(5))]
    assert (await owner.ask("DELETE", f"/feeds/{first['id']}")).status_code == 204
    assert merge(Span(*one) for one in await clockwork.held(tractor)) == [Span(at(2), at(5))]
    assert (await owner.ask("DELETE", f"/feeds/{second['id']}")).status_code == 204
    assert await clockwork.held(tractor) == []
    assert (await owner.get(f"/machines/{tractor}/feeds")).json()["items"] == []


async def test_what_is_over_stays_as_it_was(
    owner: Person, tractor: str, server: FeedServer, clockwork: Clockwork
) -> None:
    past, ahead = (at(-30), at(-29)), (at(2), at(3))
    server.say(calendar(busy("a", *ahead)))
    feed = await followed(owner, tractor, server)
    await clockwork.fetch()
    for table in ("feed_events", "occupancies"):
        blocked = ", blocked = tstzrange(:a, :b)" if table == "occupancies" else ""
        await clockwork.sql(f"UPDATE {table} SET during = tstzrange(:a, :b){blocked}", a=past[0], b=past[1])
    await clockwork.fetch()
    assert await clockwork.held(tractor) == [past, ahead]
    await owner.ask("DELETE", f"/feeds/{feed['id']}")
    assert await clockwork.held(tractor) == []


async def test_what_we_cannot_cope_with_is_a_state_too_told_once_and_mended(
    world: World, owner: Person, tractor: str, server: FeedServer, clockwork: Clockwork, database: Database
) -> None:
    stood, wanted = (at(2), at(3)), (at(5), at(6))
    server.say(calendar(busy("a", *stood)), ETag='"1"')
    feed = await followed(owner, tractor, server)
    await clockwork.fetch()
    other = await world.machine(owner)
    await followed(owner, other, server)
    await clockwork.fetch()
    # From here on the database takes no event of the one, as if it were full or spoilt.
    refusal = f"CHECK (feed_id <> '{feed['id']}') NOT VALID"
    await clockwork.sql(f"ALTER TABLE feed_events ADD CONSTRAINT spoilt {refusal}")
    try:
        server.say(calendar(busy("a", *wanted)), ETag='"2"')
        pauses = []
        for i in range(1, 5):
            assert await clockwork.fetch() == 2
            now = await look(owner, feed)
            assert (now["state"], now["failures"], now["last_error"]["code"]) == ("failing", i, "internal_error")
            pauses.append(datetime.fromisoformat(now["next_fetch_at"]) - datetime.now(UTC))
            assert (await told(owner, database)).count("FeedFails") == (i >= 3)
        assert (await clockwork.held(tractor), await clockwork.held(other)) == ([stood], [wanted])
    finally:
        await clockwork.sql("ALTER TABLE feed_events DROP CONSTRAINT spoilt")
    assert all(0.85 < pause / (timedelta(minutes=30) * 2**i) < 1.15 for i, pause in enumerate(pauses)), pauses
    assert now["last_error"]["detail"].startswith("An error of ours, not of the calendar")
    french = (await owner.get(f"/feeds/{feed['id']}", Accept_Language="fr")).json()
    assert french["last_error"]["detail"].startswith("Une erreur de notre part")
    await clockwork.fetch()
    assert await clockwork.held(tractor) == [wanted]
    now = await look(owner, feed)
    assert (now["state"], now["failures"], now["last_error"]) == ("ok", 0, None)


async def test_what_was_over_ninety_days_ago_is_forgotten(
    owner: Person, tractor: str, server: FeedServer, clockwork: Clockwork, database: Database
) -> None:
    server.say(calendar(*(busy(str(day), at(day), at(day, 1)) for day in (1, 2, 3))))
    await followed(owner, tractor, server)
    await clockwork.fetch()
    for old, new in {at(1): at(-91, -1), at(2): at(-89)}.items():
        for table, also in (("feed_events", ""), ("occupancies", ", blocked = tstzrange(:new, :until)")):
            moved = f"UPDATE {table} SET during = tstzrange(:new, :until){also} WHERE lower(during) = :old"
            await clockwork.sql(moved, old=old, new=new, until=new + timedelta(hours=1))
    await clockwork.sql(
        "INSERT INTO occupancies SELECT gen_random_uuid(), :machine, 'block', gen_random_uuid(), r, r"
        " FROM tstzrange(:a, :b) r",
        machine=UUID(tractor),
        a=at(-91),
        b=at(-90),
    )
    assert await purge_past(clockwork.ctx) == 1
    left = [(at(-89), at(-89, 1)), (at(3), at(3, 1))]
    assert await clockwork.held(tractor) == left
    assert await clockwork.held(tractor, "block") == [(at(-91), at(-90))]
    async with database.read() as tx:
        rows = await tx.rows(sa.text("SELECT lower(during) AS s, upper(during) AS e FROM feed_events ORDER BY during"))
    assert [(row.s, row.e) for row in rows] == left
    assert await purge_past(clockwork.ctx) == 0


async def test_fetching_at_once_is_limited_and_an_address_is_a_secret(
    owner: Person, tractor: str, server: FeedServer, clockwork: Clockwork, database: Database
) -> None:
    server.say(calendar())
    feed = await followed(owner, tractor, server, "/private-0123456789secret/basic.ics?key=hush")
    await clockwork.fetch()
    assert await fetch_feeds(clockwork.ctx) == 0
    answer = await owner.post(f"/feeds/{feed['id']}/fetch")
    assert answer.status_code == 202
    assert await fetch_feeds(clockwork.ctx) == 1
    again = await owner.post(f"/feeds/{feed['id']}/fetch")
    assert (again.status_code, again.json()["code"]) == (409, "asked_just_now")
    assert server.heads[-1].startswith("GET /private-0123456789secret/basic.ics?key=hush HTTP/1.1")
    assert feed["address"] == "127.0.0.1/…hush"
    async with database.read() as tx:
        for table in ("calendar_feeds", "audit_log", "outbox", "changes"):
            kept = str([tuple(row) for row in await tx.rows(sa.text(f"SELECT * FROM {table}"))])
            assert "0123456789secret" not in kept, table
    export = (await owner.get(f"/machines/{tractor}/feeds")).text
    assert "0123456789secret" not in export


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x.example/a.ics",
        "file:///etc/passwd",
        "https://user:word@x.example/a.ics",
        "https://",
        "x.example",
        "http://x.example:25/",
        "http://x..example/",
        "https://x.example\\@127.0.0.1/",
    ],
)
async def test_bad_addresses_are_refused(url: str, owner: Person, tractor: str) -> None:
    answer = await owner.post(f"/machines/{tractor}/feeds", {"name": "x", "url": url})
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_address"), answer.text
    assert (await owner.get(f"/machines/{tractor}/feeds")).json()["items"] == []


async def test_a_machine_follows_ten_calendars(owner: Person, tractor: str, server: FeedServer) -> None:
    for _ in range(MOST_FEEDS):
        await followed(owner, tractor, server)
    answer = await owner.post(f"/machines/{tractor}/feeds", {"name": "x", "url": server.url()})
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_feeds")
    assert len((await owner.get(f"/machines/{tractor}/feeds")).json()["items"]) == MOST_FEEDS


async def test_a_lost_lease_writes_nothing(
    owner: Person, tractor: str, server: FeedServer, clockwork: Clockwork
) -> None:
    feed = await followed(owner, tractor, server)

    async def serve(writer: Any) -> None:
        # Meanwhile another worker took the feed.
        await clockwork.sql("UPDATE calendar_feeds SET lease = gen_random_uuid()")
        server.say(calendar(busy("a", at(2), at(3))))
        assert server.serve is not None
        await server.serve(writer)

    server.serve = serve
    await clockwork.fetch()
    assert (await look(owner, feed))["state"] == "new"
    assert await clockwork.held(tractor) == []


async def test_our_own_calendar_does_not_block_twice_but_another_machines_does(
    world: World,
    http: httpx.AsyncClient,
    owner: Person,
    renter: Person,
    tractor: str,
    server: FeedServer,
    clockwork: Clockwork,
) -> None:
    await renter.booked([tractor], at(2), at(3))
    await renter.book([tractor], at(4), at(5))  # a hold
    body = {"start": at(8).isoformat(), "end": at(8, 2).isoformat(), "rrule": "FREQ=DAILY;COUNT=3"}
    await owner.made(f"/machines/{tractor}/blocks", body)
    server.say((await http.get(await linked(owner, machine_id=tractor))).content)
    own = await followed(owner, tractor, server)
    await clockwork.fetch()
    assert await clockwork.held(tractor) == []
    assert (await look(owner, own))["ignored"] == {"ours": 5}
    assert (await look(owner, own))["clashes"] == []
    # As on another installation, where neither the machine nor what takes it is known.
    baler, mower = await world.machine(owner), await world.machine(owner)
    await owner.ask("DELETE", f"/feeds/{own['id']}")
    await followed(owner, baler, server)
    await clockwork.fetch()
    spans = [(at(2), at(3)), (at(4), at(5)), *((at(8 + day), at(8 + day, 2)) for day in range(3))]
    assert await clockwork.held(baler) == spans
    # Out, in, out, in: the same times.
    server.say((await http.get(await linked(owner, machine_id=baler))).content)
    await followed(owner, mower, server)
    await clockwork.fetch()
    assert await clockwork.held(mower) == spans


async def test_a_hundred_times_cost_as_many_statements_as_one(
    owner: Person, tractor: str, server: FeedServer, clockwork: Clockwork, statements: Statements
) -> None:
    await followed(owner, tractor, server)
    counts = []
    for round_, many in enumerate((1, 100)):
        server.say(calendar(*(busy(f"{i}", at(i + 1, round_), at(i + 1, 3 + round_)) for i in range(many))))
        with statements.counted() as seen:
            await clockwork.fetch()
        assert len(await clockwork.held(tractor)) == many
        counts.append(len(asked(seen)))
    assert counts[1] <= counts[0] + 4, counts  # the first has nothing to give back


async def test_a_party_that_closes_follows_nothing_any_more_and_an_export_hides_the_address(
    owner: Person, tractor: str, server: FeedServer, clockwork: Clockwork, database: Database
) -> None:
    server.say(calendar(busy("a", at(2), at(3))))
    feed = await followed(owner, tractor, server, "/secret-path-of-a-calendar.ics")
    await clockwork.fetch()
    who = Actor(UUID((await owner.get("/me")).json()["id"]), "", "fr", {})
    async with database.begin() as tx:
        (told,) = await FEEDS.export(tx, who)
        assert (str(told["id"]), told["name"], "secret-path" in str(told)) == (feed["id"], "Gîte", False)
        await FEEDS.close_parties(tx, [UUID(owner.party_id)])
    assert await clockwork.held(tractor) == []
    assert await clockwork.fetch() == 0


async def test_a_sweep_of_blocks_leaves_feeds_alone(
    owner: Person, tractor: str, server: FeedServer, clockwork: Clockwork
) -> None:
    server.say(calendar(busy("a", at(2), at(3))))
    await followed(owner, tractor, server)
    await clockwork.fetch()
    await roll_forward(clockwork.ctx)
    assert await clockwork.held(tractor) == [(at(2), at(3))]


async def test_all_that_are_due_are_fetched_however_many(
    clockwork: Clockwork, owner: Person, tractor: str, server: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "MOST", 2)
    server.say(calendar(busy("a", at(3), at(4))))
    feeds = [await followed(owner, tractor, server, f"/{number}.ics") for number in range(5)]
    assert await clockwork.fetch() == len(feeds)
    assert {(await look(owner, feed))["state"] for feed in feeds} == {"ok"}
    # When it has gone on for long enough, the rest waits for the next minute.
    monkeypatch.setattr(jobs, "GOES_ON_SECONDS", 0.0)
    assert await clockwork.fetch() == 2
