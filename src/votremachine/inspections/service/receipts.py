"""The receipt that each side keeps: with its hash nobody rewrites the report, or the chain behind it, unnoticed."""

from uuid import UUID

from votremachine.accounts.rules import Actor, Verb
from votremachine.accounts.service.parties import party_names
from votremachine.fleet import service as fleet
from votremachine.infra.database import Tx
from votremachine.infra.languages import Language
from votremachine.inspections.rules.report import State
from votremachine.inspections.rules.signing import NotSignedYet
from votremachine.inspections.schemas import ReceiptView
from votremachine.inspections.service import reading
from votremachine.inspections.words import written


async def receipt(tx: Tx, who: Actor, inspection_id: UUID, language: Language) -> ReceiptView:
    """The receipt of a signed report, in the reader's language. Raises `UnknownInspection`, `NotSignedYet`."""
    report = await reading.load(tx, Verb.READ_INSPECTION, who, inspection_id)
    row, said = report.row, report.said
    if report.state is not State.SIGNED:
        raise NotSignedYet
    machine = await fleet.machine(tx, said.machine_id)
    renters = [one.renter_party_id for one in report.bookings]
    names = await party_names(tx, [report.booking.owner_party_id, *renters])
    signatures = (await reading.signatures_of(tx, [inspection_id]))[inspection_id]
    made = ReceiptView(
        inspection_id=row.id,
        machine_id=said.machine_id,
        machine=machine.titles.read_in(language),
        owner=names[report.booking.owner_party_id],
        renters=[names[one] for one in renters],
        kind=said.kind,
        made_at=said.made_at.astimezone(machine.zone),
        signed_at=row.signed_at.astimezone(machine.zone),
        sequence=row.sequence,
        content_hash=row.content_hash.hex(),
        previous=row.previous.hex(),
        hash=row.hash.hex(),
        signatures=[reading.signature_view(one) for one in signatures],
        photos=[one.sha256 for one in said.photos],
        text="",
    )
    return written(made, language)
