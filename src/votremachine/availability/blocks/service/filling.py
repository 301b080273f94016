"""Taking the time that blocks want: at once when one is made or changed, and again by the sweep.

One machine at a time, under its lock, in the same few statements however many occurrences there are.
"""

from collections.abc import Sequence
from uuid import UUID

import msgspec
import sqlalchemy as sa

from votremachine.availability.blocks.models import lost_occurrences
from votremachine.availability.blocks.rules import (
    AHEAD,
    ROLLED_WHEN_NEARER,
    Block,
    Lost,
    check_clear,
    left_of,
    lost,
    wanted,
)
from votremachine.availability.blocks.service import store
from votremachine.availability.events import CalendarChanged, OccurrencesLost
from votremachine.availability.rules import Claim, Occupancy, Taker
from votremachine.availability.service import claims, look
from votremachine.fleet import service as fleet
from votremachine.fleet.rules import Machine
from votremachine.infra.database import RunAgain, Tx
from votremachine.kernel.span import Span


class Filled(msgspec.Struct, frozen=True):
    """How many spans were claimed, and which occurrences bookings keep out that did not before."""

    claimed: int
    lost: Lost


async def fill(tx: Tx, machine: Machine, newly: Sequence[Span] = (), changed: Sequence[UUID] = ()) -> Filled:
    """Claim whatever the blocks of a machine want and nobody has; its lock must be held.

    `newly` is time that no block wanted before: raises `BlockMeetsBookings` when a booking stands in it. `changed`
    are blocks to be seen to even though they may be over. Raises `RunAgain` when somebody took some of it meanwhile.
    """
    wishes = [(block, wanted(block, tx.now)) for block in await store.standing(tx, machine.id, changed)]
    spans = [span for _, wish in wishes for span in wish]
    if not spans:
        return Filled(0, {})
    window = Span(min(span.start for span in spans), max(span.end for span in spans))
    await claims.drop_lapsed(tx, machine.id, window)
    found = await look.taken(tx, [machine.id], window)
    check_clear(newly, found, machine.zone)
    taken, missing = [one.blocked for one in found], []
    for block, wish in wishes:
        left = left_of(wish, taken)
        taken += left
        missing += [(block.kind, block.id, Claim(machine.id, span, claims.NO_BUFFERS)) for span in left]
    if await claims.claim_many(tx, missing) < len(missing):
        raise RunAgain
    return Filled(len(missing), await _note_lost(tx, wishes, found))


async def sweep(tx: Tx, after: UUID) -> UUID | None:
    """Fill the calendar of the next machine, by id, that has blocks, and roll its series forward; None at the end."""
    machine_id = await store.next_machine(tx, after)
    if machine_id is None:
        return None
    await fleet.lock(tx, machine_id)
    machine = await fleet.machine(tx, machine_id)
    await store.roll(tx, machine_id, to=tx.now + AHEAD, nearer_than=tx.now + ROLLED_WHEN_NEARER)
    filled = await fill(tx, machine)
    about = {"machine_id": machine_id, "owner_party_id": machine.party_id}
    if filled.claimed:
        tx.publish(CalendarChanged(**about))
    # One word for each block, however many of its occurrences are lost.
    for block_id, booking_id in {block_id: booking for (block_id, _), booking in filled.lost.items()}.items():
        tx.publish(OccurrencesLost(block_id=block_id, booking_id=booking_id, **about))
    return machine_id


async def _note_lost(tx: Tx, wishes: Sequence[tuple[Block, list[Span]]], found: Sequence[Occupancy]) -> Lost:
    """Keep note of what bookings keep out, and forget what they do not any more; what was not known before."""
    booked = [(one.ref_id, one.blocked) for one in found if one.kind is Taker.BOOKING]
    now_lost = lost(((block.id, wish) for block, wish in wishes), booked)
    known = await store.lost(tx, [block.id for block, _ in wishes])
    if gone := known - now_lost.keys():
        keys = sa.tuple_(lost_occurrences.c.block_id, lost_occurrences.c.starts)
        await tx.execute(lost_occurrences.delete().where(keys.in_(sorted(gone))))
    new = {key: booking for key, booking in now_lost.items() if key not in known}
    if new:
        rows = [{"block_id": block, "starts": start, "booking_id": booking} for (block, start), booking in new.items()]
        await tx.execute(lost_occurrences.insert().values(rows))
    return new
