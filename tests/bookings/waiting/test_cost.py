"""What a sweep costs, whoever waits; and that it comes round to everybody, however many there are."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.cast import Cast, farmer, plant
from tests.people import Person, World, at
from tests.statements import Statements, noted
from votremachine.bookings.schemas import Book
from votremachine.bookings.service.book import book
from votremachine.bookings.waiting.jobs import FIRST, offer_freed
from votremachine.bookings.waiting.service import offers
from votremachine.config import Settings
from votremachine.infra.database import Database
from votremachine.kernel.span import Span

MOST_WAITING = 10_000
NO_BUFFERS = (timedelta(0), timedelta(0))
# A year of two machines that are taken, and those who wait for single hours of it.
CROWD = sa.text(
    """
    INSERT INTO waiting_entries (id, machine_id, owner_party_id, renter_party_id, person_id, starts, ends, note, state,
        created_at, changed_at)
    SELECT gen_random_uuid(), :machine, :owner, :renter, :person, at, at + interval '1 hour', '', 'waiting',
        now(), now()
    FROM generate_series(CAST(:first AS timestamptz), CAST(:last AS timestamptz), interval '1 hour') at
    """
)
PAST = sa.text(
    """
    INSERT INTO occupancies (id, machine_id, kind, ref_id, during, blocked)
    SELECT gen_random_uuid(), :machine, 'block', gen_random_uuid(), tstzrange(at, at + interval '1 hour'),
        tstzrange(at, at + interval '1 hour')
    FROM generate_series(CAST(:first AS timestamptz), CAST(:last AS timestamptz), interval '1 hour') at
    """
)


@pytest.fixture
async def counted(database: Database) -> AsyncIterator[tuple[Database, Statements]]:
    """A pool of its own, whose statements are counted."""
    own = Database(database.engine.url.render_as_string(hide_password=False), 2)
    async with noted(own) as seen:
        yield own, seen


async def crowded(database: Database, hours: int) -> Cast:
    """Two machines that are blocked hour by hour, and somebody who waits for each of these hours."""
    async with database.begin() as tx:
        cast = await plant(tx, buffers=[NO_BUFFERS] * 2)
        for machine in cast.machines:
            span = {"machine": machine, "first": at(2), "last": at(2, hours - 1)}
            sides = {"owner": next(iter(cast.owner.seats)), "renter": next(iter(cast.renter.seats))}
            await tx.execute(CROWD, {**span, **sides, "person": cast.renter.person_id})
            await tx.execute(PAST, span)
    async with database.begin() as tx:
        await tx.execute(sa.text("ANALYZE waiting_entries, occupancies, machines, bookings"))
    return cast


@pytest.mark.parametrize("hours", [1, 500])
async def test_a_sweep_with_nothing_to_do_asks_three_questions(
    hours: int, counted: tuple[Database, Statements]
) -> None:
    database, statements = counted
    await crowded(database, hours)
    statements.sent.clear()
    assert await offer_freed({"database": database, "settings": Settings()}) == 0
    assert len(statements.asked) == 3, "\n".join(statements.asked)


async def test_an_offer_costs_the_same_whoever_waits_behind_it(counted: tuple[Database, Statements]) -> None:
    database, statements = counted
    costs = []
    for hours in (3, 300):
        async with database.begin() as tx:
            await tx.execute(sa.text("TRUNCATE waiting_entries, occupancies, machines, parties, people CASCADE"))
        cast = await crowded(database, hours)
        async with database.begin() as tx:
            gone = sa.text("DELETE FROM occupancies WHERE machine_id = :machine AND lower(during) = :start")
            await tx.execute(gone, {"machine": cast.machines[0], "start": at(2, 1)})
        with statements.counted() as seen:
            assert await offer_freed({"database": database, "settings": Settings()}) == 1
        costs.append(len(seen))
    assert costs[0] == costs[1]


async def test_ten_thousand_wait_and_what_is_free_is_found_by_the_index_of_time(
    counted: tuple[Database, Statements],
) -> None:
    """As PostgreSQL plans it: each that waits is one probe of the constraint's own index, of few rows."""
    database, _ = counted
    await crowded(database, MOST_WAITING // 2)
    async with database.read() as tx:
        assert await offers.machines_free(tx, FIRST) == []
        asked = offers._MACHINES.params(now=tx.now, after=FIRST)
        question = asked.compile(dialect=database.engine.dialect, compile_kwargs={"literal_binds": True})
        rows = await tx.rows(sa.text(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {question}"))
    plan = "\n".join(row[0] for row in rows)
    assert "occupancies_no_double_booking" in plan, plan
    assert "Seq Scan on occupancies" not in plan, plan


async def test_the_first_of_many_who_want_one_hour_does_not_hide_who_wants_another(database: Database) -> None:
    """More than one transaction's worth stand in line for the same day, and one behind them for the next."""
    many = offers.OFFER_BATCH * 2 + 5
    async with database.begin() as tx:
        cast = await plant(tx, buffers=[NO_BUFFERS])
        (machine,) = cast.machines
        people = [await farmer(tx, f"farmer {number}") for number in range(many + 1)]
        wish = Book(machine_ids=[machine], start=at(2), end=at(4))
        await book(tx, cast.renter, wish)
        for number, who in enumerate(people):
            span = Span(at(2), at(3)) if number < many else Span(at(3), at(4))
            values: dict[str, object] = {"id": tx.new_id(), "machine": machine, "owner": next(iter(cast.owner.seats))}
            values |= {"renter": next(iter(who.seats)), "person": who.person_id, "starts": span.start, "ends": span.end}
            await tx.execute(
                sa.text(
                    """
                    INSERT INTO waiting_entries VALUES (:id, :machine, :owner, :renter, :person, :starts, :ends, '',
                        'waiting', NULL, '', now(), now())
                    """
                ),
                values,
            )
    async with database.begin() as tx:
        await tx.execute(sa.text("DELETE FROM occupancies"))
    assert await offer_freed({"database": database, "settings": Settings()}) == 2
    async with database.read() as tx:
        rows = await tx.rows(sa.text("SELECT state FROM waiting_entries ORDER BY id"))
    assert [row.state for row in rows] == ["offered", *["waiting"] * (many - 1), "offered"]


@pytest.mark.parametrize(
    ("start", "end", "free"),
    [
        # Kept an hour before and half an hour after: blocked from 9:00 to 11:30, whence newcomers keep away as far.
        (7.5, 8.5, True),
        (7.75, 8.75, False),
        (12.5, 13, True),
        (12.25, 13, False),
    ],
)
async def test_only_what_buffers_leave_is_taken_for_free(
    start: float, end: float, free: bool, database: Database
) -> None:
    async with database.begin() as tx:
        cast = await plant(tx, buffers=[(timedelta(hours=1), timedelta(minutes=30))])
        (machine,) = cast.machines
        await book(tx, cast.renter, Book(machine_ids=[machine], start=at(3, 10), end=at(3, 11)))
        sides = {"owner": next(iter(cast.owner.seats)), "renter": next(iter(cast.renter.seats))}
        wish = {**sides, "machine": machine, "person": cast.renter.person_id}
        await tx.execute(CROWD, {**wish, "first": at(3), "last": at(3)})
        await tx.execute(
            sa.text("UPDATE waiting_entries SET starts = :start, ends = :end"),
            {"start": at(3, start), "end": at(3, end)},
        )
    async with database.read() as tx:
        assert await offers.machines_free(tx, FIRST) == ([machine] if free else [])


async def test_more_than_a_batch_is_too_late_and_more_than_a_batch_of_machines_is_free(database: Database) -> None:
    many, soon = offers.MACHINE_BATCH + 1, {"first": at(1), "last": at(1, offers.LAPSE_BATCH)}
    async with database.begin() as tx:
        cast = await plant(tx, buffers=[NO_BUFFERS] * many)
        sides = {"owner": next(iter(cast.owner.seats)), "renter": next(iter(cast.renter.seats))}
        sides["person"] = cast.renter.person_id
        await tx.execute(CROWD, {**sides, **soon, "machine": cast.machines[0]})
        for machine in cast.machines:
            await tx.execute(CROWD, {**sides, "machine": machine, "first": at(30), "last": at(30)})
    url = database.engine.url.render_as_string(hide_password=False)
    then = Database(url, 2, lambda: at(1, offers.LAPSE_BATCH))
    assert await offer_freed({"database": then, "settings": Settings()}) == many
    await then.close()
    async with database.read() as tx:
        rows = await tx.rows(sa.text("SELECT state, count(*) AS many FROM waiting_entries GROUP BY state"))
    assert {row.state: row.many for row in rows} == {"lapsed": offers.LAPSE_BATCH + 1, "offered": many}


async def test_a_machine_that_fails_does_not_keep_the_others_waiting(database: Database) -> None:
    async with database.begin() as tx:
        cast = await plant(tx, buffers=[NO_BUFFERS] * 2)
        sides = {"owner": next(iter(cast.owner.seats)), "renter": next(iter(cast.renter.seats))}
        sides["person"] = cast.renter.person_id
        for machine in cast.machines:
            await tx.execute(CROWD, {**sides, "machine": machine, "first": at(2), "last": at(2)})
        broken = sa.text("UPDATE machines SET zone = 'Nowhere/At_all' WHERE id = :id")
        await tx.execute(broken, {"id": min(cast.machines)})
    assert await offer_freed({"database": database, "settings": Settings()}) == 1
    async with database.read() as tx:
        rows = await tx.rows(sa.text("SELECT machine_id, state FROM waiting_entries"))
    assert {row.machine_id: row.state for row in rows} == {
        min(cast.machines): "waiting",
        max(cast.machines): "offered",
    }


async def test_lists_do_not_grow_in_queries_with_their_rows(
    world: World, owner: Person, renter: Person, statements: Statements
) -> None:
    tractor = await world.machine(owner)
    await owner.made(f"/machines/{tractor}/blocks", {"start": at(2).isoformat(), "end": at(9).isoformat()})
    asked = ((renter, "/waiting"), (owner, f"/machines/{tractor}/waiting"))
    counts: list[list[int]] = []
    for day in range(3):
        other = await world.farmer(f"{day}@ferme.example", f"Ferme {day}")
        for who in (renter, other):
            wish = {"start": at(2 + day).isoformat(), "end": at(3 + day).isoformat()}
            await who.made(f"/machines/{tractor}/waiting", wish, Idempotency_Key=str(day))
        counts.append([])
        for who, path in asked:
            assert len((await who.get(path)).json()["items"]) == (day + 1) * (1 if who is renter else 2)
            with statements.counted() as seen:
                await who.get(path)
            counts[-1].append(len(seen))
    assert counts[0] == counts[1] == counts[2]
