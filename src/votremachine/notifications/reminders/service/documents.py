"""Proofs of insurance that run out: planned when one is added, told unless another follows it."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.rules import WORKERS
from votremachine.accounts.service.parties import people_of, seats_of
from votremachine.infra.database import Tx
from votremachine.inspections.events import InsuranceAdded
from votremachine.inspections.service import insurance
from votremachine.notifications.delivering.posting import Notice
from votremachine.notifications.reminders.rules import Moments, dedupe_key, expiring
from votremachine.notifications.reminders.service.planning import Wanted, add

KIND = "document_expiring"


async def plan_document(tx: Tx, event: InsuranceAdded, *, moments: Moments) -> None:
    """Plan what those who may add the next proof are told before this one ends."""
    for proof in (await insurance.running_out(tx, [event.proof_id])).values():
        people = await people_of(tx, event.party_id, WORKERS)
        dates = expiring(proof.valid_until, moments)
        wanted = [Wanted(KIND, who, due, dedupe_key(KIND, proof.id, who, due)) for due in dates for who in people]
        await add(tx, proof.id, wanted)


async def documents(tx: Tx, rows: Sequence[sa.Row[Any]], _: Moments) -> Mapping[UUID, Notice]:
    """Those of a proof that nothing follows yet and that has not ended, of people who still act for its party."""
    found = await insurance.running_out(tx, {row.subject for row in rows})
    seats = await seats_of(tx, {proof.party_id for proof in found.values()})
    notices = {}
    for row in rows:
        proof = found.get(row.subject)
        if proof and proof.valid_until >= tx.now.date() and seats[proof.party_id].get(row.person_id) in WORKERS:
            said = {"insurer": proof.insurer, "last_day": proof.valid_until.isoformat()}
            notices[row.id] = Notice(row.person_id, KIND, said)
    return notices
