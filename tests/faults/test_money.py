"""The worker dies at twenty statements while two hundred bookings are paid by card: no cent is lost or taken twice."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from random import Random

import pytest
from msgspec.structs import replace

from tests.bookings.paying.money import books
from tests.faults import hasty_worker
from tests.faults.kill_points import COUNTED, KillPoints, kill_points
from tests.faults.paid_bookings import Fate, PaidBookings, mixed
from tests.people import at
from votremachine.config import Settings
from votremachine.infra.database import Database, utc_now
from votremachine.kernel.ids import uuid7
from votremachine.payments.gateway import Order
from votremachine.payments.orders import carrying

SEED = 20260601
DEATHS, A_ROUND = 20, 10
# The worker writes so many rows of a table for the two bookings of each round that are left to it, and more.
FURTHEST = {"payment_orders": 8, "ledger_transactions": 4, "outbox": 16}
AT_LEAST = 2
PATIENCE_SECONDS = 120


def deaths() -> list[tuple[str, int]]:
    """At which row of which table, in turn: each of them thrice or more."""
    random = Random(SEED)  # noqa: S311 -- the same each time, and no secret
    tables = [COUNTED[n % len(COUNTED)] for n in range(DEATHS)]
    random.shuffle(tables)
    return [(table, random.randint(1, FURTHEST.get(table, AT_LEAST))) for table in tables]


@pytest.mark.timeout(600)
async def test_a_worker_that_is_killed_again_and_again_loses_no_cent(database: Database, settings: Settings) -> None:
    paid = PaidBookings(database, mixed)
    await paid.open()
    died: Counter[str] = Counter()
    async with kill_points(database, settings) as points:
        for death, (table, row) in enumerate(deaths()):
            await points.aim(row, table)
            await live_and_die(points, paid, hasty_worker.run, range(death * A_ROUND, (death + 1) * A_ROUND))
            died[table] += 1
        await until_quiet(points, paid, hasty_worker.run)
    assert set(died) == set(COUNTED)
    assert min(died.values()) >= DEATHS // len(COUNTED)
    assert len(paid.rentals) == DEATHS * A_ROUND
    await check(paid)


async def live_and_die(
    points: KillPoints, paid: PaidBookings, work: Callable[[Settings], None], bookings: range
) -> None:
    """A worker that lives while these bookings are paid, until it comes to the row where it is killed."""
    dying = asyncio.create_task(points.kill(points.start(work)))
    for n in bookings:
        await paid.pay(n)
    await paid.decide()
    while not dying.done():
        await paid.hurry()
        await asyncio.sleep(0.05)
    await dying


async def until_quiet(points: KillPoints, paid: PaidBookings, work: Callable[[Settings], None]) -> None:
    """A worker that is left alone does what is left, and what people decide by then."""
    await points.aim(None)
    worker = points.start(work)
    deadline = time.monotonic() + PATIENCE_SECONDS
    try:
        while await paid.hurry() or await paid.decide():
            assert time.monotonic() < deadline, await paid.left()
            await asyncio.sleep(0.25)
    finally:
        worker.kill()
        worker.join()


async def check(paid: PaidBookings) -> None:
    """Every booking came to its end, nothing is broken, nothing is left, and everybody paid once for what stands."""
    states = await paid.states()
    assert states == {ref: paid.fates[ref].ends(one.asks) for ref, one in paid.rentals.items()}
    async with paid.database.read() as tx:
        assert await books.broken(tx) == {}
        assert await books.left(tx) == []
        money = await books.booked(tx)
    for booking, state in states.items():
        one = paid.rentals[booking]
        one.state, one.paid = state, state in {"confirmed", "cancelled"}
        assert money[booking].paid == one.kept(), (one, money[booking])
        shares = one.shares()
        expected = {"gateway": one.kept(), "owner": -shares.owner, "fees": -shares.fee, "vat_collected": -shares.vat}
        assert money[booking].ledger == {code: minor for code, minor in expected.items() if minor}


def careless(settings: Settings) -> None:
    """A worker that calls each try by another name."""

    def renamed(order: Order) -> Order:
        return replace(order, key=uuid7(utc_now(), order.key.bytes[-10:]))

    vars(carrying)["Order"] = lambda **given: renamed(Order(**given))
    hasty_worker.run(settings)


@pytest.mark.timeout(600)
async def test_with_other_keys_for_each_try_somebody_pays_twice(database: Database, settings: Settings) -> None:
    """The control: what the test above would see."""
    paid = PaidBookings(database, lambda _: Fate(dies=1))
    await paid.open()
    async with kill_points(database, settings) as points:
        for death in range(2):
            # What it writes into the ledger first is that a card was charged, which the gateway knows by then.
            await points.aim(1, "ledger_transactions")
            await live_and_die(points, paid, careless, range(death * 3, death * 3 + 3))
        await until_quiet(points, paid, careless)
    taken = sum([one.captured - one.refunded async for one in paid.gateway.movements(at(-1), at(1))])
    async with paid.database.read() as tx:
        broken, money = await books.broken(tx), await books.booked(tx)
    assert taken > sum(one.ledger.get("gateway", 0) for one in money.values()), "more than anybody knows of"
    assert "the gateway has an order that is not ours" in broken
