"""The renter gives a card: kept for later or asked at once, with proof, declined, silent; and who need not give one."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest

from tests.deposits.conftest import HELD, Vault, decides
from tests.people import Json, Person, World, at
from votremachine.deposits.rules import State
from votremachine.payments.gateway import Standing
from votremachine.payments.orders.rules import What


async def gives(renter: Person, booking: Json, card: str, key: str | None = None) -> httpx.Response:
    headers = {"Idempotency_Key": key or str(uuid4())}
    return await renter.post(f"/bookings/{booking['id']}/deposit", {"instrument_id": card}, **headers)


async def proved_card(vault: Vault, renter: Person) -> str:
    kept = await renter.made(f"/parties/{renter.party_id}/instruments", {"token": "tok_needs_authentication"})
    await vault.gateway.authenticate(kept["client_secret"], ok=True)
    await renter.made(f"/instruments/{kept['id']}/prove")
    return str(kept["id"])


async def failed(vault: Vault, machine: str) -> Json:
    """A booking of now whose deposit its card refused."""
    booking = await vault.confirmed_with_proof(machine, "tok_needs_authentication")
    await vault.shifted(booking, timedelta(days=-3))
    await vault.work()
    assert (await vault.deposit(booking)).state is State.FAILED
    return booking


async def test_a_card_given_early_is_only_kept(vault: Vault, renter: Person, tractor: str) -> None:
    booking = await vault.confirmed(tractor)
    other = await vault.card("tok_mastercard")
    answer = await gives(renter, booking, other)
    assert (answer.status_code, answer.json()["state"]) == (200, "saved"), answer.text
    assert answer.json()["card"] == {"brand": "mastercard", "last4": "4444"}
    assert await vault.orders(booking) == []
    await vault.work(at(2, 1))
    assert str((await vault.deposit(booking)).instrument_id) == other


async def test_another_card_makes_up_for_the_one_that_refused(
    vault: Vault, renter: Person, owner: Person, tractor: str
) -> None:
    booking = await failed(vault, tractor)
    refused = await owner.act(booking["id"], "check_out")
    assert (refused.status_code, refused.json()["state"]) == (409, "failed")
    key, card = str(uuid4()), await vault.card()
    answer = await gives(renter, booking, card, key)
    assert (answer.status_code, answer.json()["state"], answer.json()["live"]) == (200, "authorised", True), answer.text
    again = await gives(renter, booking, card, key)
    assert (again.content, again.headers["Idempotency-Replayed"]) == (answer.content, "true")
    anew = await gives(renter, booking, card)
    assert (anew.status_code, anew.json()["state"]) == (200, "authorised")
    holds = [one for one in await vault.movements(booking) if one.standing is Standing.HELD]
    assert len(holds) == 1
    assert (await owner.act(booking["id"], "check_out")).status_code == 200


async def test_the_same_card_again_with_its_holder_there(vault: Vault, renter: Person, tractor: str) -> None:
    booking = await failed(vault, tractor)
    card, key = str((await vault.deposit(booking)).instrument_id), str(uuid4())
    asked = await gives(renter, booking, card, key)
    assert (asked.status_code, asked.json()["requires_action"]) == (202, True), asked.text
    assert (await gives(renter, booking, card, key)).json() == asked.json()
    await vault.gateway.authenticate(asked.json()["client_secret"], ok=True)
    answer = await gives(renter, booking, card, key)
    assert (answer.status_code, answer.json()["state"]) == (200, "authorised"), answer.text


async def test_a_card_whose_holder_went_away_gives_way_to_another(vault: Vault, renter: Person, tractor: str) -> None:
    booking = await failed(vault, tractor)
    asked = await gives(renter, booking, await proved_card(vault, renter))
    assert asked.status_code == 202, asked.text
    answer = await gives(renter, booking, await vault.card())
    assert (answer.status_code, answer.json()["state"]) == (200, "authorised"), answer.text
    await vault.work()
    standings = [one.standing for one in await vault.movements(booking)]
    assert standings.count(Standing.HELD) == 1
    assert Standing.RELEASED in standings, "nobody can prove the other one any more"


async def test_proved_just_as_it_was_given_up_the_money_goes_back(vault: Vault, renter: Person, tractor: str) -> None:
    booking = await failed(vault, tractor)
    asked = await gives(renter, booking, await proved_card(vault, renter))
    assert (await gives(renter, booking, await vault.card())).status_code == 200
    await vault.gateway.authenticate(asked.json()["client_secret"], ok=True)
    await vault.work()
    standings = [one.standing for one in await vault.movements(booking)]
    assert standings.count(Standing.HELD) == 1
    assert [one.what for one in await vault.orders(booking)].count(What.RELEASE) == 1


async def test_who_never_proves_it_is_waited_for_a_quarter_of_an_hour(
    vault: Vault, renter: Person, tractor: str
) -> None:
    booking = await failed(vault, tractor)
    assert (await gives(renter, booking, await proved_card(vault, renter))).status_code == 202
    await vault.work(vault.clock() + timedelta(minutes=16))
    deposit = await vault.deposit(booking)
    assert (deposit.state, deposit.asked_id) == (State.FAILED, None)
    assert Standing.REQUIRES_ACTION not in [one.standing for one in await vault.movements(booking)]


async def test_declined_it_says_why_and_another_may_follow(vault: Vault, renter: Person, tractor: str) -> None:
    booking = await failed(vault, tractor)
    refused = await gives(renter, booking, await vault.card("tok_insufficient_funds"))
    assert (refused.status_code, refused.json()["reason"]) == (402, "insufficient_funds"), refused.text
    deposit = await vault.deposit(booking)
    assert (deposit.state, deposit.failure) == (State.FAILED, "insufficient_funds")
    assert (await gives(renter, booking, await vault.card())).status_code == 200


@pytest.mark.parametrize("token", ["tok_timeout_before", "tok_timeout_after"])
async def test_silence_is_asked_again(token: str, vault: Vault, renter: Person, tractor: str) -> None:
    booking = await failed(vault, tractor)
    card, key = await vault.card(token), str(uuid4())
    silent = await gives(renter, booking, card, key)
    assert (silent.status_code, silent.json()["code"]) == (503, "gateway_silent"), silent.text
    other = await gives(renter, booking, await vault.card())
    assert (other.status_code, other.json()["code"]) == (409, "payment_under_way")
    answer = await gives(renter, booking, card, key)
    assert (answer.status_code, answer.json()["state"]) == (200, "authorised"), answer.text
    assert len([one for one in await vault.movements(booking) if one.standing is Standing.HELD]) == 1


async def test_eight_at_once_hold_once(vault: Vault, renter: Person, tractor: str) -> None:
    booking, card = await failed(vault, tractor), await vault.card()
    answers = await asyncio.gather(*(gives(renter, booking, card) for _ in range(8)))
    assert {answer.status_code for answer in answers} <= {200, 503}, [answer.text for answer in answers]
    await vault.work()
    assert len([one for one in await vault.movements(booking) if one.standing is Standing.HELD]) == 1


async def test_only_the_renters_own_card(vault: Vault, renter: Person, owner: Person, tractor: str) -> None:
    booking = await vault.confirmed(tractor)
    theirs = await owner.made(f"/parties/{owner.party_id}/instruments", {"token": "tok_visa"})
    assert (await gives(renter, booking, theirs["id"])).status_code == 404
    assert (await gives(owner, booking, theirs["id"])).status_code == 403


async def test_members_are_exempt_unless_their_cooperative_says_otherwise(
    vault: Vault, world: World, renter: Person, cooperative: Person
) -> None:
    tractor = await world.machine(cooperative)
    exempt = await renter.booked([tractor], at(0, 1), at(0, 3))
    assert (await renter.get(f"/bookings/{exempt['id']}/deposit")).status_code == 404
    assert (await cooperative.act(exempt["id"], "check_out")).status_code == 200

    changed = await decides(cooperative, give=True)
    assert (changed.status_code, changed.json()["members_give_deposits"]) == (200, True), changed.text
    booked = [await renter.booked([tractor], at(5), at(6))]
    held = (await renter.book([tractor], at(8), at(9))).json()
    confirmed = await renter.act(held["id"], "confirm", {"payment": "on_account"})
    assert confirmed.status_code == 200, confirmed.text
    for booking in (*booked, held):
        found = (await renter.get(f"/bookings/{booking['id']}/deposit")).json()
        assert (found["state"], found["amount"]["minor"], found["live"]) == ("required", HELD, False)
    await vault.work()
    assert await vault.told(renter) == ["DepositRequired"] * 2
    saved = await gives(renter, held, await vault.card())
    assert (saved.status_code, saved.json()["state"]) == (200, "saved"), saved.text
    await vault.work(at(7, 1))
    assert (await vault.deposit(held)).state is State.AUTHORISED
    assert await vault.told(renter) == ["DepositRequired"] * 3 + ["DepositHeld"], "reminded a day before"


async def test_a_member_without_a_deposit_does_not_leave(
    vault: Vault, world: World, renter: Person, cooperative: Person
) -> None:
    tractor = await world.machine(cooperative)
    await decides(cooperative, give=True)
    booking = await renter.booked([tractor], at(0, 1), at(0, 3))
    refused = await cooperative.act(booking["id"], "check_out")
    assert (refused.status_code, refused.json()["state"]) == (409, "required"), refused.text
    given = await gives(renter, booking, await vault.card())
    assert (given.status_code, given.json()["state"]) == (200, "authorised"), given.text
    assert (await cooperative.act(booking["id"], "check_out")).status_code == 200


async def test_another_card_that_refuses_leaves_what_is_live_alone(vault: Vault, renter: Person, tractor: str) -> None:
    booking = await vault.confirmed(tractor, day=0.9)
    await vault.work()
    live = await vault.deposit(booking)
    refused = await gives(renter, booking, await vault.card("tok_declined"))
    assert refused.status_code == 402, refused.text
    asked = await gives(renter, booking, await proved_card(vault, renter))
    assert asked.status_code == 202, asked.text
    await vault.work(vault.clock() + timedelta(minutes=16))
    same = await vault.deposit(booking)
    assert (same.order_id, same.instrument_id) == (live.order_id, live.instrument_id)
    assert (same.attempts, same.failure) == (0, "")
    assert await vault.told(renter) == ["DepositHeld"]
    swapped = await gives(renter, booking, await vault.card("tok_mastercard"))
    assert (swapped.status_code, swapped.json()["card"]["last4"]) == (200, "4444"), swapped.text
    await vault.work()
    assert [one.standing for one in await vault.movements(booking)].count(Standing.HELD) == 1
