"""What travels over the wire about claims."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from votremachine.damages.rules.claim import Side, State
from votremachine.damages.rules.costs import HIGHEST_VAT, LARGEST_MINOR, MOST_LINES, Asked, Kind
from votremachine.infra.images.addresses import CopyView
from votremachine.infra.wire import Input, Line, OptionalLine
from votremachine.kernel.money import Money
from votremachine.pricing.rules.card import Unit

# Something is to be read in it.
Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=4000, pattern=r"^(?=[\s\S]*\S)[^\x00]*\Z")]
Note = Annotated[str, msgspec.Meta(max_length=4000, pattern=r"^[^\x00]*\Z")]
Minor = Annotated[int, msgspec.Meta(ge=1, le=LARGEST_MINOR)]
Age = Annotated[int, msgspec.Meta(ge=0, le=100_000)]


class AskedLine(Input):
    """One line of a claim, in minor units of the booking's currency. The cost is given once: `net` (with `vat_rate` in
    basis points, 0 where the owner recovers VAT), or `gross`, or, of fuel, `eighths`, `tank_litres` and `litre`, the
    price of one. A part that was replaced by a new one has an age, and `item` if it is of those that wear out.
    """

    kind: Kind
    what: Line
    machine_id: UUID | None = None
    net: Minor | None = None
    vat_rate: Annotated[int, msgspec.Meta(ge=0, le=HIGHEST_VAT)] = 0
    gross: Minor | None = None
    item: OptionalLine = ""
    age_months: Age | None = None
    age_hours: Age | None = None
    eighths: Annotated[int, msgspec.Meta(ge=1, le=8)] | None = None
    tank_litres: Annotated[int, msgspec.Meta(ge=1, le=5_000)] | None = None
    litre: Annotated[int, msgspec.Meta(ge=1, le=10_000)] | None = None
    inspection_ids: Annotated[tuple[UUID, ...], msgspec.Meta(max_length=10)] = ()

    def of(self, machine_id: UUID) -> Asked:
        """For the rules, about this machine."""
        return Asked(**msgspec.structs.asdict(self) | {"machine_id": machine_id})


class ReckonedView(msgspec.Struct, frozen=True):
    """So much of a unit at this price; what the booking paid already is below zero."""

    unit: Unit
    quantity: float
    unit_price: Money
    net: Money


class SuggestedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line that may be asked as it is, without `reckoned`, which says how it comes about; `net` in minor units. Of
    fuel, `tank_litres` and `litre` are still to be given.
    """

    machine_id: UUID
    kind: Kind
    what: str
    net: int | None
    vat_rate: int
    eighths: int | None
    inspection_ids: tuple[UUID, ...]
    reckoned: list[ReckonedView]


class OpenClaim(Input):
    """What happened, and what it costs; `id` may be the phone's own choice."""

    reason: Reason
    lines: Annotated[list[AskedLine], msgspec.Meta(min_length=1, max_length=MOST_LINES)]
    id: UUID | None = None


class Contest(Input):
    """Why the renter does not pay what is asked, and what they would pay, if anything; minor units."""

    reason: Reason
    minor: Minor | None = None


class Offer(Input):
    """What a side would settle for, in minor units."""

    minor: Minor
    note: Note = ""


class Why(Input):
    """A reason, or none."""

    reason: Note = ""


class Decide(Input):
    """What a mediator awards, in minor units, and why: both sides read it."""

    minor: Annotated[int, msgspec.Meta(ge=0, le=LARGEST_MINOR)]
    reason: Reason


class PayClaim(Input):
    """A card of the renter's."""

    instrument_id: UUID


class ClaimProof(msgspec.Struct, frozen=True):
    """The bank wants its cardholder to prove who they are, with this; then the same request again."""

    claim_id: UUID
    client_secret: str


class LineView(msgspec.Struct, frozen=True):
    """A line: what it costs, and what is asked of that after wear and age (`kept`, basis points)."""

    machine_id: UUID
    kind: Kind
    what: str
    item: str
    net: Money
    vat: Money
    kept: int
    asked: Money
    age_months: int | None
    age_hours: int | None
    inspection_ids: tuple[UUID, ...]


class OfferView(msgspec.Struct, frozen=True):
    """What a side would have settled for."""

    side: Side
    amount: Money
    note: str
    at: datetime


class EvidenceView(msgspec.Struct, frozen=True):
    """A quote or a photo; `url`, of the largest of its `copies` if it is an image, is good for a while. `original_url`
    saves it just as it was sent: an image by the sides of the claim alone.
    """

    id: UUID
    side: Side
    media_type: str
    bytes: int
    sha256: str
    at: datetime
    url: str
    copies: Sequence[CopyView] = ()
    original_url: str | None = None


class StepView(msgspec.Struct, frozen=True):
    """A step in the life of a claim; `by` is absent when the clock did it."""

    state: State
    at: datetime
    by: UUID | None
    why: str


class SettlementView(msgspec.Struct, frozen=True):
    """How it is paid: `from_deposit` and `from_renter` make what was awarded; `owed` is still due of the latter."""

    awarded: Money
    from_deposit: Money | None
    released: Money | None
    from_renter: Money | None
    owed: Money


class ClaimView(msgspec.Struct, frozen=True, kw_only=True):
    """A claim as lists have it. `turn` is the side that is to answer until `due_at`; in mediation nobody's: staff is
    told then that no mediator has decided, and the next time it ends without an award.
    """

    id: UUID
    booking_id: UUID
    owner_party_id: UUID
    renter_party_id: UUID
    owner: str
    renter: str
    machine_ids: tuple[UUID, ...]
    state: State
    reason: str
    total: Money
    asked: Money
    turn: Side | None
    due_at: datetime | None
    settlement: SettlementView | None
    version: int
    created_at: datetime


class ClaimDetails(ClaimView, frozen=True, kw_only=True):
    """A claim with all that was said and shown."""

    lines: list[LineView]
    offers: list[OfferView]
    evidence: list[EvidenceView]
    steps: list[StepView]
