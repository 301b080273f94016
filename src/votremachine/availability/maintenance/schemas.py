"""What travels over the wire about maintenance."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from votremachine.availability.maintenance.rules.plans import Proposal, State
from votremachine.fleet.rules import Meter
from votremachine.infra.wire import Input, Line, OptionalLine, SpanView

Minutes = Annotated[int, msgspec.Meta(ge=15, le=28 * 24 * 60)]


class ReadMeter(Input):
    """What a meter shows, or showed at `read_at`. One that runs backwards needs a reason."""

    meter: Meter
    value: Decimal
    read_at: datetime | None = None
    why: OptionalLine = ""


class ReadingView(msgspec.Struct, frozen=True):
    id: UUID
    machine_id: UUID
    meter: Meter
    value: Decimal
    read_at: datetime
    why: str


class PlanMaintenance(Input):
    """What is to be done every so many days, months, or units of a meter, and when it was done last."""

    title: Line
    minutes: Minutes
    every_days: Annotated[int, msgspec.Meta(ge=1, le=3660)] | None = None
    every_months: Annotated[int, msgspec.Meta(ge=1, le=120)] | None = None
    meter: Meter | None = None
    every_units: Decimal | None = None
    last_on: date | None = None
    last_value: Decimal | None = None


class PlanView(msgspec.Struct, frozen=True):
    id: UUID
    machine_id: UUID
    title: str
    minutes: int
    every_days: int | None
    every_months: int | None
    meter: Meter | None
    every_units: Decimal | None
    last_on: date | None
    last_value: Decimal | None


class MarkDone(Input):
    """It was done, today or on that day; by meter, at that reading, with a reason if it runs backwards."""

    on: date | None = None
    value: Decimal | None = None
    why: OptionalLine = ""


class ProposalView(msgspec.Struct, frozen=True):
    """A time that would suit; it blocks nothing until it is accepted, and is the block `block_id` then."""

    id: UUID
    plan_id: UUID
    machine_id: UUID
    during: SpanView
    due_on: date
    state: State
    block_id: UUID | None

    @classmethod
    def of(cls, one: Proposal, zone: ZoneInfo) -> "ProposalView":
        during = SpanView.of(one.during, zone)
        return cls(one.id, one.plan_id, one.machine_id, during, one.due_on, one.state, one.block_id)
