"""What the ledger says of a booking's rental: due once it stands, changed with its price, given back in part or whole.

Only bookings that cards pay for stand in the ledger. Whoever posts holds the lock of the booking.
"""

from uuid import UUID

from votremachine.bookings.paying import rules
from votremachine.bookings.rules import Booking
from votremachine.infra.database import Tx
from votremachine.payments.ledger.rules import recipes
from votremachine.payments.ledger.rules.posting import Cause, PostingKind
from votremachine.payments.ledger.service.posting import is_posted, post
from votremachine.payments.rules.refunding import Refund, difference


async def is_due(tx: Tx, booking: Booking) -> bool:
    """Whether the rental is due, or was before it was given back."""
    return await is_posted(tx, Cause("booking", booking.id), PostingKind.RENTAL_DUE)


async def due(tx: Tx, booking: Booking) -> None:
    """The rental is due at its present price; nothing, where it is already: its price may have changed since."""
    if booking.price.total.minor and not await is_due(tx, booking):
        posting = recipes.rental_due(booking.renter_party_id, booking.owner_party_id, rules.parts(booking))
        await post(tx, Cause("booking", booking.id), posting, booking_id=booking.id)


async def changed(tx: Tx, before: Booking, after: Booking, change_id: UUID) -> None:
    """A rental that is due costs something else since this change; one that was free so far is due from now on."""
    if not before.price.total.minor and not await is_due(tx, before):
        await due(tx, after)
        return
    await due(tx, before)
    old, new = rules.parts(before), rules.parts(after)
    if old != new:
        posting = recipes.rental_changed(before.renter_party_id, before.owner_party_id, difference(old, new))
        await post(tx, Cause("booking_change", change_id), posting, booking_id=before.id)


async def given_back(tx: Tx, booking: Booking, back: Refund) -> None:
    """A rental that was due is called off, and part or all of it is owed to the renter."""
    await due(tx, booking)
    if back.to_renter.minor:
        posting = recipes.rental_refunded(booking.renter_party_id, booking.owner_party_id, back)
        await post(tx, Cause("booking", booking.id), posting, booking_id=booking.id)
