"""Time that bookings and blocks give back goes to the outside calendars that want it, before the next fetch."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.availability.feeds.test_feeds import Clockwork, busy, followed, look, told
from tests.availability.feeds.test_feeds import clockwork as clockwork  # noqa: PLC0414 -- a fixture
from tests.availability.feeds.test_feeds import server as server  # noqa: PLC0414 -- a fixture
from tests.availability.feeds.test_feeds import tractor as tractor  # noqa: PLC0414 -- a fixture
from tests.feed_server import FeedServer, calendar
from tests.people import Person, World, at
from votremachine.availability.feeds.jobs import take_freed
from votremachine.bookings.jobs import expire_provisional
from votremachine.fleet import service as fleet
from votremachine.infra.database import Database
from votremachine.infra.outbox import drain
from votremachine.worker import HANDLERS

LEFT = sa.text("SELECT machine_id, due_at > now() AS put_off FROM feed_refills")
ELSEWHERE = {"start": at(13).isoformat(), "end": at(14).isoformat()}
Act = Callable[[], Awaitable[object]]
GivesBack = Callable[[Person, Person, str, Clockwork], Awaitable[Act]]


async def handed_on(clockwork: Clockwork) -> int:
    """What the worker does within a second or two; how many machines were looked at."""
    await drain(clockwork.database, HANDLERS)
    return await take_freed(clockwork.ctx)


async def cancelled(owner: Person, renter: Person, tractor: str, clockwork: Clockwork) -> Act:
    booking = await renter.booked([tractor], at(3), at(4))
    return lambda: renter.act(booking["id"], "cancel", {})


async def expired(owner: Person, renter: Person, tractor: str, clockwork: Clockwork) -> Act:
    held = (await renter.book([tractor], at(3), at(4))).json()

    async def lapse() -> None:
        await clockwork.sql("UPDATE bookings SET expires_at = now() WHERE id = :id", id=UUID(held["id"]))
        await expire_provisional(clockwork.ctx)

    return lapse


async def moved(owner: Person, renter: Person, tractor: str, clockwork: Clockwork) -> Act:
    booking = await renter.booked([tractor], at(3), at(4))
    tag = (await renter.get(f"/bookings/{booking['id']}")).headers["ETag"]
    return lambda: renter.act(booking["id"], "reschedule", ELSEWHERE, If_Match=tag)


async def unblocked(owner: Person, renter: Person, tractor: str, clockwork: Clockwork) -> Act:
    block = await owner.made(f"/machines/{tractor}/blocks", {"start": at(3).isoformat(), "end": at(4).isoformat()})
    return lambda: owner.ask("DELETE", f"/blocks/{block['id']}")


async def block_moved(owner: Person, renter: Person, tractor: str, clockwork: Clockwork) -> Act:
    block = await owner.made(f"/machines/{tractor}/blocks", {"start": at(3).isoformat(), "end": at(4).isoformat()})
    tag = (await owner.get(f"/blocks/{block['id']}")).headers["ETag"]
    return lambda: owner.ask("PATCH", f"/blocks/{block['id']}", ELSEWHERE, If_Match=tag)


@pytest.mark.parametrize("way", [cancelled, expired, moved, unblocked, block_moved])
async def test_what_is_given_back_is_taken_without_a_fetch(
    way: GivesBack, owner: Person, renter: Person, tractor: str, server: FeedServer, clockwork: Clockwork
) -> None:
    give_back = await way(owner, renter, tractor, clockwork)
    server.say(calendar(busy("a", at(2), at(5))))
    feed = await followed(owner, tractor, server)
    await clockwork.fetch()
    await handed_on(clockwork)
    parts = [(at(2), at(3)), (at(4), at(5))]
    assert await clockwork.held(tractor) == parts
    await give_back()
    assert await handed_on(clockwork) == 1
    assert sorted(await clockwork.held(tractor)) == [parts[0], (at(3), at(4)), parts[1]]
    assert (await look(owner, feed))["clashes"] == []
    assert await handed_on(clockwork) == 0, "what a feed takes gives nothing back"
    assert len(server.heads) == 1


async def test_a_refusal_an_early_return_and_an_absence(
    world: World, owner: Person, renter: Person, server: FeedServer, clockwork: Clockwork
) -> None:
    modes = ("on_request", "instant", "instant")
    asked, early, absent = machines = [await world.machine(owner, booking_mode=mode) for mode in modes]
    of = {machine: (await renter.booked([machine], at(0, 2), at(2)))["id"] for machine in machines}
    server.say(calendar(busy("a", at(1), at(3))))
    for machine in machines:
        await followed(owner, machine, server)
    await clockwork.fetch()
    await handed_on(clockwork)
    assert [await clockwork.held(machine) for machine in machines] == [[(at(2), at(3))]] * 3
    await clockwork.sql("UPDATE bookings SET starts = :now WHERE id = :id", now=at(0), id=UUID(of[absent]))
    for machine, verb in ((asked, "decline"), (early, "check_out"), (early, "check_in"), (absent, "no_show")):
        answer = await owner.act(of[machine], verb, {})
        assert answer.is_success, answer.text
    assert await handed_on(clockwork) == 3
    for machine in machines:
        assert sorted(await clockwork.held(machine)) == [(at(1), at(2)), (at(2), at(3))]


async def test_a_stranger_may_be_quicker_and_is_a_clash_that_is_told(
    world: World,
    owner: Person,
    renter: Person,
    tractor: str,
    server: FeedServer,
    clockwork: Clockwork,
    database: Database,
) -> None:
    give_back = await cancelled(owner, renter, tractor, clockwork)
    server.say(calendar(busy("a", at(3), at(4))))
    feed = await followed(owner, tractor, server)
    await clockwork.fetch()
    await told(owner, database)
    assert await clockwork.held(tractor) == []
    await give_back()
    stranger = await world.farmer("quick@ferme.example", "Ferme vive")
    booking = await stranger.booked([tractor], at(3), at(3, 12))
    await handed_on(clockwork)
    assert await clockwork.held(tractor) == [(at(3, 12), at(4))]
    assert [one["booking_id"] for one in (await look(owner, feed))["clashes"]] == [booking["id"]]
    assert (await told(owner, database)).count("FeedClashed") == 2


async def test_machines_without_a_calendar_are_not_marked(
    owner: Person, renter: Person, tractor: str, clockwork: Clockwork
) -> None:
    await (await cancelled(owner, renter, tractor, clockwork))()
    await drain(clockwork.database, HANDLERS)
    async with clockwork.database.read() as tx:
        assert await tx.rows(LEFT) == []


async def test_a_machine_that_cannot_be_seen_to_is_tried_again_and_keeps_nobody_waiting(
    world: World, owner: Person, renter: Person, server: FeedServer, clockwork: Clockwork
) -> None:
    machines = sorted([await world.machine(owner) for _ in range(2)])
    give_back = [await cancelled(owner, renter, machine, clockwork) for machine in machines]
    server.say(calendar(busy("a", at(3), at(4))))
    for machine in machines:
        await followed(owner, machine, server)
    await clockwork.fetch()
    for one in give_back:
        await one()
    async with clockwork.database.begin() as tx:
        # Somebody is busy with the first for longer than anybody waits.
        await fleet.lock(tx, UUID(machines[0]))
        await handed_on(clockwork)
    assert [await clockwork.held(machine) for machine in machines] == [[], [(at(3), at(4))]]
    async with clockwork.database.read() as tx:
        assert {tuple(row) for row in await tx.rows(LEFT)} == {(UUID(machines[0]), True)}
    await clockwork.sql("UPDATE feed_refills SET due_at = now()")
    await handed_on(clockwork)
    assert await clockwork.held(machines[0]) == [(at(3), at(4))]


async def test_feeds_and_strangers_want_what_is_given_back_at_once(
    owner: Person, renter: Person, tractor: str, server: FeedServer, clockwork: Clockwork
) -> None:
    days = range(2, 12)
    bookings = [await renter.booked([tractor], at(day), at(day, 5)) for day in days]
    server.say(calendar(*(busy(str(day), at(day), at(day, 5)) for day in days)))
    feed = await followed(owner, tractor, server)
    await clockwork.fetch()
    for one in bookings:
        await renter.act(one["id"], "cancel", {})
    await drain(clockwork.database, HANDLERS)
    wishes = (renter.book([tractor], at(day), at(day, 5), payment="on_account") for day in days)
    sweeps = asyncio.gather(*(take_freed(clockwork.ctx) for _ in range(3)))
    answers = await asyncio.gather(*wishes)
    await sweeps
    won = [at(day) for day, answer in zip(days, answers, strict=True) if answer.status_code == 201]
    clashes = [datetime.fromisoformat(one["during"]["start"]) for one in (await look(owner, feed))["clashes"]]
    assert (sorted(clashes), {answer.status_code for answer in answers} <= {201, 409}) == (won, True)
    assert await clockwork.held(tractor) == [(at(day), at(day, 5)) for day in days if at(day) not in won]
