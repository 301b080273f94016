"""What photos tell the slices above."""

from uuid import UUID

from votremachine.kernel.events import Event


class PhotoAdded(Event, frozen=True, kw_only=True):
    """An owner sent a photo; its copies are being made."""

    photo_id: UUID
    machine_id: UUID
