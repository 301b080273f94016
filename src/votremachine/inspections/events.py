"""What condition reports tell the slices above."""

from uuid import UUID

from votremachine.bookings.events import BookingEvent


class InspectionToSign(BookingEvent, frozen=True, kw_only=True):
    """A report has all its photos: its sides may sign it."""

    inspection_id: UUID
    machine_id: UUID


class InspectionSigned(BookingEvent, frozen=True, kw_only=True):
    """A report was signed by all its sides; `hash` is its seal, in hexadecimal. Of a relay each booking is told."""

    inspection_id: UUID
    machine_id: UUID
    kind: str
    hash: str
