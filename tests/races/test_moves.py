"""A machine is replaced while many people want the hours of the one that takes its bookings, over real connections."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.cast import Cast, plant
from tests.people import at
from tests.races.test_double_booking import CLIENTS, NO_BUFFERS, asked, deadlocks, doubles
from tests.races.test_double_booking import many as many  # noqa: PLC0414 -- a fixture
from tests.races.test_double_booking import unguarded as unguarded  # noqa: PLC0414 -- a fixture
from votremachine.availability.blocks.schemas import BlockTime
from votremachine.availability.blocks.service import verbs as blocks
from votremachine.availability.rules import SpanTaken
from votremachine.bookings.replacing.rules import PlanStale
from votremachine.bookings.replacing.schemas import Move, Replace
from votremachine.bookings.replacing.service import moving
from votremachine.bookings.service import handover
from votremachine.bookings.service.book import book
from votremachine.fleet import service as fleet
from votremachine.infra.database import Database
from votremachine.kernel.errors import DomainError
from votremachine.kernel.span import Span

ROUNDS = 12
DAYS = range(2, 6)
BOOKED = sa.text(
    """
    SELECT b.id, b.version, array_agg(DISTINCT m.machine_id) AS machines,
           array_agg(DISTINCT o.machine_id) AS taken, count(DISTINCT o.id) AS occupancies
    FROM bookings b JOIN booking_machines m ON m.booking_id = b.id LEFT JOIN occupancies o ON o.ref_id = b.id
    GROUP BY b.id ORDER BY b.id
    """
)


async def test_replacing_and_booking_at_once_never_overlaps_and_is_never_half_done(many: Database) -> None:
    outcomes = [await one_round(many, wanted=turn % len(DAYS)) for turn in range(ROUNDS)]
    assert {moved for moved, _ in outcomes} <= {0, len(DAYS)}, "all or none"
    assert all((moved == 0) == (strangers > 0) for moved, strangers in outcomes), "either they have it, or we"


@pytest.mark.usefixtures("unguarded")
async def test_control_without_the_constraint_the_race_is_real(many: Database) -> None:
    for turn in range(ROUNDS):
        await one_round(many, wanted=turn % len(DAYS), checked=False)
        if await doubles(many):
            return
    pytest.fail("nobody met anybody")


async def test_groups_that_want_both_machines_never_deadlock_with_their_replacement(many: Database) -> None:
    """They take the one, and then want what we are about to leave; in whatever order of ids."""
    async with many.begin() as tx:
        before = await deadlocks(tx)
    for turn in range(ROUNDS):
        cast, ids = await booked(many, backwards=bool(turn % 2))
        broken, other = cast.machines
        groups = [wants(many, cast, sorted(cast.machines), day) for day in DAYS for _ in range(3)]
        async with asyncio.timeout(20):
            await asyncio.gather(*groups, replaced(many, cast, broken, dict.fromkeys(ids, other)))
        assert await doubles(many) == 0
    async with many.begin() as tx:
        await tx.execute(sa.text("SELECT pg_stat_force_next_flush()"))
        await asyncio.sleep(1.1)
        assert await deadlocks(tx) == before


async def test_two_machines_that_replace_each_other_end_apart(many: Database) -> None:
    """Each wants the other's time: neither can have it, and neither waits for the other for ever."""
    cast, ids = await booked(many)
    one, two = cast.machines
    theirs = [await made(many, cast, [two], day) for day in DAYS]
    async with asyncio.timeout(20):
        swapped = await asyncio.gather(
            replaced(many, cast, one, dict.fromkeys(ids, two)), replaced(many, cast, two, dict.fromkeys(theirs, one))
        )
    assert not any(swapped)
    assert await doubles(many) == 0


async def test_one_booking_is_replaced_by_one_of_two_people(many: Database) -> None:
    for _ in range(4):
        cast, ids = await booked(many, machines=3)
        broken, one, two = cast.machines
        async with asyncio.timeout(20):
            won = await asyncio.gather(
                *(replaced(many, cast, broken, dict.fromkeys(ids, to)) for to in (one, two) for _ in range(4))
            )
        assert won.count(True) == 1
        rows = await found(many)
        assert {row.version for row in rows} == {2}
        assert len({tuple(row.machines) for row in rows}) == 1
        assert [row.taken for row in rows] == [row.machines for row in rows]


async def test_whoever_waited_for_a_booking_sees_the_machine_that_it_has_now(many: Database) -> None:
    """A check-out that waits for the move takes the new machine early, and not the old one."""
    async with many.begin() as tx:
        cast = await plant(tx, buffers=[NO_BUFFERS] * 2)
    broken, other = cast.machines
    soon = Span(at(0, 2), at(1))
    async with many.begin() as tx:
        booking_id = (await book(tx, cast.renter, asked([broken], soon))).id
    moved, may_commit = asyncio.Event(), asyncio.Event()

    async def slowly() -> None:
        async with many.begin() as tx:
            move = Move(booking_id=booking_id, version=1, to_machine_id=other)
            await moving.replace(tx, cast.owner, broken, Replace(moves=[move]))
            moved.set()
            await may_commit.wait()

    async def check_out() -> Any:
        return await many.run(lambda tx: handover.check_out(tx, cast.owner, booking_id))

    slow = asyncio.create_task(slowly())
    await moved.wait()
    leaving = asyncio.create_task(check_out())
    await waiting(many)
    may_commit.set()
    await slow
    view = await leaving
    assert [machine.id for machine in view.machines] == [other]
    (row,) = await found(many)
    assert (row.machines, row.taken) == ([other], [other])


async def test_what_another_replacement_moved_meanwhile_is_not_missed_in_ours(many: Database) -> None:
    cast, ids = await booked(many, machines=3)
    broken, one, two = cast.machines
    moved, may_commit = asyncio.Event(), asyncio.Event()

    async def slowly() -> None:
        async with many.begin() as tx:
            moves = [Move(booking_id=ids[0], version=1, to_machine_id=one)]
            await moving.replace(tx, cast.owner, broken, Replace(moves=moves, leave_unassigned=True))
            moved.set()
            await may_commit.wait()

    slow = asyncio.create_task(slowly())
    await moved.wait()
    ours = asyncio.create_task(replaced(many, cast, broken, dict.fromkeys(ids[1:], two)))
    await waiting(many)
    may_commit.set()
    await slow
    assert await ours, "the first is not of this machine any more, so nothing is left out"


@pytest.mark.parametrize("nth", [0, 1])
async def test_whoever_changes_one_of_the_machines_is_waited_for(nth: int, many: Database) -> None:
    cast, ids = await booked(many)
    broken, other = cast.machines
    async with many.begin() as tx:
        await fleet.lock(tx, cast.machines[nth])
        ours = asyncio.create_task(replaced(many, cast, broken, dict.fromkeys(ids, other)))
        await waiting(many)
        assert not ours.done()
    assert await ours


async def test_blocks_and_moves_of_one_machine_take_their_turns(many: Database) -> None:
    for _ in range(6):
        cast, ids = await booked(many)
        broken, other = cast.machines
        span = BlockTime(start=at(DAYS[0]), end=at(DAYS[1]))
        async with asyncio.timeout(20):
            kept, moved = await asyncio.gather(
                tried(many, lambda tx: blocks.block(tx, cast.owner, other, span)),  # noqa: B023 -- run at once
                replaced(many, cast, broken, dict.fromkeys(ids, other)),
            )
        assert kept != moved
        assert await doubles(many) == 0


async def one_round(many: Database, *, wanted: int, checked: bool = True) -> tuple[int, int]:
    """How many bookings were moved, and how many strangers got the time of the machine that was to take them."""
    cast, ids = await booked(many)
    broken, other = cast.machines
    strangers = (wants(many, cast, [other], DAYS[wanted]) for _ in range(CLIENTS - 1))
    won, *got = await asyncio.gather(replaced(many, cast, broken, dict.fromkeys(ids, other)), *strangers)
    rows = {row.id: row for row in await found(many)}
    moved = [one for one in ids if rows[one].machines == [other]]
    if checked:
        assert await doubles(many) == 0
        assert won == bool(moved)
        assert all((row.taken, row.occupancies) == (row.machines, 1) for row in rows.values())
        assert {rows[one].version for one in ids} == {2 if won else 1}
    return len(moved), sum(got)


async def booked(many: Database, *, machines: int = 2, backwards: bool = False) -> tuple[Cast, list[UUID]]:
    """Machines, and bookings of the first; the ids of both. Backwards, the first is that with the last id."""
    async with many.begin() as tx:
        await tx.execute(sa.text("TRUNCATE bookings, booking_machines, occupancies, people CASCADE"))
        cast = await plant(tx, buffers=[NO_BUFFERS] * machines)
    if backwards:
        cast.machines.reverse()
    return cast, [await made(many, cast, cast.machines[:1], day) for day in DAYS]


async def made(many: Database, cast: Cast, machines: list[UUID], day: int) -> UUID:
    return (await many.run(lambda tx: book(tx, cast.renter, asked(machines, Span(at(day), at(day, 10)))))).id


async def wants(many: Database, cast: Cast, machines: list[UUID], day: int) -> bool:
    return await tried(many, lambda tx: book(tx, cast.renter, asked(machines, Span(at(day, 5), at(day, 8)))))


async def replaced(many: Database, cast: Cast, machine: UUID, to: dict[UUID, UUID]) -> bool:
    moves = [Move(booking_id=one, version=1, to_machine_id=other) for one, other in to.items()]
    return await tried(many, lambda tx: moving.replace(tx, cast.owner, machine, Replace(moves=moves)))


async def tried(many: Database, verb: Any) -> bool:
    """Whether it was done; the refusals that a race may bring are no error."""
    try:
        await many.run(verb)
    except (SpanTaken, PlanStale):
        return False
    except DomainError as error:
        assert error.code == "block_meets_bookings", error  # noqa: PT017
        return False
    return True


async def found(many: Database) -> Any:
    async with many.read() as tx:
        return await tx.rows(BOOKED)


async def waiting(many: Database) -> None:
    """Until somebody waits for a lock."""
    question = sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    async with asyncio.timeout(10):
        while True:
            async with many.read() as tx:
                if (await tx.execute(question)).scalar_one():
                    return
            await asyncio.sleep(0.05)
