"""Putting the times of feeds into their machine's calendar: what is free of them is taken, what is gone given back.

One machine at a time, under its lock, in the same few statements however many times there are.
"""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from votremachine.availability.blocks.service import filling as blocks
from votremachine.availability.events import CalendarChanged, FeedClashed
from votremachine.availability.feeds import rules
from votremachine.availability.feeds.rules import Clash, Feed
from votremachine.availability.feeds.service import store
from votremachine.availability.rules import Claim, Occupancy, Taker
from votremachine.availability.service import claims, look
from votremachine.fleet import service as fleet
from votremachine.fleet.rules import Machine
from votremachine.infra.database import RunAgain, Tx
from votremachine.kernel.span import Span


class Applied(msgspec.Struct, frozen=True):
    """How many times a feed has anew, how many it has no more, and which clashes were not known before."""

    added: int
    gone: int
    clashed: Sequence[Clash]


async def apply(tx: Tx, feed: Feed, spans: Sequence[Span] | None) -> Applied:
    """Let a feed take these times, sorted and apart, instead of those it had; None leaves them as they are.

    What a booking has stays the booking's, and is a clash that the owner is told of once; what a block or another feed
    has is blocked anyway. What was free again meanwhile is taken now. Bookings are never touched. Raises `RunAgain`
    when somebody took some of it meanwhile.
    """
    await fleet.lock(tx, feed.machine_id)
    machine = await fleet.machine(tx, feed.machine_id)
    since = rules.window_at(tx.now).start
    known = (await store.events(tx, machine.id, since)).get(feed.id, {})
    gone, new = ([], []) if spans is None else rules.changed(known, spans, since)
    if gone:
        await _give_back(tx, gone)
    await store.add_events(tx, feed.id, new)
    return await _fill(tx, machine, feed, len(new), len(gone))


async def empty(tx: Tx, machine: Machine, feed_id: UUID) -> None:
    """Give back all that a feed has; the lock of its machine must be held."""
    if ids := await store.all_events(tx, feed_id):
        await _give_back(tx, ids)
    await store.remove(tx, feed_id)
    await _fill(tx, machine, None, 0, len(ids))


async def _give_back(tx: Tx, ids: Sequence[UUID]) -> None:
    await claims.release_all(tx, ids)
    await store.drop_events(tx, ids)


async def _fill(tx: Tx, machine: Machine, feed: Feed | None, added: int, gone: int) -> Applied:
    """Claim what the feeds of a machine want and nobody has; then what its blocks want of what is left."""
    wanted = await store.events(tx, machine.id, rules.window_at(tx.now).start)
    found = await _taken(tx, machine.id, [span for spans in wanted.values() for span in spans.values()])
    taken, missing = [one.blocked for one in found], []
    for times in wanted.values():
        left = rules.left_of_each(times, taken)
        taken += [part for _, part in left]
        missing += [(Taker.EXTERNAL, event_id, Claim(machine.id, part, claims.NO_BUFFERS)) for event_id, part in left]
    if await claims.claim_many(tx, missing) < len(missing):
        raise RunAgain
    filled = await blocks.fill(tx, machine) if gone else None
    clashed = (
        [] if feed is None else await _note_clashes(tx, machine, feed, list(wanted.get(feed.id, {}).values()), found)
    )
    if missing or gone or (filled and filled.claimed):
        tx.publish(CalendarChanged(machine_id=machine.id, owner_party_id=machine.party_id))
    return Applied(added, gone, clashed)


async def _taken(tx: Tx, machine_id: UUID, wanted: Sequence[Span]) -> Sequence[Occupancy]:
    if not wanted:
        return []
    window = Span(min(span.start for span in wanted), max(span.end for span in wanted))
    await claims.drop_lapsed(tx, machine_id, window)
    return await look.taken(tx, [machine_id], window)


async def _note_clashes(
    tx: Tx, machine: Machine, feed: Feed, wanted: Sequence[Span], found: Sequence[Occupancy]
) -> Sequence[Clash]:
    """Keep note of the bookings that stand in a feed's time, and forget those that do not any more; the new ones."""
    booked = [(one.ref_id, one.blocked) for one in found if one.kind is Taker.BOOKING]
    now = rules.clashes(wanted, booked, tx.now)
    known = (await store.clashes(tx, [feed.id]))[feed.id]
    if now == list(known):
        return []
    await store.rewrite_clashes(tx, feed.id, now)
    told = {one.booking_id for one in known}
    new = [one for one in now if one.booking_id not in told]
    for one in new:
        about = {"machine_id": machine.id, "owner_party_id": machine.party_id}
        tx.publish(FeedClashed(feed_id=feed.id, booking_id=one.booking_id, **about))
    return new
