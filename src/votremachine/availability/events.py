"""What calendars tell the slices above."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from votremachine.kernel.events import Event


class CalendarChanged(Event, frozen=True, kw_only=True):
    """Something other than a booking took time of a machine, or gave it back; `by` is None when the clock did."""

    machine_id: UUID
    owner_party_id: UUID
    by: UUID | None = None

    @property
    def audience(self) -> Sequence[UUID]:
        return (self.owner_party_id,)

    @property
    def shown(self) -> Mapping[str, UUID | Sequence[UUID]]:
        return {"machine_id": self.machine_id}


class OccurrencesLost(CalendarChanged, frozen=True, kw_only=True):
    """Occurrences of a block could not take place, or not wholly: a booking was there first."""

    block_id: UUID
    booking_id: UUID


class MaintenanceDue(CalendarChanged, frozen=True, kw_only=True):
    """A machine will soon need its maintenance; a time for it is proposed."""

    plan_id: UUID
    proposal_id: UUID


class FeedClashed(CalendarChanged, frozen=True, kw_only=True):
    """An event of an outside calendar falls into time that a booking has."""

    feed_id: UUID
    booking_id: UUID


class FeedFails(CalendarChanged, frozen=True, kw_only=True):
    """An outside calendar could not be read several times in a row, or is gone."""

    feed_id: UUID
