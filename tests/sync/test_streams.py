"""One stream, and what ends it; and what is told to who comes back, without waiting for more."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from litestar import Litestar

import votremachine.sync.live as live_module
import votremachine.sync.streams as streams_module
from tests.people import Person, World, at
from tests.sync.reading import Heard, parse
from votremachine.accounts.rules import Role
from votremachine.accounts.service.parties import give_seat
from votremachine.availability.events import CalendarChanged
from votremachine.config import Settings
from votremachine.infra.bell import Bell
from votremachine.infra.database import Database, utc_now
from votremachine.sync.listeners import MOST_WAITING, Listener, Listeners
from votremachine.sync.live import Live
from votremachine.sync.rules import MOST_MISSED, MOST_PER_PERSON, Ended, EventId, TooManyStreams, read_event_id
from votremachine.sync.streams import EventStream

PATIENCE_SECONDS = 10


class Caller:
    """The other end of one stream, as an ASGI server has it: it may stop taking what is sent."""

    def __init__(self) -> None:
        self.said = b""
        self.open = False
        self.takes = asyncio.Event()
        self.takes.set()
        self.gone = asyncio.Event()

    async def receive(self) -> Any:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        await self.takes.wait()
        self.open = message["type"] == "http.response.start" or message["more_body"]
        self.said += message.get("body", b"")

    def heard(self) -> list[Heard]:
        return parse(self.said.decode())

    async def until(self, so: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not so():  # noqa: ASYNC110 -- what is waited for is a place in a text
                await asyncio.sleep(0.01)


@pytest.fixture
async def live(database: Database, settings: Settings) -> AsyncIterator[Live]:
    bell = Bell(settings.redis_url)
    live = Live(database, bell)
    async with live.at_work():
        yield live
    await bell.close()


def listener(party: UUID, *, person: UUID | None = None, expires_at: datetime | None = None) -> Listener:
    until = expires_at or utc_now() + timedelta(minutes=10)
    seats = frozenset({party})
    return Listener(person or uuid4(), uuid4(), seats, party_id=None, machine_id=None, expires_at=until)


@asynccontextmanager
async def streaming(
    live: Live, database: Database, who: Listener, resume: EventId | None = None
) -> AsyncIterator[Caller]:
    caller = Caller()
    stream = EventStream(live, database, who, resume, follow=True)
    running = asyncio.create_task(stream({}, caller.receive, caller.send))  # type: ignore[arg-type]
    try:
        await caller.until(lambda: caller.said != b"" or running.done())
        yield caller
    finally:
        caller.gone.set()
        caller.takes.set()
        await running


async def change(database: Database, party: UUID, times: int = 1) -> None:
    async with database.begin() as tx:
        for _ in range(times):
            tx.publish(CalendarChanged(machine_id=uuid4(), owner_party_id=party))


async def test_it_is_told_by_itself_without_a_bell(live: Live, database: Database) -> None:
    async with streaming(live, database, listener(party := uuid4())) as caller:
        await change(database, party)
        await caller.until(lambda: len(caller.heard()) == 2)
        assert [heard.kind for heard in caller.heard()] == ["ready", "calendar_changed"]


async def test_what_another_transaction_holds_back_is_told_as_soon_as_it_ends(
    live: Live, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with streaming(live, database, listener(party := uuid4())) as caller:
        async with database.begin() as older:
            older.publish(CalendarChanged(machine_id=uuid4(), owner_party_id=uuid4()))
            await older.flush()
            await change(database, party)
            live.wake()
            await asyncio.sleep(0.3)
            assert len(caller.heard()) == 1
        # Nobody rings: its end told nothing to this process.
        began = asyncio.get_running_loop().time()
        await caller.until(lambda: len(caller.heard()) == 2)
        assert asyncio.get_running_loop().time() - began < 1


async def test_a_quiet_stream_shows_signs_of_life_and_its_place_moves_along(
    live: Live, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams_module, "HEARTBEAT_SECONDS", 0.1)
    async with streaming(live, database, listener(party := uuid4())) as caller:
        await change(database, uuid4(), 3)
        live.wake()
        first = caller.heard()[0].id
        await caller.until(lambda: caller.heard()[-1].kind == "" and caller.heard()[-1].id != first)
        resume = read_event_id(caller.heard()[-1].id)
    await change(database, party)
    async with streaming(live, database, listener(party), resume) as again:
        await again.until(lambda: len(again.heard()) >= 2)
        assert [heard.kind for heard in again.heard()][:2] == ["ready", "calendar_changed"]


async def test_it_ends_with_its_token(live: Live, database: Database) -> None:
    soon = utc_now() + timedelta(seconds=0.5)
    async with streaming(live, database, listener(uuid4(), expires_at=soon)) as caller:
        await caller.until(lambda: not caller.open)
        assert caller.heard()[-1] == Heard("", "ended", {"reason": "token_expired"})
        assert utc_now() >= soon
    assert len(live.listeners) == 0


async def test_who_takes_nothing_is_sent_away_and_told_the_rest_when_they_come_back(
    live: Live, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams_module, "PATIENCE_SECONDS", 0.5)
    who = listener(party := uuid4())
    async with streaming(live, database, who) as caller:
        place = read_event_id(caller.heard()[0].id)
        caller.takes.clear()
        await change(database, party)
        await caller.until(lambda: len(live.listeners) == 0)
    await change(database, party, 2)
    async with streaming(live, database, listener(party), place) as again:
        await again.until(lambda: len(again.heard()) == 4)


async def test_who_falls_too_far_behind_is_told_so(live: Live, database: Database) -> None:
    who = listener(party := uuid4())
    async with streaming(live, database, who) as caller:
        caller.takes.clear()
        await change(database, party)
        live.wake()
        await asyncio.sleep(0.2)
        await change(database, party, MOST_WAITING + 1)
        live.wake()
        await caller.until(lambda: who.ended is not None)
        caller.takes.set()
        await caller.until(lambda: not caller.open)
        kinds = [heard.kind for heard in caller.heard()]
        assert kinds == ["ready", "calendar_changed", "ended"]
        assert caller.heard()[-1].data == {"reason": "slow"}


async def test_who_comes_while_the_process_stops_is_sent_away_at_once(live: Live, database: Database) -> None:
    live.leave()
    async with streaming(live, database, listener(uuid4())) as caller:
        await caller.until(lambda: not caller.open)
        assert [heard.kind for heard in caller.heard()] == ["ready", "ended"]
        assert caller.heard()[-1].data == {"reason": "stopping"}


async def test_who_has_gone_is_forgotten(live: Live, database: Database) -> None:
    async with streaming(live, database, listener(uuid4())) as caller:
        assert len(live.listeners) == 1
        caller.gone.set()
        await caller.until(lambda: len(live.listeners) == 0)


class Wanderer:
    """Reads a little, leaves, and comes back at the place it had read, until all is over."""

    def __init__(self, live: Live, database: Database, party: UUID, over: asyncio.Event) -> None:
        self.got: list[tuple[int, UUID]] = []
        self.came = asyncio.Event()
        self._live, self._database, self._party, self._over = live, database, party, over

    async def follow(self) -> None:
        place = await self._visit(None, 1)
        self.came.set()
        while not self._over.is_set():
            place = await self._visit(place, 4)
        await self._visit(place, 1)

    async def _visit(self, place: EventId | None, events: int) -> EventId:
        async with streaming(self._live, self._database, listener(self._party), place) as caller:
            await caller.until(lambda: len(caller.heard()) >= events or self._over.is_set())
            heard = caller.heard()
        places = [read_event_id(one.id) for one in heard]
        self.got += [place[2:] for place, one in zip(places, heard, strict=True) if one.kind == "calendar_changed"]
        return places[-1]


async def test_many_come_and_go_while_much_happens_and_none_misses_or_repeats_anything(
    live: Live, database: Database
) -> None:
    party, over = uuid4(), asyncio.Event()

    async def write() -> None:
        for _ in range(150):
            await change(database, party)
            live.wake()

    wanderers = [Wanderer(live, database, party, over) for _ in range(6)]
    following = [asyncio.create_task(one.follow()) for one in wanderers]
    for one in wanderers:
        await one.came.wait()
    await asyncio.gather(write(), write())
    over.set()
    await asyncio.gather(*following)
    async with database.read() as tx:
        rows = await tx.rows(sa.text("SELECT xid, id FROM changes ORDER BY xid, id"))
    assert len(rows) == 300
    for one in wanderers:
        assert one.got == [tuple(row) for row in rows]


@pytest.fixture
def process(app: Litestar) -> Live:
    """The application's own."""
    return app.dependencies["live"].dependency()  # type: ignore[union-attr, no-any-return]


@asynccontextmanager
async def opened(http: Any, process: Live, who: Person) -> AsyncIterator["asyncio.Task[Any]"]:
    """A request for a stream, which httpx answers here once the stream has ended."""
    before = len(process.listeners)
    asking = asyncio.create_task(who.get("/events"))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(process.listeners) == before:  # noqa: ASYNC110 -- it is the application's own
            await asyncio.sleep(0.01)
    try:
        yield asking
    finally:
        for one in process.listeners:
            one.end(Ended.STOPPING)
        await asking


async def last_word(asking: "asyncio.Task[Any]") -> Any:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return parse((await asking).text)[-1].data


@pytest.mark.parametrize("how", ["signed out", "lost a seat", "gained a seat", "nothing"])
async def test_it_ends_when_who_listens_is_no_longer_who_came(
    how: str,
    world: World,
    owner: Person,
    renter: Person,
    process: Live,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_module, "IDENTIFY_SECONDS", 0.2)
    person = UUID((await renter.get("/me")).json()["id"])
    async with opened(world.http, process, renter) as asking, opened(world.http, process, owner) as other:
        if how == "signed out":
            await renter.post("/auth/logout")
        async with database.begin() as tx:
            if how == "lost a seat":
                await tx.execute(sa.text("DELETE FROM seats WHERE person_id = :id"), {"id": person})
            if how == "gained a seat":
                await give_seat(tx, person, UUID(owner.party_id), Role.VIEWER)
        if how == "nothing":
            await asyncio.sleep(1)
            assert not asking.done()
            return
        await process._check_everybody()
        assert await last_word(asking) == {"reason": "signed_out" if how == "signed out" else "seats_changed"}
        assert not other.done()


async def test_identifying_is_one_statement_for_everybody_and_by_itself(
    world: World, owner: Person, renter: Person, process: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_module, "IDENTIFY_SECONDS", 0.1)
    async with opened(world.http, process, renter) as asking:
        await renter.post("/auth/logout")
        assert await last_word(asking) == {"reason": "signed_out"}


async def missed(who: Person, last_id: str = "", query: str = "") -> list[Heard]:
    headers = {"Last_Event_ID": last_id} if last_id else {}
    answer = await who.get(f"/events?follow=false{query}", **headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    return parse(answer.text)


async def test_two_farms_hear_of_their_own_and_filters_narrow_it(world: World, owner: Person, renter: Person) -> None:
    begin = (await missed(owner))[0].id
    stranger = await world.farmer("stranger@ferme.example", "Ailleurs")
    first, second = await world.machine(owner), await world.machine(owner)
    one = (await renter.booked([first], at(1), at(2)))["id"]
    await owner.made(f"/machines/{second}/blocks", {"start": at(1).isoformat(), "end": at(2).isoformat()})

    async def told(who: Person, query: str = "") -> list[tuple[str, str]]:
        heard = (await missed(who, begin, query))[1:-1]
        return [(one.kind, one.data.get("booking_id") or one.data["machine_id"]) for one in heard]

    booked, blocked = ("booking_confirmed", one), ("calendar_changed", second)
    assert await told(owner) == [booked, blocked]
    assert await told(renter) == [booked]
    assert await told(stranger) == []
    assert await told(owner, f"&machine_id={first}") == [booked]
    assert await told(owner, f"&machine_id={second}") == [blocked]
    assert await told(stranger, f"&machine_id={second}") == []
    assert await told(owner, f"&party_id={owner.party_id}") == [booked, blocked]
    for other in (owner.party_id, str(uuid4())):
        refused = await stranger.get(f"/events?follow=false&party_id={other}", Last_Event_ID=begin)
        assert (refused.status_code, refused.json()["code"]) == (404, "unknown_party")


async def test_every_step_of_a_booking_is_told_to_both_sides(world: World, owner: Person, renter: Person) -> None:
    begin = (await missed(owner))[0].id
    tractor = await world.machine(owner, booking_mode="on_request")
    held = (await renter.book([tractor], at(1), at(2))).json()["id"]
    await renter.act(held, "confirm", {"payment": "on_account"})
    await owner.act(held, "accept")
    await renter.act(held, "cancel", {})
    for who in (owner, renter):
        kinds = [heard.kind for heard in (await missed(who, begin))[1:-1]]
        assert kinds == ["booking_held", "booking_requested", "booking_confirmed", "booking_cancelled"]


@pytest.mark.parametrize("rubbish", ["0", "nonsense", "1.2.3", "' OR 1=1", "9" * 80])
async def test_a_rubbish_place_is_refused(rubbish: str, owner: Person) -> None:
    answer = await owner.get("/events?follow=false", Last_Event_ID=rubbish)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_event_id")
    assert answer.json()["errors"][0]["pointer"] == "Last-Event-ID"


async def test_a_place_that_is_too_long_is_refused(owner: Person) -> None:
    answer = await owner.get("/events?follow=false", Last_Event_ID="9" * 81)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


@pytest.mark.parametrize(
    ("age", "xid", "reason"),
    [(timedelta(hours=25), 0, "too_old"), (timedelta(0), 10**17, "unknown"), (timedelta(hours=-1), 0, "unknown")],
)
async def test_who_cannot_go_on_is_told_to_load_everything(
    age: timedelta, xid: int, reason: str, world: World, owner: Person, renter: Person
) -> None:
    tractor = await world.machine(owner)
    await renter.booked([tractor], at(1), at(2))
    ours = read_event_id((await missed(owner))[0].id).database
    heard = await missed(owner, str(EventId(ours, utc_now() - age, xid, UUID(int=0))))
    assert [(one.kind, one.data) for one in heard[:-1]] == [("reset", {"reason": reason})]
    later = (await renter.booked([tractor], at(3), at(4)))["id"]
    assert [one.data.get("booking_id") for one in (await missed(owner, heard[0].id))[1:-1]] == [later]


@pytest.mark.parametrize("other", ["00000000", ""])
async def test_a_place_of_another_database_is_no_place_of_this_one(
    other: str, world: World, owner: Person, renter: Person
) -> None:
    begin = read_event_id((await missed(owner))[0].id)
    tractor = await world.machine(owner)
    await renter.booked([tractor], at(1), at(2))
    resumed = await missed(owner, str(begin))
    assert (resumed[0].kind, resumed[1].data["machine_ids"]) == ("ready", [tractor])
    heard = await missed(owner, str(begin._replace(database=other)))
    assert [(one.kind, one.data) for one in heard[:-1]] == [("reset", {"reason": "unknown"})]
    assert read_event_id(heard[0].id).database == begin.database


async def test_who_listens_while_a_backup_is_brought_back_begins_anew(
    live: Live, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    party = uuid4()
    async with streaming(live, database, listener(party)) as caller:
        await caller.until(lambda: bool(caller.heard()))
        monkeypatch.setattr(live, "_counted_by", "00000000")
        live.wake()
        await caller.until(lambda: not caller.open)
    assert [one.kind for one in caller.heard()] == ["ready", "ended"]
    assert caller.heard()[-1].data == {"reason": "stopping"}


async def test_a_machine_that_one_cannot_see_is_not_listened_to(world: World, owner: Person, renter: Person) -> None:
    draft = await world.machine(owner, listed=False)
    for who, machine in ((renter, draft), (owner, str(uuid4()))):
        answer = await who.get(f"/events?follow=false&machine_id={machine}")
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_machine")
    assert (await owner.get(f"/events?follow=false&machine_id={draft}")).status_code == 200


async def test_who_missed_very_much_is_told_to_load_everything(owner: Person, database: Database) -> None:
    begin = (await missed(owner))[0].id
    await change(database, UUID(owner.party_id), MOST_MISSED)
    assert len(await missed(owner, begin)) == MOST_MISSED + 2
    await change(database, UUID(owner.party_id))
    assert [one.kind for one in await missed(owner, begin)] == ["reset", "ended"]


async def test_nobody_in_particular_hears_nothing(world: World) -> None:
    assert (await world.http.get("/v1/events?follow=false")).status_code == 401


def test_a_limit_is_a_limit(database: Database) -> None:
    everybody, person = Listeners(), uuid4()
    several = [listener(uuid4(), person=person) for _ in range(MOST_PER_PERSON)]
    for one in several:
        everybody.add(one)
    with pytest.raises(TooManyStreams):
        everybody.add(listener(uuid4(), person=person))
    everybody.add(listener(uuid4()))
    everybody.remove(several[0])
    everybody.add(listener(uuid4(), person=person))
