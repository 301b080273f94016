"""Reading bookings: one, its history, and the list of those a person's parties are a side of."""

from uuid import UUID

import msgspec
import sqlalchemy as sa

from votremachine.accounts.refusals import UnknownParty
from votremachine.accounts.rules import RUNNERS, Actor, Relation, Sides, Verb
from votremachine.accounts.service import colleagues
from votremachine.bookings.models import booking_machines, bookings
from votremachine.bookings.rules import MEETING, Booking, State
from votremachine.bookings.schemas import BookingDetails, BookingView, Contact, Meeting, StepView, Whereabouts
from votremachine.bookings.service import reading, store
from votremachine.deposits.service import reading as deposits
from votremachine.fleet import service as fleet
from votremachine.infra.database import Tx


async def show(tx: Tx, who: Actor, booking_id: UUID) -> BookingDetails:
    """One booking, to its two sides and to staff; raises `UnknownBooking`."""
    booking = await reading.load(tx, booking_id)
    sides = store.authorise(Verb.READ_BOOKING, who, booking)
    (view,) = await reading.views(tx, [booking])
    meeting = await _meeting(tx, booking, sides) if view.state in MEETING else None
    deposit = await deposits.state_of(tx, booking.id) if booking.deposit.minor else None
    return BookingDetails(**msgspec.structs.asdict(view), meeting=meeting, deposit_state=deposit)


async def history(tx: Tx, who: Actor, booking_id: UUID) -> list[StepView]:
    """Every step of a booking, to its two sides; raises `UnknownBooking`."""
    store.authorise(Verb.READ_BOOKING, who, await reading.load(tx, booking_id))
    return await reading.steps(tx, booking_id)


async def browse(
    tx: Tx,
    who: Actor,
    *,
    side: Relation | None = None,
    state: State | None = None,
    party_id: UUID | None = None,
    machine_id: UUID | None = None,
    before: UUID | None = None,
    limit: int,
) -> list[BookingView]:
    """The bookings of the person's parties, newest first; `limit + 1` rows. Raises `UnknownParty`."""
    if party_id is not None and party_id not in who.seats:
        raise UnknownParty
    parties = [party_id] if party_id is not None else list(who.seats)
    wanted = reading.SELECT.where(_on_side(side, parties))
    if state is not None:
        wanted = wanted.where(_in_state(state, tx))
    if machine_id is not None:
        with_it = sa.select(booking_machines.c.booking_id).where(booking_machines.c.machine_id == machine_id)
        wanted = wanted.where(bookings.c.id.in_(with_it))
    if before is not None:
        wanted = wanted.where(bookings.c.id < before)
    rows = await tx.rows(wanted.order_by(bookings.c.id.desc()).limit(limit + 1))
    return await reading.views(tx, [reading.from_row(row) for row in rows])


async def _meeting(tx: Tx, booking: Booking, sides: Sides) -> Meeting | None:
    """Whom each side calls and where the machines stand; nothing for staff, who meet nobody."""
    others = {
        other
        for side, other in ((Relation.OWNER, booking.renter_party_id), (Relation.RENTER, booking.owner_party_id))
        if side in sides
    }
    if not others:
        return None
    phones = await colleagues.phones(tx, others, RUNNERS)
    places = await fleet.exact_positions(tx, booking.machine_ids)
    return Meeting(
        [Contact(name, phone) for name, phone in phones],
        [Whereabouts(one, place.latitude, place.longitude) for one, place in sorted(places.items())],
    )


def _on_side(side: Relation | None, parties: list[UUID]) -> sa.ColumnElement[bool]:
    as_owner, as_renter = bookings.c.owner_party_id.in_(parties), bookings.c.renter_party_id.in_(parties)
    if side is None:
        return sa.or_(as_owner, as_renter)
    return as_owner if side is Relation.OWNER else as_renter


def _in_state(state: State, tx: Tx) -> sa.ColumnElement[bool]:
    # As people are told it: a hold that ran out is expired before the sweep has come by.
    gone = sa.and_(bookings.c.expires_at.is_not(None), bookings.c.expires_at <= tx.now)
    if state is State.EXPIRED:
        return sa.or_(bookings.c.state == state, gone)
    return sa.and_(bookings.c.state == state, sa.not_(gone))
