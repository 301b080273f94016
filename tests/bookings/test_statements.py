"""Every statement that PostgreSQL is sent, BEGIN and COMMIT included, counted at the driver."""

import pytest

from tests.people import Person, World, at
from tests.statements import Statements

MOST_FOR_A_BOOKING = 12


async def test_a_booking_on_account_takes_twelve_statements_at_most(
    world: World, owner: Person, renter: Person, statements: Statements
) -> None:
    tractor = await world.machine(owner)
    await renter.booked([tractor], at(1), at(2))  # the connection's own first words
    with statements.counted() as seen:
        await renter.booked([tractor], at(3), at(4))
    (written,) = [statement for statement in seen if "INSERT INTO outbox" in statement]
    assert "INSERT INTO changes" in written, "what open screens show is no round trip of its own"
    assert "BEGIN;" in seen
    assert "COMMIT;" in seen
    assert len(seen) <= MOST_FOR_A_BOOKING, "\n".join(seen)


@pytest.mark.parametrize(
    "path",
    [
        "/bookings",
        "/machines",
        "/inbox",
        "/me",
        "/machines/{}/agenda?from=2020-01-01T00:00:00Z&to=2020-12-01T00:00:00Z",
    ],
)
async def test_lists_do_not_grow_in_queries_with_their_rows(
    path: str, world: World, owner: Person, renter: Person, statements: Statements
) -> None:
    counts: list[int] = []
    for rows in (1, 3):
        for _ in range(rows - len(counts)):
            tractor = await world.machine(owner)
            await renter.booked([tractor], at(1), at(2))
        await owner.get(path.format(tractor))
        with statements.counted() as seen:
            assert (await owner.get(path.format(tractor))).status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1]


async def test_a_group_of_three_costs_two_statements_more_than_one(
    world: World, owner: Person, renter: Person, statements: Statements
) -> None:
    tractors = [await world.machine(owner) for _ in range(3)]
    await renter.booked(tractors, at(1), at(2))
    with statements.counted() as one:
        await renter.booked(tractors[:1], at(3), at(4))
    with statements.counted() as three:
        await renter.booked(tractors, at(5), at(6))
    assert len(three) == len(one) + 2, "one claim for each further machine, and nothing else"


async def test_a_quote_is_one_statement_for_one_machine_and_for_three(
    world: World, owner: Person, renter: Person, statements: Statements
) -> None:
    tractors = [await world.machine(owner) for _ in range(3)]
    span = {"start": at(3).isoformat(), "end": at(4).isoformat()}
    await renter.made("/quotes", {"machine_ids": tractors, **span})
    with statements.counted() as one:
        await renter.made("/quotes", {"machine_ids": tractors[:1], **span})
    with statements.counted() as three:
        quote = await renter.made("/quotes", {"machine_ids": tractors, **span})
    assert {line["machine_id"] for line in quote["price"]["lines"]} == set(tractors)
    assert len(one) == len(three) == 1, "\n".join(three)


async def test_a_look_is_one_statement_however_much_is_taken(
    world: World, owner: Person, renter: Person, statements: Statements
) -> None:
    tractor = await world.machine(owner)
    path = f"/machines/{tractor}/availability?from={at(0):%FT%TZ}&to={at(60):%FT%TZ}"
    await renter.get(path)  # the connection's own first words
    for day in range(5):
        with statements.counted() as seen:
            assert len((await renter.get(path)).json()["busy"]) == day
        assert len(seen) == 1, "\n".join(seen)
        await renter.booked([tractor], at(2 * day + 1), at(2 * day + 2))
