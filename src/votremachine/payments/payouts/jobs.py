"""What the clock does to payouts: what is due is made into one for each owner, and sent where the gateway can."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import UUID

import structlog

from votremachine.infra.database import Database
from votremachine.kernel.states import IllegalTransition
from votremachine.payments.gateway import NotAtGateway, OutcomeUnknown, PaysOwners
from votremachine.payments.payouts.rules import State, Waiting, accounts_of
from votremachine.payments.payouts.service import mark_failed, mark_paid, mark_sent, prepare, to_send

FIRST = UUID(int=0)
REFUSED = "refused by the gateway"

log = structlog.get_logger()


async def prepare_payouts(ctx: dict[str, Any]) -> int:
    """See to every owner who is owed something, one transaction each; how many there were."""
    database: Database = ctx["database"]
    owners, after = 0, FIRST
    while (seen := await database.run(partial(prepare, after=after))) is not None:
        owners, after = owners + 1, seen
    return owners


async def send_payouts(ctx: dict[str, Any]) -> int:
    """Pay a batch of payouts into the accounts of owners that the operator named; how many arrived.

    What nobody heard of is asked again under the same key the next time: it is paid once. All others are an operator's.
    """
    gateway, database = ctx["gateway"], ctx["database"]
    accounts = accounts_of(ctx["settings"].stripe_accounts)
    if not accounts or not isinstance(gateway, PaysOwners):
        return 0
    waiting = await database.run(partial(to_send, owners=accounts, gateway=gateway.name))
    return sum([await _send(database, gateway, accounts, one) for one in waiting])


async def _send(database: Database, gateway: PaysOwners, accounts: Mapping[UUID, str], payout: Waiting) -> bool:
    """Two transactions with the call between them."""
    try:
        if payout.state is State.PAYABLE:
            await database.run(partial(mark_sent, payout_id=payout.id, by=gateway.name))
        try:
            await gateway.pay_out(accounts[payout.party_id], payout.amount, payout.id)
        except OutcomeUnknown as error:
            log.warning("payouts.silent", payout_id=str(payout.id), error=repr(error))
            return False
        except NotAtGateway as error:
            log.error("payouts.refused", payout_id=str(payout.id), error=repr(error))
            await database.run(partial(mark_failed, payout_id=payout.id, reason=REFUSED))
            return False
        await database.run(partial(mark_paid, payout_id=payout.id))
    except IllegalTransition:
        # Another worker, or an operator at the bank, was quicker.
        return False
    return True
