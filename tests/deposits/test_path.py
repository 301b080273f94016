"""The usual path: paid by card, saved, held before the start, needed to leave, given back after the claim window."""

from datetime import timedelta

from tests.deposits.conftest import HELD, Vault
from tests.people import Person, at
from votremachine.bookings.jobs import complete_returned
from votremachine.deposits.rules import State
from votremachine.payments.gateway import Standing


async def test_from_the_confirmation_to_the_release(vault: Vault, renter: Person, owner: Person, tractor: str) -> None:
    booking = await vault.confirmed(tractor, day=3)
    await vault.work()
    saved = await vault.deposit(booking)
    assert (saved.state, saved.amount.minor, saved.held, saved.next_at) == (State.SAVED, HELD, 0, at(2))
    assert await vault.orders(booking) == []

    await vault.shifted(booking, timedelta(days=-3))
    early = await owner.act(booking["id"], "check_out")
    assert (early.status_code, early.json()["code"], early.json()["state"]) == (409, "deposit_missing", "saved")

    await vault.work()
    held = await vault.deposit(booking)
    assert (held.state, held.held) == (State.AUTHORISED, HELD)
    (movement,) = await vault.movements(booking)
    assert (movement.standing, movement.amount.minor) == (Standing.HELD, HELD)
    assert held.capture_before == movement.capture_before
    assert await vault.told(renter) == ["DepositHeld"]

    out = await owner.act(booking["id"], "check_out")
    assert (out.status_code, out.json()["state"]) == (200, "in_use"), out.text
    back = await owner.act(booking["id"], "check_in", {})
    assert back.status_code == 200, back.text
    await vault.work(at(0) + timedelta(days=2, hours=2))
    assert await complete_returned(vault.context) == 1
    await vault.work()
    over = await vault.deposit(booking)
    assert (over.state, over.captured, over.released) == (State.RELEASED, 0, HELD)
    (movement,) = await vault.movements(booking)
    assert (movement.standing, movement.captured) == (Standing.RELEASED, 0)
    assert await vault.told(renter) == ["DepositHeld", "DepositReleased"]
