"""What the tests of the ledger post and read."""

from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from votremachine.infra.database import Database, Tx
from votremachine.payments.ledger.rules.chart import Account, Code
from votremachine.payments.ledger.rules.posting import Cause, Posting, PostingKind, lines
from votremachine.payments.ledger.service.posting import post

FEES = Account(Code.FEES)
GATEWAY = Account(Code.GATEWAY)


def cause(made: UUID | None = None) -> Cause:
    return Cause("test", made or uuid4())


def charged(renter: UUID, minor: int, reference: str = "ch_1") -> Posting:
    """Money of a renter's that arrived at the gateway."""
    entries = lines((GATEWAY, minor), (Account(Code.RENTER, renter), -minor))
    return Posting(PostingKind.CHARGED, entries, reference)


async def put(database: Database, *postings: Posting, under: Cause | None = None, **more: Any) -> None:
    """Posted in a transaction of its own."""

    async def verb(tx: Tx) -> None:
        await post(tx, under or cause(), *postings, **more)

    await database.run(verb)


async def ask(database: Database, statement: str, **values: Any) -> list[tuple[Any, ...]]:
    async with database.read() as tx:
        return [tuple(row) for row in await tx.rows(sa.text(statement), values)]


async def book(database: Database) -> list[tuple[Any, ...]]:
    """Every entry of the ledger, as code and amount, in the order of posting."""
    return await ask(
        database,
        """
        SELECT a.code, e.minor FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.account_id
        ORDER BY e.transaction_id, e.line_no
        """,
    )
