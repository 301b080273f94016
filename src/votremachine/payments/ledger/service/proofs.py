"""The proofs of the ledger as the operator's people read them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from votremachine.accounts.refusals import NotAllowed
from votremachine.accounts.rules import Actor, Verb, require
from votremachine.infra.database import Tx
from votremachine.payments.ledger.models import ledger_proofs
from votremachine.payments.ledger.rules.proving import Difference, UnknownProof
from votremachine.payments.ledger.schemas import ProofDetails, ProofView

_SHORT = [ledger_proofs.c[name] for name in ProofView.__struct_fields__]


async def browse(tx: Tx, who: Actor, *, before: UUID | None, limit: int) -> Sequence[ProofView]:
    """The proofs, newest first, without their differences; `limit + 1` of them. Raises `NotAllowed`."""
    require(Verb.READ_BOOKS, who, stranger=NotAllowed())
    wanted = sa.select(*_SHORT)
    if before is not None:
        wanted = wanted.where(ledger_proofs.c.id < before)
    rows = await tx.rows(wanted.order_by(ledger_proofs.c.id.desc()).limit(limit + 1))
    return [_view(row) for row in rows]


async def one(tx: Tx, who: Actor, proof_id: UUID) -> ProofDetails:
    """A proof and the first of its differences. Raises `NotAllowed`, `UnknownProof`."""
    require(Verb.READ_BOOKS, who, stranger=NotAllowed())
    row = await tx.row(sa.select(ledger_proofs).where(ledger_proofs.c.id == proof_id))
    if row is None:
        raise UnknownProof
    return ProofDetails(_view(row), msgspec.convert(row.differences, list[Difference]))


def _view(row: sa.Row[Any]) -> ProofView:
    return ProofView(**{name: row._mapping[name] for name in ProofView.__struct_fields__})
