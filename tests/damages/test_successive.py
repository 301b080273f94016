"""Several machines, several claims, one deposit: never more is taken than was held, and it waits while one may come."""

from datetime import timedelta
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.damages.conftest import REPAIR, Yard
from tests.deposits.conftest import HELD
from tests.people import Json, Person, World, at
from votremachine.damages.rules.claim import State
from votremachine.damages.rules.settling import settle
from votremachine.deposits.rules import State as DepositState

MINOR = st.integers(0, 10**9)
IN_BOTH = 2 * HELD


@given(st.lists(st.tuples(MINOR, MINOR), min_size=1, max_size=6), MINOR)
def test_claims_one_after_the_other_take_no_more_than_is_held(awards: list[tuple[int, int]], held: int) -> None:
    """Whether what is left goes back with the first that takes something, or waits for the next one."""
    left = [held]
    for award, cap in awards:
        left.append(settle(award, left[-1], cap).released)
    taken = list(accumulate(before - after for before, after in pairwise(left)))
    assert all(0 <= one <= held for one in taken)
    assert taken == sorted(taken)
    assert taken[-1] + left[-1] == held


@pytest.fixture
async def two(yard: Yard, world: World, owner: Person, renter: Person) -> tuple[Json, list[str]]:
    """A group of two machines that came back, with one deposit for both."""
    machines = [await world.machine(owner) for _ in range(2)]
    booking = (await renter.book(machines, at(3), at(4))).json()
    paid = {"payment": "card", "instrument_id": await yard.card()}
    assert (await renter.act(booking["id"], "confirm", paid)).status_code == 200
    await yard.work(at(2, 1))
    await yard.shifted(booking, timedelta(days=-3))
    await yard.went(booking)
    deposit = await yard.deposit(booking)
    assert (deposit.state, deposit.held) == (DepositState.AUTHORISED, IN_BOTH)
    return booking, machines


async def test_the_second_claim_about_a_group_takes_nothing_of_what_the_first_gave_back(
    yard: Yard, renter: Person, two: tuple[Json, list[str]]
) -> None:
    booking, (one, other) = two
    first = await yard.claim(booking, lines=[REPAIR | {"net": 30_000, "machine_id": one}])
    early = await yard.claims(booking, lines=[REPAIR | {"net": 1, "machine_id": other}])
    assert (early.status_code, early.json()["code"]) == (409, "claim_open_already"), "about the other machine as well"
    await yard.said(renter, first, "accept")
    early = await yard.claims(booking, lines=[REPAIR | {"net": 1, "machine_id": other}])
    assert early.json()["code"] == "claim_open_already", "the money of the first is still on its way"
    await yard.work()
    second = await yard.claim(booking, lines=[REPAIR | {"net": 250_000, "machine_id": other}])
    await yard.said(renter, second, "accept")
    await yard.work()
    done = [await yard.claim_now(claim) for claim in (first, second)]
    assert [(one.state, one.from_deposit, one.from_renter) for one in done] == [
        (State.SETTLED, 30_000, 0),
        (State.SETTLED, 0, 250_000),
    ]
    deposit = await yard.deposit(booking)
    assert (deposit.captured, deposit.released) == (30_000, IN_BOTH - 30_000)
    # The gateway's own word: what it took is what was captured, and the charge of the second.
    assert sum(one.captured for one in await yard.movements(booking)) == 30_000
    assert (await yard.books())["owner_payable"] == -280_000


@pytest.mark.parametrize("ends", ["withdrawn", "nothing awarded"])
async def test_the_deposit_waits_for_a_second_claim_while_one_may_be_made(
    ends: str, yard: Yard, owner: Person, renter: Person, mediator: Person, two: tuple[Json, list[str]]
) -> None:
    booking, (one, other) = two
    first = await yard.claim(booking, lines=[REPAIR | {"machine_id": one}])
    if ends == "withdrawn":
        await yard.said(owner, first, "withdraw", {})
    else:
        await yard.said(renter, first, "escalate", {})
        await yard.said(mediator, first, "decide", {"minor": 0, "reason": "Rien ne le montre."})
    await yard.later(hours=47)
    deposit = await yard.deposit(booking)
    assert (deposit.state, deposit.claims, deposit.released) == (DepositState.AUTHORISED, (), 0)
    second = await yard.claim(booking, lines=[REPAIR | {"net": IN_BOTH + 5_000, "machine_id": other}])
    await yard.later(hours=2)
    assert (await yard.deposit(booking)).state is DepositState.AUTHORISED, "the window is over, the claim is not"
    await yard.said(renter, second, "accept")
    await yard.work()
    done = await yard.claim_now(second)
    assert (done.state, done.from_deposit, done.released, done.from_renter) == (State.SETTLED, IN_BOTH, 0, 5_000)
    assert (await yard.deposit(booking)).captured == IN_BOTH


async def test_once_no_claim_can_come_any_more_it_goes_back(yard: Yard, owner: Person, tractor: str) -> None:
    booking = await yard.back(tractor)
    await yard.said(owner, await yard.claim(booking), "withdraw", {})
    await yard.later(hours=49)
    await yard.ago(booking, hours=49)
    assert (await yard.claims(booking)).json()["code"] == "claim_window_closed"
    deposit = await yard.deposit(booking)
    assert (deposit.state, deposit.captured, deposit.released) == (DepositState.RELEASED, 0, HELD)
