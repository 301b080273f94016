"""The proof of the ledger: that it balances, that its checkpoints are its sums, and that the gateway says the same.

The gateway's list comes in no order of ours, so it is laid beside the ledger in a table, batch by batch, and PostgreSQL
compares. Here no more than one batch and the first differences are ever in memory.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from votremachine.infra.database import Database, Tx
from votremachine.payments.gateway import Gateway, Movement, Standing
from votremachine.payments.ledger.events import LedgerDiffers
from votremachine.payments.ledger.models import ledger_claims, ledger_proofs
from votremachine.payments.ledger.rules.proving import Difference, Fault, Proof
from votremachine.payments.ledger.service.balances import first_id

BATCH = 5_000
# Of PostgreSQL's, for each sort: what does not fit goes to its disk.
WORK_MEMORY = "64MB"
# A proof keeps no more of them: with so many, somebody has to look at the cause anyway.
MOST_DIFFERENCES = 1_000
# An order may be posted later than it was made (a cardholder who takes their time, an outage). What we posted first so
# soon after the beginning may belong to an order that the gateway made before it.
SLACK = timedelta(days=2)


_COLUMNS: dict[str, sa.types.TypeEngine[Any]] = {
    "reference": sa.Text(),
    "currency": sa.Text(),
    "moved": sa.BigInteger(),
    "held": sa.BigInteger(),
}
_told = (
    sa.func.unnest(*(sa.bindparam(f"{name}s", type_=sa.ARRAY(kind)) for name, kind in _COLUMNS.items()))
    .table_valued(*map(sa.column, _COLUMNS), name="told")
    .render_derived()
)
# A list that shifts while it is read may tell an order twice: the later word counts.
_CLAIM = insert(ledger_claims).from_select(
    ["proof_id", *_COLUMNS], sa.select(sa.bindparam("proof_id", type_=sa.Uuid), *_told.c)
)
_CLAIM_ONCE = _CLAIM.on_conflict_do_update(
    index_elements=["proof_id", "reference"],
    set_={name: _CLAIM.excluded[name] for name in ("currency", "moved", "held")},
)
_COUNTS = sa.text(
    """
    SELECT (SELECT count(*) FROM ledger_entries) AS entries, (SELECT count(*) FROM ledger_checkpoints) AS checkpoints,
        (SELECT count(*) FROM ledger_claims WHERE proof_id = :proof_id) AS orders
    """
)
_UNBALANCED = """
    SELECT 'unbalanced' AS fault, coalesce(t.id, e.id)::text AS about, '' AS currency, coalesce(e.off, 0) AS ours,
        0 AS theirs
    FROM ledger_transactions t FULL JOIN (
        SELECT id, sum(n) AS n, max(abs(total)) AS off FROM (
            SELECT transaction_id AS id, count(*) AS n, sum(minor) AS total
            FROM ledger_entries GROUP BY transaction_id, currency) AS by_currency
        GROUP BY id) AS e ON e.id = t.id
    WHERE e.n IS DISTINCT FROM t.lines OR e.off <> 0
"""
_CHECKPOINTS = """
    SELECT 'checkpoint_differs' AS fault, account_id || ' ' || day AS about, '' AS currency, ours, theirs FROM (
        SELECT account_id, day, told AS theirs, sum(minor) OVER (
            PARTITION BY account_id ORDER BY place, told NULLS LAST ROWS UNBOUNDED PRECEDING) AS ours
        FROM (
            SELECT account_id, transaction_id AS place, minor, NULL::bigint AS told, NULL::date AS day
            FROM ledger_entries
            UNION ALL SELECT account_id, before, 0, minor, day FROM ledger_checkpoints) AS places) AS summed
    WHERE theirs IS NOT NULL AND ours <> theirs
"""
_ORDERS = """
    SELECT CASE WHEN o.reference IS NULL THEN 'missing_here' WHEN c.reference IS NULL THEN 'missing_there'
            WHEN o.moved <> c.moved THEN 'amount_differs' ELSE 'hold_differs' END AS fault,
        coalesce(o.reference, c.reference) AS about, coalesce(o.currency, c.currency) AS currency,
        coalesce(CASE WHEN coalesce(o.moved, 0) <> coalesce(c.moved, 0) THEN o.moved ELSE o.held END, 0) AS ours,
        coalesce(CASE WHEN coalesce(o.moved, 0) <> coalesce(c.moved, 0) THEN c.moved ELSE c.held END, 0) AS theirs
    FROM (SELECT * FROM ledger_claims WHERE proof_id = :proof_id) AS c FULL JOIN (
        SELECT t.reference, e.currency, min(t.id::text COLLATE "C") AS first,
            coalesce(sum(e.minor) FILTER (WHERE a.code = 'gateway'), 0) AS moved,
            coalesce(sum(e.minor) FILTER (WHERE a.code = 'holds_at_gateway'), 0) AS held
        FROM ledger_transactions t JOIN ledger_entries e ON e.transaction_id = t.id
            JOIN ledger_accounts a ON a.id = e.account_id AND a.code IN ('gateway', 'holds_at_gateway')
        WHERE t.reference <> '' AND t.reference IN (
            SELECT reference FROM ledger_claims WHERE proof_id = :proof_id
            UNION SELECT reference FROM ledger_transactions WHERE id >= :lower AND id < :upper AND reference <> '')
        GROUP BY t.reference, e.currency) AS o ON o.reference = c.reference AND o.currency = c.currency
    WHERE CASE WHEN o.reference IS NULL THEN c.moved <> 0 OR c.held <> 0
        WHEN c.reference IS NULL THEN o.first >= CAST(:lower AS text) AND (o.moved <> 0 OR o.held <> 0)
        ELSE o.moved <> c.moved OR o.held <> c.held END
"""


def _first_of(found: str) -> sa.TextClause:
    """The first of these differences, with how many there are."""
    wanted = sa.bindparam("most", type_=sa.Integer)
    all_of_them = f"SELECT *, count(*) OVER () AS found FROM ({found}) AS differences"  # noqa: S608
    return sa.text(f"{all_of_them} ORDER BY about, currency LIMIT :most").bindparams(wanted)


_WINDOW = [sa.bindparam(name, type_=sa.Uuid) for name in ("proof_id", "lower", "upper")]
_WITHIN = (_first_of(_UNBALANCED), _first_of(_CHECKPOINTS))
_AT_GATEWAY = _first_of(_ORDERS).bindparams(*_WINDOW)


async def prove(database: Database, gateway: Gateway | None, since: datetime, until: datetime) -> Proof:
    """Hold the ledger against itself and against the orders that the gateway made in `[since, until)`, as they stand.

    The outcome is kept, and told if there are differences. Without a gateway, the ledger against itself alone. Raises
    what the gateway raises; a proof that broke off leaves nothing that the next one does not clear away.
    """
    proof_id = await database.run(_begin)
    if gateway is not None:
        await _lay_beside(database, proof_id, gateway.movements(since, until))
    lower = until if gateway is None else since + SLACK
    window = {"proof_id": proof_id, "lower": first_id(lower), "upper": first_id(until)}

    async def verb(tx: Tx) -> Proof:
        proof = await _compared(tx, since, until, window)
        await _keep(tx, proof)
        return proof

    return await database.run(verb)


def stands(movement: Movement) -> tuple[int, int]:
    """What the gateway says that an order moved to us, and what it still holds for us."""
    held = movement.amount.minor - movement.captured if movement.standing is Standing.HELD else 0
    return movement.captured - movement.refunded, held


async def _begin(tx: Tx) -> UUID:
    yesterday = first_id(tx.now - timedelta(days=1))
    await tx.execute(ledger_claims.delete().where(ledger_claims.c.proof_id < yesterday))
    return tx.new_id()


async def _lay_beside(database: Database, proof_id: UUID, movements: AsyncIterator[Movement]) -> None:
    batch: list[Movement] = []
    async for movement in movements:
        batch.append(movement)
        if len(batch) == BATCH:
            await _claim(database, proof_id, batch)
            batch = []
    if batch:
        await _claim(database, proof_id, batch)


async def _claim(database: Database, proof_id: UUID, batch: Sequence[Movement]) -> None:
    # One statement cannot write one row twice.
    told = list({movement.reference: movement for movement in batch}.values())
    standing = [stands(movement) for movement in told]
    values = {
        "proof_id": proof_id,
        "references": [movement.reference for movement in told],
        "currencys": [movement.amount.currency for movement in told],
        "moveds": [moved for moved, _ in standing],
        "helds": [held for _, held in standing],
    }
    async with database.begin() as tx:
        await tx.execute(_CLAIM_ONCE, values)


async def _compared(tx: Tx, since: datetime, until: datetime, window: dict[str, Any]) -> Proof:
    # How many orders were just laid there decides how they are best compared.
    await tx.execute(sa.text("ANALYZE ledger_claims"))
    await tx.execute(sa.text("SET LOCAL plan_cache_mode = force_custom_plan"))
    await tx.execute(sa.text(f"SET LOCAL work_mem = '{WORK_MEMORY}'"))
    proof_id: UUID = window["proof_id"]
    counts = (await tx.rows(_COUNTS.bindparams(_WINDOW[0]), {"proof_id": proof_id}))[0]
    within = [await tx.rows(question, {"most": MOST_DIFFERENCES}) for question in _WITHIN]
    groups = [*within, await tx.rows(_AT_GATEWAY, window | {"most": MOST_DIFFERENCES})]
    return Proof(
        id=proof_id,
        since=since,
        until=until,
        entries=counts.entries,
        orders=counts.orders,
        checkpoints=counts.checkpoints,
        found=sum(rows[0].found for rows in groups if rows),
        differences=[
            Difference(Fault(row.fault), row.about, row.currency, int(row.ours), int(row.theirs))
            for rows in groups
            for row in rows
        ][:MOST_DIFFERENCES],
    )


async def _keep(tx: Tx, proof: Proof) -> None:
    values = msgspec.structs.asdict(proof) | {"differences": msgspec.to_builtins(proof.differences)}
    await tx.execute(ledger_proofs.insert(), values | {"made_at": tx.now})
    await tx.execute(ledger_claims.delete().where(ledger_claims.c.proof_id == proof.id))
    if proof.found:
        tx.publish(LedgerDiffers(proof_id=proof.id, found=proof.found))
