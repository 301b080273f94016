"""Notices in the database: each is kept once, and passed on as a reason to look, whatever it says."""

from datetime import timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from votremachine.infra.database import Tx
from votremachine.payments.notices.events import GatewayNoticed
from votremachine.payments.notices.models import gateway_notices
from votremachine.payments.notices.rules import Notice, Subject

# Long after a gateway stops repeating itself (Stripe: after 3 days), and time enough to ask what happened.
KEPT_FOR = timedelta(days=90)

_KEEP = insert(gateway_notices).on_conflict_do_nothing().returning(gateway_notices.c.id)


class Outcome(StrEnum):
    PASSED_ON = "passed_on"
    IGNORED = "ignored"  # about nothing of ours
    REPEATED = "repeated"


async def receive(tx: Tx, notice: Notice) -> Outcome:
    """Keep a notice and publish `GatewayNoticed`, unless it came before or is about nothing of ours."""
    ours = notice.key is not None and notice.subject is not Subject.OTHER
    outcome = Outcome.PASSED_ON if ours else Outcome.IGNORED
    row = {
        "gateway": notice.gateway,
        "id": notice.id,
        "received_at": tx.now,
        "kind": notice.kind,
        "reference": notice.reference,
        "key": notice.key,
        "outcome": outcome,
    }
    if await tx.row(_KEEP, row) is None:
        return Outcome.REPEATED
    if notice.key is not None and ours:
        told = GatewayNoticed(
            key=notice.key, subject=notice.subject.value, gateway=notice.gateway, reference=notice.reference
        )
        tx.publish(told)
    return outcome


async def purge(tx: Tx) -> int:
    """Forget old notices; how many there were."""
    old = gateway_notices.c.received_at < sa.bindparam("oldest")
    return (await tx.execute(gateway_notices.delete().where(old), {"oldest": tx.now - KEPT_FOR})).rowcount
