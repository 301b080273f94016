"""Where the money of a claim comes from when things go wrong: declined, lapsed, on account, told twice, all at once."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa

from tests.damages.conftest import Yard
from tests.deposits.conftest import HELD
from tests.people import Person, World, at
from votremachine.damages.rules.claim import State
from votremachine.damages.service import settling
from votremachine.deposits.events import DepositCaptured
from votremachine.deposits.rules import State as DepositState
from votremachine.payments.orders.events import OrderSettled
from votremachine.payments.orders.jobs import carry_out_orders
from votremachine.payments.orders.rules import Purpose

OVER = 25_000


async def test_what_the_card_declines_stays_due_and_another_card_pays_it(
    yard: Yard, renter: Person, owner: Person, tractor: str
) -> None:
    booking = await yard.back(tractor, "tok_declines_renewal")
    claim = await yard.claim(booking, HELD + OVER)
    await yard.said(renter, claim, "accept")
    await yard.work()
    settled = await yard.claim_now(claim)
    assert (settled.state, settled.from_renter, settled.paid, settled.owed) == (State.SETTLED, OVER, 0, OVER)
    assert (await yard.books())["renter"] == OVER, "it stays due in the ledger"
    inbox = (await renter.get("/inbox")).json()["items"]
    text = next(one["text"] for one in inbox if one["kind"] == "ClaimSettled")
    assert "250.00" in text.partition("Still due")[2], text
    path = f"/claims/{claim['id']}/pay"
    refused = await renter.post(path, {"instrument_id": await yard.card("tok_declined")}, Idempotency_Key="a")
    assert (refused.status_code, refused.json()["code"]) == (402, "card_declined")
    paid = {"instrument_id": await yard.card()}
    for key in ("b", "b", "c"):
        answer = await renter.post(path, paid, Idempotency_Key=key)
        assert answer.status_code == 200, answer.text
        assert answer.json()["settlement"]["owed"]["minor"] == 0
    await yard.work()
    books = await yard.books()
    assert (books.get("renter"), books["owner_payable"]) == (None, -(HELD + OVER))
    assert await yard.payable(claim) == [OVER, HELD]
    assert (await yard.told(owner))[-1] == "ClaimPaid"


async def test_on_account_it_is_due_until_a_card_pays_it(
    yard: Yard, world: World, renter: Person, owner: Person
) -> None:
    cuma = await world.farmer("cuma@x.example", "CUMA des Pins", kind="cooperative")
    await renter.made(f"/parties/{cuma.party_id}/members", {"party_id": renter.party_id})
    await cuma.made(f"/parties/{cuma.party_id}/members/{renter.party_id}/approve")
    booking = await renter.booked([await world.machine(cuma)], at(3), at(4))
    yard.owner = cuma
    await yard.shifted(booking, timedelta(days=-3))
    await yard.went(booking)
    claim = await yard.claim(booking, OVER)
    await yard.said(renter, claim, "accept")
    await yard.work()
    settled = await yard.claim_now(claim)
    assert (settled.state, settled.from_deposit, settled.owed) == (State.SETTLED, 0, OVER)
    assert await yard.payable(claim) == [], "nobody is paid what has not come in"
    paid = await renter.post(f"/claims/{claim['id']}/pay", {"instrument_id": await yard.card()}, Idempotency_Key="a")
    assert paid.status_code == 200, paid.text
    assert await yard.payable(claim) == [OVER]


async def test_a_deposit_that_is_gone_when_it_is_taken_leaves_all_of_it_to_the_card(
    yard: Yard, renter: Person, owner: Person, tractor: str
) -> None:
    booking = await yard.back(tractor)
    claim = await yard.claim(booking, 60_000)
    await yard.said(renter, claim, "accept")
    held = await yard.deposit(booking)
    assert held.capture_before is not None
    yard.clock.turn_to(held.capture_before + timedelta(minutes=1))
    await yard.gateway.lapse()
    await carry_out_orders(yard.context)
    await yard.work()
    settled = await yard.claim_now(claim)
    assert (settled.state, settled.from_deposit, settled.from_renter, settled.owed) == (State.SETTLED, 0, 60_000, 0)
    inbox = (await owner.get("/inbox")).json()["items"]
    assert "DepositLapsed" in {one["kind"] for one in inbox}
    books = await yard.books()
    assert ("renter" in books, books["owner_payable"]) == (False, -60_000)


async def test_a_deposit_is_renewed_under_an_open_claim_however_long_it_takes(
    yard: Yard, renter: Person, owner: Person, mediator: Person, tractor: str
) -> None:
    booking = await yard.back(tractor)
    first = await yard.deposit(booking)
    claim = await yard.claim(booking, 60_000)
    for _ in range(12):
        await yard.later(days=1)
        assert (await yard.deposit(booking)).state is DepositState.AUTHORISED
    assert (await yard.deposit(booking)).order_id != first.order_id
    await yard.said(mediator, claim, "decide", {"minor": 10_000, "reason": "Peu de chose."})
    await yard.work()
    assert (await yard.claim_now(claim)).from_deposit == 10_000


async def test_facts_that_are_told_twice_change_nothing(yard: Yard, renter: Person, tractor: str) -> None:
    booking = await yard.back(tractor)
    claim = await yard.claim(booking, HELD + OVER)
    await yard.said(renter, claim, "accept")
    await yard.work()
    once, books = await yard.claim_now(claim), await yard.books()
    async with yard.database.read() as tx:
        charged = (await tx.rows(sa.text("SELECT id FROM payment_orders WHERE purpose = 'damage'")))[0].id
    sides = {"owner_party_id": once.owner_party_id, "renter_party_id": once.renter_party_id}
    captured = DepositCaptured(
        deposit_id=uuid4(),
        booking_id=once.booking_id,
        claim_id=once.id,
        captured=HELD,
        released=0,
        currency="EUR",
        **sides,
    )
    fact = OrderSettled(order_id=charged, purpose=Purpose.DAMAGE, subject_id=once.id, booking_id=once.booking_id)
    for _ in range(2):
        async with yard.database.begin() as tx:
            await settling.on_captured(tx, captured)
            await settling.on_charged(tx, fact)
    await yard.work()
    assert (await yard.claim_now(claim), await yard.books()) == (once, books)
    assert await yard.payable(claim) == [OVER, HELD]


async def test_two_sweeps_and_two_answers_at_once_are_one(
    yard: Yard, renter: Person, owner: Person, tractor: str
) -> None:
    claim = await yard.claim(await yard.back(tractor), 60_000)
    answers = await asyncio.gather(
        yard.says(renter, claim, "accept"),
        yard.says(owner, claim, "withdraw", {}),
        yard.says(renter, claim, "contest", {"reason": "Non."}),
    )
    assert min(one.status_code for one in answers) == 200
    assert [one.status_code for one in answers].count(200) == 1
    other = await yard.claim_now(claim)
    if other.state is State.CONTESTED:
        await asyncio.gather(yard.later(hours=73), yard.later(hours=73))
        assert (await yard.told(renter)).count("ClaimEscalated") == 1


@pytest.mark.parametrize("token", ["tok_timeout_before", "tok_timeout_after", "tok_webhooks_twice"])
async def test_a_bad_line_to_the_gateway_charges_once(yard: Yard, renter: Person, token: str, tractor: str) -> None:
    booking = await yard.confirmed_whatever(tractor, token)
    for _ in range(3):
        await yard.work(yard.clock() + timedelta(minutes=20))
    await yard.work(at(2, 1))
    await yard.work(at(2, 2))
    assert (await yard.deposit(booking)).state is DepositState.AUTHORISED
    await yard.shifted(booking, timedelta(days=-3))
    await yard.went(booking)
    claim = await yard.claim(booking, HELD + OVER)
    await yard.said(renter, claim, "accept")
    for _ in range(4):
        await yard.later(minutes=20)
    settled = await yard.claim_now(claim)
    assert (settled.state, settled.from_deposit, settled.paid, settled.owed) == (State.SETTLED, HELD, OVER, 0)
    assert (await yard.books())["owner_payable"] == -(HELD + OVER)
