"""What PostgreSQL itself holds: the ledger balances, never changes, and knows each cause once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError

from tests.payments.ledger.books import FEES, GATEWAY, ask, book, cause, charged, put
from votremachine.infra.database import Database, Tx, sqlstate
from votremachine.payments.ledger.rules.chart import Account, Code, NoSuchAccount
from votremachine.payments.ledger.rules.posting import (
    AmountTooLarge,
    EmptyPosting,
    Entry,
    MemoMeetsMoney,
    Posting,
    PostingKind,
    Unbalanced,
    WithoutReference,
    check,
)
from votremachine.payments.ledger.service.posting import post

RENTER = uuid4()
TRANSACTION = """
    INSERT INTO ledger_transactions
    VALUES (:id, 'charged', 'test', gen_random_uuid(), NULL, 'ch', now(), '', :lines, gen_random_uuid())
"""
ENTRY = "INSERT INTO ledger_entries SELECT :id, :line, id, :minor, currency FROM ledger_accounts WHERE code = :code"
UNGUARDED = {
    "ledger_zero_sum": "ledger_transactions",
    "ledger_closed": "ledger_entries",
    "ledger_immutable": "ledger_entries",
    "ledger_kept": "ledger_entries",
}


@asynccontextmanager
async def without(database: Database, trigger: str) -> AsyncIterator[None]:
    """The same with one trigger switched off."""
    table = UNGUARDED[trigger]
    async with database.begin() as tx:
        await tx.execute(sa.text(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}"))
    yield
    async with database.begin() as tx:
        await tx.execute(sa.text(f"ALTER TABLE {table} ENABLE TRIGGER {trigger}"))


async def by_hand(database: Database, *statements: tuple[str, dict[str, Any]]) -> None:
    async with database.begin() as tx:
        for statement, values in statements:
            await tx.execute(sa.text(statement), values)


def moved(giver: UUID, taker: UUID) -> Posting:
    """From one renter to another."""
    return Posting(PostingKind.CHARGED, (Entry(Account(Code.RENTER, giver), 5), Entry(Account(Code.RENTER, taker), -5)))


def transaction(lines: int, *minors: int, line: int = 1) -> list[tuple[str, dict[str, Any]]]:
    """A transaction of so many lines, and these of its entries."""
    made = uuid4()
    entries = [
        (ENTRY, {"id": made, "line": number, "minor": minor, "code": "gateway"})
        for number, minor in enumerate(minors, start=line)
    ]
    return [(TRANSACTION, {"id": made, "lines": lines}), *entries]


UNTRUE = {
    "it does not come to zero": transaction(2, 100, -99),
    "it has no entry": transaction(2),
    "one is missing": transaction(3, 100, -100),
    "its numbers do not begin at one": transaction(2, 100, -100, line=2),
}


async def test_a_posting_makes_its_accounts_and_its_entries(database: Database) -> None:
    booking = uuid4()
    await put(database, charged(RENTER, 12_000), booking_id=booking, description="Tracteur")
    assert await book(database) == [("gateway", 12_000), ("renter", -12_000)]
    known = await ask(database, "SELECT booking_id, description, reference, kind, lines FROM ledger_transactions")
    assert known == [(booking, "Tracteur", "ch_1", "charged", 2)]
    accounts = await ask(database, "SELECT id, party_id FROM ledger_accounts ORDER BY code")
    assert accounts == [(GATEWAY.id, None), (Account(Code.RENTER, RENTER).id, RENTER)]


@pytest.mark.parametrize("untrue", UNTRUE)
async def test_what_is_not_whole_is_refused_at_commit(untrue: str, database: Database) -> None:
    await put(database, charged(RENTER, 1))
    before = await book(database)
    with pytest.raises(IntegrityError, match=r"not all there|more entries"):
        await by_hand(database, *UNTRUE[untrue])
    assert await book(database) == before


async def test_control_without_the_constraint_it_would_stand(database: Database) -> None:
    await put(database, charged(RENTER, 1))
    async with without(database, "ledger_zero_sum"):
        await by_hand(database, *UNTRUE["it does not come to zero"])
    assert len(await book(database)) == 4


async def test_a_transaction_takes_no_entry_afterwards(database: Database) -> None:
    await put(database, charged(RENTER, 1))
    ((made,),) = await ask(database, "SELECT id FROM ledger_transactions")
    more = [(ENTRY, {"id": made, "line": 3 + sign, "minor": 2 * sign - 1, "code": "gateway"}) for sign in (0, 1)]
    with pytest.raises(IntegrityError, match="more entries than it says"):
        await by_hand(database, *more)
    async with without(database, "ledger_closed"):
        await by_hand(database, *more)
    assert len(await book(database)) == 4, "the control: without the trigger they are taken"


CHANGES = [
    *(f"DELETE FROM ledger_{table}" for table in ("entries", "transactions", "accounts")),
    "UPDATE ledger_entries SET minor = -minor",
    "UPDATE ledger_transactions SET description = 'x'",
    "UPDATE ledger_accounts SET code = 'fees'",
    *(f"TRUNCATE ledger_{table} CASCADE" for table in ("entries", "transactions", "accounts")),
]


@pytest.mark.parametrize("change", CHANGES)
async def test_nothing_is_ever_changed(change: str, database: Database) -> None:
    await put(database, charged(RENTER, 500))
    before = await book(database)
    with pytest.raises(DBAPIError, match="neither changed nor deleted") as refused:
        await by_hand(database, (change, {}))
    assert sqlstate(refused.value) == "23001"
    assert await book(database) == before


@pytest.mark.parametrize(("trigger", "change"), [("ledger_immutable", CHANGES[3]), ("ledger_kept", CHANGES[6])])
async def test_control_without_the_triggers_it_would_change(trigger: str, change: str, database: Database) -> None:
    await put(database, charged(RENTER, 500))
    async with without(database, trigger):
        await by_hand(database, (change, {}))
    assert await book(database) != [("gateway", 500), ("renter", -500)]


async def test_one_cause_is_posted_once(database: Database) -> None:
    again = cause()
    for _ in range(2):
        await put(database, charged(RENTER, 700), under=again)
    assert len(await book(database)) == 2


async def test_eight_at_once_post_one_cause_once(database: Database) -> None:
    again = cause()
    await asyncio.gather(*(put(database, charged(RENTER, 700), under=again) for _ in range(8)))
    assert await book(database) == [("gateway", 700), ("renter", -700)]


async def test_new_accounts_in_opposite_order_never_wait_in_a_circle(database: Database) -> None:
    for _ in range(8):
        ends = [uuid4(), uuid4()]
        orders = [ends, ends[::-1]] * 4
        await asyncio.gather(*(put(database, moved(*order)) for order in orders))
    assert len(await book(database)) == 8 * 8 * 2


async def test_one_cause_with_other_lines_is_refused(database: Database) -> None:
    again = cause()
    await put(database, charged(RENTER, 700), under=again)
    with pytest.raises(DBAPIError, match="neither changed nor deleted"):
        await put(database, charged(RENTER, 701), under=again)
    assert await book(database) == [("gateway", 700), ("renter", -700)]


async def test_one_cause_may_post_several_kinds(database: Database) -> None:
    fee = Posting(PostingKind.GATEWAY_FEE, (Entry(Account(Code.GATEWAY_COSTS), 30), Entry(GATEWAY, -30)))
    await put(database, charged(RENTER, 700), fee)
    assert await book(database) == [("gateway", 700), ("renter", -700), ("gateway_costs", 30), ("gateway", -30)]


async def test_what_is_rolled_back_was_never_posted(database: Database) -> None:
    async def verb(tx: Tx) -> None:
        await post(tx, cause(), charged(RENTER, 1))
        await tx.flush()
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await database.run(verb)
    assert await book(database) == []


async def test_a_posting_of_a_savepoint_stands_as_well(database: Database) -> None:
    async with database.begin() as tx, tx.savepoint():
        await post(tx, cause(), charged(RENTER, 1))
    assert len(await book(database)) == 2


async def test_an_account_keeps_one_currency(database: Database) -> None:
    await put(database, charged(RENTER, 1))
    made = uuid4()
    francs = (
        "INSERT INTO ledger_entries SELECT :id, :line, id, :minor, 'CHF' FROM ledger_accounts WHERE code = 'gateway'"
    )
    with pytest.raises(IntegrityError, match="ledger_entries_account_id_fkey"):
        await by_hand(
            database,
            (TRANSACTION, {"id": made, "lines": 2}),
            *((francs, {"id": made, "line": line, "minor": minor}) for line, minor in ((1, 5), (2, -5))),
        )


CHF = Account(Code.FEES, currency="CHF")
HELD, OWED = Account(Code.HOLDS_AT_GATEWAY), Account(Code.HOLDS_OWED, RENTER)
ON_ACCOUNT = Account(Code.ACCOUNT_OWED, RENTER)
WRONG = [
    (EmptyPosting, ()),
    (EmptyPosting, (Entry(FEES, 5),)),
    (EmptyPosting, (Entry(FEES, 5), Entry(FEES, -5), Entry(GATEWAY, 0))),
    (Unbalanced, (Entry(GATEWAY, 5), Entry(FEES, -4))),
    (Unbalanced, (Entry(GATEWAY, 5), Entry(CHF, -5))),
    (MemoMeetsMoney, (Entry(HELD, 5), Entry(FEES, -5))),
    (MemoMeetsMoney, (Entry(HELD, 5), Entry(OWED, -4), Entry(FEES, -1))),
    (MemoMeetsMoney, (Entry(ON_ACCOUNT, 5), Entry(FEES, -5))),
    (MemoMeetsMoney, (Entry(ON_ACCOUNT, 5), Entry(OWED, -5))),
    (AmountTooLarge, (Entry(FEES, 2**63), Entry(FEES, -(2**63)))),
]


@pytest.mark.parametrize(("error", "entries"), WRONG)
async def test_what_is_wrong_is_refused_before_it_is_sent(
    error: type[Exception], entries: tuple[Entry, ...], database: Database
) -> None:
    with pytest.raises(error):
        await put(database, Posting(PostingKind.CHARGED, entries, "ch"))
    assert await book(database) == []


def test_money_at_the_gateway_names_its_order() -> None:
    with pytest.raises(WithoutReference):
        check(charged(RENTER, 5, reference=""))


@pytest.mark.parametrize(("code", "party"), [(Code.RENTER, None), (Code.GATEWAY, RENTER)])
def test_an_account_is_of_the_right_holder(code: Code, party: Any) -> None:
    with pytest.raises(NoSuchAccount):
        Account(code, party)


def test_an_account_is_known_by_what_it_is() -> None:
    ids = {Account(Code.RENTER, party, currency).id for party in (RENTER, uuid4()) for currency in ("EUR", "CHF")}
    assert len(ids | {GATEWAY.id, FEES.id}) == 6
    assert Account(Code.RENTER, RENTER).id == Account(Code.RENTER, RENTER, "EUR").id
