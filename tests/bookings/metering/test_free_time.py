"""Time for nothing, work by the hectare, and no estimate: it costs nothing when it is booked, and is paid after use."""

import sqlalchemy as sa

from tests.bookings.metering.test_usage import agrees, says
from tests.bookings.paying.conftest import Till
from tests.bookings.paying.test_confirming import paid
from tests.bookings.paying.test_following import ledger, shares
from tests.bookings.paying.test_moving import costs
from tests.people import Json, Person, World, at


async def returned(till: Till, world: World, renter: Person, owner: Person) -> tuple[Json, str]:
    machine = await world.machine(owner, day=None, listed=False)
    rates = [{"unit": "day", "minor": 0}, {"unit": "hectare", "minor": 4_500}]
    await owner.made(f"/machines/{machine}/rates", {"rates": rates})
    await owner.made(f"/machines/{machine}/publish")
    booking = (await renter.book([machine], at(0, 1), at(1, 1))).json()
    assert booking["price"]["total"]["minor"] == 0
    answer = await renter.act(booking["id"], "confirm", paid(await till.card()))
    assert (answer.status_code, answer.json()["state"]) == (200, "confirmed"), answer.text
    for verb, body in (("deposit/waive", {"reason": "entre voisins"}), ("check_out", None), ("check_in", {})):
        gone = await owner.act(booking["id"], verb, body)
        assert gone.status_code == 200, gone.text
    await till.work()
    return booking, machine


async def told(person: Person) -> list[str]:
    return [item["kind"] for item in (await person.get("/inbox?limit=50")).json()["items"]]


async def test_what_was_used_is_due_and_paid_by_a_card(till: Till, world: World, renter: Person, owner: Person) -> None:
    booking, machine = await returned(till, world, renter, owner)
    said = await says(owner, booking, machine, 10)
    answer = await agrees(renter, booking, said)
    assert answer.status_code == 200, answer.text
    total, net = costs(answer.json())
    assert net == 45_000
    await till.hurry()
    assert (await ledger(till))["renter"] == total, "nobody paid for it so far"
    assert "PaymentMissing" in await told(renter)
    assert "PaymentMissing" in await told(owner)
    paid_now = await renter.act(booking["id"], "pay", {"instrument_id": await till.card()})
    assert paid_now.status_code == 200, paid_now.text
    await till.hurry()
    assert (await till.in_till(), await ledger(till)) == (total, shares(total, net))
    again = await renter.act(booking["id"], "pay", {"instrument_id": await till.card()})
    assert again.status_code == 200
    assert await till.in_till() == total
    async with till.database.read() as tx:
        owed = await tx.rows(sa.text("SELECT booking_id, party_id FROM payables"))
    assert [(str(row.booking_id), str(row.party_id)) for row in owed] == [(booking["id"], owner.party_id)]


async def test_nothing_was_used_and_nothing_is_due(till: Till, world: World, renter: Person, owner: Person) -> None:
    booking, machine = await returned(till, world, renter, owner)
    said = await says(renter, booking, machine, 0)
    answer = await agrees(owner, booking, said)
    assert answer.status_code == 200, answer.text
    await till.hurry()
    assert (await till.in_till(), await ledger(till)) == (0, {})
    assert "PaymentMissing" not in await told(renter)
