"""What travels over the wire about dead letters."""

from datetime import datetime
from uuid import UUID

import msgspec


class DeadLetter(msgspec.Struct, frozen=True):
    """A reminder that could not be told (`channel` is "inbox"), or a delivery that no provider took."""

    id: UUID
    channel: str
    kind: str
    person_id: UUID
    subject: UUID | None
    attempts: int
    last_error: str
    died_at: datetime
