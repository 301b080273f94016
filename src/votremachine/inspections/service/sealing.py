"""Sealing a report that everybody signed: the bookings step, the meters are read, and the machine's chain grows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from votremachine.accounts.rules import Actor
from votremachine.availability.maintenance.service import readings
from votremachine.bookings import moments
from votremachine.bookings import rules as bookings
from votremachine.bookings.rules import Booking
from votremachine.bookings.service import handover, store
from votremachine.bookings.service import reading as reading_bookings
from votremachine.fleet import service as fleet
from votremachine.fleet.rules import Machine, Meter
from votremachine.infra.database import Tx
from votremachine.inspections.events import InspectionSigned
from votremachine.inspections.models import inspection_chains, inspections
from votremachine.inspections.rules import chain
from votremachine.inspections.rules.report import TAKING, Content, NotInBooking, Occasion, State
from votremachine.inspections.rules.signing import AlreadyInspected, NotNow
from votremachine.inspections.service import insurance, reading, rows
from votremachine.inspections.service.reading import Report

_OUT_OR_BACK = frozenset({bookings.State.IN_USE, bookings.State.RETURNED})
# Kept with a reading that both sides signed for, whatever was read since.
SIGNED = "état des lieux / condition report"

_start = insert(inspection_chains).values(
    machine_id=sa.bindparam("machine", type_=sa.Uuid), length=0, hash=chain.NOTHING_BEFORE
)
# Nobody else seals a report of this machine until we have.
_HEAD = _start.on_conflict_do_update(
    index_elements=["machine_id"], set_={"length": inspection_chains.c.length}
).returning(inspection_chains.c.length, inspection_chains.c.hash)


async def seal(tx: Tx, who: Actor, report: Report) -> None:
    """Let a report take effect, and put it at the end of its machine's chain; `who` signed for the owner.

    Raises `AlreadyInspected`, `NotNow`, `NotInBooking`, `InsuranceNeeded`, and what handing a machine over, or taking
    it back, does.
    """
    said = report.said
    # Whoever seals another report of one of these bookings waits.
    concerned = [await reading_bookings.load_locked(tx, one.id) for one in sorted(report.bookings, key=_by_id)]
    machine, counts = await fleet.inspected(tx, said.machine_id)
    covered = await _covered(tx, report, machine)
    for booking in sorted(concerned, key=lambda one: one.id != said.booking_id):
        await _step(tx, who, report, booking)
    await _read_meters(tx, machine, counts, said)
    seal_hash = await grow(tx, report, covered)
    for booking in concerned:
        told = {"inspection_id": said.id, "machine_id": said.machine_id, "kind": said.kind, "hash": seal_hash.hex()}
        tx.publish(store.fact(InspectionSigned, booking, who, **told))


async def _step(tx: Tx, who: Actor, report: Report, booking: Booking) -> None:
    """What a signed report means for one booking: its machine left, came back, or stays where it is."""
    said = report.said
    if said.kind is Occasion.AMENDMENT:
        if booking.state not in _OUT_OR_BACK:
            raise NotNow(state=booking.state)
        return
    if said.machine_id not in booking.machine_ids:  # another was put in its place since
        raise NotInBooking(pointer="/machine_id")
    if said.kind is Occasion.CHECK_OUT or said.next_booking_id == booking.id:
        await _leave(tx, who, report, booking)
    else:
        await _come_back(tx, who, report, booking)


async def _leave(tx: Tx, who: Actor, report: Report, booking: Booking) -> None:
    made_at = await _made_last(tx, report, booking, leaves=True)
    if booking.state is bookings.State.CONFIRMED and made_at:
        relayed = report.said.kind is Occasion.RELAY
        await handover.check_out(tx, who, booking.id, said=made_at, handed_on=relayed)
    elif booking.state not in bookings.MEETING:
        raise NotNow(state=booking.state)


async def _come_back(tx: Tx, who: Actor, report: Report, booking: Booking) -> None:
    made_at = await _made_last(tx, report, booking, leaves=False)
    if booking.state is bookings.State.IN_USE and made_at:
        following = report.next_booking
        said = moments.relayed_at(made_at, following.during.start) if following else made_at
        await handover.check_in(
            tx,
            who,
            booking.id,
            moments.back_at(said, booking.out_at, tx.now),
            readable_at=await _readable_at(tx, report),
            handed_to=following.id if following else None,
        )
    elif booking.state not in _OUT_OR_BACK:
        raise NotNow(state=booking.state)


async def _readable_at(tx: Tx, report: Report) -> datetime:
    """Since when both sides could read a whole report: it had arrived, and so had its photos."""
    photos = (await reading.photos_of(tx, [report.row.id]))[report.row.id]
    arrived: list[datetime] = [report.row.sent_at, *(one.received_at for one in photos)]
    return max(arrived)


async def _made_last(tx: Tx, report: Report, booking: Booking, *, leaves: bool) -> datetime | None:
    """When the last machine of a booking left, or came back, by the reports that there are with this one; None while
    one is missing. Raises `AlreadyInspected` where this machine has one.
    """
    made_at = {}
    for row in await reading.rows_of(tx, booking.id):
        counts = {Occasion.CHECK_OUT} if leaves else {Occasion.CHECK_IN}
        relayed = row.kind == Occasion.RELAY and (row.next_booking_id == booking.id) == leaves
        if row.state == State.SIGNED and (row.kind in counts or relayed):
            made_at[row.machine_id] = reading.content_of(row).made_at
    if report.said.machine_id in made_at:
        raise AlreadyInspected
    made_at[report.said.machine_id] = report.said.made_at
    return max(made_at.values()) if made_at.keys() >= set(booking.machine_ids) else None


async def _covered(tx: Tx, report: Report, machine: Machine) -> str:
    """What insures the rental that begins: the proof and its document. Raises `InsuranceNeeded`."""
    if report.said.kind not in TAKING:
        return ""
    return await insurance.check_covered(tx, report.next_booking or report.booking, machine)


async def _read_meters(tx: Tx, machine: Machine, counts: Sequence[Meter], said: Content) -> None:
    read_at = min(said.made_at, tx.now)
    for one in said.meters:
        if one.meter in counts:
            await readings.record_reading(tx, None, machine, one.meter, one.value, read_at, why=one.why or SIGNED)


async def grow(tx: Tx, report: Report, covered: str) -> bytes:
    """The seal of the report, now the last of its machine's chain."""
    machine_id, inspection_id = report.said.machine_id, report.row.id
    head = (await tx.execute(_HEAD, {"machine": machine_id})).one()
    place: dict[str, Any] = {
        "state": State.SIGNED,
        "sequence": head.length + 1,
        "previous": head.hash,
        "signed_at": tx.now,
        "insurance": covered,
    }
    link = (await rows.links(tx, [report.row], **place))[0]
    place["hash"] = chain.sealed(link)
    await tx.execute(inspections.update().where(inspections.c.id == inspection_id).values(place))
    grown = inspection_chains.update().where(inspection_chains.c.machine_id == machine_id)
    await tx.execute(grown.values(length=place["sequence"], hash=place["hash"]))
    return bytes(place["hash"])


def _by_id(booking: Booking) -> UUID:
    return booking.id
