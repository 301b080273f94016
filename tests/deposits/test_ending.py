"""How deposits end: called off, declined, waived, kept by a claim, captured; and how they follow a booking's times."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from tests.deposits.conftest import HELD, Vault, decides
from tests.people import Json, Person, World, at
from votremachine.accounts.rules import Actor
from votremachine.bookings.jobs import complete_returned, expire_provisional
from votremachine.bookings.rules import Wish, WishKind
from votremachine.bookings.service import move, reading
from votremachine.deposits.jobs import keep_deposits
from votremachine.deposits.rules import DepositNotLive, DepositOver, MoreThanHeld, State, Way
from votremachine.deposits.service import capturing, ending
from votremachine.infra.database import Tx
from votremachine.kernel.money import Money
from votremachine.payments.gateway import Standing
from votremachine.payments.orders.jobs import carry_out_orders
from votremachine.payments.orders.rules import What

CLAIM, OTHER = uuid4(), uuid4()


async def held(vault: Vault, machine: str, *, days: float = 1) -> Json:
    booking = await vault.confirmed(machine, days=days)
    await vault.work(at(2, 1))
    assert (await vault.deposit(booking)).state is State.AUTHORISED
    return booking


async def do(vault: Vault, verb: Any, booking: Json, *more: Any) -> None:
    async with vault.database.begin() as tx:
        await verb(tx, UUID(booking["id"]), *more)


@pytest.mark.parametrize("is_held", [False, True])
async def test_called_off_it_is_given_back(
    is_held: bool, vault: Vault, renter: Person, owner: Person, tractor: str
) -> None:
    booking = await (held if is_held else Vault.confirmed)(vault, tractor)
    assert (await renter.act(booking["id"], "cancel", {})).status_code == 200
    await vault.work()
    over = await vault.deposit(booking)
    assert (over.state, over.held, over.released) == (State.RELEASED, HELD * is_held, HELD * is_held)
    assert [one.what for one in await vault.orders(booking)] == [What.HOLD, What.RELEASE] * is_held
    assert "holds_at_gateway" not in await vault.books()
    told = (await renter.get("/inbox")).json()["items"]
    (text,) = [one["text"] for one in told if one["kind"] == "DepositReleased"]
    assert ("given back" in text) == is_held, "nothing is given back of what was never held"


@pytest.mark.parametrize("how", ["declined", "expired"])
async def test_a_request_in_vain_gives_it_back(
    how: str, vault: Vault, world: World, renter: Person, owner: Person
) -> None:
    booking = await vault.confirmed(await world.machine(owner, booking_mode="on_request"), day=0.5)
    await vault.work()
    assert (booking["state"], (await vault.deposit(booking)).state) == ("requested", State.AUTHORISED)
    if how == "declined":
        assert (await owner.act(booking["id"], "decline", {})).status_code == 200
    else:
        vault.clock.turn_to(at(0, 12))
        await expire_provisional(vault.context)
    await vault.work()
    assert (await vault.deposit(booking)).state is State.RELEASED
    assert {one.standing for one in await vault.movements(booking)} == {Standing.RELEASED}


async def test_nobody_came_it_is_given_back(vault: Vault, owner: Person, tractor: str) -> None:
    booking = await held(vault, tractor)
    await vault.shifted(booking, timedelta(days=-3, hours=-1))
    assert (await owner.act(booking["id"], "no_show", {})).status_code == 200
    await vault.work()
    assert (await vault.deposit(booking)).state is State.RELEASED


async def waives(owner: Person, booking: Json, reason: str = "Je le connais.") -> httpx.Response:
    return await owner.post(f"/bookings/{booking['id']}/deposit/waive", {"reason": reason})


async def test_the_owner_does_without_it_in_writing(vault: Vault, renter: Person, owner: Person, tractor: str) -> None:
    booking = await held(vault, tractor)
    for nothing in ("", "  \n "):
        assert (await waives(owner, booking, nothing)).status_code == 422
    assert (await waives(renter, booking)).status_code == 403
    answer = await waives(owner, booking)
    assert answer.status_code == 200, answer.text
    me = (await owner.get("/me")).json()["id"]
    for side in (owner, renter):
        waiver = (await side.get(f"/bookings/{booking['id']}/deposit")).json()["waiver"]
        assert (waiver["by"], waiver["reason"]) == (me, "Je le connais.")
    assert (await waives(owner, booking)).json()["code"] == "deposit_over"
    await vault.work()
    assert {one.standing for one in await vault.movements(booking)} == {Standing.RELEASED}
    assert (await vault.told(renter))[-1] == "DepositWaived"
    await vault.shifted(booking, timedelta(days=-3))
    assert (await owner.act(booking["id"], "check_out")).status_code == 200


async def returned(vault: Vault, owner: Person, booking: Json) -> datetime:
    """The machine went out and came back; when the claim window is over."""
    await vault.shifted(booking, timedelta(days=-3))
    assert (await owner.act(booking["id"], "check_out")).status_code == 200
    assert (await owner.act(booking["id"], "check_in", {})).status_code == 200
    return at(2, 2)


async def test_an_open_claim_keeps_it_and_goes_on_renewing_it(
    vault: Vault, renter: Person, owner: Person, tractor: str
) -> None:
    booking = await held(vault, tractor)
    over = await returned(vault, owner, booking)
    for claim in (CLAIM, CLAIM, OTHER):
        await do(vault, ending.keep_open, booking, claim)
    assert (await waives(owner, booking)).json()["code"] == "deposit_under_claim"
    await vault.work(over)
    await complete_returned(vault.context)
    await vault.work()
    kept = await vault.deposit(booking)
    assert (kept.state, set(kept.claims)) == (State.AUTHORISED, {CLAIM, OTHER})
    assert kept.capture_before is not None
    await vault.work(kept.capture_before - timedelta(hours=23))
    assert (await vault.deposit(booking)).order_id != kept.order_id, "renewed"
    await do(vault, ending.let_go, booking, CLAIM)
    assert (await vault.deposit(booking)).state is State.AUTHORISED
    await do(vault, ending.let_go, booking, OTHER)
    await vault.work()
    assert (await vault.deposit(booking)).state is State.RELEASED
    with pytest.raises(DepositOver):
        await do(vault, ending.keep_open, booking, CLAIM)


async def test_a_claim_let_go_in_the_window_releases_nothing_yet(vault: Vault, owner: Person, tractor: str) -> None:
    booking = await held(vault, tractor)
    await returned(vault, owner, booking)
    await do(vault, ending.keep_open, booking, CLAIM)
    await do(vault, ending.let_go, booking, CLAIM)
    assert (await vault.deposit(booking)).state is State.AUTHORISED


@pytest.mark.parametrize(("minor", "state"), [(30_000, State.PARTIALLY_CAPTURED), (HELD, State.CAPTURED)])
async def test_what_a_claim_is_awarded_is_captured_once(
    minor: int, state: State, vault: Vault, renter: Person, tractor: str
) -> None:
    booking = await held(vault, tractor)
    before = (await vault.books())["gateway"]
    await do(vault, ending.keep_open, booking, CLAIM)
    for _ in range(2):
        await do(vault, capturing.capture, booking, Money(minor), CLAIM)
    await vault.work()
    await do(vault, capturing.capture, booking, Money(minor), CLAIM)
    await vault.work()
    taken = await vault.deposit(booking)
    assert (taken.state, taken.captured, taken.released, taken.captured_for) == (state, minor, HELD - minor, CLAIM)
    (movement,) = await vault.movements(booking)
    assert (movement.standing, movement.captured) == (Standing.SUCCEEDED, minor)
    books = await vault.books()
    assert (books["gateway"] - before, books["renter"]) == (minor, -minor)
    assert "holds_at_gateway" not in books
    assert (await vault.told(renter))[-1] == "DepositCaptured"
    with pytest.raises(DepositNotLive):
        await do(vault, capturing.capture, booking, Money(1), OTHER)


async def test_never_more_than_is_held(vault: Vault, tractor: str) -> None:
    booking = await held(vault, tractor)
    for minor in (0, HELD + 1):
        with pytest.raises(MoreThanHeld):
            await do(vault, capturing.capture, booking, Money(minor), CLAIM)
    await do(vault, capturing.capture, booking, Money(1), CLAIM)
    with pytest.raises(DepositNotLive):
        await do(vault, capturing.capture, booking, Money(1), OTHER)
    async with vault.database.begin() as tx:
        with pytest.raises(IntegrityError, match="conserved"):
            await tx.execute(sa.text("UPDATE deposits SET state = 'captured', captured = held + 1, captured_for = id"))
        await tx.execute(sa.text("ROLLBACK"))


async def test_captured_while_a_renewal_is_under_way_the_new_hold_goes_back(vault: Vault, tractor: str) -> None:
    booking = await held(vault, tractor, days=14)
    first = await vault.deposit(booking)
    assert first.capture_before is not None
    vault.clock.turn_to(first.capture_before - timedelta(hours=23))
    await keep_deposits(vault.context)
    await do(vault, capturing.capture, booking, Money(40_000), CLAIM)
    await vault.work()
    assert (await vault.deposit(booking)).state is State.PARTIALLY_CAPTURED
    standings = [(one.standing, one.captured) for one in await vault.movements(booking)]
    assert standings == [(Standing.SUCCEEDED, 40_000), (Standing.RELEASED, 0)]
    assert "holds_at_gateway" not in await vault.books()


async def test_a_capture_that_finds_nothing_left_is_an_incident(vault: Vault, owner: Person, tractor: str) -> None:
    booking = await held(vault, tractor)
    first = await vault.deposit(booking)
    assert first.capture_before is not None
    await do(vault, capturing.capture, booking, Money(40_000), CLAIM)
    vault.clock.turn_to(first.capture_before + timedelta(minutes=1))
    await vault.gateway.lapse()
    await carry_out_orders(vault.context)
    await vault.work()
    again = await vault.deposit(booking)
    assert (again.captured, again.captured_for) == (0, None)
    assert "DepositLapsed" in await vault.told(owner)


async def test_what_was_really_taken_is_kept_for_a_claim_and_the_rest_paid_back(vault: Vault, tractor: str) -> None:
    booking = await held(vault, tractor, days=55)
    first = await vault.deposit(booking)
    assert first.capture_before is not None
    await vault.work(first.capture_before - timedelta(hours=23))
    assert (await vault.deposit(booking)).way is Way.PAYMENT
    before = (await vault.books())["gateway"]
    for _ in range(2):
        await do(vault, capturing.capture, booking, Money(30_000), CLAIM)
    await vault.work()
    taken = await vault.deposit(booking)
    assert (taken.state, taken.captured, taken.released) == (State.PARTIALLY_CAPTURED, 30_000, HELD - 30_000)
    assert sum(one.captured - one.refunded for one in await vault.movements(booking)) == 30_000
    books = await vault.books()
    assert (books["gateway"] - before, books["renter"]) == (30_000 - HELD, -30_000)
    assert "deposits" not in books


async def changed(renter: Person, booking: Json, verb: str, body: Json) -> Json:
    tag = (await renter.get(f"/bookings/{booking['id']}")).headers["ETag"]
    answer = await renter.act(booking["id"], verb, body, If_Match=tag)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_it_follows_a_booking_that_is_moved(vault: Vault, renter: Person, tractor: str) -> None:
    booking = await vault.confirmed(tractor)
    await changed(renter, booking, "reschedule", {"start": at(10).isoformat(), "end": at(11).isoformat()})
    moved = await vault.deposit(booking)
    assert (moved.starts, moved.keep_until) == (at(10), at(13))
    await vault.work(at(8))
    assert (await vault.deposit(booking)).state is State.SAVED
    await vault.work(at(9, 1))
    assert (await vault.deposit(booking)).state is State.AUTHORISED


async def test_held_and_moved_far_off_it_is_given_back_until_then(
    vault: Vault, world: World, owner: Person, renter: Person
) -> None:
    booking = await vault.confirmed(await world.machine(owner, weather_hours=48), day=0.9)
    await vault.work()
    assert (await vault.deposit(booking)).state is State.AUTHORISED
    await changed(
        renter, booking, "reschedule", {"start": at(9.9).isoformat(), "end": at(10.9).isoformat(), "reason": "weather"}
    )
    await vault.work()
    assert (await vault.deposit(booking)).state is State.SAVED
    assert {one.standing for one in await vault.movements(booking)} == {Standing.RELEASED}
    await vault.work(at(9, 1))
    again = await vault.deposit(booking)
    assert (again.state, again.held) == (State.AUTHORISED, HELD)
    assert [one.standing for one in await vault.movements(booking)].count(Standing.HELD) == 1


async def test_extended_while_its_renewal_is_under_way_one_hold_stays(
    vault: Vault, world: World, renter: Person, cooperative: Person
) -> None:
    await decides(cooperative, give=True)
    booking = await renter.booked([await world.machine(cooperative)], at(3), at(17))
    given = {"instrument_id": await vault.card()}
    assert (await renter.post(f"/bookings/{booking['id']}/deposit", given, Idempotency_Key="1")).status_code == 200
    await vault.work(at(2, 1))
    first = await vault.deposit(booking)
    assert first.capture_before is not None
    vault.clock.turn_to(first.capture_before - timedelta(hours=23))
    await keep_deposits(vault.context)
    wish = Wish(WishKind.EXTEND, booking["version"], at(20))

    async def longer(tx: Tx, who: Actor) -> None:
        locked = await reading.load_locked(tx, UUID(booking["id"]))
        await move.carry_out(tx, who, await move.weigh(tx, who, locked, wish))

    await vault.does(renter, longer)
    await keep_deposits(vault.context)
    await vault.work()
    renewed = await vault.deposit(booking)
    assert (renewed.keep_until, renewed.asked_id) == (at(22), None)
    assert [one.standing for one in await vault.movements(booking)] == [Standing.RELEASED, Standing.HELD]


async def test_moved_far_off_while_a_hold_is_under_way_it_goes_back_and_nothing_else_is_asked_meanwhile(
    vault: Vault, world: World, owner: Person, renter: Person
) -> None:
    booking = await vault.confirmed(await world.machine(owner, weather_hours=336), day=0.9)
    await keep_deposits(vault.context)
    await changed(
        renter, booking, "reschedule", {"start": at(9.9).isoformat(), "end": at(10.9).isoformat(), "reason": "weather"}
    )
    await changed(
        renter, booking, "reschedule", {"start": at(0.9).isoformat(), "end": at(1.9).isoformat(), "reason": "weather"}
    )
    await keep_deposits(vault.context)
    assert len(await vault.orders(booking)) == 1
    await vault.work()
    await vault.work(vault.clock() + timedelta(minutes=16))
    deposit = await vault.deposit(booking)
    assert deposit.state is State.AUTHORISED
    assert [one.standing for one in await vault.movements(booking)] == [Standing.RELEASED, Standing.HELD]


async def test_a_capture_and_its_claim_let_go_at_once_release_nothing(
    vault: Vault, owner: Person, tractor: str
) -> None:
    booking = await held(vault, tractor)
    over = await returned(vault, owner, booking)
    await do(vault, ending.keep_open, booking, CLAIM)
    await vault.work(over)
    await complete_returned(vault.context)
    await vault.work()
    async with vault.database.begin() as tx:
        await capturing.capture(tx, UUID(booking["id"]), Money(40_000), CLAIM)
        await ending.let_go(tx, UUID(booking["id"]), CLAIM)
    await vault.work()
    taken = await vault.deposit(booking)
    assert (taken.state, taken.captured) == (State.PARTIALLY_CAPTURED, 40_000)
    assert [one.what for one in await vault.orders(booking)] == [What.HOLD, What.CAPTURE]
