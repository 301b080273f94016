"""What travels over the wire about messages."""

from datetime import datetime
from uuid import UUID

import msgspec


class MessageView(msgspec.Struct, frozen=True):
    """A message in words; `about` names its booking, and `link` is the path of the page that it leads to."""

    id: UUID
    kind: str
    subject: str
    text: str
    about: str
    link: str
    booking_id: UUID | None
    created_at: datetime
    read_at: datetime | None
