"""What calendars tell the slices above."""

from uuid import UUID

from votremachine.kernel.events import Event


class CalendarChanged(Event, frozen=True, kw_only=True):
    """Something other than a booking took time of a machine, or gave it back; `by` is None when the clock did."""

    machine_id: UUID
    owner_party_id: UUID
    by: UUID | None = None
