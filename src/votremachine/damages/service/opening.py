"""An owner says what came back broken, and what that costs."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from votremachine.accounts.rules import Actor, Verb
from votremachine.bookings.rules import Booking
from votremachine.bookings.service import reading as bookings
from votremachine.bookings.service import store as bookings_store
from votremachine.damages.events import ClaimOpened
from votremachine.damages.rules import claim as rules
from votremachine.damages.rules.claim import STANDARD_PATIENCE, Claim, Patience, Side, State
from votremachine.damages.rules.costs import Line, line
from votremachine.damages.schemas import AskedLine, OpenClaim
from votremachine.damages.service import store
from votremachine.damages.service.answering import in_hours
from votremachine.damages.wear import worth
from votremachine.deposits.rules import DepositOver, UnknownDeposit
from votremachine.deposits.service import ending
from votremachine.fleet import service as fleet
from votremachine.fleet.rules import Machine
from votremachine.infra.database import Tx
from votremachine.inspections.rules.comparison import Difference
from votremachine.inspections.service import comparing
from votremachine.inspections.service.comparing import Report, Reported
from votremachine.kernel.errors import DomainError


async def open_claim(
    tx: Tx, who: Actor, booking_id: UUID, asked: OpenClaim, patience: Patience = STANDARD_PATIENCE
) -> Claim:
    """Claim damage of a booking that is back; its deposit is kept until the claim has ended.

    Raises `UnknownBooking`, `NotAllowed`, `NotReturned`, `ClaimWindowClosed`, `ClaimOpenAlready`, `NotOfThisBooking`,
    `ReportNotSigned`, `ReportAmended`, `FuelNotMissing`, and what `costs.line` does.
    """
    booking = await bookings.load_locked(tx, booking_id)
    bookings_store.authorise(Verb.CLAIM_DAMAGE, who, booking)
    rules.check_window(booking.claimable_from, booking.state, booking.claim_window, tx.now)
    machines = await fleet.machines_by_id(tx, booking.machine_ids)
    grounds = _Grounds(booking.created_at.date(), machines, await _reported(tx, booking.id, asked.lines))
    lines = _lines(asked.lines, grounds)
    claim = _claim(tx, booking, asked, lines, patience)
    await store.add(tx, claim, lines, who)
    await _keep_deposit(tx, claim)
    tx.publish(store.fact(ClaimOpened, claim, who.person_id, minor=claim.asked, hours=in_hours(patience)))
    return claim


def _claim(tx: Tx, booking: Booking, asked: OpenClaim, lines: Sequence[Line], patience: Patience) -> Claim:
    machine_ids = tuple(sorted({one.machine_id for one in lines}))
    total, cap = sum(one.asked for one in lines), booking.claim_cap(machine_ids)
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
        due_at=tx.now + patience.answer,
        created_at=tx.now,
    )


class _Grounds(NamedTuple):
    """What lines are held against: the day of booking, by whose tables wear and age count; its machines; and what their
    condition reports show.
    """

    day: date
    machines: Mapping[UUID, Machine]
    reported: Reported


async def _reported(tx: Tx, booking_id: UUID, asked: Sequence[AskedLine]) -> Reported:
    """What the condition reports show, if a line speaks of them; one statement."""
    speaks = any(one.inspection_ids or one.eighths for one in asked)
    return await comparing.reported(tx, booking_id) if speaks else Reported()


def _lines(asked: Sequence[AskedLine], grounds: _Grounds) -> list[Line]:
    """The lines as they stand; what is wrong with one says in which."""
    found = []
    for place, one in enumerate(asked):
        try:
            found.append(_line(one, grounds))
        except DomainError as error:
            error.pointer = f"/lines/{place}{error.pointer or ''}"
            raise
    return found


def _line(asked: AskedLine, grounds: _Grounds) -> Line:
    day, machines, reported = grounds
    machine_id = asked.machine_id or (next(iter(machines)) if len(machines) == 1 else None)
    if machine_id is None or machine_id not in machines:
        raise rules.NotOfThisBooking(pointer="/machine_id")
    for inspection_id in asked.inspection_ids:
        _check_report(reported.reports.get(inspection_id), machine_id)
    _check_fuel(asked, reported.differences.get(machine_id))
    return line(asked.of(machine_id), worth(machines[machine_id].category, day))


def _check_report(report: Report | None, machine_id: UUID) -> None:
    """Raises why a condition report shows nothing of this machine: only what is signed, and still stands, does."""
    if report is None or report.machine_id != machine_id:
        raise rules.NotOfThisBooking(pointer="/inspection_ids")
    if not report.signed:
        raise rules.ReportNotSigned(pointer="/inspection_ids")
    if report.amended:
        raise rules.ReportAmended(pointer="/inspection_ids")


def _check_fuel(asked: AskedLine, changed: Difference | None) -> None:
    """Raises `FuelNotMissing` where the signed reports show less; what they do not say is for the renter to contest."""
    if asked.eighths is None or changed is None or changed.fuel_eighths is None:
        return
    if asked.eighths > -changed.fuel_eighths:
        raise rules.FuelNotMissing(pointer="/eighths", missing=max(0, -changed.fuel_eighths))


async def _keep_deposit(tx: Tx, claim: Claim) -> None:
    """In the same transaction, so that it is never given back under an open claim; there may be none to keep."""
    try:
        await ending.keep_open(tx, claim.booking_id, claim.id)
    except (UnknownDeposit, DepositOver):
        return
