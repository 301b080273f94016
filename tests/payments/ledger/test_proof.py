"""The proof finds each kind of difference, names it, and is silent about what is true."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import pytest
import sqlalchemy as sa

from tests.payments.ledger.books import ask, cause
from tests.payments.ledger.test_balances import at
from votremachine.infra.database import Database
from votremachine.kernel.money import Money
from votremachine.payments.gateway import Gateway, Movement, Standing
from votremachine.payments.ledger import proof as proving
from votremachine.payments.ledger.jobs import keep_checkpoints, prove_ledger
from votremachine.payments.ledger.proof import prove
from votremachine.payments.ledger.rules import recipes
from votremachine.payments.ledger.rules.posting import Posting
from votremachine.payments.ledger.rules.proving import Difference, Fault, Proof
from votremachine.payments.ledger.service.posting import post

RENTER = uuid4()
NOW = datetime(2027, 3, 20, 12, tzinfo=UTC)
SINCE, MADE = NOW - timedelta(days=35), NOW - timedelta(days=5)


class Books:
    """A gateway that lists its own orders, in an order of its own."""

    def __init__(self, *orders: Movement) -> None:
        self.orders = orders

    async def movements(self, since: datetime, until: datetime) -> AsyncIterator[Movement]:
        assert since < until
        for order in self.orders:
            yield order


def order(reference: str, amount: int, standing: Standing = Standing.SUCCEEDED, **more: Any) -> Movement:
    taken = {"captured": amount} if standing is Standing.SUCCEEDED else {}
    known: dict[str, Any] = {"key": uuid4(), "reference": reference, "standing": standing, "amount": Money(amount)}
    return Movement(**known | taken | more)


async def proved(database: Database, *orders: Movement) -> Proof:
    return await prove(at(database, NOW), cast("Gateway", Books(*orders)), SINCE, NOW)


async def posted(database: Database, *postings: Posting, when: datetime = MADE) -> None:
    async with at(database, when).begin() as tx:
        for posting in postings:
            await post(tx, cause(), posting)


TRUE = (
    order("ho", 100_000, Standing.HELD),
    order("ch", 12_000, refunded=2_000),
    order("ca", 50_000, captured=20_000),
    order("no", 7_000, Standing.DECLINED),
    order("re", 9_000, Standing.RELEASED),
)


@pytest.fixture
async def true(database: Database) -> Database:
    """A ledger that says what `TRUE` does."""
    await posted(
        database,
        recipes.charged(RENTER, Money(12_000), "ch"),
        recipes.refund_paid(RENTER, Money(2_000), "ch"),
        recipes.hold_placed(RENTER, Money(100_000), "ho"),
        recipes.hold_placed(RENTER, Money(50_000), "ca"),
        recipes.hold_captured(RENTER, Money(20_000), Money(30_000), "ca"),
        recipes.hold_placed(RENTER, Money(9_000), "re"),
        recipes.hold_released(RENTER, Money(9_000), "re"),
        recipes.gateway_fee(Money(33)),
    )
    await keep_checkpoints({"database": at(database, NOW)})
    return database


async def test_what_is_true_is_proved(true: Database) -> None:
    proof = await proved(true, *TRUE)
    assert (proof.found, proof.differences) == (0, [])
    assert (proof.entries, proof.orders, proof.checkpoints) == (18, 5, 5)
    kept = await ask(true, "SELECT id, found, entries, differences FROM ledger_proofs")
    assert kept == [(proof.id, 0, 18, [])]
    assert await ask(true, "SELECT * FROM ledger_claims") == []
    assert await ask(true, "SELECT name FROM outbox") == []


ORDERS = {
    "missing here": ((*TRUE, order("new", 500)), Difference(Fault.MISSING_HERE, "new", "EUR", 0, 500)),
    "a hold missing here": (
        (*TRUE, order("new", 500, Standing.HELD)),
        Difference(Fault.MISSING_HERE, "new", "EUR", 0, 500),
    ),
    "missing there": (TRUE[:1] + TRUE[2:], Difference(Fault.MISSING_THERE, "ch", "EUR", 10_000, 0)),
    "another amount": (
        (*TRUE[:1], order("ch", 12_000, refunded=1_999), *TRUE[2:]),
        Difference(Fault.AMOUNT_DIFFERS, "ch", "EUR", 10_000, 10_001),
    ),
    "a hold that is gone": (
        (order("ho", 100_000, Standing.RELEASED), *TRUE[1:]),
        Difference(Fault.HOLD_DIFFERS, "ho", "EUR", 100_000, 0),
    ),
    "a hold that was captured": (
        (order("ho", 100_000, captured=1), *TRUE[1:]),
        Difference(Fault.AMOUNT_DIFFERS, "ho", "EUR", 0, 1),
    ),
}


@pytest.mark.parametrize("kind", ORDERS)
async def test_what_the_gateway_says_otherwise_is_found(kind: str, true: Database) -> None:
    orders, difference = ORDERS[kind]
    proof = await proved(true, *orders)
    assert (proof.found, proof.differences) == (1, [difference])
    ((found, kept),) = await ask(true, "SELECT found, differences FROM ledger_proofs")
    assert (found, [one["fault"] for one in kept]) == (1, [difference.fault])
    ((name, body),) = await ask(true, "SELECT name, body FROM outbox")
    assert (name, body["found"]) == ("LedgerDiffers", 1)


SPOILT = {
    Fault.UNBALANCED: "UPDATE ledger_entries SET minor = minor + 7 WHERE minor = -33",
    Fault.CHECKPOINT_DIFFERS: "UPDATE ledger_checkpoints SET minor = minor + 7 WHERE minor = 33",
}


@pytest.mark.parametrize("fault", SPOILT)
async def test_what_was_spoilt_behind_its_back_is_found(fault: Fault, true: Database) -> None:
    async with true.begin() as tx:
        await tx.execute(sa.text("SET LOCAL session_replication_role = replica"))
        await tx.execute(sa.text(SPOILT[fault]))
    proof = await proved(true, *TRUE)
    assert fault in {one.fault for one in proof.differences}
    assert proof.found == len(proof.differences)


async def test_entries_that_were_lost_are_found(true: Database) -> None:
    async with true.begin() as tx:
        await tx.execute(sa.text("SET LOCAL session_replication_role = replica"))
        await tx.execute(sa.text("DELETE FROM ledger_entries WHERE abs(minor) = 33"))
    assert Fault.UNBALANCED in {one.fault for one in (await proved(true, *TRUE)).differences}


async def test_an_older_order_is_not_missed_in_this_window(database: Database) -> None:
    old = recipes.charged(RENTER, Money(500), "old")
    await posted(database, old, when=SINCE - timedelta(days=60))
    await posted(database, recipes.refund_paid(RENTER, Money(200), "old"))
    await posted(database, recipes.charged(RENTER, Money(5), "edge"), when=SINCE + timedelta(days=1))
    assert (await proved(database)).found == 0
    await posted(database, recipes.charged(RENTER, Money(5), "later"), when=NOW + timedelta(minutes=1))
    assert (await proved(database)).found == 0


async def test_in_batches_and_told_twice_it_is_the_same(true: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "BATCH", 2)
    stale = order("ch", 12_000)
    proof = await proved(true, stale, stale, *TRUE)
    assert (proof.found, proof.orders) == (0, 5)


async def test_it_keeps_the_first_differences_and_counts_all(true: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "MOST_DIFFERENCES", 3)
    proof = await proved(true, *TRUE, *(order(f"new{number}", 5) for number in range(10)))
    assert (proof.found, len(proof.differences)) == (10, 3)


async def test_a_worker_without_a_gateway_proves_the_ledger_alone(true: Database) -> None:
    assert await prove_ledger({"database": at(true, NOW)}) == 0
    assert await ask(true, "SELECT orders, found FROM ledger_proofs") == [(0, 0)]
