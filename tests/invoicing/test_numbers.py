"""No gap and no repeat, whoever issues at once and whatever rolls back; and what was issued stands."""

import asyncio
import random
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from tests.people import Person
from votremachine.fleet.rules import Texts
from votremachine.infra.database import Database, Tx
from votremachine.invoicing.rules.drafts import Draft
from votremachine.invoicing.rules.invoice import Cause, Invoice, Means, Payment
from votremachine.invoicing.rules.numbering import day_of
from votremachine.invoicing.rules.sums import Category, Line, net_of, totals
from votremachine.invoicing.service import store
from votremachine.invoicing.service.issuing import issue
from votremachine.invoicing.service.store import Place
from votremachine.kernel.money import share
from votremachine.pricing.rules.card import Unit

AT_ONCE = 20


class Undone(Exception):
    """What issued rolls back."""


def draft(owner: Person, renter: Person, *lines: Line, cause_id: UUID | None = None) -> Draft:
    lines = lines or (Line(Texts("Location", "Rental"), 1000, Unit.DAY, 12_000, 12_000, 2000, Category.STANDARD),)
    return Draft(
        issuer_party_id=UUID(owner.party_id),
        customer_party_id=UUID(renter.party_id),
        cause=Cause.RENTAL,
        cause_id=cause_id or uuid4(),
        booking_id=None,
        currency="EUR",
        lines=lines,
        totals=totals(lines, sum(one.net + share(one.net, one.vat) for one in lines)),
    )


async def rush(database: Database, owner: Person, renter: Person) -> list[BaseException | Invoice]:
    """Twenty issue at once, every third of whom rolls back."""

    async def one(number: int) -> Invoice:
        async with database.begin() as tx:
            made = await issue(tx, draft(owner, renter))
            await asyncio.sleep(random.random() / 100)  # noqa: S311 -- so that they meet
            if number % 3 == 0:
                raise Undone
            return made

    return await asyncio.gather(*(one(number) for number in range(AT_ONCE)), return_exceptions=True)


async def positions(database: Database) -> list[int]:
    async with database.read() as tx:
        return [row.position for row in await tx.rows(sa.text("SELECT position FROM invoices ORDER BY position"))]


async def test_twenty_at_once_with_rollbacks_leave_no_gap(database: Database, owner: Person, renter: Person) -> None:
    outcomes = await rush(database, owner, renter)
    undone = [one for one in outcomes if isinstance(one, Undone)]
    made = [one for one in outcomes if isinstance(one, Invoice)]
    assert len(undone) + len(made) == AT_ONCE, outcomes
    assert await positions(database) == list(range(1, len(made) + 1))
    assert sorted(one.position for one in made) == list(range(1, len(made) + 1))


async def test_control_the_largest_and_one_without_a_lock_meets_itself(
    database: Database, owner: Person, renter: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def largest(tx: Tx, issuer: UUID, series: str, today: Any) -> Place:
        found = await tx.execute(sa.text("SELECT coalesce(max(position), 0) + 1 FROM invoices"))
        return Place(int(found.scalar_one()), today)

    monkeypatch.setattr(store, "next_place", largest)
    outcomes = await rush(database, owner, renter)
    refused = [one for one in outcomes if isinstance(one, DBAPIError)]
    assert refused, "without the lock, several would have had one number: the database refused them"
    made = [one for one in outcomes if isinstance(one, Invoice)]
    assert await positions(database) == list(range(1, len(made) + 1))


async def test_control_a_sequence_leaves_gaps(
    database: Database, owner: Person, renter: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def drawn(tx: Tx, issuer: UUID, series: str, today: Any) -> Place:
        return Place(int((await tx.execute(sa.text("SELECT nextval('tests_numbers')"))).scalar_one()), today)

    monkeypatch.setattr(store, "next_place", drawn)
    guard = "ALTER TABLE invoices {} TRIGGER invoices_no_gap"
    async with database.begin() as tx:
        await tx.execute(sa.text("CREATE SEQUENCE tests_numbers"))
        await tx.execute(sa.text(guard.format("DISABLE")))
    try:
        await rush(database, owner, renter)
        found = await positions(database)
    finally:
        async with database.begin() as tx:
            await tx.execute(sa.text(guard.format("ENABLE")))
            await tx.execute(sa.text("DROP SEQUENCE tests_numbers"))
    assert found != list(range(1, len(found) + 1)), "what rolled back took its number with it"


async def test_no_date_lies_before_that_of_the_number_before(database: Database, owner: Person, renter: Person) -> None:
    async with database.begin() as tx:
        first = await issue(tx, draft(owner, renter))
        # A transaction that began yesterday and waited for its number.
        series, today = first.series, day_of(tx.now)
        late = await store.next_place(tx, first.issuer_party_id, series, today.replace(day=1, month=1))
    assert (late.position, late.day) == (2, today)


async def test_postgresql_counts_as_we_do(database: Database, owner: Person, renter: Person) -> None:
    chance = random.Random(7)  # noqa: S311 -- no secret
    for _ in range(40):
        lines = []
        for _ in range(chance.randint(1, 9)):
            unit, thousandths, rate = chance.randint(0, 9999), chance.randint(1, 9999), chance.choice((0, 550, 2000))
            category = Category.STANDARD if rate else Category.EXEMPT
            net = net_of(unit, thousandths)
            lines.append(Line(Texts("a", "b"), thousandths, Unit.DAY, unit, net, rate, category))
        lines.append(Line(Texts("a", "b"), 1000, Unit.DAY, 5, 5, 2000, Category.STANDARD))
        async with database.begin() as tx:
            await issue(tx, draft(owner, renter, *lines))
    assert await positions(database) == list(range(1, 41))


FORGERIES = {
    "an amount": "UPDATE invoices SET net = net + 100, gross = gross + 100, payable = payable + 100",
    "a number": "UPDATE invoices SET position = position + 1",
    "a date": "UPDATE invoices SET due_on = due_on + 30",
    "a name": 'UPDATE invoices SET customer = customer || \'{"name": "X"}\'',
    "a line": "UPDATE invoice_lines SET text_fr = 'X'",
    "a line more": "INSERT INTO invoice_lines SELECT invoice_id, 2, 'X', 'X', 1000, 'day', 0, 0, 2000, 'S'"
    " FROM invoice_lines",
    "a line less": "DELETE FROM invoice_lines",
    "no invoice": "DELETE FROM invoices",
    "nothing": "TRUNCATE invoices CASCADE",
    "no payment": "DELETE FROM invoice_payments",
    "another payment": "UPDATE invoice_payments SET minor = 1",
    "less paid": "UPDATE invoices SET paid = paid - 1",
    "more paid than came in": "UPDATE invoices SET paid = paid + 1",
    "paid by nobody": "UPDATE invoices SET paid = payable, state = 'paid'",
    "taken back by nothing": "UPDATE invoices SET credited = payable, state = 'credited'",
    "a state": "UPDATE invoices SET state = 'paid'",
    "a gap": "INSERT INTO invoices SELECT (jsonb_populate_record(i, jsonb_build_object('id', gen_random_uuid(),"
    " 'position', 3, 'cause_id', gen_random_uuid()))).* FROM invoices i",
    "a repeat": "INSERT INTO invoices SELECT (jsonb_populate_record(i, jsonb_build_object('id', gen_random_uuid(),"
    " 'cause_id', gen_random_uuid()))).* FROM invoices i",
    "without lines": "INSERT INTO invoices SELECT (jsonb_populate_record(i, jsonb_build_object('id', gen_random_uuid(),"
    " 'position', 2, 'paid', 0, 'cause_id', gen_random_uuid()))).* FROM invoices i",
}


@pytest.mark.parametrize("forged", FORGERIES)
async def test_what_was_issued_is_changed_by_nobody(
    forged: str, database: Database, owner: Person, renter: Person
) -> None:
    async with database.begin() as tx:
        made = await issue(tx, draft(owner, renter))
        received = Payment(tx.new_id(), 1_000, Means.CASH, made.issued_on, "", None, tx.now)
        await store.pay(tx, made, [received])
    before = await everything(database)
    with pytest.raises(DBAPIError) as refused:
        async with database.begin() as tx:
            await tx.execute(sa.text(FORGERIES[forged]))
    assert "invoice" in str(refused.value.orig)
    assert await everything(database) == before


async def everything(database: Database) -> list[Any]:
    async with database.read() as tx:
        return [
            list(await tx.rows(sa.text(f"SELECT * FROM {table} ORDER BY 1, 2")))
            for table in ("invoices", "invoice_lines", "invoice_payments")
        ]
