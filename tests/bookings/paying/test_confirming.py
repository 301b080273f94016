"""Confirming by card: what the renter is told, what the gateway took, and what is finished or undone by the worker."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from tests.bookings.paying.conftest import Till
from tests.people import Json, Person
from votremachine.accounts.service import absent
from votremachine.bookings.paying import service
from votremachine.infra.database import Database, utc_now
from votremachine.payments.gateway import Standing
from votremachine.payments.orders.carrying import carry_out
from votremachine.payments.orders.rules import PaymentOrder


def paid(card: str) -> Json:
    return {"payment": "card", "instrument_id": card}


async def state(renter: Person, booking: Json) -> str:
    return str((await renter.get(f"/bookings/{booking['id']}")).json()["state"])


async def test_a_card_pays_and_the_booking_stands(till: Till, renter: Person, tractor: str) -> None:
    card, booking = await till.card(), await till.held(tractor)
    key = str(uuid4())
    answer = await renter.act(booking["id"], "confirm", paid(card), Idempotency_Key=key)
    assert (answer.status_code, answer.json()["state"]) == (200, "confirmed"), answer.text
    assert (answer.json()["on_account"], answer.json()["expires_at"]) == (False, None)
    again = await renter.act(booking["id"], "confirm", paid(card), Idempotency_Key=key)
    assert (again.status_code, again.content, again.headers["Idempotency-Replayed"]) == (200, answer.content, "true")
    # Whoever lost the key as well learns that it is paid.
    anew = await renter.act(booking["id"], "confirm", paid(card))
    assert (anew.status_code, anew.json()["state"]) == (200, "confirmed")
    await till.work()
    (movement,) = await till.movements()
    assert (movement.standing, movement.captured, movement.refunded) == (
        Standing.SUCCEEDED,
        booking["price"]["total"]["minor"],
        0,
    )


async def test_for_a_machine_on_request_the_money_is_set_aside(till: Till, renter: Person, on_request: str) -> None:
    card, booking = await till.card(), await till.held(on_request)
    answer = await renter.act(booking["id"], "confirm", paid(card))
    assert (answer.status_code, answer.json()["state"]) == (200, "requested"), answer.text
    (movement,) = await till.movements()
    assert (movement.standing, movement.captured) == (Standing.HELD, 0)


@pytest.mark.parametrize("token", ["tok_declined", "tok_insufficient_funds", "tok_expired"])
async def test_a_declined_card_leaves_the_hold_to_another_one(
    token: str, till: Till, renter: Person, tractor: str
) -> None:
    card, booking = await till.card(token), await till.held(tractor)
    key = str(uuid4())
    refused = await renter.act(booking["id"], "confirm", paid(card), Idempotency_Key=key)
    assert (refused.status_code, refused.json()["code"]) == (402, "card_declined"), refused.text
    assert await state(renter, booking) == "held"
    good = await till.card()
    answer = await renter.act(booking["id"], "confirm", paid(good))
    assert answer.json()["state"] == "confirmed", answer.text
    assert await till.in_till() == booking["price"]["total"]["minor"]


async def test_the_cardholder_proves_who_they_are_and_confirms_again(till: Till, renter: Person, tractor: str) -> None:
    kept = await renter.made(f"/parties/{renter.party_id}/instruments", {"token": "tok_needs_authentication"})
    card, booking, key = kept["id"], await till.held(tractor), str(uuid4())
    early = await renter.act(booking["id"], "confirm", paid(card))
    assert (early.status_code, early.json()["code"]) == (409, "instrument_not_ready")
    assert (await renter.made(f"/instruments/{card}/prove"))["state"] == "requires_action"
    await till.gateway.authenticate(kept["client_secret"], ok=True)
    assert (await renter.made(f"/instruments/{card}/prove"))["state"] == "ready"
    asked = await renter.act(booking["id"], "confirm", paid(card), Idempotency_Key=key)
    assert (asked.status_code, asked.json()["requires_action"]) == (202, True), asked.text
    waiting = await renter.act(booking["id"], "confirm", paid(card), Idempotency_Key=key)
    assert (waiting.status_code, waiting.json()) == (202, asked.json())
    other = await renter.act(booking["id"], "confirm", paid(await till.card()))
    assert (other.status_code, other.json()["code"]) == (409, "payment_under_way")
    await till.gateway.authenticate(asked.json()["client_secret"], ok=True)
    answer = await renter.act(booking["id"], "confirm", paid(card), Idempotency_Key=key)
    assert (answer.status_code, answer.json()["state"]) == (200, "confirmed"), answer.text
    assert await till.in_till() == booking["price"]["total"]["minor"]


@pytest.mark.parametrize("token", ["tok_timeout_before", "tok_timeout_after"])
async def test_a_gateway_that_says_nothing_is_asked_again_and_charges_once(
    token: str, till: Till, renter: Person, tractor: str
) -> None:
    card, booking = await till.card(token), await till.held(tractor)
    key = str(uuid4())
    silent = await renter.act(booking["id"], "confirm", paid(card), Idempotency_Key=key)
    assert (silent.status_code, silent.json()["code"]) == (503, "gateway_silent"), silent.text
    assert await state(renter, booking) == "held"
    answer = await renter.act(booking["id"], "confirm", paid(card), Idempotency_Key=key)
    assert (answer.status_code, answer.json()["state"]) == (200, "confirmed"), answer.text
    assert await till.in_till() == booking["price"]["total"]["minor"]


async def test_eight_at_once_charge_once(till: Till, renter: Person, tractor: str) -> None:
    card, booking = await till.card(), await till.held(tractor)
    answers = await asyncio.gather(*(renter.act(booking["id"], "confirm", paid(card)) for _ in range(8)))
    assert {answer.status_code for answer in answers} <= {200, 503}, [answer.text for answer in answers]
    assert 200 in {answer.status_code for answer in answers}
    await till.work()
    assert await state(renter, booking) == "confirmed"
    assert await till.in_till() == booking["price"]["total"]["minor"]


async def begun(till: Till, booking: Json, card: str) -> PaymentOrder:
    """A confirmation that got as far as its first commit."""
    async with till.database.begin() as tx:
        row = (await tx.rows(sa.text("SELECT person_id FROM instruments WHERE id = :id"), {"id": UUID(card)}))[0]
        who = await absent.person(tx, row.person_id)
        assert who is not None
        begun = await service.begin(tx, who, UUID(booking["id"]), UUID(card))
        assert isinstance(begun, service.Begun)
        return begun.order


async def due(database: Database) -> None:
    async with database.begin() as tx:
        await tx.execute(sa.text("UPDATE payment_orders SET next_at = now() WHERE next_at IS NOT NULL"))


@pytest.mark.parametrize("asked", [False, True])
async def test_a_crash_between_the_two_is_finished_by_the_worker(
    asked: bool, till: Till, renter: Person, tractor: str
) -> None:
    card, booking = await till.card(), await till.held(tractor)
    order = await begun(till, booking, card)
    if asked:
        await carry_out(till.gateway, order)
    await till.work()
    assert await state(renter, booking) == "held"  # it may still be at work: a minute is left to it
    await due(till.database)
    await till.work()
    assert await state(renter, booking) == "confirmed"
    assert await till.in_till() == booking["price"]["total"]["minor"]


@pytest.mark.parametrize("ending", ["lapsed", "cancelled"])
async def test_who_paid_for_what_does_not_stand_any_more_has_it_back(
    ending: str, till: Till, renter: Person, tractor: str
) -> None:
    card, booking = await till.card(), await till.held(tractor)
    order = await begun(till, booking, card)
    await carry_out(till.gateway, order)
    if ending == "cancelled":
        assert (await renter.act(booking["id"], "cancel", {})).status_code == 200
    else:
        past = utc_now() - timedelta(seconds=1)
        async with till.database.begin() as tx:
            await tx.execute(sa.text("UPDATE bookings SET expires_at = :past"), {"past": past})
            await tx.execute(sa.text("UPDATE occupancies SET expires_at = :past"), {"past": past})
    await due(till.database)
    await till.work()
    assert await state(renter, booking) in {"expired", "cancelled"}
    (movement,) = await till.movements()
    assert (movement.captured, movement.refunded) == (booking["price"]["total"]["minor"],) * 2
    free = await till.held(tractor)
    assert free["state"] == "held"


async def test_only_a_card_of_the_renter_pays(till: Till, renter: Person, owner: Person, tractor: str) -> None:
    booking = await till.held(tractor)
    theirs = await owner.made(f"/parties/{owner.party_id}/instruments", {"token": "tok_visa"})
    for card in (theirs["id"], str(uuid4())):
        refused = await renter.act(booking["id"], "confirm", paid(card))
        assert (refused.status_code, refused.json()["code"]) == (404, "unknown_instrument"), refused.text
    mine = await till.card()
    assert (await renter.ask("DELETE", f"/instruments/{mine}")).status_code == 204
    assert (await renter.act(booking["id"], "confirm", paid(mine))).status_code == 404
    assert (await renter.act(booking["id"], "confirm", {"payment": "card"})).status_code == 404
    assert await till.movements() == []
    assert await state(renter, booking) == "held"
