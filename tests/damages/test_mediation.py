"""A mediation ends: by a decision, or without an award once nobody has decided for long; never by a yes of nobody's."""

from datetime import datetime, timedelta

import pytest

from tests.damages.conftest import Yard
from tests.damages.test_files import send
from tests.deposits.conftest import HELD
from tests.inspections.test_files import PDF_THAT_RUNS
from tests.people import Json, Person, World, at
from votremachine.accounts.rules import StaffRole
from votremachine.accounts.service.staff import appoint
from votremachine.damages.rules.claim import STANDARD_PATIENCE, State
from votremachine.deposits.rules import State as DepositState
from votremachine.infra.database import Database

DECISION = {"minor": 20_000, "reason": "Partagé."}
DAY = timedelta(days=1)


@pytest.fixture
async def operator(world: World, database: Database) -> Person:
    """Of the platform's staff, and no mediator."""
    person = await world.person("operator@x.example")
    async with database.begin() as tx:
        await appoint(tx, person.email, StaffRole.OPERATOR)
    return person


@pytest.fixture
async def mediated(yard: Yard, world: World, owner: Person, renter: Person) -> Json:
    """A claim without a deposit that the renter sent to mediation."""
    booking = await renter.booked([await world.machine(owner)], at(3), at(4))
    await yard.shifted(booking, timedelta(days=-3))
    await yard.went(booking)
    return await yard.said(renter, await yard.claim(booking), "escalate", {"reason": "Non."})


async def test_a_claim_that_no_mediator_decides_ends_and_the_deposit_goes_back(
    yard: Yard, owner: Person, renter: Person, mediator: Person, operator: Person, tractor: str
) -> None:
    booking = await yard.back(tractor)
    claim = await yard.said(renter, await yard.claim(booking), "escalate", {"reason": "Non."})
    for _ in range(STANDARD_PATIENCE.decision // DAY):
        assert await yard.told(operator) == []
        await yard.later(days=1)
    assert await yard.told(operator) == ["ClaimStalled"]
    for side in (owner, renter):
        assert (await yard.told(side))[-1] == "ClaimStalled"
    assert (await yard.told(mediator)) == ["ClaimEscalated", "ClaimStalled"]
    for _ in range(STANDARD_PATIENCE.staff // DAY):
        assert (await yard.claim_now(claim)).state is State.MEDIATION
        assert (await yard.deposit(booking)).state is DepositState.AUTHORISED, "it is kept alive meanwhile"
        await yard.later(days=1)
    ended = await yard.claim_now(claim)
    assert (ended.state, ended.awarded, ended.due_at) == (State.UNRESOLVED, None, None)
    deposit = await yard.deposit(booking)
    assert (deposit.state, deposit.captured, deposit.released) == (DepositState.RELEASED, 0, HELD)
    assert await yard.payable(claim) == []
    for side in (owner, renter):
        assert (await yard.told(side))[-1] == "ClaimUnresolved"
    shown = (await renter.get(f"/claims/{claim['id']}")).json()
    assert (shown["state"], shown["settlement"]) == ("unresolved", None)
    assert [one["state"] for one in shown["steps"]] == ["open", "mediation", "unresolved"]
    late = await yard.says(mediator, claim, "decide", DECISION)
    assert (late.status_code, late.json()["code"]) == (409, "illegal_transition")
    assert (await send(owner, claim, PDF_THAT_RUNS)).json()["code"] == "claim_over"
    listed = await owner.get(f"/parties/{owner.party_id}/claims?state=unresolved")
    assert [one["id"] for one in listed.json()["items"]] == [claim["id"]]


async def test_both_sides_see_until_when_and_a_decision_that_was_read_before_still_counts(
    yard: Yard, renter: Person, mediator: Person, mediated: Json
) -> None:
    version = (await yard.claim_now(mediated)).version
    await yard.later(days=8)
    shown = (await renter.get(f"/claims/{mediated['id']}")).json()
    assert shown["turn"] is None
    assert datetime.fromisoformat(shown["due_at"]) - yard.clock() > STANDARD_PATIENCE.staff - DAY
    path, tag = f"/claims/{mediated['id']}/decide", f'"{version}.x"'
    answer = await mediator.post(path, DECISION, If_Match=tag, Idempotency_Key="k")
    assert answer.status_code == 200, answer.text
    await yard.later(days=40)
    assert (await yard.claim_now(mediated)).state is State.SETTLED


async def test_a_worker_that_was_away_tells_staff_before_it_gives_up(
    yard: Yard, operator: Person, mediated: Json
) -> None:
    await yard.later(days=90)
    stalled = await yard.claim_now(mediated)
    assert (stalled.state, await yard.told(operator)) == (State.MEDIATION, ["ClaimStalled"])
    assert stalled.due_at is not None
    assert stalled.due_at > yard.clock() + STANDARD_PATIENCE.staff - DAY, "who was just told has the whole time"
    await yard.later(days=20)
    assert (await yard.claim_now(mediated)).state is State.MEDIATION
    await yard.later(days=2)
    assert (await yard.claim_now(mediated)).state is State.UNRESOLVED
    await yard.later(days=90)
    assert await yard.told(operator) == ["ClaimStalled"]


async def test_a_decision_before_the_sweep_has_been_by_is_one(yard: Yard, mediator: Person, mediated: Json) -> None:
    await yard.later(days=8)
    await yard.overdue(mediated)
    await yard.said(mediator, mediated, "decide", DECISION)
    await yard.later(days=1)
    assert (await yard.claim_now(mediated)).awarded == DECISION["minor"]


async def test_messages_lead_to_the_claim_which_a_mediator_of_the_cooperative_may_open(
    yard: Yard, owner: Person, renter: Person, mediator: Person, mediated: Json
) -> None:
    """Not to its booking: an admin of the cooperative sees nothing of that."""
    await yard.work()
    for person in (owner, mediator):
        inbox = (await person.get("/inbox")).json()["items"]
        (link,) = {one["link"] for one in inbox if one["kind"] == "ClaimEscalated"}
        assert link == f"/claims/{mediated['id']}"
