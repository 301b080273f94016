"""What travels over the wire about messages."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from votremachine.infra.wire import Input


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


class ReadMessages(Input):
    """Which messages were read."""

    ids: Annotated[list[UUID], msgspec.Meta(min_length=1, max_length=200)]
