"""Proofs of insurance that run out: planned when one is added, told unless another follows it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.rules import WORKERS
from votremachine.accounts.service.parties import seats_of
from votremachine.infra.database import Tx
from votremachine.inspections.events import InsuranceAdded
from votremachine.inspections.rules.insurance import Proof
from votremachine.inspections.service import insurance
from votremachine.notifications.delivering.posting import Notice
from votremachine.notifications.reminders.rules import Moments, dedupe_key, expiring
from votremachine.notifications.reminders.service.planning import Wanted, add

KIND = "document_expiring"
BATCH = 200


async def plan_document(tx: Tx, event: InsuranceAdded, *, moments: Moments) -> None:
    """Plan what those who may add the next proof are told before this one ends."""
    await _plan(tx, list((await insurance.running_out(tx, [event.proof_id])).values()), moments)


async def plan_ending(tx: Tx, *, after: UUID, moments: Moments) -> UUID | None:
    """Plan the same of a batch of the proofs that end soon: some are older than reminders, and people come and go.

    The id to go on after, None when all were seen.
    """
    until = tx.now.date() + timedelta(days=max(moments.document_days, default=0) + 1)
    batch = await insurance.ending(tx, until=until, after=after, limit=BATCH)
    last = await insurance.running_out(tx, [one.id for one in batch]) if batch else {}
    await _plan(tx, list(last.values()), moments)
    return batch[-1].id if len(batch) == BATCH else None


async def _plan(tx: Tx, proofs: Sequence[Proof], moments: Moments) -> None:
    seats = await seats_of(tx, {one.party_id for one in proofs}) if proofs else {}
    for proof in proofs:
        people = [person_id for person_id, role in seats[proof.party_id].items() if role in WORKERS]
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
