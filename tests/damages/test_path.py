"""From a broken machine to money that has moved, the usual ways."""

from tests.damages.conftest import Yard
from tests.deposits.conftest import HELD
from tests.people import Person
from votremachine.damages.rules.claim import State
from votremachine.deposits.rules import State as DepositState


async def test_accepted_it_is_taken_of_the_deposit_and_the_rest_goes_back(
    yard: Yard, renter: Person, owner: Person, tractor: str
) -> None:
    booking = await yard.back(tractor)
    before = await yard.books()
    claim = await yard.claim(booking, 40_000, 20_000)
    assert (claim["state"], claim["turn"], claim["asked"]["minor"]) == ("open", "renter", 60_000)
    accepted = await yard.said(renter, claim, "accept")
    assert (accepted["state"], accepted["settlement"]["awarded"]["minor"]) == ("accepted", 60_000)
    await yard.work()
    settled = await yard.claim_now(claim)
    assert (settled.state, settled.from_deposit, settled.released, settled.from_renter) == (
        State.SETTLED,
        60_000,
        HELD - 60_000,
        0,
    )
    deposit = await yard.deposit(booking)
    assert (deposit.state, deposit.captured, deposit.released) == (
        DepositState.PARTIALLY_CAPTURED,
        60_000,
        HELD - 60_000,
    )
    books = await yard.books()
    assert books["owner_payable"] == -60_000
    assert books["gateway"] - before["gateway"] == 60_000
    assert "renter" not in books
    assert await yard.told(renter) == ["ClaimOpened", "ClaimSettled"]
    assert await yard.told(owner) == ["ClaimAccepted", "ClaimSettled"]


async def test_what_exceeds_the_deposit_is_charged_to_the_card(yard: Yard, renter: Person, tractor: str) -> None:
    booking = await yard.back(tractor)
    claim = await yard.claim(booking, HELD + 25_000)
    await yard.said(renter, claim, "accept")
    await yard.work()
    settled = await yard.claim_now(claim)
    assert (settled.from_deposit, settled.from_renter, settled.paid) == (HELD, 25_000, 25_000)
    assert (await yard.books())["owner_payable"] == -(HELD + 25_000)
