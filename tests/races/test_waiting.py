"""Several workers sweep at once while clients want the same hours: one winner each, and nobody is offered twice."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.cast import Cast, farmer, plant
from tests.people import at
from tests.races.test_double_booking import doubles
from tests.races.test_double_booking import many as many  # noqa: PLC0414 -- fixtures
from tests.races.test_double_booking import unguarded as unguarded  # noqa: PLC0414
from votremachine.accounts.rules import Actor
from votremachine.availability.rules import SpanTaken
from votremachine.bookings.schemas import Book
from votremachine.bookings.service import decide
from votremachine.bookings.service.book import book
from votremachine.bookings.waiting.jobs import offer_freed
from votremachine.bookings.waiting.schemas import Wait
from votremachine.bookings.waiting.service.verbs import wait, withdraw
from votremachine.config import Settings
from votremachine.infra.database import Database
from votremachine.kernel.errors import DomainError

DAYS = range(2, 18)
WORKERS = 4
CLIENTS = 4
NO_BUFFERS = (timedelta(0), timedelta(0))
# Of each day: who was offered it, in the order of the line, and how many hold it.
LINES = sa.text(
    """
    SELECT starts, array_agg(state ORDER BY id) AS states, count(DISTINCT booking_id) AS offers
    FROM waiting_entries GROUP BY starts ORDER BY starts
    """
)
MADE = sa.text("SELECT count(*) FROM bookings WHERE renter_party_id IN (SELECT renter_party_id FROM waiting_entries)")
OFFERED = sa.text("SELECT count(*) FROM waiting_entries WHERE state = 'offered' AND starts = :starts")
WINNERS = sa.text("SELECT count(*) AS winners FROM occupancies GROUP BY lower(during) ORDER BY lower(during)")


async def race(many: Database) -> None:
    """Every day of a machine is given back, while workers offer it and clients book it."""
    cast, _, ids = await planted(many)
    given_back = asyncio.Event()

    async def work() -> None:
        while not given_back.is_set():
            await offer_freed({"database": many, "settings": Settings()})

    async def give_back(day: int, booking_id: UUID) -> None:
        await many.run(lambda tx: decide.cancel(tx, cast.owner, booking_id, ""))
        # From at once to about as long as a sweep takes, so that now one side is quicker, now the other.
        await asyncio.sleep(0.01 * (day - DAYS[0]))
        if day == DAYS[-1]:
            # However long a sweep takes on this computer, of one day the workers are first.
            await offered(many, day)
        await asyncio.gather(*(wants(many, cast, day) for _ in range(CLIENTS)))

    workers = [asyncio.create_task(work()) for _ in range(WORKERS)]
    for day, booking_id in zip(DAYS, ids, strict=True):
        await give_back(day, booking_id)
    given_back.set()
    await asyncio.gather(*workers)
    await offer_freed({"database": many, "settings": Settings()})


async def offered(many: Database, day: int) -> None:
    """Until somebody who waits for this day is offered it."""
    async with asyncio.timeout(20), many.read() as tx:
        while not (await tx.execute(OFFERED, {"starts": at(day)})).scalar_one():  # noqa: ASYNC110 -- a row of others
            await asyncio.sleep(0.01)


async def planted(many: Database) -> tuple[Cast, list[Actor], list[UUID]]:
    """A machine that is booked every day, and three who wait for each of them."""
    async with many.begin() as tx:
        cast = await plant(tx, buffers=[NO_BUFFERS])
        people = [await farmer(tx, f"waiter {number}") for number in range(3)]
        ids = [(await book(tx, cast.renter, asked(cast, day))).id for day in DAYS]
    for who in people:
        async with many.begin() as tx:
            for day in DAYS:
                await wait(tx, who, cast.machines[0], Wait(start=at(day), end=at(day, 10)))
    return cast, people, ids


def asked(cast: Cast, day: int) -> Book:
    return Book(machine_ids=cast.machines, start=at(day), end=at(day, 10), payment="on_account")


async def wants(many: Database, cast: Cast, day: int) -> bool:
    try:
        await many.run(lambda tx: book(tx, cast.renter, asked(cast, day)))
    except SpanTaken:
        return False
    return True


async def test_one_winner_for_every_day_and_the_first_in_line_among_those_who_wait(many: Database) -> None:
    await race(many)
    async with many.read() as tx:
        assert [row.winners for row in await tx.rows(WINNERS)] == [1] * len(DAYS)
        lines = await tx.rows(LINES)
        made = (await tx.execute(MADE)).scalar_one()
    assert len(lines) == len(DAYS)
    for line in lines:
        assert line.states in (["offered", "waiting", "waiting"], ["waiting"] * 3)
    assert made == sum(line.offers for line in lines), "no hold was made that is nobody's offer"
    assert made > 0, "the clients were quicker every day: nothing was seen"


@pytest.mark.usefixtures("unguarded")
async def test_control_without_the_constraint_the_race_is_real(many: Database) -> None:
    await race(many)
    assert await doubles(many) > 0


async def test_many_sweeps_at_once_make_each_offer_once(many: Database) -> None:
    """Nobody else books: every day goes to the first in line, by one worker or another."""
    cast, _, ids = await planted(many)
    for booking_id in ids:
        async with many.begin() as tx:
            await decide.cancel(tx, cast.owner, booking_id, "")
    offered = await asyncio.gather(*(offer_freed({"database": many, "settings": Settings()}) for _ in range(WORKERS)))
    assert sum(offered) == len(DAYS)
    async with many.read() as tx:
        assert [line.states for line in await tx.rows(LINES)] == [["offered", "waiting", "waiting"]] * len(DAYS)
        assert (await tx.execute(MADE)).scalar_one() == len(DAYS)


async def test_confirming_and_withdrawing_an_offer_at_once_has_one_outcome(many: Database) -> None:
    cast, people, ids = await planted(many)
    for booking_id in ids:
        async with many.begin() as tx:
            await decide.cancel(tx, cast.owner, booking_id, "")
    await offer_freed({"database": many, "settings": Settings()})
    async with many.read() as tx:
        offers = await tx.rows(sa.text("SELECT id, booking_id FROM waiting_entries WHERE state = 'offered'"))
    assert len(offers) == len(DAYS)

    async def did(verb: str, entry_id: UUID, booking_id: UUID) -> str | None:
        try:
            if verb == "confirm":
                await many.run(lambda tx: decide.confirm_on_account(tx, people[0], booking_id))
            else:
                await many.run(lambda tx: withdraw(tx, people[0], entry_id))
        except DomainError as error:
            return error.code
        return None

    for offer in offers:
        got = await asyncio.gather(*(did(verb, offer.id, offer.booking_id) for verb in ("confirm", "withdraw")))
        assert sorted(map(bool, got)) == [False, True], got
    await offer_freed({"database": many, "settings": Settings()})
    question = sa.text(
        """
        SELECT e.state, b.state AS booking FROM waiting_entries e JOIN bookings b ON b.id = e.booking_id
        WHERE e.person_id = :person
        """
    )
    async with many.read() as tx:
        ended = {(row.state, row.booking) for row in await tx.rows(question, {"person": people[0].person_id})}
    assert ended <= {("taken", "confirmed"), ("passed", "cancelled")}


async def test_who_withdraws_while_it_is_offered_has_no_hold(many: Database) -> None:
    """Whichever is quicker: who was told that they wait no more is offered nothing afterwards."""
    cast, people, ids = await planted(many)
    first = people[0]
    async with many.read() as tx:
        question = sa.text("SELECT id FROM waiting_entries WHERE person_id = :person ORDER BY starts")
        entries = [row.id for row in await tx.rows(question, {"person": first.person_id})]

    async def withdrawn(entry_id: UUID, pause: float) -> None:
        await asyncio.sleep(pause)
        await many.run(lambda tx: withdraw(tx, first, entry_id))

    for turn, (booking_id, entry_id) in enumerate(zip(ids, entries, strict=True)):
        async with many.begin() as tx:
            await decide.cancel(tx, cast.owner, booking_id, "")
        await asyncio.gather(offer_freed({"database": many, "settings": Settings()}), withdrawn(entry_id, 0.003 * turn))
    async with many.read() as tx:
        rows = await tx.rows(
            sa.text(
                """
                SELECT e.state, (SELECT count(*) FROM occupancies o WHERE o.ref_id = e.booking_id) AS held
                FROM waiting_entries e WHERE person_id = :person
                """
            ),
            {"person": first.person_id},
        )
    assert {row.held for row in rows} == {0}
    assert {row.state for row in rows} <= {"withdrawn", "passed"}
