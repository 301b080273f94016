"""What people do: wait for a period, and withdraw."""

from uuid import UUID

from votremachine.accounts.rules import Actor, Verb, require
from votremachine.accounts.service import audit
from votremachine.availability.service import look
from votremachine.bookings.rules import state_at
from votremachine.bookings.service import decide
from votremachine.bookings.service import reading as bookings
from votremachine.bookings.service.book import check_wish, renting_seat
from votremachine.bookings.waiting.events import WaitingChanged
from votremachine.bookings.waiting.rules import (
    LIFE,
    AlreadyWaiting,
    Entry,
    FreeNow,
    State,
    UnknownWaiting,
    outcome,
)
from votremachine.bookings.waiting.schemas import Wait, WaitingView
from votremachine.bookings.waiting.service import reading, store
from votremachine.infra.database import Tx
from votremachine.kernel.span import Span
from votremachine.kernel.states import advance
from votremachine.pricing.rules.price import price
from votremachine.pricing.service import hires as pricing


async def wait(tx: Tx, who: Actor, machine_id: UUID, asked: Wait) -> WaitingView:
    """Wait for a period of a machine that is taken, at the end of the line.

    Raises what `book` does but `SpanTaken`: what could not be booked if it were free is not waited for; and `FreeNow`,
    `TooManyWaiting`, `AlreadyWaiting`.
    """
    span = Span(asked.start, asked.end)
    seat = renting_seat(who, asked.party_id)
    machines, hires = await pricing.to_book(tx, who, [machine_id], seat.cooperatives, None)
    check_wish(machines, span, seat, tx.now)
    pricing.check_priced(machines, hires)
    price(span, list(hires.values()))
    if await look.free(tx, machines, span):
        raise FreeNow
    await store.check_room(tx, seat.party_id)
    entry = Entry(
        id=tx.new_id(),
        machine_id=machine_id,
        owner_party_id=machines[0].party_id,
        renter_party_id=seat.party_id,
        person_id=who.person_id,
        during=span,
        note=asked.note,
        state=State.WAITING,
        booking_id=None,
        why="",
        created_at=tx.now,
    )
    if not await store.add(tx, entry):
        raise AlreadyWaiting
    await audit.note(tx, who, "wait", "waiting_entry", entry.id, seat.party_id)
    tx.publish(_changed(entry))
    return reading.view(entry, None, machines[0], {seat.party_id: seat.party_name})


async def withdraw(tx: Tx, who: Actor, entry_id: UUID) -> None:
    """Wait no more. Of what is offered, the hold is cancelled, and the next in line is offered the time.

    Raises `UnknownWaiting`, `NotAllowed`, and `IllegalTransition` once it has ended.
    """
    entry = await store.load_locked(tx, entry_id)
    sides = {"owner": entry.owner_party_id, "renter": entry.renter_party_id}
    require(Verb.BOOK, who, **sides, stranger=UnknownWaiting())
    if entry.booking_id is not None:
        await _decline(tx, who, entry, entry.booking_id)
    else:
        await store.step(tx, entry, State.WITHDRAWN)
    await audit.note(tx, who, "withdraw", "waiting_entry", entry.id, entry.renter_party_id)
    tx.publish(_changed(entry))


async def _decline(tx: Tx, who: Actor, entry: Entry, booking_id: UUID) -> None:
    booking = await bookings.load_locked(tx, booking_id)
    # What the renter or the clock has made of the hold since, the sweep may not have seen yet.
    advance(LIFE, outcome(state_at(booking, tx.now)), State.PASSED)
    await decide.cancel(tx, who, booking_id, "")
    await store.step(tx, entry, State.PASSED)


def _changed(entry: Entry) -> WaitingChanged:
    return WaitingChanged(
        entry_id=entry.id,
        machine_id=entry.machine_id,
        owner_party_id=entry.owner_party_id,
        renter_party_id=entry.renter_party_id,
    )
