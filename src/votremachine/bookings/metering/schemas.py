"""What travels over the wire about what was used."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from votremachine.accounts.rules import Relation
from votremachine.bookings.metering.rules import UsageState
from votremachine.bookings.schemas import Note
from votremachine.infra.wire import Input
from votremachine.kernel.money import Money
from votremachine.pricing.rules.card import Unit
from votremachine.pricing.rules.price import thousandths
from votremachine.pricing.rules.settling import Quantities
from votremachine.pricing.schemas import Quantity


class TellUsage(Input):
    """How much was used: of each machine with estimated lines, the quantity of each of their units."""

    used: dict[UUID, dict[Unit, Quantity]]
    note: Note = ""

    def quantities(self) -> Quantities:
        return {
            machine_id: {unit: thousandths(quantity, "/used") for unit, quantity in used.items()}
            for machine_id, used in self.used.items()
        }


class AgreeUsage(Input):
    """What is agreed to: the last that was said."""

    usage_id: UUID


class PayMissing(Input):
    """The card that pays what is still due of a booking."""

    instrument_id: UUID


class UsageView(msgspec.Struct, frozen=True):
    """What one side says was used, and what the booking costs by that."""

    id: UUID
    booking_id: UUID
    side: Relation
    used: Mapping[UUID, Mapping[Unit, float]]
    total: Money
    note: str
    state: UsageState
    by: UUID
    created_at: datetime
