"""What a party's treasurer sees of its accounts."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast
from uuid import UUID

from votremachine.accounts.refusals import UnknownParty
from votremachine.accounts.rules import Actor, Verb, require
from votremachine.infra.database import Tx
from votremachine.infra.languages import Language
from votremachine.kernel.span import Span
from votremachine.payments.ledger.rules.chart import Account, Code
from votremachine.payments.ledger.rules.posting import PostingKind
from votremachine.payments.ledger.rules.words import said
from votremachine.payments.ledger.schemas import BalancesView, BalanceView, PartyAccount, StatementLineView
from votremachine.payments.ledger.service.balances import Place, balances, statement


async def party_balances(tx: Tx, who: Actor, party_id: UUID, at: datetime) -> BalancesView:
    """What stood on a party's accounts just before `at`. Raises `UnknownParty`, `NotAllowed`."""
    require(Verb.READ_LEDGER, who, owner=party_id, stranger=UnknownParty())
    found = await balances(tx, party_id, at)
    return BalancesView(at, [BalanceView(cast("PartyAccount", one.account.code.value), one.amount) for one in found])


async def party_statement(
    tx: Tx,
    who: Actor,
    party_id: UUID,
    code: PartyAccount,
    currency: str,
    language: Language,
    window: Span,
    *,
    after: Place | None,
    limit: int,
) -> Sequence[StatementLineView]:
    """What was posted to one account in a window, oldest first; `limit + 1` of it. Raises as `party_balances` does."""
    require(Verb.READ_LEDGER, who, owner=party_id, stranger=UnknownParty())
    account = Account(Code(code), party_id, currency)
    return [
        StatementLineView(
            transaction_id=line.transaction_id,
            line_no=line.line_no,
            posted_at=line.posted_at,
            occurred_at=line.occurred_at,
            kind=PostingKind(line.kind),
            text=said(PostingKind(line.kind), language),
            booking_id=line.booking_id,
            description=line.description,
            amount=line.amount,
        )
        for line in await statement(tx, account, window.start, window.end, after=after, limit=limit)
    ]
