"""All that a bundle is made of but the bytes of stored files: the same for the same claim."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from importlib.metadata import version
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from votremachine.damages.bundles.rules import Source
from votremachine.damages.schemas import ClaimDetails
from votremachine.inspections.rules.chain import Part, Signed
from votremachine.inspections.rules.comparison import Difference
from votremachine.inspections.rules.insurance import Proof
from votremachine.inspections.rules.report import Content
from votremachine.kernel.money import Money

# To be raised whenever the same dossier makes other bytes.
FORM = 1


class Party(msgspec.Struct, frozen=True):
    """Who somebody is to an insurer."""

    name: str
    legal_name: str
    siren: str | None
    siret: str | None
    street: str
    postcode: str
    commune: str


class Report(msgspec.Struct, frozen=True):
    """A signed report of one of the machines: its path without suffix, what it says if that can be read, and its seal.

    `content` and `seal` are the very bytes whose SHA-256 are `content_hash` and `hash`, unless something is `wrong`.
    """

    path: str
    id: UUID
    machine_id: UUID
    kind: str
    said: Content | None
    content: bytes
    content_hash: str
    seal: bytes
    hash: str
    previous: str
    sequence: int
    signed_at: datetime
    signatures: Sequence[Signed]
    wrong: Part | None
    photos: Mapping[str, Source]


class Machine(msgspec.Struct, frozen=True):
    """A machine of the claim. Its chain `holds` if every hash of it was found right; `through` is the last of its
    reports here, and `broken` the place of the first link that does not hold, wherever that is.
    """

    id: UUID
    title: str
    make: str
    model: str
    serial: str
    category: str
    through: int
    through_hash: str
    holds: bool
    broken: int | None
    broken_part: Part | None


class Comparison(msgspec.Struct, frozen=True):
    """How a machine left and came back: the reports that say so, where they are, and what changed between them."""

    machine_id: UUID
    out: Content | None
    back: Content | None
    difference: Difference | None


class Insured(msgspec.Struct, frozen=True):
    """A proof of insurance of the renter's; `sealed` when it stands in the seal of the check-out."""

    proof: Proof
    sealed: bool
    document: Source | None


class Shown(msgspec.Struct, frozen=True):
    """What a side showed."""

    side: str
    at: datetime
    source: Source


class Deposit(msgspec.Struct, frozen=True):
    """What was held, and what became of it; minor units."""

    state: str
    amount: Money
    held: int
    captured: int
    released: int


class Dossier(msgspec.Struct, frozen=True, kw_only=True):
    """One claim; `originals` when its reader has photos as they were sent, `as_of` when something last happened."""

    language: str
    originals: bool
    as_of: datetime
    zone: str
    claim: ClaimDetails
    owner: Party
    renter: Party
    starts: datetime
    ends: datetime
    out_at: datetime | None
    returned_at: datetime | None
    machines: Sequence[Machine]
    reports: Sequence[Report]
    comparisons: Sequence[Comparison]
    insured: Sequence[Insured]
    evidence: Sequence[Shown]
    deposit: Deposit | None

    @property
    def clock(self) -> ZoneInfo:
        """The clock on which its hours are told."""
        return ZoneInfo(self.zone)

    def sources(self) -> list[Source]:
        """The stored files, in the order of the bundle."""
        photos = [source for report in self.reports for source in report.photos.values()]
        shown = [one.source for one in self.evidence]
        return [*photos, *shown, *(one.document for one in self.insured if one.document is not None)]

    def tag(self) -> str:
        """The same for the same bundle, if all its files are as they were sent."""
        made_of = msgspec.json.encode((self, FORM, version("votremachine"), version("typst")), order="sorted")
        return blake2b(made_of, digest_size=16).hexdigest()
