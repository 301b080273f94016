"""What stands on an account at any moment is the sum of its entries, with and without checkpoints."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from random import Random
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from tests.payments.ledger.books import GATEWAY, ask, cause, charged
from votremachine.infra.database import Database
from votremachine.kernel.money import Money
from votremachine.payments.ledger.rules.chart import Account, Code
from votremachine.payments.ledger.service.balances import (
    Place,
    StatementLine,
    balance,
    balances,
    keep_checkpoints,
    statement,
)
from votremachine.payments.ledger.service.posting import post

FIRST = datetime(2027, 3, 1, tzinfo=UTC)
RENTERS = [uuid4() for _ in range(3)]
Posted = list[tuple[datetime, UUID, int]]


def at(database: Database, when: datetime) -> Database:
    """The same database, at another hour."""
    moved = Database.__new__(Database)
    moved.__dict__ |= database.__dict__ | {"clock": lambda: when}
    return moved


async def post_at(database: Database, when: datetime, renter: UUID, minor: int) -> None:
    async with at(database, when).begin() as tx:
        await post(tx, cause(), charged(renter, minor), description=f"{minor}")


@pytest.fixture
async def posted(database: Database) -> Posted:
    """Charges of three renters over ten days, in the order of time."""
    random = Random(7)  # noqa: S311 -- the same each time
    made = sorted(
        (FIRST + timedelta(minutes=random.randrange(14_400)), random.choice(RENTERS), random.randrange(1, 9_999))
        for _ in range(40)
    )
    for one in made:
        await post_at(database, *one)
    return made


async def check_balances(database: Database, posted: Posted) -> None:
    """On every day, and just before and after each posting."""
    hours = [FIRST + timedelta(days=day) for day in range(-1, 12)] + [when for when, _, _ in posted]
    async with database.read() as tx:
        for hour in [*hours, *(when + timedelta(milliseconds=1) for when, _, _ in posted)]:
            for renter in RENTERS:
                owed = -sum(minor for when, whose, minor in posted if whose == renter and when < hour)
                assert await balance(tx, Account(Code.RENTER, renter), hour) == Money(owed)
            assert await balance(tx, GATEWAY, hour) == Money(sum(minor for when, _, minor in posted if when < hour))


async def checkpoint(database: Database, *days: int) -> list[int]:
    kept = []
    for day in days:
        async with database.begin() as tx:
            kept.append(await keep_checkpoints(tx, FIRST.date() + timedelta(days=day)))
    return kept


async def test_balances_need_no_checkpoints_and_agree_with_them(database: Database, posted: Posted) -> None:
    await check_balances(database, posted)
    assert sum(await checkpoint(database, *range(10))) > 10
    await check_balances(database, posted)
    assert await checkpoint(database, *range(12)) == [0] * 12, "what is kept already is not kept again"


async def test_balances_are_built_upon_checkpoints(database: Database, posted: Posted) -> None:
    await checkpoint(database, 9)
    async with database.begin() as tx:
        await tx.execute(sa.text("UPDATE ledger_checkpoints SET minor = minor + 1"))
    async with database.read() as tx:
        whole = sum(minor for _, _, minor in posted)
        assert await balance(tx, GATEWAY, FIRST + timedelta(days=20)) == Money(whole + 1)


async def test_what_is_posted_late_is_in_every_balance(database: Database, posted: Posted) -> None:
    await checkpoint(database, *range(10))
    late = (FIRST + timedelta(days=2, hours=5), RENTERS[0], 77)
    await post_at(database, *late)
    posted.append(late)
    left = await ask(database, "SELECT DISTINCT day FROM ledger_checkpoints WHERE account_id = :id", id=GATEWAY.id)
    assert max(day for (day,) in left) < date(2027, 3, 3)
    await check_balances(database, posted)
    await checkpoint(database, *range(10))
    await check_balances(database, posted)


async def test_an_account_that_rests_needs_no_further_checkpoint(database: Database) -> None:
    await post_at(database, FIRST, RENTERS[0], 5)
    assert await checkpoint(database, 0, 1, 2) == [2, 0, 0]


async def test_the_balances_of_a_party_are_its_own(database: Database, posted: Posted) -> None:
    async with database.read() as tx:
        own = await balances(tx, RENTERS[0], FIRST + timedelta(days=20))
        ours = await balances(tx, None, FIRST + timedelta(days=20))
        assert await balances(tx, uuid4(), FIRST) == []
    owed = -sum(minor for _, whose, minor in posted if whose == RENTERS[0])
    assert [(one.account, one.amount) for one in own] == [(Account(Code.RENTER, RENTERS[0]), Money(owed))]
    assert [one.account for one in ours] == [GATEWAY]


async def test_a_statement_is_read_page_by_page(database: Database, posted: Posted) -> None:
    since, until = FIRST + timedelta(days=2), FIRST + timedelta(days=8)
    read: list[StatementLine] = []
    after: Place | None = None
    async with database.read() as tx:
        while True:
            page = await statement(tx, GATEWAY, since, until, after=after, limit=7)
            read += page[:7]
            if len(page) <= 7:
                break
            after = page[6].place
        assert await statement(tx, Account(Code.FEES), since, until, after=None, limit=7) == []
    expected = [(when, Money(minor), str(minor)) for when, _, minor in posted if since <= when < until]
    assert len(expected) > 14
    assert [(line.posted_at, line.amount, line.description) for line in read] == expected
    assert all(one.place < other.place for one, other in pairwise(read))
