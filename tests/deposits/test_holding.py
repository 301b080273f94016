"""What the sweep asks of cards, and what people are told: held, refused, renewed, lapsed, or taken for real."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from tests.deposits.conftest import HELD, Vault
from tests.people import Json, Person, at
from votremachine.deposits.jobs import keep_deposits
from votremachine.deposits.rules import State, Way
from votremachine.deposits.service import holding
from votremachine.infra.outbox import drain
from votremachine.payments.gateway import Standing
from votremachine.payments.instruments import service as instruments
from votremachine.payments.orders.carrying import carry_out
from votremachine.payments.orders.events import OrderSettled
from votremachine.payments.orders.jobs import carry_out_orders
from votremachine.payments.orders.rules import Purpose, What
from votremachine.payments.orders.settling import take_due
from votremachine.worker import HANDLERS

DAY = timedelta(days=1)


async def standing_holds(vault: Vault, booking: Json) -> int:
    return sum(one.standing is Standing.HELD for one in await vault.movements(booking))


async def test_a_card_that_wants_its_holder_fails_and_both_are_told(
    vault: Vault, renter: Person, owner: Person, tractor: str
) -> None:
    booking = await vault.confirmed_with_proof(tractor, "tok_needs_authentication")
    await vault.work(at(2, 1))
    deposit = await vault.deposit(booking)
    assert (deposit.state, deposit.failure, deposit.next_at) == (State.FAILED, "needs_authentication", None)
    assert await vault.told(renter) == await vault.told(owner) == ["DepositFailed"]


@pytest.mark.parametrize("token", ["tok_timeout_before", "tok_timeout_after", "tok_webhooks_twice"])
async def test_a_gateway_that_is_silent_holds_it_once(token: str, vault: Vault, renter: Person, tractor: str) -> None:
    booking = await vault.confirmed_whatever(tractor, token)
    await vault.work(at(2, 1))
    for minutes in (1, 2, 20):
        await vault.work(at(2, 1) + timedelta(minutes=minutes))
    assert (await vault.deposit(booking)).state is State.AUTHORISED
    assert [one.what for one in await vault.orders(booking)] == [What.HOLD]
    assert await standing_holds(vault, booking) == 1
    assert await vault.told(renter) == ["DepositHeld"]


async def test_it_is_renewed_before_it_lapses_and_the_old_hold_goes_back_only_then(
    vault: Vault, renter: Person, tractor: str
) -> None:
    booking = await vault.confirmed(tractor, days=14)
    await vault.work(at(2, 1))
    first = await vault.deposit(booking)
    assert first.capture_before is not None
    await vault.work(first.capture_before - timedelta(hours=25))
    assert await standing_holds(vault, booking) == 1
    vault.clock.turn_to(first.capture_before - timedelta(hours=23))
    await keep_deposits(vault.context)
    asked = await vault.deposit(booking)
    assert (asked.state, asked.order_id) == (State.AUTHORISED, first.order_id)
    await carry_out_orders(vault.context)
    assert await standing_holds(vault, booking) == 2, "the new one stands beside the old one for a moment"
    await vault.work()
    renewed = await vault.deposit(booking)
    assert renewed.order_id != first.order_id
    assert renewed.capture_before is not None
    assert renewed.capture_before > first.capture_before
    assert await standing_holds(vault, booking) == 1
    assert [one.what for one in await vault.orders(booking)] == [What.HOLD, What.HOLD, What.RELEASE]
    assert await vault.told(renter) == ["DepositHeld"], "a renewal is no news"
    books = await vault.books()
    assert (books["holds_at_gateway"], books["holds_owed"]) == (HELD, -HELD)


async def test_a_renewal_that_fails_is_told_at_once_and_tried_until_it_lapses(
    vault: Vault, renter: Person, owner: Person, tractor: str
) -> None:
    booking = await vault.confirmed(tractor, "tok_declines_renewal", days=14)
    # The rental itself was charged with it: its first hold is the deposit's.
    await vault.work(at(2, 1))
    first = await vault.deposit(booking)
    assert (first.state, first.attempts) == (State.AUTHORISED, 0)
    assert first.capture_before is not None
    await vault.work(first.capture_before - timedelta(hours=23))
    lapsing = await vault.deposit(booking)
    assert (lapsing.state, lapsing.failure, lapsing.attempts) == (State.AUTHORISED, "declined", 1)
    assert await vault.told(renter) == await vault.told(owner) == ["DepositHeld", "DepositLapsing"]
    await vault.work(first.capture_before - timedelta(hours=20))
    assert (await vault.deposit(booking)).attempts == 2
    assert await vault.told(renter) == ["DepositHeld", "DepositLapsing"], "told once"
    await vault.work(first.capture_before)
    lapsed = await vault.deposit(booking)
    assert (lapsed.state, lapsed.held, lapsed.order_id) == (State.LAPSED, 0, None)
    assert await vault.told(owner) == ["DepositHeld", "DepositLapsing", "DepositLapsed"]
    assert "holds_at_gateway" not in await vault.books()
    assert lapsed.next_at is not None, "tried again"


async def test_a_rental_that_outlives_every_hold_is_paid_for_real_and_paid_back(
    vault: Vault, renter: Person, owner: Person, tractor: str
) -> None:
    booking = await vault.confirmed(tractor, days=55)
    await vault.work(at(2, 1))
    held = await vault.deposit(booking)
    assert (held.way, held.capture_before is not None) == (Way.HOLD, True)
    # The gateway promises holds of 30 days, and this card's live for 7.
    assert held.capture_before is not None
    await vault.work(held.capture_before - timedelta(hours=23))
    taken = await vault.deposit(booking)
    assert (taken.state, taken.way, taken.capture_before) == (State.AUTHORISED, Way.PAYMENT, None)
    assert await standing_holds(vault, booking) == 0
    assert (await vault.books())["deposits"] == -HELD
    assert (await owner.act(booking["id"], "cancel", {})).status_code == 200
    await vault.work()
    assert (await vault.deposit(booking)).state is State.RELEASED
    assert sum(one.captured - one.refunded for one in await vault.movements(booking)) == 0
    assert "deposits" not in await vault.books()


async def test_two_sweepers_at_once_ask_once(vault: Vault, tractor: str) -> None:
    bookings = [await vault.confirmed(tractor, day=3 + 2 * one) for one in range(3)]
    vault.clock.turn_to(at(6, 1))
    await asyncio.gather(*(keep_deposits(vault.context) for _ in range(6)))
    await vault.work()
    counts = [len(await vault.orders(booking)) for booking in bookings]
    assert counts == [1, 1, 1]


async def ask_as_read_before(vault: Vault, booking: Json, times: int) -> None:
    """What sweepers would do who had all read the deposit before any of them wrote: without the row's lock."""
    stale = await vault.deposit(booking)
    assert stale.instrument_id is not None
    for _ in range(times):
        async with vault.database.begin() as tx:
            card = (await instruments.by_ids(tx, [stale.instrument_id]))[stale.instrument_id]
            await holding.ask(tx, stale, card, Way.HOLD, asked_by=None)


async def test_without_the_lock_the_index_refuses_the_second_and_without_both_two_are_held(
    vault: Vault, tractor: str
) -> None:
    """The control."""
    booking = await vault.confirmed(tractor)
    vault.clock.turn_to(at(2, 1))
    with pytest.raises(IntegrityError, match="payment_orders_under_way_idx"):
        await ask_as_read_before(vault, booking, 2)
    async with vault.database.begin() as tx:
        made = (await tx.execute(sa.text("SELECT pg_get_indexdef('payment_orders_under_way_idx'::regclass)"))).scalar()
        await tx.execute(sa.text("DROP INDEX payment_orders_under_way_idx"))
    try:
        await ask_as_read_before(vault, booking, 1)
        await carry_out_orders(vault.context)
        assert await standing_holds(vault, booking) == 2
    finally:
        async with vault.database.begin() as tx:
            await tx.execute(sa.text("DELETE FROM payment_orders WHERE purpose = 'deposit'"))
            await tx.execute(sa.text(str(made)))


async def test_a_crash_between_the_order_and_its_outcome_is_finished(vault: Vault, tractor: str) -> None:
    booking = await vault.confirmed(tractor)
    vault.clock.turn_to(at(2, 1))
    await keep_deposits(vault.context)
    async with vault.database.begin() as tx:
        (order,) = await take_due(tx)
    await carry_out(vault.gateway, order)  # and the worker is gone
    await vault.work()
    assert (await vault.deposit(booking)).state is State.SAVED, "its lease still runs"
    await vault.work(at(2, 1) + timedelta(minutes=2))
    assert (await vault.deposit(booking)).state is State.AUTHORISED
    assert len(await vault.movements(booking)) == 1


async def test_an_outcome_that_is_told_twice_counts_once(vault: Vault, renter: Person, tractor: str) -> None:
    booking = await vault.confirmed(tractor, days=14)
    await vault.work(at(2, 1))
    first = await vault.deposit(booking)
    assert first.capture_before is not None
    await vault.work(first.capture_before - timedelta(hours=23))
    before = await vault.deposit(booking)
    holds = [one for one in await vault.orders(booking) if one.what is What.HOLD]
    for order in holds * 2:
        async with vault.database.begin() as tx:
            tx.publish(
                OrderSettled(
                    order_id=order.id,
                    purpose=Purpose.DEPOSIT,
                    subject_id=before.id,
                    booking_id=UUID(booking["id"]),
                )
            )
    await vault.work()
    assert await vault.deposit(booking) == before
    assert [one.what for one in await vault.orders(booking)] == [What.HOLD, What.HOLD, What.RELEASE]


async def test_the_sweep_follows_an_outcome_that_nobody_handed_on_yet(vault: Vault, tractor: str) -> None:
    booking = await vault.confirmed(tractor)
    vault.clock.turn_to(at(2, 1))
    await keep_deposits(vault.context)
    await carry_out_orders(vault.context)
    async with vault.database.begin() as tx:
        await tx.execute(sa.text("UPDATE outbox SET due_at = due_at + interval '1 hour'"))
        await tx.execute(sa.text("UPDATE deposits SET next_at = :now"), {"now": tx.now})
    await keep_deposits(vault.context)
    assert (await vault.deposit(booking)).state is State.AUTHORISED
    await vault.work(at(2, 3))
    assert len(await vault.orders(booking)) == 1


async def test_called_off_while_the_hold_is_under_way_the_money_comes_back(
    vault: Vault, renter: Person, tractor: str
) -> None:
    booking = await vault.confirmed(tractor)
    vault.clock.turn_to(at(2, 1))
    await keep_deposits(vault.context)
    assert (await renter.act(booking["id"], "cancel", {})).status_code == 200
    await drain(vault.database, HANDLERS)
    over = await vault.deposit(booking)
    assert (over.state, over.held, over.released) == (State.RELEASED, 0, 0)
    await vault.work()
    (movement,) = await vault.movements(booking)
    assert movement.standing is Standing.RELEASED
    assert [one.what for one in await vault.orders(booking)] == [What.HOLD, What.RELEASE]
    assert "holds_at_gateway" not in await vault.books()
