"""What becomes of the money when a booking is accepted, declined, called off or missed; and the ledger beside it."""

from uuid import uuid4

import pytest
import sqlalchemy as sa

from tests.bookings.paying.conftest import Till
from tests.bookings.paying.test_confirming import paid, state
from tests.people import Json, Person
from votremachine.bookings.jobs import expire_provisional
from votremachine.payments.gateway import Standing

_IN_LEDGER = """
SELECT a.code, sum(e.minor) AS minor FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.account_id
GROUP BY a.code HAVING sum(e.minor) <> 0
"""


async def ledger(till: Till) -> dict[str, int]:
    """What stands on each kind of account; debits above zero."""
    async with till.database.read() as tx:
        return {row.code: int(row.minor) for row in await tx.rows(sa.text(_IN_LEDGER))}


async def confirmed(till: Till, renter: Person, machine: str, *, day: int = 3) -> Json:
    booking = await till.held(machine, day=day)
    answer = await renter.act(booking["id"], "confirm", paid(await till.card()))
    assert answer.status_code == 200, answer.text
    await till.work()
    return booking


def shares(total: int, net: int) -> dict[str, int]:
    """What the ledger says of a rental that was paid and stands: 8 % of the net are the platform's, 20 % VAT on it."""
    fee = (net * 8 + 50) // 100
    vat = (fee * 20 + 50) // 100
    return {"gateway": total, "owner_pending": -(total - fee - vat), "fees": -fee, "vat_collected": -vat}


async def test_accepted_the_money_is_taken(till: Till, renter: Person, owner: Person, on_request: str) -> None:
    booking = await confirmed(till, renter, on_request)
    total, net = booking["price"]["total"]["minor"], booking["price"]["net"]["minor"]
    assert await ledger(till) == {"holds_at_gateway": total, "holds_owed": -total}
    assert (await owner.act(booking["id"], "accept")).status_code == 200
    await till.work()
    (movement,) = await till.movements()
    assert (movement.standing, movement.captured) == (Standing.SUCCEEDED, total)
    assert await ledger(till) == shares(total, net)


@pytest.mark.parametrize("ending", ["declined", "cancelled", "expired"])
async def test_what_was_set_aside_for_a_request_in_vain_is_released(
    ending: str, till: Till, renter: Person, owner: Person, on_request: str
) -> None:
    booking = await confirmed(till, renter, on_request)
    if ending == "declined":
        assert (await owner.act(booking["id"], "decline", {})).status_code == 200
    elif ending == "cancelled":
        assert (await renter.act(booking["id"], "cancel", {})).status_code == 200
    else:
        async with till.database.begin() as tx:
            await tx.execute(sa.text("UPDATE bookings SET expires_at = now() - interval '1 second'"))
        await expire_provisional({"database": till.database})
    await till.work()
    (movement,) = await till.movements()
    assert (movement.standing, movement.captured) == (Standing.RELEASED, 0)
    assert await ledger(till) == {}


@pytest.mark.parametrize("out", [False, True])
async def test_what_was_set_aside_is_not_to_be_had_any_more(
    out: bool, till: Till, renter: Person, owner: Person, on_request: str
) -> None:
    """A booking that nobody paid for does not stand. Of one whose machine is out it is owed, and both are told."""
    booking = await confirmed(till, renter, on_request)
    assert (await owner.act(booking["id"], "accept")).status_code == 200
    async with till.database.begin() as tx:
        await tx.execute(sa.text("UPDATE simulated_orders SET capture_before = now()"))
        if out:
            await tx.execute(sa.text("UPDATE bookings SET state = 'in_use', out_at = now()"))
    for _ in range(2):
        await till.work()
    assert await state(renter, booking) == ("in_use" if out else "cancelled")
    total, net = booking["price"]["total"]["minor"], booking["price"]["net"]["minor"]
    for person in (renter, owner):
        told = {one["kind"] for one in (await person.get("/inbox")).json()["items"]}
        assert ("PaymentMissing" in told, "BookingCancelled" in told) == (out, not out)
    if out:
        assert (await ledger(till))["renter"] == total
        assert (await renter.act(booking["id"], "pay", {"instrument_id": await till.card()})).status_code == 200
        assert await ledger(till) == shares(total, net)
    else:
        assert await ledger(till) == {}


async def test_called_off_in_time_all_of_it_goes_back(till: Till, renter: Person, tractor: str) -> None:
    booking = await confirmed(till, renter, tractor)
    assert await ledger(till) == shares(booking["price"]["total"]["minor"], booking["price"]["net"]["minor"])
    assert (await renter.act(booking["id"], "cancel", {})).status_code == 200
    await till.work()
    assert (await state(renter, booking), await till.in_till(), await ledger(till)) == ("cancelled", 0, {})


@pytest.mark.parametrize(("who", "part"), [("renter", 2), ("owner", 0)])
async def test_called_off_late_by_the_renter_half_stays_by_the_owner_nothing(
    who: str, part: int, till: Till, renter: Person, owner: Person, tractor: str
) -> None:
    booking = await confirmed(till, renter, tractor, day=1)
    async with till.database.begin() as tx:  # the start is nearer than a day
        await tx.execute(
            sa.text("UPDATE bookings SET starts = starts - interval '3 hours' WHERE id = :id"), {"id": booking["id"]}
        )
    by = renter if who == "renter" else owner
    assert (await by.act(booking["id"], "cancel", {})).status_code == 200
    await till.work()
    kept = booking["price"]["total"]["minor"] // part if part else 0
    assert await till.in_till() == kept
    books = await ledger(till)
    assert books.get("gateway", 0) == kept
    assert sum(books.values()) == 0
    assert books.get("renter", 0) == 0


async def test_nobody_is_paid_back_twice(till: Till, renter: Person, tractor: str) -> None:
    booking = await confirmed(till, renter, tractor)
    key = str(uuid4())
    for _ in range(2):
        assert (await renter.act(booking["id"], "cancel", {}, Idempotency_Key=key)).status_code == 200
    assert (await renter.act(booking["id"], "cancel", {})).status_code == 409
    for _ in range(2):
        await till.work()
    (movement,) = await till.movements()
    assert (movement.captured, movement.refunded) == (booking["price"]["total"]["minor"],) * 2
