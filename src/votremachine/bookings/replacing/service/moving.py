"""Moving the bookings of a machine to others of the same owner: all of them, or none."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from votremachine.accounts.rules import Actor, Verb
from votremachine.accounts.service import audit
from votremachine.availability.blocks.service.filling import fill
from votremachine.availability.events import CalendarChanged
from votremachine.availability.rules import Claim, Taker
from votremachine.availability.service.transfers import Transfer, transfer
from votremachine.bookings.events import MachineReplaced
from votremachine.bookings.replacing import rules
from votremachine.bookings.replacing.rules import MovedTwice, PlanStale, Staleness
from votremachine.bookings.replacing.schemas import Move, Replace, Replaced
from votremachine.bookings.replacing.service import store
from votremachine.bookings.replacing.service.planning import period_of, substitutes_named
from votremachine.bookings.rules import Booking
from votremachine.bookings.service import reading
from votremachine.fleet import service as fleet
from votremachine.fleet.rules import Machine
from votremachine.infra.database import Tx

Stale = dict[UUID, Staleness]


async def replace(tx: Tx, who: Actor, machine_id: UUID, asked: Replace) -> Replaced:
    """Put other machines in the place of one, booking by booking; prices and deposits stay as agreed.

    Raises `UnknownMachine`, `NotAllowed`, `MovedTwice`, `NotASubstitute`, what `period_of` does, and `PlanStale` with
    the bookings for which the plan does not hold any more: then none is moved.
    """
    moves = _by_booking(asked.moves)
    period = period_of(tx, asked.start, asked.end)
    machine = await fleet.owned(tx, who, Verb.REPLACE_MACHINE, machine_id)
    others = await substitutes_named(tx, who, machine, [move.to_machine_id for move in asked.moves])
    # First the bookings, then the machines: in the order in which whoever changes the time of one does it.
    found = await store.locked(tx, machine_id, period, list(moves))
    await fleet.lock_all(tx, [machine_id, *others])
    known = {**await fleet.machines_by_id(tx, {one for booking in found for one in booking.machine_ids} | {machine_id})}
    moving, left = _sort_out(tx, asked, machine, moves, found, {**known, **others})
    await _transfer(tx, machine, moving, moves, others)
    moved = {one.id: others[moves[one.id].to_machine_id].id for one in moving}
    changed = await store.put(tx, who, machine_id, moved, moving, asked.why)
    await _tell(tx, who, machine, moved, changed)
    views = await reading.views_of(tx, changed, {**known, **others})
    return Replaced(machine_id, views, left)


def _by_booking(moves: Sequence[Move]) -> dict[UUID, Move]:
    by_booking = {move.booking_id: move for move in moves}
    if len(by_booking) < len(moves):
        raise MovedTwice(pointer="/moves")
    return by_booking


def _sort_out(
    tx: Tx,
    asked: Replace,
    machine: Machine,
    moves: Mapping[UUID, Move],
    found: Sequence[Booking],
    known: Mapping[UUID, Machine],
) -> tuple[list[Booking], list[UUID]]:
    """The bookings to be moved, and those to be left where they are. Raises `PlanStale`."""
    stale: Stale = dict.fromkeys(moves, Staleness.CHANGED)
    moving, left = [], []
    for one in found:
        if one.id not in moves:
            if rules.replaceable(one, tx.now):
                left.append(one.id)
            continue
        move = moves[one.id]
        if move.version != one.version or not rules.replaceable(one, tx.now):
            continue
        moving.append(one)
        if why := rules.obstacle(one, machine, known[move.to_machine_id], known):
            stale[one.id] = Staleness(why)
        else:
            del stale[one.id]
    if not asked.leave_unassigned:
        stale |= dict.fromkeys(left, Staleness.LEFT_OUT)
    _check(stale)
    return moving, left


async def _transfer(
    tx: Tx, machine: Machine, moving: Sequence[Booking], moves: Mapping[UUID, Move], others: Mapping[UUID, Machine]
) -> None:
    wishes = [
        Transfer(one.id, Claim(other.id, one.during, other.terms.buffers), one.expires_at)
        for one in moving
        if (other := others[moves[one.id].to_machine_id])
    ]
    _check(dict.fromkeys(await transfer(tx, Taker.BOOKING, machine.id, wishes), Staleness.TAKEN))


def _check(stale: Stale) -> None:
    if stale:
        raise PlanStale(bookings=[{"booking_id": one, "reason": why} for one, why in sorted(stale.items())])


async def _tell(tx: Tx, who: Actor, machine: Machine, moved: Mapping[UUID, UUID], changed: Sequence[Booking]) -> None:
    """Tell both sides of each booking, note it, and let the blocks that want the freed time have it."""
    filled = await fill(tx, machine)
    for one in changed:
        tx.publish(
            MachineReplaced(
                booking_id=one.id,
                owner_party_id=one.owner_party_id,
                renter_party_id=one.renter_party_id,
                machine_ids=(*sorted(one.machine_ids), machine.id),
                by=who.person_id,
                from_machine_id=machine.id,
                to_machine_id=moved[one.id],
            )
        )
    went = {str(booking_id): str(other_id) for booking_id, other_id in moved.items()}
    await audit.note(tx, who, "replace", "machine", machine.id, machine.party_id, moved=went)
    if filled.claimed:
        tx.publish(CalendarChanged(machine_id=machine.id, owner_party_id=machine.party_id, by=who.person_id))
