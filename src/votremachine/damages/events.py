"""What claims tell the slices above."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from votremachine.kernel.events import Event


class ClaimEvent(Event, frozen=True, kw_only=True):
    """What every fact about a claim carries; `by` is the person who did it, None when the clock did."""

    claim_id: UUID
    booking_id: UUID
    owner_party_id: UUID
    renter_party_id: UUID
    by: UUID | None = None
    minor: int = 0
    currency: str = "EUR"

    @property
    def audience(self) -> Sequence[UUID]:
        return (self.owner_party_id, self.renter_party_id)

    @property
    def shown(self) -> Mapping[str, UUID | Sequence[UUID]]:
        return {"booking_id": self.booking_id, "claim_id": self.claim_id}


class ToBeAnswered(ClaimEvent, frozen=True, kw_only=True):
    """A fact that the other side has so many hours to answer."""

    hours: int = 72


class ClaimOpened(ToBeAnswered, frozen=True, kw_only=True):
    """An owner asks for so much."""


class ClaimAccepted(ClaimEvent, frozen=True, kw_only=True):
    """The renter pays what is asked."""


class ClaimContested(ToBeAnswered, frozen=True, kw_only=True):
    """The renter does not."""


class OfferMade(ToBeAnswered, frozen=True, kw_only=True):
    """One side would settle for so much."""


class ClaimAgreed(ClaimEvent, frozen=True, kw_only=True):
    """One side took the other's offer."""


class ClaimWithdrawn(ClaimEvent, frozen=True, kw_only=True):
    """The owner asks for nothing any more."""


class ClaimEscalated(ClaimEvent, frozen=True, kw_only=True):
    """A mediator is to decide; by the clock when nobody answered."""


class ClaimStalled(ClaimEvent, frozen=True, kw_only=True):
    """No mediator has decided for long; it ends without an award if none does until `until`."""

    until: datetime


class ClaimUnresolved(ClaimEvent, frozen=True, kw_only=True):
    """Nobody decided: nothing is awarded, and the deposit is let go."""


class ClaimDecided(ClaimEvent, frozen=True, kw_only=True):
    """A mediator awarded so much."""


class ClaimSettled(ClaimEvent, frozen=True, kw_only=True):
    """The money has moved: so much from the deposit, the rest by the renter, `owed` of which is still due."""

    from_deposit: int = 0
    from_renter: int = 0
    owed: int = 0


class ClaimPaid(ClaimEvent, frozen=True, kw_only=True):
    """What was still due of a settled claim has been paid."""
