"""What the waiting list tells the slices above."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from votremachine.accounts.events import PersonEvent
from votremachine.bookings.events import BookingEvent
from votremachine.kernel.events import Event


class WaitingChanged(Event, frozen=True, kw_only=True):
    """Somebody began to wait for a machine, or waits no more."""

    entry_id: UUID
    machine_id: UUID
    owner_party_id: UUID
    renter_party_id: UUID

    @property
    def audience(self) -> Sequence[UUID]:
        return (self.owner_party_id, self.renter_party_id)

    @property
    def shown(self) -> Mapping[str, UUID | Sequence[UUID]]:
        return {"machine_id": self.machine_id}


class WaitingOffered(BookingEvent, frozen=True, kw_only=True):
    """What a renter waited for is held for them, until `expires_at`, with the offset of the machine's zone."""

    entry_id: UUID
    expires_at: datetime


class WaitingLapsed(PersonEvent, frozen=True, kw_only=True):
    """What a person waited for cannot be had any more; `why` is the code of the reason, and what it says."""

    entry_id: UUID
    machine_id: UUID
    owner_party_id: UUID
    renter_party_id: UUID
    why: str
    fr: str
    en: str

    @property
    def audience(self) -> Sequence[UUID]:
        return (self.owner_party_id, self.renter_party_id)

    @property
    def shown(self) -> Mapping[str, UUID | Sequence[UUID]]:
        return {"machine_id": self.machine_id}
