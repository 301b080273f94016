"""Putting the times of feeds into their machine's calendar: what is free of them is taken, what is gone given back.

One machine at a time, under its lock, in the same few statements however many times there are.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from votremachine.availability.blocks.service import filling as blocks
from votremachine.availability.events import CalendarChanged, FeedClashed
from votremachine.availability.feeds import rules
from votremachine.availability.feeds.rules import Feed
from votremachine.availability.feeds.service import store
from votremachine.availability.rules import Claim, Occupancy, Taker
from votremachine.availability.service import claims, look
from votremachine.fleet import service as fleet
from votremachine.fleet.rules import Machine
from votremachine.infra.database import RunAgain, Tx
from votremachine.kernel.span import Span

# How often somebody may be quicker before all is tried again from its start.
LOOKS = 5


async def apply(tx: Tx, feed: Feed, spans: Sequence[Span] | None) -> None:
    """Let a feed take these times, sorted and apart, instead of those it had; None leaves them as they are.

    What a booking has stays the booking's, and is a clash that the owner is told of once; what a block or another feed
    has is blocked anyway. What was free again meanwhile is taken now. Bookings are never touched. Raises `RunAgain`
    when somebody took some of it again and again.
    """
    await fleet.lock(tx, feed.machine_id)
    machine = await fleet.machine(tx, feed.machine_id)
    since = rules.window_at(tx.now).start
    known = (await store.events(tx, machine.id, since)).get(feed.id, {})
    gone, new = ([], []) if spans is None else rules.changed(known, spans, since)
    if gone:
        await _give_back(tx, gone)
    await store.add_events(tx, feed.id, new)
    await fill(tx, machine, gave_back=bool(gone))


async def empty(tx: Tx, machine: Machine, feed_id: UUID) -> None:
    """Give back all that a feed has; the lock of its machine must be held."""
    if ids := await store.all_events(tx, feed_id):
        await _give_back(tx, ids)
    await store.remove(tx, feed_id)
    await fill(tx, machine, gave_back=bool(ids))


async def fill(tx: Tx, machine: Machine, *, gave_back: bool = False) -> None:
    """Claim what the feeds of a machine want and nobody has; then, if a feed `gave_back` time, what its blocks want.

    The lock of the machine must be held. Raises `RunAgain` when somebody took some of it again and again.
    """
    wanted = await store.events(tx, machine.id, rules.window_at(tx.now).start)
    found, claimed = await _claim_what_is_free(tx, machine.id, wanted)
    if gave_back:
        await blocks.fill(tx, machine)
    await _note_clashes(tx, machine, wanted, found)
    if claimed or gave_back:
        tx.publish(CalendarChanged(machine_id=machine.id, owner_party_id=machine.party_id))


async def _claim_what_is_free(
    tx: Tx, machine_id: UUID, wanted: Mapping[UUID, Mapping[UUID, Span]]
) -> tuple[Sequence[Occupancy], int]:
    """What stood in the way in the end, and how much was claimed. Who books meanwhile was quicker: we look again, and
    what we have by then nobody else can take. Raises `RunAgain`.
    """
    claimed = 0
    for _ in range(LOOKS):
        found = await _taken(tx, machine_id, [span for spans in wanted.values() for span in spans.values()])
        taken, missing = [one.blocked for one in found], []
        for times in wanted.values():
            left = rules.left_of_each(times, taken)
            taken += [part for _, part in left]
            missing += [(Taker.EXTERNAL, event, Claim(machine_id, part, claims.NO_BUFFERS)) for event, part in left]
        got = await claims.claim_many(tx, missing)
        claimed += got
        if got == len(missing):
            return found, claimed
    raise RunAgain


async def _give_back(tx: Tx, ids: Sequence[UUID]) -> None:
    await claims.release_all(tx, ids)
    await store.drop_events(tx, ids)


async def _taken(tx: Tx, machine_id: UUID, wanted: Sequence[Span]) -> Sequence[Occupancy]:
    if not wanted:
        return []
    window = Span(min(span.start for span in wanted), max(span.end for span in wanted))
    await claims.drop_lapsed(tx, machine_id, window)
    return await look.taken(tx, [machine_id], window)


async def _note_clashes(
    tx: Tx, machine: Machine, wanted: Mapping[UUID, Mapping[UUID, Span]], found: Sequence[Occupancy]
) -> None:
    """Keep note of the bookings that stand in the time of feeds, and forget those that do not any more; tell of new."""
    booked = [(one.ref_id, one.blocked) for one in found if one.kind is Taker.BOOKING]
    known = await store.clashes_on(tx, machine.id)
    about = {"machine_id": machine.id, "owner_party_id": machine.party_id}
    for feed_id in sorted(wanted.keys() | known.keys()):
        before, now = known.get(feed_id, []), rules.clashes([*wanted.get(feed_id, {}).values()], booked, tx.now)
        if now == before:
            continue
        await store.rewrite_clashes(tx, feed_id, now)
        told = {one.booking_id for one in before}
        for one in now:
            if one.booking_id not in told:
                tx.publish(FeedClashed(feed_id=feed_id, booking_id=one.booking_id, **about))
