"""What travels over the wire about the waiting list."""

from datetime import datetime
from uuid import UUID

import msgspec

from votremachine.bookings.schemas import Named, Note
from votremachine.bookings.waiting.rules import State
from votremachine.infra.wire import Input, SpanView


class Wait(Input):
    """A period to wait for; the only party of the person waits if none is named. The note becomes the booking's."""

    start: datetime
    end: datetime
    party_id: UUID | None = None
    note: Note = ""


class WaitingView(msgspec.Struct, frozen=True):
    """A wish that waits, as the party that waits sees it; times are in the machine's zone.

    While it is offered, `booking_id` is the hold, to be confirmed before `expires_at`. `why` is the code of what ended
    it.
    """

    id: UUID
    state: State
    machine: Named
    renter: Named
    during: SpanView
    zone: str
    note: str
    booking_id: UUID | None
    expires_at: datetime | None
    why: str
    created_at: datetime


class QueuedView(msgspec.Struct, frozen=True):
    """Who waits for a period of one's machine, and since when."""

    id: UUID
    state: State
    renter: Named
    during: SpanView
    created_at: datetime
