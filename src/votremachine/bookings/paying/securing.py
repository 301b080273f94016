"""What follows for the deposit when a booking comes to its end: facts of the outbox, each handed on once."""

from votremachine.bookings.events import (
    BookingCancelled,
    BookingCompleted,
    BookingDeclined,
    BookingExpired,
    RenterAbsent,
)
from votremachine.deposits.service import ending
from votremachine.infra.database import Tx

Over = BookingDeclined | BookingExpired | BookingCancelled | RenterAbsent | BookingCompleted


async def on_over(tx: Tx, fact: Over) -> None:
    """Nothing can be claimed any more: the deposit is the renter's again, but for claims that are open."""
    await ending.release(tx, fact.booking_id, type(fact).__name__)
