"""What bookings tell the slices above."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from votremachine.kernel.events import Event


class BookingEvent(Event, frozen=True, kw_only=True):
    """What every fact about a booking carries; `by` is the person who did it, None when the clock did."""

    booking_id: UUID
    owner_party_id: UUID
    renter_party_id: UUID
    # Facts that were committed before they named their machines are still delivered.
    machine_ids: tuple[UUID, ...] = ()
    by: UUID | None = None

    @property
    def audience(self) -> Sequence[UUID]:
        return (self.owner_party_id, self.renter_party_id)

    @property
    def shown(self) -> Mapping[str, UUID | Sequence[UUID]]:
        return {"booking_id": self.booking_id, "machine_ids": self.machine_ids}


class BookingHeld(BookingEvent, frozen=True, kw_only=True):
    """A renter holds the time while paying."""


class BookingRequested(BookingEvent, frozen=True, kw_only=True):
    """The owner is asked."""


class BookingConfirmed(BookingEvent, frozen=True, kw_only=True):
    """It stands."""


class BookingDeclined(BookingEvent, frozen=True, kw_only=True):
    """The owner said no."""


class BookingExpired(BookingEvent, frozen=True, kw_only=True):
    """Nobody paid or decided in time."""


class BookingCancelled(BookingEvent, frozen=True, kw_only=True):
    """One side called it off; neither did when `by` is None."""

    by_owner: bool = False


class BookingMoved(BookingEvent, frozen=True, kw_only=True):
    """Its time changed."""


class PaymentMissing(BookingEvent, frozen=True, kw_only=True):
    """A booking that stands costs more than its cards have paid, by so many minor units: the renter owes it."""

    minor: int
    currency: str


class DifferencePaid(BookingEvent, frozen=True, kw_only=True):
    """What a booking that stands costs more than its cards had paid has come in, or part of it."""


class RentalSettled(BookingEvent, frozen=True, kw_only=True):
    """What a booking costs is settled for good: it is completed, or came to nothing and some of its price is kept."""


class UsageProposed(BookingEvent, frozen=True, kw_only=True):
    """One side said how much was used; the other may agree, or say something else."""

    usage_id: UUID


class UsageSettled(BookingEvent, frozen=True, kw_only=True):
    """Both sides agreed how much was used, and the booking costs what that costs."""


class MachineReplaced(BookingEvent, frozen=True, kw_only=True):
    """Another machine of the owner takes the place of one; `machine_ids` has both."""

    from_machine_id: UUID
    to_machine_id: UUID


class MachineOut(BookingEvent, frozen=True, kw_only=True):
    """The renter has taken the machine."""


class MachineReturned(BookingEvent, frozen=True, kw_only=True):
    """The machine is back; `late_minutes` is 0 when in time."""

    late_minutes: int = 0


class MachineOverdue(BookingEvent, frozen=True, kw_only=True):
    """The machine is not back; `step` says who is told now (see overdue/rules.py), once each."""

    step: str


class BookingCompleted(BookingEvent, frozen=True, kw_only=True):
    """The claim window has closed."""


class RenterAbsent(BookingEvent, frozen=True, kw_only=True):
    """Nobody came for the machine."""


class BookingAtRisk(BookingEvent, frozen=True, kw_only=True):
    """The machine may not be back in time for this booking."""


class BookingOutOfRisk(BookingEvent, frozen=True, kw_only=True):
    """The machine came back in time after all."""
