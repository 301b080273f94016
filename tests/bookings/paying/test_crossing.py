"""Payments and bookings that change while the other is under way: the money follows what stands in the end, once."""

from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.bookings.paying.conftest import Till
from tests.bookings.paying.test_confirming import begun, due, paid, state
from tests.bookings.paying.test_following import ledger
from tests.bookings.paying.test_limits_of_cards import moved
from tests.people import Json, Person, at
from votremachine.bookings.jobs import expire_provisional
from votremachine.infra.outbox import drain
from votremachine.payments.orders import service as orders
from votremachine.payments.orders.carrying import carry_out
from votremachine.payments.orders.jobs import carry_out_orders
from votremachine.payments.orders.rules import What
from votremachine.worker import HANDLERS


async def asked_for(till: Till, booking: Json) -> list[What]:
    async with till.database.read() as tx:
        return [one.what for one in await orders.of_booking(tx, UUID(booking["id"]))]


async def run_out(till: Till) -> None:
    async with till.database.begin() as tx:
        for table in ("bookings", "occupancies"):
            await tx.execute(sa.text(f"UPDATE {table} SET expires_at = now() - interval '1 second'"))


async def hand_on(till: Till) -> None:
    """What waits for its next try is tried now."""
    async with till.database.begin() as tx:
        await tx.execute(sa.text("UPDATE outbox SET due_at = now()"))
    await drain(till.database, HANDLERS)


async def test_money_that_came_too_late_goes_back_once(till: Till, renter: Person, tractor: str) -> None:
    booking = await till.held(tractor)
    await begun(till, booking, await till.card())
    await run_out(till)
    await due(till.database)
    await till.work()
    await expire_provisional({"database": till.database})
    await hand_on(till)
    await till.work()
    assert await asked_for(till, booking) == [What.CHARGE, What.REFUND]
    assert (await state(renter, booking), await till.in_till(), await ledger(till)) == ("expired", 0, {})


async def test_a_hold_that_was_repriced_while_it_was_paid_is_not_confirmed(
    till: Till, renter: Person, tractor: str
) -> None:
    booking = await till.held(tractor)
    order = await begun(till, booking, await till.card())
    await carry_out(till.gateway, order)
    assert (await moved(renter, booking, at(3), at(6))).status_code == 200
    await due(till.database)
    await till.work()
    assert (await state(renter, booking), await till.in_till()) == ("held", 0)
    assert await asked_for(till, booking) == [What.CHARGE, What.REFUND]


async def late_fact(till: Till, name: str) -> None:
    """A fact that failed to be handed on, and is tried again only much later."""
    async with till.database.begin() as tx:
        put_off = sa.text("UPDATE outbox SET due_at = now() + interval '1 hour' WHERE name = :name")
        assert (await tx.execute(put_off, {"name": name})).rowcount == 1


async def test_called_off_before_anybody_heard_that_it_was_accepted(
    till: Till, renter: Person, owner: Person, on_request: str
) -> None:
    booking = await till.held(on_request)
    assert (await renter.act(booking["id"], "confirm", paid(await till.card()))).status_code == 200
    assert (await owner.act(booking["id"], "accept")).status_code == 200
    await late_fact(till, "BookingConfirmed")
    assert (await owner.act(booking["id"], "cancel", {})).status_code == 200
    await till.work()
    await hand_on(till)
    await till.work()
    assert await asked_for(till, booking) == [What.HOLD, What.RELEASE]
    assert (await till.in_till(), await ledger(till)) == (0, {})


async def test_called_off_before_anybody_heard_that_it_was_paid(till: Till, renter: Person, tractor: str) -> None:
    booking = await till.held(tractor)
    assert (await renter.act(booking["id"], "confirm", paid(await till.card()))).status_code == 200
    await late_fact(till, "BookingConfirmed")
    assert (await renter.act(booking["id"], "cancel", {})).status_code == 200
    await till.work()
    await hand_on(till)
    await till.work()
    assert await asked_for(till, booking) == [What.CHARGE, What.REFUND]
    assert (await till.in_till(), await ledger(till)) == (0, {})


async def test_called_off_while_its_money_is_being_taken(
    till: Till, renter: Person, owner: Person, on_request: str
) -> None:
    booking = await till.held(on_request)
    assert (await renter.act(booking["id"], "confirm", paid(await till.card()))).status_code == 200
    assert (await owner.act(booking["id"], "accept")).status_code == 200
    await drain(till.database, HANDLERS)
    assert (await owner.act(booking["id"], "cancel", {})).status_code == 200
    await drain(till.database, HANDLERS)
    assert await asked_for(till, booking) == [What.HOLD, What.CAPTURE], "one order about this money at a time"
    await till.work()
    await hand_on(till)
    await till.work()
    assert await asked_for(till, booking) == [What.HOLD, What.CAPTURE, What.REFUND]
    assert (await till.in_till(), await ledger(till)) == (0, {})


async def drained_before(till: Till, name: str) -> None:
    """The outcome of an order is handed on only after what it crossed with."""
    async with till.database.begin() as tx:
        put_off = sa.text("UPDATE outbox SET due_at = now() + interval '1 hour' WHERE name = :name")
        await tx.execute(put_off, {"name": name})
    await drain(till.database, HANDLERS)


async def test_a_hold_called_off_late_while_it_was_being_paid_costs_nothing_whatever_the_terms(
    till: Till, renter: Person, tractor: str
) -> None:
    """It never stood: half of its price would be due by the terms, so near to its start."""
    booking = await till.held(tractor, day=1)
    async with till.database.begin() as tx:
        await tx.execute(sa.text("UPDATE bookings SET starts = starts - interval '3 hours'"))
    await begun(till, booking, await till.card())
    assert (await renter.act(booking["id"], "cancel", {})).status_code == 200
    await due(till.database)
    await carry_out_orders({"database": till.database, "gateway": till.gateway})
    await drained_before(till, "OrderSettled")
    await hand_on(till)
    await till.work()
    assert await asked_for(till, booking) == [What.CHARGE, What.REFUND]
    assert (await till.in_till(), await ledger(till)) == (0, {})


async def test_called_off_late_before_anybody_heard_that_it_was_accepted_what_is_due_is_taken(
    till: Till, renter: Person, owner: Person, on_request: str
) -> None:
    booking = await till.held(on_request, day=1)
    assert (await renter.act(booking["id"], "confirm", paid(await till.card()))).status_code == 200
    assert (await owner.act(booking["id"], "accept")).status_code == 200
    async with till.database.begin() as tx:
        await tx.execute(sa.text("UPDATE bookings SET starts = starts - interval '3 hours'"))
    await late_fact(till, "BookingConfirmed")
    assert (await renter.act(booking["id"], "cancel", {})).status_code == 200
    await till.work()
    await hand_on(till)
    await till.work()
    half = booking["price"]["total"]["minor"] // 2
    assert [what for what in await asked_for(till, booking) if what is not What.RELEASE] == [What.HOLD, What.CAPTURE]
    books = await ledger(till)
    assert (await till.in_till(), books["gateway"], books.get("renter", 0)) == (half, half, 0)
    assert "holds_at_gateway" not in books


async def test_what_a_card_paid_for_a_booking_that_is_on_account_meanwhile_goes_back(
    till: Till, renter: Person, on_account: Json
) -> None:
    await begun(till, on_account, await till.card())
    assert (await renter.act(on_account["id"], "confirm", {"payment": "on_account"})).status_code == 200
    await due(till.database)
    await carry_out_orders({"database": till.database, "gateway": till.gateway})
    await drained_before(till, "OrderSettled")
    total = on_account["price"]["total"]["minor"]
    owed = {"account_owed": total, "account_due": -total}
    assert await ledger(till) == {"gateway": total, "renter": -total, **owed}, "it is due to the owner, not by card"
    await hand_on(till)
    await till.work()
    assert (await state(renter, on_account), await till.in_till(), await ledger(till)) == ("confirmed", 0, owed)


@pytest.fixture
async def on_account(till: Till, renter: Person, tractor: str) -> Json:
    """Held by somebody who may book on account."""
    async with till.database.begin() as tx:
        await tx.execute(sa.text("UPDATE parties SET demo = true"))
    return await till.held(tractor)


async def test_a_hold_that_ran_out_after_the_machine_left_is_owed_and_no_longer_held_in_the_ledger(
    till: Till, renter: Person, owner: Person, on_request: str
) -> None:
    booking = await till.held(on_request)
    assert (await renter.act(booking["id"], "confirm", paid(await till.card()))).status_code == 200
    assert (await owner.act(booking["id"], "accept")).status_code == 200
    await drain(till.database, HANDLERS)
    async with till.database.begin() as tx:
        await tx.execute(sa.text("UPDATE bookings SET state = 'in_use'"))
        await tx.execute(
            sa.text("UPDATE simulated_orders SET capture_before = now() - interval '1 hour' WHERE standing = 'held'")
        )
    await till.work()
    await till.work()
    books = await ledger(till)
    assert (await till.in_till(), books["renter"]) == (0, booking["price"]["total"]["minor"])
    assert "holds_at_gateway" not in books
