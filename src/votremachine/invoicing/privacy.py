"""What invoices have to say when a person asks for their data: they are kept, as accounting law asks."""

from typing import Any

import sqlalchemy as sa

from votremachine.accounts.privacy import PersonalData
from votremachine.accounts.rules import Actor
from votremachine.infra.database import Tx
from votremachine.invoicing.models import invoice_payments

_TOLD = ("invoice_id", "minor", "means", "received_on", "reference", "at")
_RECORDED = sa.select(*(invoice_payments.c[name] for name in _TOLD)).order_by(invoice_payments.c.id)


async def _export(tx: Tx, who: Actor) -> dict[str, Any]:
    """Every payment that the person recorded."""
    rows = await tx.rows(_RECORDED.where(invoice_payments.c.by == who.person_id))
    return {"payments": [dict(row._mapping) for row in rows]}


INVOICES = PersonalData("invoices", _export)
