"""What a treasurer reads: balances at a moment, and a statement page by page."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from tests.payments.ledger.books import cause
from tests.people import Json, Person
from tests.statements import Statements
from votremachine.infra.database import Database
from votremachine.kernel.money import Money
from votremachine.payments.ledger.rules import recipes
from votremachine.payments.ledger.service.posting import post

WINDOW = "from=2020-01-01T00:00:00Z&to=2199-01-01T00:00:00Z"


async def awarded(database: Database, owner: Person, *minors: int) -> datetime:
    """Damage awarded to a farm; when."""
    async with database.begin() as tx:
        for minor in minors:
            posting = recipes.awarded(uuid4(), UUID(owner.party_id), Money(minor))
            await post(tx, cause(), posting, description="Pare-brise")
    return tx.now


async def test_balances_are_told_at_a_moment(owner: Person, database: Database) -> None:
    path = f"/parties/{owner.party_id}/balances"
    assert (await owner.get(path)).json()["balances"] == []
    when = await awarded(database, owner, 500, 700)
    owed = {"account": "owner_payable", "amount": {"minor": -1_200, "currency": "EUR"}}
    assert (await owner.get(path)).json()["balances"] == [owed]
    earlier = (when - timedelta(seconds=1)).astimezone(UTC).isoformat().replace("+00:00", "Z")
    then = (await owner.get(f"{path}?at={earlier}")).json()
    assert then["balances"] == [{**owed, "amount": {"minor": 0, "currency": "EUR"}}]


async def test_a_statement_goes_on_where_the_page_ended(owner: Person, database: Database) -> None:
    await awarded(database, owner, *range(1, 8))
    path = f"/parties/{owner.party_id}/statement?account=owner_payable&{WINDOW}&limit=3"
    read: list[Json] = []
    cursor = ""
    while cursor is not None:
        page = (await owner.get(path + (f"&cursor={cursor}" if cursor else ""))).json()
        read += page["items"]
        cursor = page["next_cursor"]
    assert [line["amount"]["minor"] for line in read] == [-minor for minor in range(1, 8)]
    assert {(line["kind"], line["description"]) for line in read} == {("awarded", "Pare-brise")}
    francs = await owner.get(f"{path}&currency=CHF")
    assert francs.json()["items"] == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        (f"account=gateway&{WINDOW}", "invalid_input"),
        (f"account=renter&currency=eur&{WINDOW}", "invalid_input"),
        (f"account=renter&{WINDOW}&cursor=x", "bad_cursor"),
        ("account=renter&from=2027-01-01T00:00:00&to=2027-02-01T00:00:00", "naive_time"),
        ("account=renter&from=2027-02-01T00:00:00Z&to=2027-01-01T00:00:00Z", "ends_before_start"),
    ],
)
async def test_a_wrong_question_is_refused(query: str, code: str, owner: Person) -> None:
    answer = await owner.get(f"/parties/{owner.party_id}/statement?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text


@pytest.mark.parametrize(
    ("at", "code"), [("2027-01-01T00:00:00", "naive_time"), ("1969-01-01T00:00:00Z", "out_of_time")]
)
async def test_a_wrong_moment_is_refused(at: str, code: str, owner: Person) -> None:
    answer = await owner.get(f"/parties/{owner.party_id}/balances?at={at}")
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_a_cursor_is_good_for_its_own_statement(owner: Person, database: Database) -> None:
    await awarded(database, owner, 1, 2)
    path = f"/parties/{owner.party_id}/statement?{WINDOW}&limit=1&account="
    cursor = (await owner.get(f"{path}owner_payable")).json()["next_cursor"]
    assert (await owner.get(f"{path}renter&cursor={cursor}")).json()["code"] == "bad_cursor"


@pytest.mark.parametrize("path", ["balances", f"statement?account=owner_payable&{WINDOW}"])
async def test_lists_do_not_grow_in_queries(
    path: str,
    owner: Person,
    database: Database,
    statements: Statements,
) -> None:
    counts = []
    for minors in ((1,), (2, 3)):
        await awarded(database, owner, *minors)
        await owner.get(f"/parties/{owner.party_id}/{path}")
        with statements.counted() as seen:
            assert (await owner.get(f"/parties/{owner.party_id}/{path}")).status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1]
