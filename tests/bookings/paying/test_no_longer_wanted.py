"""A payment waits for its cardholder, and the booking is called off, runs out or costs something else: what they would
have proved is closed at the gateway. Nobody is charged for what does not stand, not even until it goes back.
"""

from datetime import timedelta
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa

from tests.bookings.paying.conftest import Till
from tests.bookings.paying.test_confirming import begun, paid, state
from tests.bookings.paying.test_crossing import run_out
from tests.bookings.paying.test_moving import evening, morning, moved, paid_for
from tests.people import Json, Person, World, at
from votremachine.accounts.rules import Actor
from votremachine.accounts.service import absent
from votremachine.bookings.jobs import expire_provisional
from votremachine.bookings.paying import service
from votremachine.bookings.refusals import BookingChanged
from votremachine.payments.gateway import NotAtGateway
from votremachine.payments.orders.carrying import carry_out
from votremachine.payments.orders.rules import Answer
from votremachine.payments.orders.rules import State as OrderState


async def careful(till: Till, renter: Person) -> str:
    """A card whose bank wants proof each time, saved."""
    kept = await renter.made(f"/parties/{renter.party_id}/instruments", {"token": "tok_needs_authentication"})
    await till.gateway.authenticate(kept["client_secret"], ok=True)
    await renter.made(f"/instruments/{kept['id']}/prove")
    return str(kept["id"])


def secret(asked: httpx.Response) -> str:
    assert asked.status_code == 202, asked.text
    return str(asked.json()["client_secret"])


async def check_closed(till: Till, proof: str) -> None:
    """The cardholder comes too late: there is nothing left to prove, and nothing was taken meanwhile."""
    await till.work()
    await till.work()
    with pytest.raises(NotAtGateway):
        await till.gateway.authenticate(proof, ok=True)


@pytest.mark.parametrize("ending", ["cancelled", "expired"])
@pytest.mark.parametrize("mode", ["instant", "on_request"])
async def test_a_hold_that_is_gone_is_not_paid_for_any_more(
    ending: str, mode: str, till: Till, world: World, owner: Person, renter: Person
) -> None:
    booking = await till.held(await world.machine(owner, booking_mode=mode))
    proof = secret(await renter.act(booking["id"], "confirm", paid(await careful(till, renter))))
    if ending == "cancelled":
        assert (await renter.act(booking["id"], "cancel", {})).status_code == 200
    else:
        await run_out(till)
        await expire_provisional({"database": till.database})
    await check_closed(till, proof)
    assert await state(renter, booking) == ending
    assert [(one.captured, one.refunded) for one in await till.movements()] == [(0, 0)]


async def test_a_time_that_is_wished_for_is_not_paid_for_once_the_booking_is_called_off(
    till: Till, renter: Person, tractor: str
) -> None:
    booking = await paid_for(till, renter, tractor, day=5)
    card = await careful(till, renter)
    proof = secret(await moved(renter, booking, at(5), at(9), instrument_id=card))
    assert (await renter.act(booking["id"], "cancel", {})).status_code == 200
    await check_closed(till, proof)
    assert await till.in_till() == 0


async def test_a_hold_that_costs_something_else_is_paid_for_anew(till: Till, renter: Person, tractor: str) -> None:
    booking, card = await till.held(tractor), await careful(till, renter)
    before = secret(await renter.act(booking["id"], "confirm", paid(card)))
    longer = await moved(renter, booking, at(3), at(6))
    assert longer.status_code == 200, longer.text
    # At once, before the worker has closed the first.
    after = secret(await renter.act(booking["id"], "confirm", paid(card)))
    assert after != before
    await check_closed(till, before)
    await till.gateway.authenticate(after, ok=True)
    answer = await renter.act(booking["id"], "confirm", paid(card))
    assert (answer.status_code, answer.json()["state"]) == (200, "confirmed"), answer.text
    await till.work()
    assert await till.in_till() == longer.json()["price"]["total"]["minor"] > booking["price"]["total"]["minor"]


async def test_another_card_may_pay_what_a_hold_costs_now(till: Till, renter: Person, tractor: str) -> None:
    booking = await till.held(tractor)
    before = secret(await renter.act(booking["id"], "confirm", paid(await careful(till, renter))))
    longer = await moved(renter, booking, at(3), at(6))
    # The first is proved just before it is closed: it goes back, and confirms nothing.
    await till.gateway.authenticate(before, ok=True)
    answer = await renter.act(booking["id"], "confirm", paid(await till.card()))
    assert (answer.status_code, answer.json()["state"]) == (200, "confirmed"), answer.text
    await till.hurry()
    assert await till.in_till() == longer.json()["price"]["total"]["minor"]


async def test_what_was_given_up_confirms_nothing_even_at_the_price_of_then(
    till: Till, renter: Person, tractor: str
) -> None:
    booking = await till.held(tractor)
    before = secret(await renter.act(booking["id"], "confirm", paid(await careful(till, renter))))
    for end in (at(6), at(4)):
        now = await moved(renter, booking, at(3), end)
    assert now.json()["price"]["total"] == booking["price"]["total"]
    await till.gateway.authenticate(before, ok=True)
    await till.hurry()
    assert (await state(renter, booking), await till.in_till()) == ("held", 0)
    answer = await renter.act(booking["id"], "confirm", paid(await till.card()))
    assert (answer.status_code, answer.json()["state"]) == (200, "confirmed"), answer.text
    await till.hurry()
    assert await till.in_till() == booking["price"]["total"]["minor"]


async def test_another_time_at_the_same_price_is_paid_for_by_the_same_proof(
    till: Till, renter: Person, tractor: str
) -> None:
    # Of whole dates: an hour later must not be another date, at whatever hour the tests run.
    booking = (await renter.book([tractor], morning(3), evening(3))).json()
    card = await careful(till, renter)
    proof = secret(await renter.act(booking["id"], "confirm", paid(card)))
    other = await moved(renter, booking, morning(3) + timedelta(hours=1), evening(3) + timedelta(hours=1))
    assert other.json()["price"]["total"] == booking["price"]["total"]
    assert secret(await renter.act(booking["id"], "confirm", paid(card))) == proof
    await till.gateway.authenticate(proof, ok=True)
    answer = await renter.act(booking["id"], "confirm", paid(card))
    assert (answer.status_code, answer.json()["state"]) == (200, "confirmed"), answer.text


@pytest.mark.parametrize("change", ["cancelled", "repriced"])
@pytest.mark.parametrize("token", ["tok_visa", "tok_needs_authentication"])
async def test_what_changed_while_the_gateway_was_asked_is_said_and_not_that_it_expired(
    change: str, token: str, till: Till, renter: Person, tractor: str
) -> None:
    booking = await till.held(tractor)
    card = await careful(till, renter) if token == "tok_needs_authentication" else await till.card()
    order = await begun(till, booking, card)
    outcome = await carry_out(till.gateway, order)
    if change == "cancelled":
        assert (await renter.act(booking["id"], "cancel", {})).status_code == 200
    else:
        assert (await moved(renter, booking, at(3), at(6))).status_code == 200
    async with till.database.begin() as tx:
        told = await service.end(tx, await person(till, card), service.Begun(order, {}), outcome)
    assert isinstance(told, BookingChanged)
    if isinstance(outcome, Answer) and outcome.state is OrderState.REQUIRES_ACTION:
        await check_closed(till, outcome.client_secret)
    await till.hurry()
    assert await till.in_till() == 0


async def person(till: Till, card: str) -> Actor:
    async with till.database.read() as tx:
        row: Json = await tx.row(sa.text("SELECT person_id FROM instruments WHERE id = :id"), {"id": UUID(card)})
        who = await absent.person(tx, row.person_id)
    assert who is not None
    return who
