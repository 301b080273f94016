"""What travels over the wire about calendar links."""

from datetime import datetime
from uuid import UUID

import msgspec

from votremachine.infra.wire import Input, OptionalLine


class LinkCalendar(Input):
    """Ask for a link: to the calendar of a machine, of all machines of a party, or, with neither, to one's own."""

    machine_id: UUID | None = None
    party_id: UUID | None = None
    name: OptionalLine = ""


class LinkView(msgspec.Struct, frozen=True):
    """A link as it is listed; `used_at` is when a calendar program last read it, to a few minutes."""

    id: UUID
    person_id: UUID
    party_id: UUID | None
    machine_id: UUID | None
    name: str
    created_at: datetime
    used_at: datetime | None


class NewLink(msgspec.Struct, frozen=True):
    """A link on the day it is made: its addresses are told this once. `webcal` is the same, for a phone to open."""

    id: UUID
    person_id: UUID
    party_id: UUID | None
    machine_id: UUID | None
    name: str
    created_at: datetime
    url: str
    webcal: str
