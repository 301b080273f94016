"""What the clock does to the ledger: checkpoints of each day, and the daily proof."""

from datetime import timedelta
from typing import Any

import structlog

from votremachine.infra.database import Database, Tx
from votremachine.payments.ledger.proof import prove
from votremachine.payments.ledger.service import balances

# How far back the gateway's orders are held against ours each day: longer than any of them is usually still changed.
PROVED_DAYS = 35
# What the gateway did just now may not have reached the ledger.
UNDER_WAY = timedelta(hours=1)

log = structlog.get_logger()


async def keep_checkpoints(ctx: dict[str, Any]) -> int:
    """Keep what stood on each account at the end of yesterday (UTC)."""

    async def verb(tx: Tx) -> int:
        return await balances.keep_checkpoints(tx, tx.now.date() - timedelta(days=1))

    database: Database = ctx["database"]
    return await database.run(verb)


async def prove_ledger(ctx: dict[str, Any]) -> int:
    """Prove the ledger against the gateway of this worker, if it has one; how many differences there are."""
    database: Database = ctx["database"]
    until = database.clock() - UNDER_WAY
    proof = await prove(database, ctx.get("gateway"), until - timedelta(days=PROVED_DAYS), until)
    if proof.found:
        log.error("ledger.differs", proof_id=str(proof.id), found=proof.found)
    else:
        log.info("ledger.proved", proof_id=str(proof.id), entries=proof.entries, orders=proof.orders)
    return proof.found
