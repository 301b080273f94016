"""Every policy, before and after each of its hours, by all who can call a booking off: what is kept, to the cent."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.bookings.paying.conftest import Till
from tests.bookings.paying.test_following import ledger, shares
from tests.bookings.paying.test_moving import Refusing, costs, evening, morning, moved, paid_for
from tests.bookings.paying.test_terms import begins_in, machine_with
from tests.people import Json, Person, World
from votremachine.infra.outbox import drain
from votremachine.payments.orders.jobs import carry_out_orders
from votremachine.worker import HANDLERS

POLICIES = ("flexible", "moderate", "strict", "cooperative")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
A_MOMENT = timedelta(minutes=1)
# What the owner and the platform keep, in hundredths, of what the renter calls off so long before the start.
BY_RENTER = [
    ("flexible", DAY + A_MOMENT, 0),
    ("flexible", DAY - A_MOMENT, 50),
    ("flexible", A_MOMENT, 50),
    ("moderate", 5 * DAY + A_MOMENT, 0),
    ("moderate", 5 * DAY - A_MOMENT, 50),
    ("moderate", DAY + A_MOMENT, 50),
    ("moderate", DAY - A_MOMENT, 100),
    ("strict", 14 * DAY + A_MOMENT, 0),
    ("strict", 14 * DAY - A_MOMENT, 50),
    ("strict", 48 * HOUR + A_MOMENT, 50),
    ("strict", 48 * HOUR - A_MOMENT, 100),
    ("cooperative", DAY + A_MOMENT, 0),
    ("cooperative", DAY - A_MOMENT, 20),
    ("cooperative", A_MOMENT, 20),
]


async def kept(till: Till, booking: Json, part: int) -> None:
    """The cards have so much of it back, and the ledger says of the rest what it says of any rental."""
    await till.work()
    total, net = costs(booking)
    left = total * part // 100
    assert await till.in_till() == left
    books = await ledger(till)
    assert books == (shares(left, net * part // 100) if part else {})
    async with till.database.read() as tx:
        payables = await tx.rows(sa.text("SELECT due_at <= now() AS due FROM payables"))
    assert [row.due for row in payables] == ([True] if part else []), "nobody claims damage: payable at once"


@pytest.mark.parametrize(("policy", "notice", "part"), BY_RENTER)
async def test_called_off_by_the_renter(
    policy: str, notice: timedelta, part: int, till: Till, renter: Person, owner: Person, world: World
) -> None:
    booking = await paid_for(till, renter, await machine_with(owner, world, policy))
    await begins_in(till, booking, notice)
    assert (await renter.act(booking["id"], "cancel", {})).status_code == 200
    await kept(till, booking, part)


@pytest.mark.parametrize("policy", POLICIES)
async def test_once_it_has_begun_the_renter_calls_nothing_off(
    policy: str, till: Till, renter: Person, owner: Person, world: World
) -> None:
    booking = await paid_for(till, renter, await machine_with(owner, world, policy))
    await begins_in(till, booking, -A_MOMENT)
    refused = await renter.act(booking["id"], "cancel", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "too_late")
    total, net = costs(booking)
    await till.work()
    assert (await till.in_till(), await ledger(till)) == (total, shares(total, net))


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("notice", [20 * DAY, A_MOMENT, -HOUR])
async def test_called_off_by_the_owner(
    policy: str, notice: timedelta, till: Till, renter: Person, owner: Person, world: World
) -> None:
    booking = await paid_for(till, renter, await machine_with(owner, world, policy))
    await begins_in(till, booking, notice)
    assert (await owner.act(booking["id"], "cancel", {})).status_code == 200
    await kept(till, booking, 0)


@pytest.mark.parametrize(("policy", "part"), [*((one, 100) for one in POLICIES[:3]), ("cooperative", 20)])
async def test_nobody_came(policy: str, part: int, till: Till, renter: Person, owner: Person, world: World) -> None:
    booking = await paid_for(till, renter, await machine_with(owner, world, policy))
    early = await owner.act(booking["id"], "no_show", {})
    assert (early.status_code, early.json()["code"]) == (409, "too_early")
    await begins_in(till, booking, -A_MOMENT)
    assert (await owner.act(booking["id"], "no_show", {})).status_code == 200
    await kept(till, booking, part)


@pytest.mark.parametrize("policy", POLICIES)
async def test_called_off_by_the_platform_because_its_rental_could_not_be_taken(
    policy: str, till: Till, renter: Person, owner: Person, world: World
) -> None:
    """Part of it was taken by then, for a time that was wished for later: that goes back, all of it."""
    machine = await world.machine(owner, booking_mode="on_request")
    tag = (await owner.get(f"/machines/{machine}")).headers["ETag"]
    terms = {"cancellation": policy}
    assert (await owner.ask("PATCH", f"/machines/{machine}", terms, If_Match=tag)).status_code == 200
    booking = await paid_for(till, renter, machine)
    assert (await moved(renter, booking, morning(5), evening(7))).status_code == 200
    await begins_in(till, booking, HOUR)
    assert (await owner.act(booking["id"], "accept")).status_code == 200
    await drain(till.database, HANDLERS)
    difference = 2 * costs(booking)[0]
    await carry_out_orders({"database": till.database, "gateway": Refusing(till.database, but=difference)})
    await till.hurry()
    assert (await renter.get(f"/bookings/{booking['id']}")).json()["state"] == "cancelled"
    assert any(one.refunded for one in await till.movements())
    assert (await till.in_till(), await ledger(till)) == (0, {})


async def test_a_rental_that_could_not_be_taken_is_not_due(
    till: Till, renter: Person, owner: Person, on_request: str
) -> None:
    booking = await paid_for(till, renter, on_request)
    assert (await owner.act(booking["id"], "accept")).status_code == 200
    await drain(till.database, HANDLERS)
    await carry_out_orders({"database": till.database, "gateway": Refusing(till.database)})
    await till.hurry()
    assert (await renter.get(f"/bookings/{booking['id']}")).json()["state"] == "cancelled"
    assert (await till.in_till(), await ledger(till)) == (0, {})
