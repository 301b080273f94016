"""Quotes and photos that a side shows: taken in, kept once, and given back by an address that is good for a while."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.rules import Actor, Relation, Verb, require
from votremachine.accounts.service import audit
from votremachine.damages.models import claim_evidence
from votremachine.damages.rules.claim import AWARDED, ENDED, Claim, Side, UnknownClaim
from votremachine.damages.rules.evidence import MOST_FILES, ClaimOver, TooMuchEvidence, UnknownEvidence, file_name
from votremachine.damages.schemas import EvidenceView
from votremachine.damages.service import reading, store
from votremachine.infra.database import Tx
from votremachine.infra.documents import Found, Stored
from votremachine.infra.links import Links
from votremachine.infra.storage import ledger


async def may_send(tx: Tx, who: Actor, claim_id: UUID) -> None:
    """Whether this person may, before anything large is read. Raises `UnknownClaim`, `NotAllowed`, `ClaimOver`."""
    _side(await store.load(tx, claim_id), who)


async def announce(tx: Tx) -> UUID:
    """The id of a file that is to come, and may be put for an hour."""
    evidence_id = tx.new_id()
    await ledger.announce(tx, [file_name(evidence_id)])
    return evidence_id


async def receive(
    tx: Tx, who: Actor, links: Links, claim_id: UUID, evidence_id: UUID, found: Found
) -> tuple[EvidenceView, bool]:
    """Keep a file that was put, and whether it is new: the same one sent again by a side is kept once.

    Raises as `may_send`, and `TooMuchEvidence`.
    """
    claim = await store.load_locked(tx, claim_id)
    side = _side(claim, who)
    shown = await tx.rows(
        sa.select(claim_evidence).where(claim_evidence.c.claim_id == claim_id, claim_evidence.c.side == side)
    )
    same = next((row for row in shown if row.sha256 == found.sha256), None)
    if same is not None:
        await ledger.doom(tx, [file_name(evidence_id)])
        return reading.evidence_view(tx, who, links, claim, same), False
    if len(shown) >= MOST_FILES:
        raise TooMuchEvidence(most=MOST_FILES)
    values: dict[str, Any] = {
        "id": evidence_id,
        "claim_id": claim_id,
        "side": side,
        "sha256": found.sha256,
        "media_type": found.media_type,
        "bytes": found.bytes,
        "by": who.person_id,
        "at": tx.now,
    }
    row = (await tx.execute(claim_evidence.insert().values(values).returning(claim_evidence))).one()
    await ledger.keep(tx, [file_name(evidence_id)])
    await audit.note(tx, who, "send_evidence", "claim", claim_id, claim.party(side))
    return reading.evidence_view(tx, who, links, claim, row), True


async def stored(tx: Tx, evidence_id: UUID) -> Stored:
    """Where a file is kept; the signed address was the permission. Raises `UnknownEvidence`."""
    row = await tx.row(sa.select(claim_evidence.c.media_type).where(claim_evidence.c.id == evidence_id))
    if row is None:
        raise UnknownEvidence
    return Stored(file_name(evidence_id), row.media_type)


def _side(claim: Claim, who: Actor) -> Side:
    """For which side a person shows something; the owner's, if they act for both."""
    sides = require(
        Verb.ADD_EVIDENCE, who, owner=claim.owner_party_id, renter=claim.renter_party_id, stranger=UnknownClaim()
    )
    if claim.state in AWARDED | ENDED:
        raise ClaimOver(state=claim.state.value)
    return Side.OWNER if Relation.OWNER in sides else Side.RENTER
