"""Proofs of insurance: a party adds them once, and they cover every rental within their days."""

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from votremachine.accounts.refusals import UnknownParty
from votremachine.accounts.rules import Actor, Verb, require
from votremachine.accounts.service import audit
from votremachine.bookings.refusals import UnknownBooking
from votremachine.bookings.rules import MEETING, Booking
from votremachine.bookings.service import reading as bookings
from votremachine.fleet import service as fleet
from votremachine.fleet.rules import Machine
from votremachine.fleet.terms import Ask
from votremachine.infra.database import Tx
from votremachine.infra.documents import Found, Stored
from votremachine.infra.images.addresses import addresses
from votremachine.infra.links import Links
from votremachine.infra.storage import ledger
from votremachine.inspections.events import InsuranceAdded
from votremachine.inspections.models import insurance_proofs, insurance_rules
from votremachine.inspections.rules.insurance import (
    MOST_PROOFS,
    InsuranceNeeded,
    Proof,
    ProofDiffers,
    TooManyProofs,
    UnknownProof,
    check_validity,
    covering,
    days,
)
from votremachine.inspections.schemas import AddInsurance, CoverView, InsuranceRule, InsuranceView
from votremachine.inspections.service import reading

DOCUMENT_PATH = "/v1/insurance-documents/{}"
_ONE = sa.select(insurance_proofs).where(insurance_proofs.c.id == sa.bindparam("id"))
_OF_PARTY = (
    sa.select(insurance_proofs)
    .where(insurance_proofs.c.party_id == sa.bindparam("party"))
    .order_by(insurance_proofs.c.id.desc())
)
_BY_IDS = sa.select(insurance_proofs).where(
    insurance_proofs.c.id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid)))
)
_next = insurance_proofs.alias()
# A later one begins before this one has ended, its document there: without it, it covers nothing.
_FOLLOWED = sa.exists().where(
    _next.c.party_id == insurance_proofs.c.party_id,
    _next.c.valid_until > insurance_proofs.c.valid_until,
    _next.c.valid_from <= insurance_proofs.c.valid_until + 1,
    _next.c.sha256.is_not(None),
)
_LAST = sa.select(insurance_proofs).where(
    insurance_proofs.c.id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))), ~_FOLLOWED
)


class Document(NamedTuple):
    """A proof and its document, which has no `file_id` until it was sent."""

    proof: Proof
    file_id: UUID | None
    media_type: str
    bytes: int


async def add(tx: Tx, who: Actor, links: Links, party_id: UUID, asked: AddInsurance) -> InsuranceView:
    """Add a proof, its document to follow.

    Raises `UnknownParty`, `NotAllowed`, `OutOfTime`, `ValidityDisagrees`, `TooManyProofs`.
    """
    require(Verb.ADD_INSURANCE, who, owner=party_id, stranger=UnknownParty())
    check_validity(asked.valid_from, asked.valid_until)
    if len(await tx.rows(_OF_PARTY.limit(MOST_PROOFS), {"party": party_id})) >= MOST_PROOFS:
        raise TooManyProofs(most=MOST_PROOFS)
    values = {"id": tx.new_id(), "party_id": party_id, "added_by": who.person_id, "created_at": tx.now}
    adding = insurance_proofs.insert().values(values | msgspec.structs.asdict(asked)).returning(insurance_proofs)
    row = (await tx.execute(adding)).one()
    tx.publish(InsuranceAdded(proof_id=row.id, party_id=party_id))
    await audit.note(tx, who, "add_insurance", "party", party_id, party_id, proof_id=str(row.id))
    return _view(tx, who, links, row)


async def browse(
    tx: Tx, who: Actor, links: Links, party_id: UUID, *, before: UUID | None, limit: int
) -> list[InsuranceView]:
    """A party's proofs, newest first, to its own people and to staff; `limit + 1` rows. Raises `UnknownParty`."""
    require(Verb.READ_PARTY, who, owner=party_id, stranger=UnknownParty())
    wanted = _OF_PARTY if before is None else _OF_PARTY.where(insurance_proofs.c.id < before)
    return [_view(tx, who, links, row) for row in await tx.rows(wanted.limit(limit + 1), {"party": party_id})]


async def may_send(tx: Tx, who: Actor, proof_id: UUID) -> None:
    """Whether this person may, before anything large is read. Raises `UnknownProof`, `NotAllowed`."""
    _owned(await tx.row(_ONE, {"id": proof_id}), who)


async def announce(tx: Tx) -> tuple[UUID, str]:
    """The id of a document that is to come, and the name under which it may be put, for an hour."""
    file_id = tx.new_id()
    name = file_name(file_id)
    await ledger.announce(tx, [name])
    return file_id, name


async def receive(tx: Tx, who: Actor, links: Links, proof_id: UUID, file_id: UUID, found: Found) -> InsuranceView:
    """Keep the document of a proof; the same one sent again is kept once. Raises `ProofDiffers` for another."""
    row = _owned(await tx.row(_ONE.with_for_update(), {"id": proof_id}), who)
    if row.file_id is not None:
        if row.sha256 != found.sha256:
            raise ProofDiffers
        await ledger.doom(tx, [file_name(file_id)])
        return _view(tx, who, links, row)
    values = {"file_id": file_id, "sha256": found.sha256, "media_type": found.media_type, "bytes": found.bytes}
    mine = insurance_proofs.c.id == proof_id
    changed = await tx.execute(insurance_proofs.update().where(mine).values(values).returning(insurance_proofs))
    await ledger.keep(tx, [file_name(file_id)])
    await audit.note(tx, who, "send_document", "insurance", proof_id, row.party_id)
    return _view(tx, who, links, changed.one())


async def stored(tx: Tx, file_id: UUID) -> Stored:
    """Where a document is kept; the signed address was the permission. Raises `UnknownProof`."""
    row = await tx.row(sa.select(insurance_proofs).where(insurance_proofs.c.file_id == file_id))
    if row is None:
        raise UnknownProof
    return Stored(file_name(file_id), row.media_type)


async def cover(tx: Tx, who: Actor, links: Links, booking_id: UUID) -> CoverView:
    """Whether a rental needs a proof, and the renter's that covers it, to both sides once it is confirmed.

    Raises `UnknownBooking`.
    """
    booking = await bookings.load(tx, booking_id)
    reading.authorise(Verb.READ_INSPECTION, who, [booking], UnknownBooking())
    machines = await fleet.machines_by_id(tx, booking.machine_ids)
    first = machines[min(machines)]
    asks = [await _required(tx, one) for one in machines.values()]
    proofs = await tx.rows(_OF_PARTY, {"party": booking.renter_party_id})
    found = covering(map(_proof, proofs), booking.during, first.zone)
    shown = next((row for row in proofs if found and row.id == found.id), None)
    if booking.state not in MEETING and booking.renter_party_id not in who.seats:
        shown = None
    return CoverView(any(asks), _view(tx, who, links, shown) if shown else None)


async def running_out(tx: Tx, ids: Collection[UUID]) -> Mapping[UUID, Proof]:
    """Those of these proofs that no later one of their party follows, by id; one statement."""
    return {row.id: _proof(row) for row in await tx.rows(_LAST, {"ids": list(ids)})}


async def ending(tx: Tx, *, until: date, after: UUID, limit: int) -> list[Proof]:
    """The next proofs, in order of id, that are valid today and not longer than until then; one statement."""
    days_left = insurance_proofs.c.valid_until.between(tx.now.date(), until)
    found = sa.select(insurance_proofs).where(days_left, insurance_proofs.c.id > after)
    return [_proof(row) for row in await tx.rows(found.order_by(insurance_proofs.c.id).limit(limit))]


async def check_covered(tx: Tx, booking: Booking, machine: Machine) -> str:
    """The proof that covers a rental, and the SHA-256 of its document; empty where none does and nobody asks.

    Raises `InsuranceNeeded`.
    """
    proofs = await tx.rows(_OF_PARTY, {"party": booking.renter_party_id})
    found = covering(map(_proof, proofs), booking.during, machine.zone)
    if found is None and await _required(tx, machine):
        first, last = days(booking.during, machine.zone)
        raise InsuranceNeeded(first=first.isoformat(), last=last.isoformat())
    return f"{found.id} {found.sha256}" if found else ""


async def by_ids(tx: Tx, ids: Collection[UUID]) -> Mapping[UUID, Document]:
    """These proofs by their ids, in one statement. For slices above: they ask for nobody in particular."""
    rows = await tx.rows(_BY_IDS, {"ids": list(ids)})
    return {row.id: _document(row) for row in rows}


async def covers(tx: Tx, booking: Booking, zone: ZoneInfo) -> Document | None:
    """The renter's proof that covers a rental as it is known now. For slices above, as `by_ids`."""
    rows = await tx.rows(_OF_PARTY, {"party": booking.renter_party_id})
    found = covering(map(_proof, rows), booking.during, zone)
    return next((_document(row) for row in rows if found and row.id == found.id), None)


async def rule(tx: Tx, who: Actor, party_id: UUID) -> InsuranceRule:
    """Whether a party asks for proofs, to its own people and to staff. Raises `UnknownParty`."""
    require(Verb.READ_PARTY, who, owner=party_id, stranger=UnknownParty())
    return InsuranceRule(required=await _party_asks(tx, party_id))


async def set_rule(tx: Tx, who: Actor, party_id: UUID, asked: InsuranceRule) -> InsuranceRule:
    """Ask for a proof for whatever a party lends, or no longer. Raises `UnknownParty`, `NotAllowed`."""
    require(Verb.EDIT_PARTY, who, owner=party_id, stranger=UnknownParty())
    values = {"party_id": party_id, "required": asked.required}
    put = insert(insurance_rules).values(values)
    await tx.execute(put.on_conflict_do_update(index_elements=["party_id"], set_={"required": asked.required}))
    await audit.note(tx, who, "set_insurance_rule", "party", party_id, party_id, required=asked.required)
    return asked


def file_name(file_id: UUID) -> str:
    """Where a document is kept; a name is used once."""
    return f"insurance/{file_id}"


async def _required(tx: Tx, machine: Machine) -> bool:
    return Ask.INSURANCE in machine.terms.asks or await _party_asks(tx, machine.party_id)


async def _party_asks(tx: Tx, party_id: UUID) -> bool:
    found = await tx.row(sa.select(insurance_rules.c.required).where(insurance_rules.c.party_id == party_id))
    return found is not None and bool(found.required)


def _owned(row: sa.Row[Any] | None, who: Actor) -> sa.Row[Any]:
    if row is None:
        raise UnknownProof
    require(Verb.ADD_INSURANCE, who, owner=row.party_id, stranger=UnknownProof())
    return row


def _proof(row: sa.Row[Any]) -> Proof:
    told = {name: getattr(row, name) for name in Proof.__struct_fields__}
    return Proof(**told | {"sha256": row.sha256.hex() if row.sha256 else None})


def _document(row: sa.Row[Any]) -> Document:
    return Document(_proof(row), row.file_id, row.media_type or "", row.bytes or 0)


def _view(tx: Tx, who: Actor, links: Links, row: sa.Row[Any]) -> InsuranceView:
    told = msgspec.structs.asdict(_proof(row))
    if row.file_id is None:
        return InsuranceView(**told, media_type=None, url=None)
    path, own = DOCUMENT_PATH.format(row.file_id), row.party_id in who.seats
    url, copies, original = addresses(links, path, row.media_type, tx.now, originals=own)
    return InsuranceView(**told, media_type=row.media_type, url=url, copies=copies, original_url=original)
