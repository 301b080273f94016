"""What travels over the wire about a machine's calendar."""

from datetime import datetime
from uuid import UUID

import msgspec

from votremachine.availability.rules import Taker
from votremachine.infra.wire import SpanView


class Availability(msgspec.Struct, frozen=True):
    """A window cut into what can be booked and what cannot; no reason is given to strangers."""

    machine_id: UUID
    zone: str
    free: list[SpanView]
    busy: list[SpanView]


class OccupancyView(msgspec.Struct, frozen=True):
    """One entry of an owner's calendar; `ref_id` is the booking or the block it stands for."""

    id: UUID
    kind: Taker
    ref_id: UUID
    during: SpanView
    blocked: SpanView
    expires_at: datetime | None


class Calendar(msgspec.Struct, frozen=True):
    machine_id: UUID
    zone: str
    occupancies: list[OccupancyView]
