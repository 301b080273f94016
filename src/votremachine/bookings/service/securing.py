"""What a booking's deposit is to be: how much, and for which time."""

from datetime import timedelta
from uuid import UUID

from votremachine.accounts.rules import Actor
from votremachine.bookings.rules import CLAIM_WINDOW, Booking
from votremachine.deposits.service import arranging
from votremachine.deposits.service.arranging import Wanted
from votremachine.infra.database import Tx


async def secure(tx: Tx, booking: Booking, by: Actor | None, *, card: UUID | None) -> None:
    """Arrange the deposit of a booking that was just paid for with this card, or without one went on account."""
    wanted = Wanted(
        booking_id=booking.id,
        owner_party_id=booking.owner_party_id,
        renter_party_id=booking.renter_party_id,
        amount=booking.deposit,
        kept=booking.during.widened(timedelta(0), CLAIM_WINDOW),
    )
    await arranging.arrange(tx, wanted, by, card=card)
