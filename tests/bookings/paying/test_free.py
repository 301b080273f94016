"""A machine that is lent for nothing: a card confirms it, and no gateway is asked to move nothing."""

import asyncio
from uuid import uuid4

import pytest

from tests.bookings.paying.conftest import Till
from tests.people import Person, World


@pytest.mark.parametrize(("mode", "becomes"), [("instant", "confirmed"), ("on_request", "requested")])
async def test_what_costs_nothing_is_confirmed_without_a_charge(
    mode: str, becomes: str, world: World, owner: Person, renter: Person, till: Till
) -> None:
    lent = await world.machine(owner, day=0, booking_mode=mode)
    card, booking = await till.card(), await till.held(lent)
    paid, key = {"payment": "card", "instrument_id": card}, str(uuid4())
    answer = await renter.act(booking["id"], "confirm", paid, Idempotency_Key=key)
    assert (answer.status_code, answer.json()["state"]) == (200, becomes), answer.text
    assert answer.json()["on_account"] is False
    again = await renter.act(booking["id"], "confirm", paid, Idempotency_Key=key)
    assert (again.content, again.headers["Idempotency-Replayed"]) == (answer.content, "true")
    anew = await renter.act(booking["id"], "confirm", paid)
    assert (anew.status_code, anew.json()["state"]) == (200, becomes)
    await till.work()
    cancelled = await renter.act(booking["id"], "cancel", {})
    assert cancelled.json()["state"] == "cancelled", cancelled.text
    await till.work()
    assert await till.in_till() == 0


async def test_only_once_and_not_when_it_was_called_off(
    world: World, owner: Person, renter: Person, till: Till
) -> None:
    lent = await world.machine(owner, day=0)
    card, booking = await till.card(), await till.held(lent)
    paid = {"payment": "card", "instrument_id": card}
    answers = await asyncio.gather(*(renter.act(booking["id"], "confirm", paid) for _ in range(5)))
    assert [(one.status_code, one.json()["state"]) for one in answers] == [(200, "confirmed")] * 5
    steps = (await renter.get(f"/bookings/{booking['id']}/history")).json()
    assert [step["to_state"] for step in steps] == ["held", "confirmed"]
    gone = await till.held(lent, day=9)
    await renter.act(gone["id"], "cancel", {})
    refused = await renter.act(gone["id"], "confirm", paid)
    assert (refused.status_code, refused.json()["code"]) == (409, "illegal_transition")
