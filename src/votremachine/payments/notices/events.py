"""What notices tell the slices above."""

from uuid import UUID

from votremachine.kernel.events import Event


class GatewayNoticed(Event, frozen=True, kw_only=True):
    """The gateway says that something became of an order, or of a card that is to be kept: it is to be looked up.

    `key` is ours, as the gateway repeats it, and may be unknown. `subject` is "order" or "instrument".
    """

    key: UUID
    subject: str
    gateway: str
    reference: str
