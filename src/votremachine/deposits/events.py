"""What deposits tell the slices above."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from votremachine.kernel.events import Event


class DepositEvent(Event, frozen=True, kw_only=True):
    """What every fact about a deposit carries; `by` is the person who did it, None when the clock did."""

    deposit_id: UUID
    booking_id: UUID
    owner_party_id: UUID
    renter_party_id: UUID
    by: UUID | None = None

    @property
    def audience(self) -> Sequence[UUID]:
        return (self.owner_party_id, self.renter_party_id)

    @property
    def shown(self) -> Mapping[str, UUID | Sequence[UUID]]:
        return {"booking_id": self.booking_id}


class DepositRequired(DepositEvent, frozen=True, kw_only=True):
    """A card is wanted for it."""


class DepositHeld(DepositEvent, frozen=True, kw_only=True):
    """It is live; `taken` when the money was really taken, to be paid back."""

    taken: bool = False


class DepositFailed(DepositEvent, frozen=True, kw_only=True):
    """The card refused it: another one is wanted. `failure` is why, as the gateway has it."""

    failure: str = ""


class DepositLapsing(DepositEvent, frozen=True, kw_only=True):
    """It could not be renewed, and lapses at `capture_before` unless a person acts."""

    capture_before: datetime
    failure: str = ""


class DepositLapsed(DepositEvent, frozen=True, kw_only=True):
    """Nothing is held any more, though it should be: an incident. Under `claims`, if any were open."""

    claims: tuple[UUID, ...] = ()


class DepositReleased(DepositEvent, frozen=True, kw_only=True):
    """It is the renter's again; `given_back` when anything was held of it."""

    given_back: bool


class DepositWaived(DepositEvent, frozen=True, kw_only=True):
    """The owner did without it, in writing."""


class DepositCaptured(DepositEvent, frozen=True, kw_only=True):
    """This much of it was taken for a claim, in minor units; the rest was given back."""

    claim_id: UUID
    captured: int
    released: int
    currency: str
