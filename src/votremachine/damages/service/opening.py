"""An owner says what came back broken, and what that costs."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from votremachine.accounts.rules import Actor, Verb
from votremachine.bookings.rules import Booking
from votremachine.bookings.service import reading as bookings
from votremachine.bookings.service import store as bookings_store
from votremachine.damages.events import ClaimOpened
from votremachine.damages.rules import claim as rules
from votremachine.damages.rules.claim import Claim, Side, State, answer_by
from votremachine.damages.rules.costs import Line, line
from votremachine.damages.schemas import AskedLine, OpenClaim
from votremachine.damages.service import store
from votremachine.damages.wear import wears
from votremachine.deposits.rules import DepositOver, UnknownDeposit
from votremachine.deposits.service import ending
from votremachine.fleet import service as fleet
from votremachine.fleet.rules import Machine
from votremachine.infra.database import Tx
from votremachine.inspections.service import comparing
from votremachine.inspections.service import reading as inspections
from votremachine.kernel.errors import DomainError


async def open_claim(tx: Tx, who: Actor, booking_id: UUID, asked: OpenClaim) -> Claim:
    """Claim damage of a booking that is back; its deposit is kept until the claim has ended.

    Raises `UnknownBooking`, `NotAllowed`, `NotReturned`, `ClaimWindowClosed`, `ClaimOpenAlready`, `NotOfThisBooking`,
    `FuelNotMissing`, and what `costs.line` does.
    """
    booking = await bookings.load_locked(tx, booking_id)
    bookings_store.authorise(Verb.CLAIM_DAMAGE, who, booking)
    rules.check_window(booking.claimable_from, booking.state, booking.claim_window, tx.now)
    machines = await fleet.machines_by_id(tx, booking.machine_ids)
    lines = _lines(asked.lines, machines, await _reported(tx, booking.id, asked.lines))
    claim = _claim(tx, booking, asked, lines)
    await store.add(tx, claim, lines, who)
    await _keep_deposit(tx, claim)
    tx.publish(store.fact(ClaimOpened, claim, who.person_id, minor=claim.asked))
    return claim


def _claim(tx: Tx, booking: Booking, asked: OpenClaim, lines: Sequence[Line]) -> Claim:
    machine_ids = tuple(sorted({one.machine_id for one in lines}))
    total, cap = sum(one.asked for one in lines), booking.claim_cap(machine_ids)
    due_at, next_at = answer_by(tx.now)
    return Claim(
        id=asked.id or tx.new_id(),
        booking_id=booking.id,
        owner_party_id=booking.owner_party_id,
        renter_party_id=booking.renter_party_id,
        machine_ids=machine_ids,
        state=State.OPEN,
        reason=asked.reason,
        currency=booking.deposit.currency,
        total=total,
        cap=cap,
        asked=total if cap is None else min(total, cap),
        turn=Side.RENTER,
        due_at=due_at,
        next_at=next_at,
        created_at=tx.now,
    )


class _Reported(NamedTuple):
    """What the condition reports of a booking say: which there are, and the fuel that is missing, by machine."""

    ids: frozenset[UUID] = frozenset()
    missing_eighths: Mapping[UUID, int] = {}


async def _reported(tx: Tx, booking_id: UUID, asked: Sequence[AskedLine]) -> _Reported:
    """What the reports say, if a line speaks of them; two statements."""
    if not any(one.inspection_ids or one.eighths for one in asked):
        return _Reported()
    ids = frozenset(row.id for row in await inspections.rows_of(tx, booking_id))
    changed = await comparing.differences(tx, booking_id)
    fuel = {machine_id: -one.fuel_eighths for machine_id, one in changed.items() if one.fuel_eighths is not None}
    return _Reported(ids, fuel)


def _lines(asked: Sequence[AskedLine], machines: Mapping[UUID, Machine], reported: _Reported) -> list[Line]:
    """The lines as they stand; what is wrong with one says in which."""
    found = []
    for place, one in enumerate(asked):
        try:
            found.append(_line(one, machines, reported))
        except DomainError as error:
            error.pointer = f"/lines/{place}{error.pointer or ''}"
            raise
    return found


def _line(asked: AskedLine, machines: Mapping[UUID, Machine], reported: _Reported) -> Line:
    machine_id = asked.machine_id or (next(iter(machines)) if len(machines) == 1 else None)
    if machine_id is None or machine_id not in machines:
        raise rules.NotOfThisBooking(pointer="/machine_id")
    if not reported.ids.issuperset(asked.inspection_ids):
        raise rules.NotOfThisBooking(pointer="/inspection_ids")
    missing = reported.missing_eighths.get(machine_id)
    if missing is not None and asked.eighths is not None and asked.eighths > missing:
        raise rules.FuelNotMissing(pointer="/eighths", missing=max(0, missing))
    return line(asked.of(machine_id), wears(machines[machine_id].category))


async def _keep_deposit(tx: Tx, claim: Claim) -> None:
    """In the same transaction, so that it is never given back under an open claim; there may be none to keep."""
    try:
        await ending.keep_open(tx, claim.booking_id, claim.id)
    except (UnknownDeposit, DepositOver):
        return
