"""Gathering what a bundle is made of: one transaction, no file."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa

from votremachine.accounts.rules import Actor, Verb
from votremachine.accounts.schemas import PartyDetails
from votremachine.accounts.service import parties
from votremachine.bookings.rules import Booking
from votremachine.bookings.service import reading as bookings
from votremachine.damages.bundles import rules
from votremachine.damages.bundles.dossier import Comparison, Deposit, Dossier, Insured, Machine, Party, Report, Shown
from votremachine.damages.bundles.rules import Source
from votremachine.damages.rules.evidence import file_name as evidence_name
from votremachine.damages.schemas import ClaimDetails
from votremachine.damages.service import mediating, reading, store
from votremachine.deposits.rules import UnknownDeposit
from votremachine.deposits.service import store as deposits
from votremachine.fleet import service as fleet
from votremachine.infra.database import Database, Tx
from votremachine.infra.links import Links
from votremachine.inspections.rules.chain import Photographed
from votremachine.inspections.rules.comparison import Pair, compare, pairs
from votremachine.inspections.rules.photos import file_name as photo_name
from votremachine.inspections.service import dossiers, insurance, verifying
from votremachine.inspections.service.dossiers import Sealed
from votremachine.inspections.service.insurance import Document

# What `insurance.check_covered` puts there.
_IN_SEAL = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}) ([0-9a-f]{64})")


async def gathered(database: Database, who: Actor, links: Links, claim_id: UUID, language: str) -> Dossier:
    """A claim with all that belongs to it, as it was at one instant, for who may read it.

    Raises `UnknownClaim`, `NotAllowed`.
    """
    async with database.begin() as tx:
        await tx.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        return await _gather(tx, who, links, claim_id, language)


async def _gather(tx: Tx, who: Actor, links: Links, claim_id: UUID, language: str) -> Dossier:
    claim = await store.load(tx, claim_id)
    await mediating.authorise(tx, Verb.EXPORT_CLAIM, who, claim)
    said = _without_addresses(await reading.details(tx, who, links, claim))
    booking = await bookings.load(tx, claim.booking_id)
    sealed = [one for one in await dossiers.sealed(tx, booking.id) if one.link.machine_id in claim.machine_ids]
    side = not who.seats.keys().isdisjoint({claim.owner_party_id, claim.renter_party_id})
    reports = _reports(claim.machine_ids, sealed, whole=side)
    machines = await _machines(tx, claim.machine_ids, reports, language)
    known = await parties.details_by_id(tx, [claim.owner_party_id, claim.renter_party_id])
    zone = (await fleet.machines_by_id(tx, [claim.machine_ids[0]]))[claim.machine_ids[0]].zone
    return Dossier(
        language=language,
        as_of=_last(said),
        zone=zone.key,
        claim=said,
        owner=_party(known[claim.owner_party_id]),
        renter=_party(known[claim.renter_party_id]),
        starts=booking.during.start,
        ends=booking.during.end,
        out_at=booking.out_at,
        returned_at=booking.returned_at,
        machines=machines,
        reports=reports,
        comparisons=_comparisons(sealed, booking),
        insured=await _insured(tx, sealed, booking, zone, whole=claim.renter_party_id in who.seats),
        evidence=_shown(said, whole=side),
        deposit=await _deposit(tx, booking.id),
    )


def _without_addresses(said: ClaimDetails) -> ClaimDetails:
    """They are other ones each quarter of an hour."""
    evidence = [msgspec.structs.replace(one, url="", copies=(), original_url=None) for one in said.evidence]
    return msgspec.structs.replace(said, evidence=evidence)


def _last(said: ClaimDetails) -> datetime:
    instants = (one.at for one in said.steps), (one.at for one in said.offers), (one.at for one in said.evidence)
    return max(chain(*instants))


def _party(known: PartyDetails) -> Party:
    return Party(**{name: getattr(known, name) for name in Party.__struct_fields__})


def _reports(machine_ids: Sequence[UUID], sealed: Iterable[Sealed], *, whole: bool) -> list[Report]:
    numbers = {machine_id: number for number, machine_id in enumerate(machine_ids, 1)}
    return [_report(numbers[one.link.machine_id], one, whole=whole) for one in sealed]


def _report(number: int, one: Sealed, *, whole: bool) -> Report:
    link = one.link
    assert link.sequence and link.hash and link.previous and link.signed_at  # noqa: S101, PT018 -- it is signed
    path = rules.report_path(number, link.sequence, link.kind)
    return Report(
        path=path,
        id=link.id,
        machine_id=link.machine_id,
        kind=link.kind,
        said=one.said,
        content=link.content,
        content_hash=link.content_hash.hex(),
        seal=one.seal,
        hash=link.hash.hex(),
        previous=link.previous.hex(),
        sequence=link.sequence,
        signed_at=link.signed_at,
        signatures=link.signatures,
        wrong=one.wrong,
        photos={photo.sha256: _photo(path, photo, whole=whole) for photo in link.photos},
    )


def _photo(report: str, photo: Photographed, *, whole: bool) -> Source:
    path = rules.photo_path(report, photo.place, photo.sha256, photo.media_type)
    return Source(path, photo_name(photo.file_id), photo.sha256, photo.bytes, photo.media_type, whole)


async def _machines(tx: Tx, ids: Sequence[UUID], reports: Sequence[Report], language: str) -> list[Machine]:
    known, plates = await fleet.machines_by_id(tx, ids), await fleet.plates(tx, ids)
    found = []
    for machine_id in ids:
        broken = (await verifying.verify(tx, machine_id)).broken
        last = max((one for one in reports if one.machine_id == machine_id), key=lambda one: one.sequence, default=None)
        found.append(
            Machine(
                id=machine_id,
                title=known[machine_id].titles.read_in(language),
                category=known[machine_id].category,
                **plates[machine_id]._asdict(),
                through=last.sequence if last else 0,
                through_hash=last.hash if last else "",
                holds=broken is None,
                broken=broken.sequence if broken else None,
                broken_part=broken.part if broken else None,
            )
        )
    return found


def _comparisons(sealed: Sequence[Sealed], booking: Booking) -> list[Comparison]:
    readable = [one.said for one in sealed if one.said is not None]
    return [_comparison(machine_id, pair) for machine_id, pair in sorted(pairs(readable, booking.id).items())]


def _comparison(machine_id: UUID, pair: Pair) -> Comparison:
    out, back = pair.check_out, pair.check_in
    return Comparison(machine_id, out, back, compare(out, back) if out and back else None)


async def _insured(tx: Tx, sealed: Sequence[Sealed], booking: Booking, zone: ZoneInfo, *, whole: bool) -> list[Insured]:
    """The proofs that stand in the seals, with the hash that their documents had then; else what covers the rental."""
    seals = [_IN_SEAL.fullmatch(one.link.insurance or "") for one in sealed]
    named = {UUID(one[1]): one[2] for one in seals if one}
    known = await insurance.by_ids(tx, named)
    found = [
        _insured_by(number, known[proof_id], sha256, sealed=True, whole=whole)
        for number, (proof_id, sha256) in enumerate(named.items(), 1)
        if proof_id in known
    ]
    if found:
        return found
    covers = await insurance.covers(tx, booking, zone)
    return [] if covers is None else [_insured_by(1, covers, covers.proof.sha256 or "", sealed=False, whole=whole)]


def _insured_by(number: int, document: Document, sha256: str, *, sealed: bool, whole: bool) -> Insured:
    if document.file_id is None:
        return Insured(document.proof, sealed, None)
    path = rules.insurance_path(number, sha256, document.media_type)
    stored = insurance.file_name(document.file_id)
    source = Source(path, stored, sha256, document.bytes, document.media_type, whole)
    # Only pictures have copies: who reads a PDF makes no other bundle, and no other tag of it.
    return Insured(document.proof, sealed, source if source.is_image else msgspec.structs.replace(source, whole=True))


def _shown(said: ClaimDetails, *, whole: bool) -> list[Shown]:
    counted: dict[str, int] = {}
    found = []
    for one in said.evidence:
        counted[one.side] = place = counted.get(one.side, 0) + 1
        path = rules.evidence_path(one.side, place, one.sha256, one.media_type)
        source = Source(path, evidence_name(one.id), one.sha256, one.bytes, one.media_type, whole)
        found.append(Shown(one.side, one.at, source))
    return found


async def _deposit(tx: Tx, booking_id: UUID) -> Deposit | None:
    try:
        known = await deposits.of_booking(tx, booking_id)
    except UnknownDeposit:
        return None
    return Deposit(known.state.value, known.amount, known.held, known.captured, known.released)
