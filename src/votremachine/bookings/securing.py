"""A booking and its deposit: arranged when it is paid for, given back when nothing can come of it any more."""

from datetime import timedelta
from uuid import UUID

from votremachine.accounts.rules import Actor
from votremachine.bookings.events import (
    BookingCancelled,
    BookingCompleted,
    BookingDeclined,
    BookingExpired,
    RenterAbsent,
)
from votremachine.bookings.rules import Booking
from votremachine.deposits.service import arranging, ending
from votremachine.deposits.service.arranging import Wanted
from votremachine.infra.database import Tx
from votremachine.kernel.span import Span

Over = BookingDeclined | BookingExpired | BookingCancelled | RenterAbsent | BookingCompleted


async def secure(tx: Tx, booking: Booking, by: Actor | None, *, card: UUID | None) -> None:
    """Arrange the deposit of a booking that was just paid for with this card, or without one went on account."""
    wanted = Wanted(
        booking_id=booking.id,
        owner_party_id=booking.owner_party_id,
        renter_party_id=booking.renter_party_id,
        amount=booking.deposit,
        kept=kept(booking, booking.during),
    )
    await arranging.arrange(tx, wanted, by, card=card)


async def check_secured(tx: Tx, booking: Booking) -> None:
    """The machine is about to leave. Raises `DepositMissing` unless the deposit is live, waived, or none is wanted."""
    if booking.deposit.minor:
        await arranging.require_live(tx, booking.id, exempt=booking.on_account)


async def follow(tx: Tx, booking: Booking, during: Span) -> None:
    """The deposit of a booking has to stand for these times now."""
    if booking.deposit.minor:
        times = kept(booking, during)
        await arranging.follow(tx, booking.id, starts=times.start, keep_until=times.end)


async def on_over(tx: Tx, fact: Over) -> None:
    """Nothing can be claimed any more: the deposit is the renter's again, but for claims that are open."""
    await ending.release(tx, fact.booking_id, type(fact).__name__)


def kept(booking: Booking, during: Span) -> Span:
    """For how long a deposit stands: until damage cannot be claimed any more."""
    return during.widened(timedelta(0), booking.claim_window)
