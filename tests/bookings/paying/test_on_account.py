"""What is booked on account: the ledger remembers what is owed between its two sides, and nothing of it is paid out."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from tests.bookings.metering.test_usage import agrees, says
from tests.bookings.metering.test_usage import drill as drill  # noqa: PLC0414 -- a fixture
from tests.bookings.paying.conftest import Till
from tests.bookings.paying.test_cooperative import MINIMUM, rated
from tests.bookings.paying.test_following import ledger
from tests.bookings.paying.test_moving import costs, evening, extended, morning, moved
from tests.bookings.paying.test_terms import begins_in
from tests.people import Json, Person, World, at
from votremachine.bookings.paying import books
from votremachine.bookings.service import reading
from votremachine.kernel.money import Money
from votremachine.payments.ledger.rules.posting import Cause
from votremachine.payments.payouts.jobs import prepare_payouts

HOUR = timedelta(hours=1)


@pytest.fixture
async def member(till: Till, renter: Person) -> Person:
    """May book on account."""
    async with till.database.begin() as tx:
        await tx.execute(sa.text("UPDATE parties SET demo = true WHERE id = :id"), {"id": renter.party_id})
    return renter


async def owes(till: Till, minor: int) -> None:
    """The member owes so much, the owner awaits it, and no money of anybody's moved."""
    await till.work()
    assert await ledger(till) == ({"account_owed": minor, "account_due": -minor} if minor else {})
    assert await till.in_till() == 0


async def stands(member: Person, booking: Json) -> int:
    return costs((await member.get(f"/bookings/{booking['id']}")).json())[0]


@pytest.mark.parametrize("mode", ["instant", "on_request"])
async def test_it_is_owed_once_it_stands_and_follows_its_price(
    mode: str, till: Till, member: Person, owner: Person, world: World
) -> None:
    machine = await world.machine(owner, booking_mode=mode)
    booking = await member.booked([machine], morning(3), evening(3))
    if mode == "on_request":
        await owes(till, 0)
        assert (await owner.act(booking["id"], "accept")).status_code == 200
        await owes(till, 14_400)
        return
    await owes(till, 14_400)
    assert (await extended(member, booking, evening(4))).status_code == 200
    await owes(till, 28_800)
    assert (await moved(member, booking, morning(6), evening(6))).status_code == 200
    await owes(till, 14_400)
    assert await stands(member, booking) == 14_400


@pytest.mark.parametrize(
    ("who", "notice", "net"), [("renter", 25, 0), ("renter", 23, MINIMUM), ("owner", 1, 0), ("nobody", -1, MINIMUM)]
)
async def test_called_off_the_minimum_charge_is_owed(
    who: str, notice: int, net: int, till: Till, member: Person, owner: Person, world: World
) -> None:
    booking = await member.booked([await rated(owner, world, minimum=MINIMUM, hours=24)], morning(3), evening(3))
    await owes(till, 14_400)
    await begins_in(till, booking, notice * HOUR)
    verb, by = ("no_show", owner) if who == "nobody" else ("cancel", member if who == "renter" else owner)
    assert (await by.act(booking["id"], verb, {})).status_code == 200
    await owes(till, net * 120 // 100)
    async with till.database.read() as tx:
        assert await tx.rows(sa.text("SELECT id FROM payables")) == [], "the owner invoices it"


async def test_called_off_before_anybody_heard_that_it_stood(till: Till, member: Person, tractor: str) -> None:
    booking = await member.booked([tractor], morning(3), evening(3))
    assert (await member.act(booking["id"], "cancel", {})).status_code == 200
    await owes(till, 0)


async def test_a_request_in_vain_is_never_owed(till: Till, member: Person, owner: Person, on_request: str) -> None:
    for verb, who in (("decline", owner), ("cancel", member)):
        booking = await member.booked([on_request], morning(3), evening(3))
        assert (await who.act(booking["id"], verb, {})).status_code == 200
        await owes(till, 0)


@pytest.mark.parametrize("hectares", [12, 8])
async def test_what_was_really_used_is_owed(
    hectares: int, till: Till, member: Person, owner: Person, drill: str
) -> None:
    """And nothing of it is ever paid out by the platform, which never has it."""
    span = {"start": at(0, 1).isoformat(), "end": at(1, 1).isoformat()}
    wishes = [{"machine_id": drill, "use": {"hectare": 10}}]
    quote = await member.made("/quotes", {"machine_ids": [drill], **span, "wishes": wishes})
    booking = await member.booked([drill], at(0, 1), at(1, 1), quote=quote["token"])
    for verb, body in (("check_out", None), ("check_in", {})):
        assert (await owner.act(booking["id"], verb, body)).status_code == 200
    await owes(till, 54_000)
    said = await says(owner, booking, drill, hectares)
    assert (await agrees(member, booking, said)).status_code == 200
    await owes(till, hectares * 5_400)
    told = (await member.get("/inbox?limit=200")).json()["items"]
    assert "PaymentMissing" not in {one["kind"] for one in told}, "no card is asked for what is on account"
    async with till.database.begin() as tx:
        await tx.execute(sa.text("UPDATE payables SET due_at = now()"))
    assert await prepare_payouts({"database": till.database}) == 0
    await owes(till, hectares * 5_400)


async def test_what_the_owner_had_of_it_is_owed_no_more(till: Till, member: Person, tractor: str) -> None:
    booking = await member.booked([tractor], morning(3), evening(3))
    cause = Cause("invoice_payment", uuid4())
    for _ in range(2):
        async with till.database.begin() as tx:
            found = await reading.load_locked(tx, UUID(booking["id"]))
            await books.settled(tx, found, Money(10_000), cause)
    await owes(till, 4_400)


async def test_each_side_reads_its_own(till: Till, member: Person, owner: Person, tractor: str) -> None:
    await member.booked([tractor], morning(3), evening(3))
    await till.work()
    for who, account, minor in ((member, "account_owed", 14_400), (owner, "account_due", -14_400)):
        told = (await who.get(f"/parties/{who.party_id}/balances")).json()["balances"]
        assert told == [{"account": account, "amount": {"minor": minor, "currency": "EUR"}}]
        path = f"/parties/{who.party_id}/statement?account={account}&from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z"
        (line,) = (await who.get(path, Accept_Language="en")).json()["items"]
        assert (line["text"], line["amount"]["minor"]) == ("Rental", minor)
