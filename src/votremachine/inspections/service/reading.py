"""Reading condition reports: as values for the verbs, and as their sides see them."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from votremachine.accounts.rules import Actor, Relation, Sides, Verb, permits, require
from votremachine.bookings.refusals import UnknownBooking
from votremachine.bookings.rules import Booking
from votremachine.bookings.service import reading as bookings
from votremachine.infra.database import Tx
from votremachine.infra.images.addresses import addresses
from votremachine.infra.links import Links
from votremachine.inspections.models import inspection_photos, inspection_signatures, inspections
from votremachine.inspections.rules.accepting import UnknownInspection
from votremachine.inspections.rules.report import Content, Shot, State
from votremachine.inspections.rules.signing import ContentDiffers, Drawing, Method, NotTheirSide, Side, signers
from votremachine.inspections.schemas import InspectionView, PhotoView, SignatureView, SignInspection
from votremachine.kernel.errors import DomainError

PHOTO_PATH = "/v1/inspection-photos/{}"
_IDS = sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))
_PHOTOS = (
    sa.select(inspection_photos)
    .where(inspection_photos.c.inspection_id == sa.any_(_IDS))
    .order_by(inspection_photos.c.inspection_id, inspection_photos.c.place)
)
_SIGNATURES = (
    sa.select(inspection_signatures)
    .where(inspection_signatures.c.inspection_id == sa.any_(_IDS))
    .order_by(inspection_signatures.c.inspection_id, inspection_signatures.c.side)
)
_ONE = sa.select(inspections).where(inspections.c.id == sa.bindparam("id"))
ONE_LOCKED = _ONE.with_for_update()
_OF_BOOKING = (
    sa.select(inspections)
    .where(sa.or_(*(inspections.c[name] == sa.bindparam("booking") for name in ("booking_id", "next_booking_id"))))
    .order_by(inspections.c.id)
)
_CONTENT = msgspec.json.Decoder(Content)
_DRAWING = msgspec.json.Decoder(Drawing)


class Report(msgspec.Struct, frozen=True):
    """A report, its bookings, and the row that it was read from."""

    row: Any
    said: Content
    booking: Booking
    next_booking: Booking | None

    @property
    def state(self) -> State:
        return State(self.row.state)

    @property
    def bookings(self) -> list[Booking]:
        return [self.booking] if self.next_booking is None else [self.booking, self.next_booking]

    def party(self, side: Side) -> UUID:
        """The party that stands on a side; raises `KeyError` where there is no such side."""
        parties = {Side.OWNER: self.booking.owner_party_id, Side.RENTER: self.booking.renter_party_id}
        if self.next_booking is not None:
            parties[Side.NEXT_RENTER] = self.next_booking.renter_party_id
        return parties[side]


def authorise(verb: Verb, who: Actor, found: Sequence[Booking], stranger: DomainError) -> Sides:
    """The sides of these bookings of one owner that a person stands on, if they permit `verb`.

    Raises `stranger`, `NotAllowed`, `NotInTheirPlace`.
    """
    renters = [one.renter_party_id for one in found]
    renter = next((party for party in renters if party in who.seats), renters[0])
    return require(verb, who, owner=found[0].owner_party_id, renter=renter, stranger=stranger)


def check_side(who: Actor, report: Report, side: Side) -> None:
    """Whether a person signs for this side of a report. Raises `NotTheirSide`."""
    seat = who.seats.get(report.party(side))
    relation = Relation.OWNER if side is Side.OWNER else Relation.RENTER
    if seat is None or not permits(Verb.SIGN_INSPECTION, {relation: seat.role}):
        raise NotTheirSide(pointer="/side")


def check_same(report: Report, asked: SignInspection) -> None:
    """Whether what is signed is what the report says. Raises `ContentDiffers`."""
    if report.row.content_hash.hex() != asked.content_hash:
        raise ContentDiffers(pointer="/content_hash")


async def load(tx: Tx, verb: Verb, who: Actor, inspection_id: UUID, *, locked: bool = False) -> Report:
    """A report that this person may do `verb` to. Raises `UnknownInspection`, `NotAllowed`, `NotInTheirPlace`."""
    row = await tx.row(ONE_LOCKED if locked else _ONE, {"id": inspection_id})
    if row is None:
        raise UnknownInspection
    report = await with_bookings(tx, row)
    authorise(verb, who, report.bookings, UnknownInspection())
    return report


async def with_bookings(tx: Tx, row: sa.Row[Any]) -> Report:
    """A row with what it says and the bookings that it is about."""
    booking = await bookings.load(tx, row.booking_id)
    following = await bookings.load(tx, row.next_booking_id) if row.next_booking_id else None
    return Report(row, content_of(row), booking, following)


def content_of(row: sa.Row[Any]) -> Content:
    """What a row says."""
    return _CONTENT.decode(row.content)


async def show(tx: Tx, who: Actor, links: Links, inspection_id: UUID) -> InspectionView:
    """One report, to its sides and to staff; raises `UnknownInspection`."""
    report = await load(tx, Verb.READ_INSPECTION, who, inspection_id)
    return (await views(tx, who, links, [report.row], report.bookings))[0]


async def of_booking(tx: Tx, who: Actor, links: Links, booking_id: UUID) -> list[InspectionView]:
    """The reports of a booking, oldest first, to its sides and to staff; raises `UnknownBooking`."""
    booking = await bookings.load(tx, booking_id)
    authorise(Verb.READ_INSPECTION, who, [booking], UnknownBooking())
    return await views(tx, who, links, await rows_of(tx, booking_id), [booking])


async def rows_of(tx: Tx, booking_id: UUID) -> Sequence[sa.Row[Any]]:
    """The rows of the reports that are about a booking."""
    return await tx.rows(_OF_BOOKING, {"booking": booking_id})


async def photos_of(tx: Tx, ids: Sequence[UUID]) -> Mapping[UUID, list[sa.Row[Any]]]:
    """The photos of these reports, in the order in which they were announced; one statement."""
    return _grouped(ids, await tx.rows(_PHOTOS, {"ids": list(ids)}))


async def signatures_of(tx: Tx, ids: Sequence[UUID]) -> Mapping[UUID, list[sa.Row[Any]]]:
    """The signatures of these reports, in order of side; one statement."""
    return _grouped(ids, await tx.rows(_SIGNATURES, {"ids": list(ids)}))


async def views(
    tx: Tx, who: Actor, links: Links, rows: Sequence[sa.Row[Any]], concerned: Sequence[Booking]
) -> list[InspectionView]:
    """Reports about these bookings, as this person sees them; two statements however many there are."""
    if not rows:
        return []
    ids = [row.id for row in rows]
    photos, signatures = await photos_of(tx, ids), await signatures_of(tx, ids)
    originals = stands_by(who, concerned)
    return [view(tx, links, row, photos[row.id], signatures[row.id], originals=originals) for row in rows]


def stands_by(who: Actor, concerned: Sequence[Booking]) -> bool:
    """Whether a person acts for a side of these bookings: it has photos as they were sent, place and all, for proof."""
    return any(not who.seats.keys().isdisjoint({one.owner_party_id, one.renter_party_id}) for one in concerned)


def view(
    tx: Tx,
    links: Links,
    row: sa.Row[Any],
    photos: Sequence[sa.Row[Any]],
    signatures: Sequence[sa.Row[Any]],
    *,
    originals: bool,
) -> InspectionView:
    """One report on the wire."""
    said = content_of(row)
    kept = {one.sha256.hex(): one for one in photos}
    have = {one.side for one in signatures}
    told = {name: getattr(said, name) for name in _TOLD}
    return InspectionView(
        **told,
        state=State(row.state),
        sent_at=row.sent_at,
        clock_ahead=row.clock_ahead,
        photos=[_photo(tx, links, shot, kept[shot.sha256], originals=originals) for shot in said.photos],
        content_hash=row.content_hash.hex(),
        signatures=[signature_view(one) for one in signatures],
        to_sign=[] if row.state == State.SIGNED else [one for one in signers(said) if one not in have],
        sequence=row.sequence,
        previous=row.previous.hex() if row.previous else None,
        hash=row.hash.hex() if row.hash else None,
        signed_at=row.signed_at,
    )


_TOLD = (
    *("id", "kind", "booking_id", "next_booking_id", "machine_id", "amends", "why", "made_at", "meters"),
    *("fuel_eighths", "cleanliness", "tyres", "checklist", "damage", "notes", "driver"),
)


def signature_view(one: sa.Row[Any]) -> SignatureView:
    """A signature as it is told."""
    drawing = _DRAWING.decode(one.drawing) if one.drawing else None
    return SignatureView(Side(one.side), one.name, Method(one.method), drawing, one.why, one.signed_at)


def _photo(tx: Tx, links: Links, shot: Shot, row: sa.Row[Any], *, originals: bool) -> PhotoView:
    told = msgspec.structs.asdict(shot)
    if row.file_id is None:
        return PhotoView(**told, media_type=None, bytes=None, url=None)
    path = PHOTO_PATH.format(row.file_id)
    url, copies, original = addresses(links, path, row.media_type, tx.now, originals=originals)
    return PhotoView(**told, media_type=row.media_type, bytes=row.bytes, url=url, copies=copies, original_url=original)


def _grouped(ids: Sequence[UUID], rows: Sequence[sa.Row[Any]]) -> dict[UUID, list[sa.Row[Any]]]:
    found: dict[UUID, list[sa.Row[Any]]] = {one: [] for one in ids}
    for row in rows:
        found[row.inspection_id].append(row)
    return found
