"""What orders tell the slices above."""

from uuid import UUID

from votremachine.kernel.events import Event


class OrderSettled(Event, frozen=True, kw_only=True):
    """The outcome of an order became known while nobody waited for it."""

    order_id: UUID
    purpose: str
    subject_id: UUID
    booking_id: UUID
