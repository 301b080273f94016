"""Many people want one machine at one time, over real connections that really commit."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.cast import Cast, plant
from tests.people import at
from votremachine.availability.rules import SpanTaken
from votremachine.bookings.paying import moving
from votremachine.bookings.rules import Wish, WishKind
from votremachine.bookings.schemas import Book
from votremachine.bookings.service.book import book
from votremachine.infra.database import Database, Tx
from votremachine.kernel.span import Span

CLIENTS = 16
ROUNDS = 64
NO_BUFFERS = (timedelta(0), timedelta(0))
DOUBLE = sa.text(
    """
    SELECT count(*) FROM occupancies a JOIN occupancies b
    ON a.machine_id = b.machine_id AND a.id < b.id AND a.blocked && b.blocked
    """
)


@pytest.fixture
async def many(database: Database) -> AsyncIterator[Database]:
    """The same empty database, with a connection for each client."""
    crowd = Database(database.engine.url.render_as_string(hide_password=False), pool_size=CLIENTS)
    yield crowd
    await crowd.close()


@pytest.fixture
async def unguarded(database: Database) -> AsyncIterator[None]:
    """The exclusion constraint taken away, and put back afterwards."""
    async with database.begin() as tx:
        definition = (
            await tx.execute(
                sa.text(
                    "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'x' AND conname LIKE 'occ%'"
                )
            )
        ).scalar_one()
        await tx.execute(sa.text("ALTER TABLE occupancies DROP CONSTRAINT occupancies_no_double_booking"))
    yield
    async with database.begin() as tx:
        await tx.execute(sa.text("TRUNCATE occupancies"))
        await tx.execute(sa.text(f"ALTER TABLE occupancies ADD CONSTRAINT occupancies_no_double_booking {definition}"))


async def test_sixteen_clients_sixty_four_rounds_one_winner_each(many: Database) -> None:
    wins = await race(many)
    assert wins == [1] * ROUNDS
    assert await doubles(many) == 0


@pytest.mark.usefixtures("unguarded")
async def test_control_without_the_constraint_the_race_is_real(many: Database) -> None:
    wins = await race(many)
    assert max(wins) > 1
    assert await doubles(many) > 0


async def test_groups_of_three_in_opposite_order_never_deadlock(many: Database) -> None:
    async with many.begin() as tx:
        cast = await plant(tx, buffers=[NO_BUFFERS] * 3)
        before = await deadlocks(tx)
    wins = []
    for day in range(1, ROUNDS + 1):
        orders = [cast.machines, cast.machines[::-1]] * (CLIENTS // 2)
        wins.append(sum(await asyncio.gather(*(wants(many, cast, order, day) for order in orders))))
    async with many.begin() as tx:
        # The counters of other sessions reach us when those are idle for a while.
        await tx.execute(sa.text("SELECT pg_stat_force_next_flush()"))
        await asyncio.sleep(1.1)
        assert await deadlocks(tx) == before
    assert wins == [1] * ROUNDS


async def test_swapping_two_bookings_ends_with_both_where_they_were_or_apart(many: Database) -> None:
    """Each wants the other's time: neither can have it, and neither waits for the other for ever."""
    async with many.begin() as tx:
        cast = await plant(tx, buffers=[NO_BUFFERS])
    one, two = Span(at(3), at(4)), Span(at(5), at(6))
    wishes = [asked(cast.machines, span) for span in (one, two)]
    async with many.begin() as tx:
        ids = [(await book(tx, cast.renter, wish)).id for wish in wishes]

    async def go(index: int, span: Span) -> bool:
        try:
            wish = Wish(WishKind.RESCHEDULE, 1, span.end, span.start)
            await many.run(lambda tx: moving.begin(tx, cast.renter, ids[index], wish, None))
        except SpanTaken:
            return False
        return True

    async with asyncio.timeout(20):
        moved = await asyncio.gather(go(0, two), go(1, one))
    assert not any(moved)
    assert await doubles(many) == 0


def asked(machines: list[UUID], span: Span) -> Book:
    return Book(machine_ids=machines, start=span.start, end=span.end, payment="on_account")


async def race(many: Database) -> list[int]:
    """How many of the clients got the machine in each round."""
    async with many.begin() as tx:
        cast = await plant(tx, buffers=[NO_BUFFERS])
    return [
        sum(await asyncio.gather(*(wants(many, cast, cast.machines, day) for _ in range(CLIENTS))))
        for day in range(1, ROUNDS + 1)
    ]


async def wants(many: Database, cast: Cast, machines: list[UUID], day: int) -> bool:
    wish = Book(machine_ids=machines, start=at(day), end=at(day, 10), payment="on_account")
    try:
        await many.run(lambda tx: book(tx, cast.renter, wish))
    except SpanTaken:
        return False
    return True


async def doubles(many: Database) -> int:
    async with many.read() as tx:
        return int((await tx.execute(DOUBLE)).scalar_one())


async def deadlocks(tx: Tx) -> int:
    question = sa.text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    return int((await tx.execute(question)).scalar_one())
