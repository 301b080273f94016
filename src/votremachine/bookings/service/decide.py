"""Turning a hold into a booking, and saying yes or no to it: confirm, accept, decline, cancel, expire."""

from collections.abc import Mapping
from uuid import UUID

from votremachine.accounts.rules import Actor, Relation, Verb, on_account, permits
from votremachine.bookings.events import (
    BookingCancelled,
    BookingConfirmed,
    BookingDeclined,
    BookingExpired,
)
from votremachine.bookings.models import bookings
from votremachine.bookings.refusals import HoldExpired, PaymentRequired
from votremachine.bookings.rules import (
    LIFE,
    PROVISIONAL,
    Booking,
    State,
    after_payment,
    check_cancellable,
    check_standing,
    request_expiry,
)
from votremachine.bookings.schemas import BookingView
from votremachine.bookings.securing import secure
from votremachine.bookings.service import reading, store
from votremachine.bookings.service.book import FACTS
from votremachine.fleet import service as fleet
from votremachine.fleet.rules import Machine
from votremachine.infra.database import Tx
from votremachine.kernel.states import IllegalTransition, advance

SWEEP_BATCH = 200


async def confirm_on_account(tx: Tx, who: Actor, booking_id: UUID) -> BookingView:
    """The renter commits, to pay later: an instant machine is theirs, the owner of another is asked.

    Raises `UnknownBooking`, `NotAllowed`, `HoldExpired`, `IllegalTransition`, `PaymentRequired`.
    """
    booking = await reading.load_locked(tx, booking_id)
    store.authorise(Verb.CONFIRM, who, booking)
    machines = await fleet.machines_by_id(tx, booking.machine_ids)
    if not on_account(who.seats[booking.renter_party_id], booking.owner_party_id):
        check_standing(booking, tx.now)
        advance(LIFE, booking.state, after_payment(list(machines.values())))
        raise PaymentRequired
    return await commit(tx, who, booking, machines, on_account=True, card=None)


async def commit(
    tx: Tx, who: Actor, booking: Booking, machines: Mapping[UUID, Machine], *, on_account: bool, card: UUID | None
) -> BookingView:
    """Take a locked hold on with nothing to pay now; its deposit is arranged with this card, if there is one.

    Raises `HoldExpired`, `IllegalTransition`.
    """
    check_standing(booking, tx.now)
    to = advance(LIFE, booking.state, after_payment(list(machines.values())))
    expires_at = request_expiry(tx.now, booking.during.start) if to is State.REQUESTED else None
    if expires_at is not None and expires_at <= tx.now:
        raise HoldExpired
    changed = await store.stand(tx, booking, to, FACTS[to], by=who, expires_at=expires_at, on_account=on_account)
    if changed is None:
        raise HoldExpired
    await secure(tx, changed, who, card=card)
    return (await reading.views_of(tx, [changed], machines))[0]


async def accept(tx: Tx, who: Actor, booking_id: UUID) -> BookingView:
    """The owner says yes. Raises `UnknownBooking`, `NotAllowed`, `HoldExpired`, `IllegalTransition`."""
    booking = await reading.load_locked(tx, booking_id)
    store.authorise(Verb.ACCEPT, who, booking)
    check_standing(booking, tx.now)
    if booking.state is not State.REQUESTED:
        raise IllegalTransition(state=booking.state.value, to=State.CONFIRMED.value)
    changed = await store.stand(tx, booking, State.CONFIRMED, BookingConfirmed, by=who, expires_at=None)
    if changed is None:
        raise HoldExpired
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
