"""Turning a hold into a booking, and saying yes or no to it: confirm, accept, decline, cancel, expire."""

from uuid import UUID

from votremachine.accounts.rules import Actor, Relation, Verb, on_account, permits
from votremachine.availability.service import claims
from votremachine.bookings.events import (
    BookingCancelled,
    BookingConfirmed,
    BookingDeclined,
    BookingExpired,
)
from votremachine.bookings.models import bookings
from votremachine.bookings.rules import (
    LIFE,
    PROVISIONAL,
    Booking,
    HoldExpired,
    PaymentRequired,
    State,
    after_payment,
    check_cancellable,
    check_standing,
    request_expiry,
    stands_free,
)
from votremachine.bookings.schemas import BookingView
from votremachine.bookings.service import reading, store
from votremachine.bookings.service.book import FACTS
from votremachine.fleet import service as fleet
from votremachine.infra.database import Tx
from votremachine.kernel.states import IllegalTransition, advance

SWEEP_BATCH = 200


async def confirm_on_account(tx: Tx, who: Actor, booking_id: UUID) -> BookingView:
    """The renter commits, to pay later: an instant machine is theirs, the owner of another is asked.

    Raises `UnknownBooking`, `NotAllowed`, `HoldExpired`, `IllegalTransition`, `PaymentRequired`.
    """
    booking = await reading.load_locked(tx, booking_id)
    store.authorise(Verb.CONFIRM, who, booking)
    to = await _follows(tx, booking)
    if not on_account(who.seats[booking.renter_party_id], booking.owner_party_id):
        raise PaymentRequired
    return await _commit(tx, who, booking, to, on_account=True)


async def confirm_free(tx: Tx, who: Actor, booking_id: UUID) -> BookingView:
    """The renter commits to a hold that costs nothing, so that nothing is charged. Once: a repeat finds it done.

    Raises `UnknownBooking`, `NotAllowed`, `HoldExpired`, `IllegalTransition`, `PaymentRequired`.
    """
    booking = await reading.load_locked(tx, booking_id)
    store.authorise(Verb.CONFIRM, who, booking)
    if stands_free(booking):
        return (await reading.views(tx, [booking]))[0]
    to = await _follows(tx, booking)
    if booking.price.total.minor:
        raise PaymentRequired
    return await _commit(tx, who, booking, to, on_account=False)


async def accept(tx: Tx, who: Actor, booking_id: UUID) -> BookingView:
    """The owner says yes. Raises `UnknownBooking`, `NotAllowed`, `HoldExpired`, `IllegalTransition`."""
    booking = await reading.load_locked(tx, booking_id)
    store.authorise(Verb.ACCEPT, who, booking)
    check_standing(booking, tx.now)
    if booking.state is not State.REQUESTED:
        raise IllegalTransition(state=booking.state.value, to=State.CONFIRMED.value)
    if not await claims.keep(tx, booking.id, expires_at=None, machines=len(booking.machine_ids)):
        raise HoldExpired
    changed = await store.step(tx, booking, State.CONFIRMED, BookingConfirmed, by=who)
    return (await reading.views(tx, [changed]))[0]


async def decline(tx: Tx, who: Actor, booking_id: UUID, why: str) -> BookingView:
    """The owner says no. Raises `UnknownBooking`, `NotAllowed`, `HoldExpired`, `IllegalTransition`."""
    booking = await reading.load_locked(tx, booking_id)
    store.authorise(Verb.DECLINE, who, booking)
    check_standing(booking, tx.now)
    changed = await store.step(tx, booking, State.DECLINED, BookingDeclined, by=who, why=why)
    return (await reading.views(tx, [changed]))[0]


async def cancel(tx: Tx, who: Actor, booking_id: UUID, why: str) -> BookingView:
    """Either side calls it off before it begins; after that only the owner, until its end.

    Raises `UnknownBooking`, `NotAllowed`, `HoldExpired`, `TooLate`, `IllegalTransition`.
    """
    booking = await reading.load_locked(tx, booking_id)
    sides = store.authorise(Verb.CANCEL, who, booking)
    check_standing(booking, tx.now)
    owner_role = sides.get(Relation.OWNER)
    by_owner = owner_role is not None and permits(Verb.CANCEL, {Relation.OWNER: owner_role})
    if booking.state is State.CONFIRMED:
        check_cancellable(booking, by_owner, tx.now)
    facts = {"by_owner": by_owner}
    changed = await store.step(tx, booking, State.CANCELLED, BookingCancelled, by=who, why=why, facts=facts)
    return (await reading.views(tx, [changed]))[0]


async def expire(tx: Tx) -> int:
    """Expire a batch of the holds and requests that ran out; how many. Those somebody is at work on are left alone."""
    found = await tx.rows(
        reading.SELECT.where(reading.in_state(*sorted(PROVISIONAL)), bookings.c.expires_at <= tx.now)
        .order_by(bookings.c.id)
        .limit(SWEEP_BATCH)
        .with_for_update(of=bookings, skip_locked=True)
    )
    for row in found:
        await store.step(tx, reading.from_row(row), State.EXPIRED, BookingExpired, by=None)
    return len(found)


async def _follows(tx: Tx, booking: Booking) -> State:
    check_standing(booking, tx.now)
    machines = list((await fleet.machines_by_id(tx, booking.machine_ids)).values())
    return advance(LIFE, booking.state, after_payment(machines))


async def _commit(tx: Tx, who: Actor, booking: Booking, to: State, *, on_account: bool) -> BookingView:
    expires_at = request_expiry(tx.now, booking.during.start) if to is State.REQUESTED else None
    if expires_at is not None and expires_at <= tx.now:
        raise HoldExpired
    if not await claims.keep(tx, booking.id, expires_at=expires_at, machines=len(booking.machine_ids)):
        raise HoldExpired
    changed = await store.step(
        tx, booking, to, FACTS[to], by=who, changes={"expires_at": expires_at, "on_account": on_account}
    )
    return (await reading.views(tx, [changed]))[0]
