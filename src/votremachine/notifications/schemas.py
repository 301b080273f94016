"""What travels over the wire about messages."""

from datetime import datetime
from uuid import UUID

import msgspec


class MessageView(msgspec.Struct, frozen=True):
    id: UUID
    kind: str
    text: str
    booking_id: UUID | None
    created_at: datetime
