"""What an owner does with feeds: follow a calendar, look how it fares, have it read at once, follow it no more."""

from collections.abc import Sequence
from uuid import UUID

from votremachine.accounts.rules import Actor, Verb, require
from votremachine.accounts.service import audit
from votremachine.availability.events import CalendarChanged
from votremachine.availability.feeds.rules import ASKED_AT_MOST_EVERY, AskedJustNow, Feed, UnknownFeed
from votremachine.availability.feeds.schemas import FeedView, FollowCalendar, view
from votremachine.availability.feeds.service import filling, store
from votremachine.fleet import service as fleet
from votremachine.fleet.rules import Machine, check_in_service
from votremachine.infra.database import Tx
from votremachine.infra.fetching.addresses import read_address
from votremachine.infra.keys import Seal

SHOWN_CHARACTERS = 4


async def follow(tx: Tx, who: Actor, machine_id: UUID, asked: FollowCalendar, seal: Seal, language: str) -> FeedView:
    """Subscribe to an outside calendar; it is read within a minute.

    Raises `UnknownMachine`, `NotAllowed`, `BadAddress`, `TooManyFeeds`.
    """
    machine = check_in_service(await fleet.owned(tx, who, Verb.EDIT_CALENDAR, machine_id))
    address = read_address(asked.url)
    await fleet.lock(tx, machine_id)
    await store.check_room(tx, machine_id)
    shown = f"{address.host}/…{address.target[1:][-SHOWN_CHARACTERS:]}"
    feed = Feed(tx.new_id(), machine_id, asked.name, seal.close(str(address)), shown, tx.now, tx.now)
    await store.add(tx, feed, who.person_id)
    await _told(tx, who, "follow", machine, feed.id)
    return view(feed, [], machine.zone, language)


async def show(tx: Tx, who: Actor, feed_id: UUID, language: str) -> FeedView:
    """One feed. Raises `UnknownFeed`, `NotAllowed`."""
    machine, feed = await _of(tx, who, Verb.READ_CALENDAR, feed_id)
    return (await _views(tx, machine, [feed], language))[0]


async def browse(
    tx: Tx, who: Actor, machine_id: UUID, language: str, *, after: UUID | None, limit: int
) -> Sequence[FeedView]:
    """The feeds of a machine, in the order in which they were made; `limit + 1` rows.

    Raises `UnknownMachine`, `NotAllowed`.
    """
    machine = await fleet.owned(tx, who, Verb.READ_CALENDAR, machine_id)
    return await _views(tx, machine, await store.browse(tx, machine_id, after=after, limit=limit), language)


async def fetch(tx: Tx, who: Actor, feed_id: UUID, language: str) -> FeedView:
    """Have a feed read within the minute. Raises `UnknownFeed`, `NotAllowed`, `AskedJustNow`."""
    machine, feed = await _of(tx, who, Verb.EDIT_CALENDAR, feed_id)
    if feed.asked_at is not None and tx.now - feed.asked_at < ASKED_AT_MOST_EVERY:
        raise AskedJustNow
    await store.ask(tx, feed_id)
    await audit.note(tx, who, "fetch", "calendar_feed", feed_id, machine.party_id)
    return (await _views(tx, machine, [await store.load(tx, feed_id)], language))[0]


async def unfollow(tx: Tx, who: Actor, feed_id: UUID) -> None:
    """Follow a calendar no more: its time is free from the commit on. Raises `UnknownFeed`, `NotAllowed`."""
    machine, feed = await _of(tx, who, Verb.EDIT_CALENDAR, feed_id)
    await fleet.lock(tx, machine.id)
    await store.load(tx, feed.id)
    await filling.empty(tx, machine, feed.id)
    await _told(tx, who, "unfollow", machine, feed.id)


async def _of(tx: Tx, who: Actor, verb: Verb, feed_id: UUID) -> tuple[Machine, Feed]:
    feed = await store.load(tx, feed_id)
    machine = await fleet.machine(tx, feed.machine_id)
    require(verb, who, owner=machine.party_id, stranger=UnknownFeed())
    return machine, feed


async def _views(tx: Tx, machine: Machine, found: Sequence[Feed], language: str) -> list[FeedView]:
    clashes = await store.clashes(tx, [feed.id for feed in found])
    return [view(feed, clashes[feed.id], machine.zone, language) for feed in found]


async def _told(tx: Tx, who: Actor, verb: str, machine: Machine, feed_id: UUID) -> None:
    await audit.note(tx, who, verb, "calendar_feed", feed_id, machine.party_id, machine_id=str(machine.id))
    tx.publish(CalendarChanged(machine_id=machine.id, owner_party_id=machine.party_id, by=who.person_id))
