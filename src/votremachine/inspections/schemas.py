"""What travels over the wire about condition reports and proofs of insurance."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import msgspec

from votremachine.infra.images.addresses import CopyView
from votremachine.infra.wire import Input, Line, OptionalLine
from votremachine.inspections.rules.chain import Part
from votremachine.inspections.rules.comparison import Difference
from votremachine.inspections.rules.report import (
    FULL,
    MOST_DAMAGE,
    MOST_PHOTOS,
    MOST_TYRES,
    Cleanliness,
    Damage,
    Driver,
    Finding,
    MeterRead,
    Notes,
    Occasion,
    Remark,
    Sha256,
    Shot,
    State,
    Tyre,
)
from votremachine.inspections.rules.signing import Drawing, Method, Side

Fuel = Annotated[int, msgspec.Meta(ge=0, le=FULL)]


class MakeInspection(Input):
    """A condition report of one machine of the booking, as it was made at `made_at`, perhaps without a network.

    `id` is a UUIDv7 of the phone's: the same report may be sent as often as need be. `photos` are announced by their
    SHA-256 and sent each by itself, before or after. A relay names the next renter's `next_booking_id`; an amendment
    what it `amends`, and `why`. `phone_clock` is what the phone's clock shows as it sends this: it is not part
    of what is signed, but how far it is off is kept and shown.
    """

    id: UUID
    machine_id: UUID
    kind: Occasion
    made_at: datetime
    cleanliness: Cleanliness
    checklist: Annotated[tuple[Finding, ...], msgspec.Meta(max_length=40)]
    meters: Annotated[tuple[MeterRead, ...], msgspec.Meta(max_length=10)] = ()
    fuel_eighths: Fuel | None = None
    tyres: Annotated[tuple[Tyre, ...], msgspec.Meta(max_length=MOST_TYRES)] = ()
    damage: Annotated[tuple[Damage, ...], msgspec.Meta(max_length=MOST_DAMAGE)] = ()
    photos: Annotated[tuple[Shot, ...], msgspec.Meta(max_length=MOST_PHOTOS)] = ()
    notes: Notes = ""
    driver: Driver | None = None
    next_booking_id: UUID | None = None
    amends: UUID | None = None
    why: Remark = ""
    phone_clock: datetime | None = None


class PhotoView(msgspec.Struct, frozen=True):
    """A photo of a report; `url`, of the largest of its `copies`, is null until it has arrived, needs no token, and is
    good for a quarter of an hour. `original_url` saves the file just as it was sent, by the sides of the report alone.
    """

    sha256: str
    taken_at: datetime
    latitude: float | None
    longitude: float | None
    caption: str
    media_type: str | None
    bytes: int | None
    url: str | None
    copies: Sequence[CopyView] = ()
    original_url: str | None = None


class PhotoReceived(msgspec.Struct, frozen=True):
    """A photo is kept, whether or not its report has arrived."""

    inspection_id: UUID
    sha256: str


class SignatureView(msgspec.Struct, frozen=True):
    """Who signed for a side, and how; `why` is what the owner says where a side did not. `drawing` has strokes of
    points, on a square of 1000 by 1000.
    """

    side: Side
    name: str
    method: Method
    drawing: Drawing | None
    why: str
    signed_at: datetime


class InspectionView(msgspec.Struct, frozen=True):
    """A condition report. `content_hash` is what each side signs; `hash` is its seal once all have, `previous` that of
    the machine's report before it, both SHA-256 in hexadecimal. It arrived at `sent_at`, from a phone whose clock was
    `clock_ahead` seconds ahead of ours, if it said.
    """

    id: UUID
    kind: Occasion
    state: State
    booking_id: UUID
    next_booking_id: UUID | None
    machine_id: UUID
    amends: UUID | None
    why: str
    made_at: datetime
    sent_at: datetime
    clock_ahead: int | None
    meters: tuple[MeterRead, ...]
    fuel_eighths: int | None
    cleanliness: Cleanliness
    tyres: tuple[Tyre, ...]
    checklist: tuple[Finding, ...]
    damage: tuple[Damage, ...]
    photos: list[PhotoView]
    notes: str
    driver: Driver | None
    content_hash: str
    signatures: list[SignatureView]
    to_sign: list[Side]
    sequence: int | None
    previous: str | None
    hash: str | None
    signed_at: datetime | None


class SignInspection(Input):
    """One side's signature of what has this `content_hash`.

    In one's own session nothing more is needed. On the owner's phone the other side signs by hand: `drawing`, and the
    `code` that they were sent under `code_id`. Where the renter does not sign a check-in, the owner says why: `absent`.
    """

    side: Side
    content_hash: Sha256
    drawing: Drawing | None = None
    code: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{6}\Z")] | None = None
    code_id: UUID | None = None
    absent: Remark = ""


class AskCode(Input):
    """Whom to send the code: somebody of the renter's, or whoever booked if left out."""

    person_id: UUID | None = None


class CodeSent(msgspec.Struct, frozen=True):
    """A code was sent to this person of the renter's; good once, until it expires."""

    id: UUID
    name: str
    expires_at: datetime


class ReceiptView(msgspec.Struct, frozen=True):
    """What each side keeps: the seal, what it is made of, and the same in words."""

    inspection_id: UUID
    machine_id: UUID
    machine: str
    owner: str
    renters: list[str]
    kind: Occasion
    made_at: datetime
    signed_at: datetime
    sequence: int
    content_hash: str
    previous: str
    hash: str
    signatures: list[SignatureView]
    photos: list[str]
    text: str


class SideBySide(msgspec.Struct, frozen=True):
    """One machine of a booking as it left and as it came back; `difference` once both reports are signed."""

    machine_id: UUID
    check_out: InspectionView | None
    check_in: InspectionView | None
    difference: Difference | None


class BrokenView(msgspec.Struct, frozen=True):
    """The first link that does not hold; no `inspection_id` where a report is missing."""

    part: Part
    sequence: int
    inspection_id: UUID | None
    sha256: str


class VerificationView(msgspec.Struct, frozen=True):
    """Whether the chain of a machine holds. With photos, those of the reports up to `photos_through` were read again;
    `photos_after` goes on from there, and is null at the end.
    """

    machine_id: UUID
    reports: int
    hash: str
    holds: bool
    broken: BrokenView | None
    photos_read: int
    photos_through: int | None = None
    photos_after: int | None = None


class ChecklistItemView(msgspec.Struct, frozen=True):
    code: str
    name: str


class AddInsurance(Input):
    """What an insurer certifies; both days are included. The document is sent afterwards."""

    insurer: Line
    policy_number: Annotated[OptionalLine, msgspec.Meta(min_length=1)]
    valid_from: date
    valid_until: date


class InsuranceView(msgspec.Struct, frozen=True):
    """A proof of insurance; `url` is where its document is looked at, for a quarter of an hour, once it was sent, and
    `original_url` where its own party saves it just as it was.
    """

    id: UUID
    party_id: UUID
    insurer: str
    policy_number: str
    valid_from: date
    valid_until: date
    sha256: str | None
    media_type: str | None
    url: str | None
    copies: Sequence[CopyView] = ()
    original_url: str | None = None


class InsuranceRule(Input):
    """Whether a party asks for a proof of insurance for whatever it lends."""

    required: bool


class CoverView(msgspec.Struct, frozen=True):
    """Whether a rental needs a proof of insurance, and the renter's proof that covers it."""

    required: bool
    proof: InsuranceView | None
