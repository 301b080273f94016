"""Metered work: what was used is told, countered, agreed, then charged or given back; and the ledger beside it."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa

from tests.bookings.paying.conftest import Till
from tests.bookings.paying.test_confirming import paid
from tests.bookings.paying.test_following import ledger, shares
from tests.bookings.paying.test_moving import costs
from tests.people import Json, Person, World, at
from votremachine.accounts.rules import Relation, Role, Sides, StaffRole
from votremachine.bookings.jobs import complete_returned
from votremachine.bookings.metering.rules import OwnWord, Usage, UsageState, check_agreeable
from votremachine.kernel.money import Money

HECTARES_10 = {"hectare": 10}


@pytest.fixture
async def drill(world: World, owner: Person) -> str:
    """45.00 a hectare."""
    machine = await world.machine(owner, day=None, listed=False)
    await owner.made(f"/machines/{machine}/rates", {"rates": [{"unit": "hectare", "minor": 4_500}]})
    await owner.made(f"/machines/{machine}/publish")
    return machine


async def back(till: Till, renter: Person, owner: Person, machine: str, *, card: str | None = None) -> Json:
    """A booking of 10 estimated hectares, paid, used and brought back."""
    span = {"start": at(0, 1).isoformat(), "end": at(1, 1).isoformat()}
    wishes = [{"machine_id": machine, "use": HECTARES_10}]
    quote = await renter.made("/quotes", {"machine_ids": [machine], **span, "wishes": wishes})
    booking = (await renter.book([machine], at(0, 1), at(1, 1), quote=quote["token"])).json()
    answer = await renter.act(booking["id"], "confirm", paid(card or await till.card()))
    assert answer.status_code == 200, answer.text
    waived = await owner.act(booking["id"], "deposit/waive", {"reason": "A neighbour."})
    assert waived.status_code in {200, 404}, "where there is one: " + waived.text
    for verb, body in (("check_out", None), ("check_in", {})):
        assert (await owner.act(booking["id"], verb, body)).status_code == 200
    await till.work()
    assert booking["price"]["net"]["minor"] == 45_000
    return booking


async def says(who: Person, booking: Json, machine: str, hectares: float, **more: Json) -> httpx.Response:
    return await who.act(booking["id"], "usage", {"used": {machine: {"hectare": hectares}}, **more})


async def agrees(who: Person, booking: Json, said: httpx.Response, **headers: str) -> httpx.Response:
    return await who.act(booking["id"], "usage/agree", {"usage_id": said.json()["id"]}, **headers)


async def stands_at(till: Till, renter: Person, booking: Json, net: int) -> None:
    now = (await renter.get(f"/bookings/{booking['id']}")).json()
    total, told = costs(now)
    assert told == net
    assert await till.in_till() == total
    assert await ledger(till) == shares(total, net)


@pytest.mark.parametrize("hectares", [12.5, 10, 7.125])
@pytest.mark.parametrize("first", ["owner", "renter"])
async def test_what_both_agree_to_is_what_it_costs(
    hectares: float, first: str, till: Till, renter: Person, owner: Person, drill: str
) -> None:
    booking = await back(till, renter, owner, drill)
    one, other = (owner, renter) if first == "owner" else (renter, owner)
    said = await says(one, booking, drill, hectares, note="compteur")
    assert (said.status_code, said.json()["side"], said.json()["state"]) == (201, first, "proposed"), said.text
    await stands_at(till, renter, booking, 45_000)
    answer = await agrees(other, booking, said)
    assert (answer.status_code, answer.json()["price"]["total"]) == (200, said.json()["total"]), answer.text
    assert not any(line["estimated"] for line in answer.json()["price"]["lines"])
    await till.hurry()
    await stands_at(till, renter, booking, (4_500 * int(hectares * 1000) + 500) // 1000)
    again = await says(one, booking, drill, 20)
    assert (again.status_code, again.json()["code"]) == (409, "not_metered")


async def test_the_last_word_counts_and_nobody_agrees_to_their_own(
    till: Till, renter: Person, owner: Person, drill: str
) -> None:
    booking = await back(till, renter, owner, drill)
    high = await says(owner, booking, drill, 14)
    own = await agrees(owner, booking, high)
    assert (own.status_code, own.json()["code"]) == (409, "own_word")
    low = await says(renter, booking, drill, 11)
    stale = await agrees(renter, booking, high)
    assert (stale.status_code, stale.json()["code"]) == (409, "usage_countered")
    unknown = await owner.act(booking["id"], "usage/agree", {"usage_id": str(uuid4())})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_usage")
    assert (await agrees(owner, booking, low)).status_code == 200
    await till.hurry()
    await stands_at(till, renter, booking, 49_500)
    told = (await renter.get(f"/bookings/{booking['id']}/usage")).json()
    assert [(one["side"], one["state"], one["used"][drill]["hectare"]) for one in told] == [
        ("owner", "countered", 14),
        ("renter", "agreed", 11),
    ]
    kinds = [one["kind"] for one in (await renter.get("/inbox")).json()["items"]]
    assert (kinds[0], "UsageProposed" in kinds) == ("UsageSettled", True)


async def test_agreed_at_once_by_many_costs_once(till: Till, renter: Person, owner: Person, drill: str) -> None:
    booking = await back(till, renter, owner, drill)
    said = await says(owner, booking, drill, 12)
    answers = await asyncio.gather(*(agrees(renter, booking, said) for _ in range(6)))
    assert {answer.status_code for answer in answers} == {200}
    await till.hurry()
    await stands_at(till, renter, booking, 54_000)
    assert len(await till.movements()) == 2


async def test_a_card_that_declines_without_its_holder_is_paid_for_by_another(
    till: Till, renter: Person, owner: Person, drill: str
) -> None:
    card = await till.card()
    booking = await back(till, renter, owner, drill, card=card)
    said = await says(owner, booking, drill, 12)
    async with till.database.begin() as tx:  # the bank has changed its mind about this card
        await tx.execute(sa.text("UPDATE simulated_instruments SET token = 'tok_declined'"))
    assert (await agrees(renter, booking, said)).status_code == 200
    await till.work()
    books = await ledger(till)
    assert (await till.in_till(), books["renter"]) == (54_000, 10_800)
    for person in (renter, owner):
        told = (await person.get("/inbox", Accept_Language="en")).json()["items"][0]
        assert (told["kind"], "€108.00" in told["text"]) == ("PaymentMissing", True), told
    declined = await renter.act(booking["id"], "pay", {"instrument_id": card})
    assert (declined.status_code, declined.json()["code"]) == (402, "card_declined")
    good = await till.card()
    not_theirs = await owner.act(booking["id"], "pay", {"instrument_id": good})
    assert not_theirs.status_code == 403
    answers = await asyncio.gather(*(renter.act(booking["id"], "pay", {"instrument_id": good}) for _ in range(4)))
    assert {answer.status_code for answer in answers} <= {200, 503}, [answer.text for answer in answers]
    await till.hurry()
    await stands_at(till, renter, booking, 54_000)


async def test_a_card_that_was_removed_leaves_it_due(till: Till, renter: Person, owner: Person, drill: str) -> None:
    card = await till.card()
    booking = await back(till, renter, owner, drill, card=card)
    assert (await renter.ask("DELETE", f"/instruments/{card}")).status_code == 204
    assert (await agrees(renter, booking, await says(owner, booking, drill, 12))).status_code == 200
    await till.work()
    assert ((await ledger(till))["renter"], len(await till.movements())) == (10_800, 1)
    assert (await renter.get("/inbox")).json()["items"][0]["kind"] == "PaymentMissing"
    assert (await renter.act(booking["id"], "pay", {"instrument_id": await till.card()})).status_code == 200
    await stands_at(till, renter, booking, 54_000)


async def test_nothing_used_gives_all_back(till: Till, renter: Person, owner: Person, drill: str) -> None:
    booking = await back(till, renter, owner, drill)
    assert (await agrees(renter, booking, await says(owner, booking, drill, 0))).status_code == 200
    await till.hurry()
    assert (await till.in_till(), await ledger(till)) == (0, {})


@pytest.mark.parametrize(
    ("used", "code"),
    [
        ({}, "quantity_missing"),
        ({"hectare": 1, "bale": 3}, "not_charged"),
        ({"hectare": 1.23456}, "too_fine"),
        ({"hectare": -1}, "invalid_input"),
    ],
)
async def test_what_cannot_be_so_changes_nothing(
    used: Json, code: str, till: Till, renter: Person, owner: Person, drill: str
) -> None:
    booking = await back(till, renter, owner, drill)
    refused = await owner.act(booking["id"], "usage", {"used": {drill: used}})
    assert (refused.status_code, refused.json()["code"]) == (422, code), refused.text
    assert (await owner.get(f"/bookings/{booking['id']}/usage")).json() == []


@pytest.mark.parametrize("quantities", [{}, {"hectare": 3}])
async def test_nothing_is_said_of_a_machine_that_is_not_in_it(
    quantities: Json, till: Till, renter: Person, owner: Person, drill: str, tractor: str
) -> None:
    booking = await back(till, renter, owner, drill)
    for other in (tractor, str(uuid4())):
        refused = await owner.act(booking["id"], "usage", {"used": {drill: {"hectare": 3}, other: quantities}})
        assert (refused.status_code, refused.json()["code"]) == (422, "machine_not_settled"), refused.text
    assert (await owner.get(f"/bookings/{booking['id']}/usage")).json() == []


async def test_usage_is_settled_between_the_return_and_the_end_of_the_claim_window(
    till: Till, renter: Person, owner: Person, drill: str, tractor: str
) -> None:
    plain = await till.held(tractor)
    refused = await says(owner, plain, tractor, 3)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_metered")
    booking = await back(till, renter, owner, drill)
    said = await says(owner, booking, drill, 12)
    async with till.database.begin() as tx:
        late = {"late": timedelta(days=3)}
        await tx.execute(sa.text("UPDATE bookings SET returned_at = returned_at - CAST(:late AS interval)"), late)
    await complete_returned({"database": till.database})
    for answer in (await agrees(renter, booking, said), await says(owner, booking, drill, 11)):
        assert (answer.status_code, answer.json()["code"]) == (409, "not_back_yet"), answer.text
    await till.work()
    await stands_at(till, renter, booking, 45_000)


@pytest.mark.parametrize("side", [Relation.OWNER, Relation.RENTER])
def test_who_is_staff_besides_does_not_agree_to_their_own_word_by_that(side: Relation) -> None:
    said = Usage(uuid4(), uuid4(), side, {}, Money(1), "", UsageState.PROPOSED, uuid4(), datetime.now(UTC))
    sides: Sides = {side: Role.ADMIN, Relation.PLATFORM: StaffRole.SUPPORT}
    with pytest.raises(OwnWord):
        check_agreeable(said, sides)
