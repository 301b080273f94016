"""What the ledger says of a booking's rental: due once it stands, changed with its price, given back in part or whole.

Of a booking on account the ledger only remembers what is owed between its sides. Whoever posts holds the lock of the
booking.
"""

from uuid import UUID

from votremachine.bookings.paying import rules
from votremachine.bookings.rules import Booking
from votremachine.infra.database import Tx
from votremachine.kernel.money import Money
from votremachine.payments.ledger.rules import recipes
from votremachine.payments.ledger.rules.posting import Cause, Posting, PostingKind
from votremachine.payments.ledger.service import balances
from votremachine.payments.ledger.service.posting import is_posted, post
from votremachine.payments.rules.refunding import Refund, difference


async def is_due(tx: Tx, booking: Booking) -> bool:
    """Whether the rental is due, or was before it was given back."""
    return await is_posted(tx, Cause("booking", booking.id), PostingKind.RENTAL_DUE)


async def charged(tx: Tx, booking: Booking) -> Money:
    """What the rental costs its renter by now, paid or not; of a booking that came to nothing, what is kept."""
    return Money(await balances.rental(tx, booking.id), booking.price.total.currency)


async def due(tx: Tx, booking: Booking) -> None:
    """The rental is due at its present price; nothing, where it is already: its price may have changed since."""
    if booking.price.total.minor and not await is_due(tx, booking):
        await post(tx, Cause("booking", booking.id), _due(booking), booking_id=booking.id)


async def changed(tx: Tx, before: Booking, after: Booking, change_id: UUID) -> None:
    """A rental that is due costs something else since this change; one that was free so far is due from now on."""
    if not before.price.total.minor and not await is_due(tx, before):
        await due(tx, after)
        return
    await due(tx, before)
    if rules.parts(before) != rules.parts(after):
        await post(tx, Cause("booking_change", change_id), _changed(before, after), booking_id=before.id)


async def given_back(tx: Tx, booking: Booking, back: Refund) -> None:
    """A rental that was due is called off, and part or all of it is owed to the renter."""
    await due(tx, booking)
    if back.to_renter.minor:
        await post(tx, Cause("booking", booking.id), _given_back(booking, back), booking_id=booking.id)


async def settled(tx: Tx, booking: Booking, amount: Money, cause: Cause) -> None:
    """The owner of a booking on account has so much of its price from the renter's own hands; once for each cause."""
    await due(tx, booking)
    posting = recipes.account_settled(booking.renter_party_id, booking.owner_party_id, amount)
    await post(tx, cause, posting, booking_id=booking.id)


async def taken_back(tx: Tx, booking: Booking, amount: Money, cause: Cause) -> None:
    """The owner of a booking on account takes back the invoice of it: so much is not owed any more."""
    await due(tx, booking)
    posting = recipes.refunded_on_account(booking.renter_party_id, booking.owner_party_id, amount)
    await post(tx, cause, posting, booking_id=booking.id)


def _due(booking: Booking) -> Posting:
    renter, owner = booking.renter_party_id, booking.owner_party_id
    if booking.on_account:
        return recipes.due_on_account(renter, owner, booking.price.total)
    return recipes.rental_due(renter, owner, rules.parts(booking))


def _changed(before: Booking, after: Booking) -> Posting:
    renter, owner = before.renter_party_id, before.owner_party_id
    if before.on_account:
        return recipes.changed_on_account(renter, owner, after.price.total - before.price.total)
    return recipes.rental_changed(renter, owner, difference(rules.parts(before), rules.parts(after)))


def _given_back(booking: Booking, back: Refund) -> Posting:
    renter, owner = booking.renter_party_id, booking.owner_party_id
    if booking.on_account:
        return recipes.refunded_on_account(renter, owner, back.to_renter)
    return recipes.rental_refunded(renter, owner, back)
