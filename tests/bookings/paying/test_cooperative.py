"""A cooperative's own policy: free until short notice, then its minimum charge; as quoted, and as on that day."""

from datetime import timedelta

import pytest

from tests.bookings.paying.conftest import Till
from tests.bookings.paying.test_following import ledger, shares
from tests.bookings.paying.test_moving import costs, evening, morning, paid_for
from tests.bookings.paying.test_terms import begins_in, change, machine_with
from tests.people import Json, Person, World

HOUR = timedelta(hours=1)
A_MOMENT = timedelta(minutes=1)
MINIMUM = 5_000  # net, with 20 % VAT on it


async def rated(owner: Person, world: World, *, minimum: int, hours: int) -> str:
    """A machine at 120.00 a day, on a cooperative's terms."""
    machine = await machine_with(owner, world, "cooperative")
    await change(owner, machine, terms={"short_notice_hours": hours})
    await price(owner, machine, minimum)
    return machine


async def price(owner: Person, machine: str, minimum: int) -> None:
    card = {"rates": [{"unit": "day", "minor": 12_000}], "minimum_minor": minimum}
    await owner.made(f"/machines/{machine}/rates", card)


async def kept(till: Till, booking: Json, net: int) -> None:
    """Of what was paid, the owner and the platform have so much net and its VAT, and the renter owes nothing."""
    await till.work()
    total = net * 120 // 100
    assert await till.in_till() == total
    assert await ledger(till) == (shares(total, net) if net else {})


@pytest.mark.parametrize("hours", [12, 36])
@pytest.mark.parametrize(
    ("minimum", "charge"), [(MINIMUM, MINIMUM), (12_000, 12_000), (0, 2_400)], ids=["minimum", "all of it", "a fifth"]
)
async def test_short_notice_costs_the_minimum_charge(
    hours: int, minimum: int, charge: int, till: Till, renter: Person, owner: Person, world: World
) -> None:
    machine = await rated(owner, world, minimum=minimum, hours=hours)
    for day, notice, net in ((3, hours * HOUR + A_MOMENT, 0), (6, hours * HOUR - A_MOMENT, charge)):
        booking = await paid_for(till, renter, machine, day=day)
        assert costs(booking) == (14_400, 12_000)
        await begins_in(till, booking, notice)
        assert (await renter.act(booking["id"], "cancel", {})).status_code == 200
        await kept(till, booking, net)


async def test_who_does_not_come_pays_the_minimum_charge(
    till: Till, renter: Person, owner: Person, world: World
) -> None:
    booking = await paid_for(till, renter, await rated(owner, world, minimum=MINIMUM, hours=0))
    await begins_in(till, booking, -A_MOMENT)
    assert (await owner.act(booking["id"], "no_show", {})).status_code == 200
    await kept(till, booking, MINIMUM)


async def test_it_is_as_it_was_on_the_day_of_booking(till: Till, renter: Person, owner: Person, world: World) -> None:
    machine = await rated(owner, world, minimum=MINIMUM, hours=24)
    booking = await paid_for(till, renter, machine)
    agreed = {"cancellation": "cooperative", "short_notice_hours": 24, "minimum_minor": MINIMUM}
    assert booking["terms"] == {machine: agreed}
    await change(owner, machine, cancellation="strict", terms={"short_notice_hours": 0})
    await price(owner, machine, 11_000)
    await begins_in(till, booking, 12 * HOUR)
    assert (await renter.act(booking["id"], "cancel", {})).status_code == 200
    await kept(till, booking, MINIMUM)


async def test_quotes_tell_it(renter: Person, owner: Person, world: World) -> None:
    machine = await rated(owner, world, minimum=MINIMUM, hours=36)
    body = {"machine_ids": [machine], "start": morning(3).isoformat(), "end": evening(3).isoformat()}
    for language, words in (("fr", "36 heures"), ("en", "36 hours")):
        (terms,) = (await renter.made("/quotes", body, Accept_Language=language))["terms"]
        assert (terms["cancellation"], terms["short_notice_hours"]) == ("cooperative", 36)
        assert any(words in sentence and "50" in sentence for sentence in terms["words"])
    await change(owner, machine, cancellation="flexible")
    (terms,) = (await renter.made("/quotes", body))["terms"]
    assert terms["short_notice_hours"] is None


@pytest.mark.parametrize("hours", [-1, 337])
async def test_short_notice_is_two_weeks_at_most(hours: int, owner: Person, world: World) -> None:
    machine = await world.machine(owner)
    tag = (await owner.get(f"/machines/{machine}")).headers["ETag"]
    terms = {"terms": {"short_notice_hours": hours}}
    refused = await owner.ask("PATCH", f"/machines/{machine}", terms, If_Match=tag)
    assert refused.status_code == 422
    assert (await owner.get(f"/machines/{machine}")).json()["terms"]["short_notice_hours"] == 24
