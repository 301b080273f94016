"""What each side is told of the money of one booking: what was paid, what went back, what is held, and what is owed."""

from datetime import timedelta

import httpx
import sqlalchemy as sa

from tests.bookings.paying.conftest import Till
from tests.bookings.paying.test_confirming import paid
from tests.bookings.paying.test_moving import evening, extended, morning, paid_for
from tests.bookings.paying.test_on_account import member as member  # noqa: PLC0414 -- a fixture
from tests.bookings.paying.test_terms import begins_in, machine_with
from tests.people import Json, Person, World
from tests.statements import Statements
from votremachine.payments.payouts.jobs import prepare_payouts

HOUR = timedelta(hours=1)


async def asks(who: Person, booking: Json) -> httpx.Response:
    return await who.get(f"/bookings/{booking['id']}/payments")


async def told(who: Person, booking: Json) -> Json:
    answer = await asks(who, booking)
    assert answer.status_code == 200, answer.text
    return answer.json()


def sums(view: Json) -> dict[str, int]:
    names = ("price", "paid", "refunded", "set_aside", "owed")
    return {name: view[name]["minor"] for name in names if view[name]["minor"]}


def story(view: Json) -> list[tuple[str, str, int, str]]:
    return [(one["what"], one["purpose"], one["amount"]["minor"], one["state"]) for one in view["payments"]]


async def test_a_rental_that_is_paid_extended_and_called_off_late(
    till: Till, renter: Person, owner: Person, world: World
) -> None:
    """And the first card that was tried, of which the owner learns nothing."""
    machine = await machine_with(owner, world, "flexible")
    booking = (await renter.book([machine], morning(3), evening(3))).json()
    refused = await renter.act(booking["id"], "confirm", paid(await till.card("tok_insufficient_funds")))
    assert refused.status_code == 402
    assert sums(await told(renter, booking)) == {"price": 14_400}
    assert (await renter.act(booking["id"], "confirm", paid(await till.card()))).status_code == 200
    await till.work()
    assert (await extended(renter, booking, evening(4))).status_code == 200
    await till.work()
    view = await told(renter, booking)
    assert sums(view) == {"price": 28_800, "paid": 28_800}
    declined = ("charge", "rental", 14_400, "declined")
    came_about = [
        ("charge", "rental", 14_400, "done"),
        ("hold", "difference", 14_400, "done"),
        ("capture", "difference", 14_400, "done"),
    ]
    assert story(view) == [declined, *came_about]
    first = view["payments"][0]
    assert (first["reason"], first["card"]) == ("insufficient_funds", {"brand": "visa", "last4": "9995"})
    assert view["payments"][3]["about"] == view["payments"][2]["id"]
    assert view["owners_part"] is None
    seen = await told(owner, booking)
    assert story(seen) == came_about
    assert [one["card"] for one in seen["payments"]] == [None] * 3
    await begins_in(till, booking, 12 * HOUR)
    assert (await renter.act(booking["id"], "cancel", {})).status_code == 200
    await till.work()
    view = await told(renter, booking)
    assert sums(view) == {"price": 28_800, "paid": 28_800, "refunded": 14_400}
    assert story(view)[-1] == ("refund", "difference", 14_400, "done")


async def test_what_is_set_aside_for_a_request(till: Till, renter: Person, owner: Person, on_request: str) -> None:
    booking = await paid_for(till, renter, on_request)
    assert sums(await told(renter, booking)) == {"price": 14_400, "set_aside": 14_400}
    assert (await owner.act(booking["id"], "accept")).status_code == 200
    await till.work()
    assert sums(await told(renter, booking)) == {"price": 14_400, "paid": 14_400}


async def test_the_owner_reads_their_part_and_what_was_paid_out(
    till: Till, renter: Person, owner: Person, tractor: str
) -> None:
    booking = await paid_for(till, renter, tractor)
    # 8 % of 120.00 are 9.60, and 1.92 the VAT on them.
    parts = {"waiting": 13_248, "payable": 0, "fee": 960, "fee_vat": 192}
    part = (await told(owner, booking))["owners_part"]
    assert {name: part[name]["minor"] for name in parts} == parts
    assert part["lines"] == []
    async with till.database.begin() as tx:
        await tx.execute(
            sa.text("UPDATE bookings SET starts = now() - interval '5 days', ends = now() - interval '4 days'")
        )
    waived = await owner.act(booking["id"], "deposit/waive", {"reason": "A neighbour."})
    assert waived.status_code == 200, waived.text
    for verb, body in (("check_out", None), ("check_in", {})):
        assert (await owner.act(booking["id"], verb, body)).status_code == 200
    await till.work()
    (line,) = (await told(owner, booking))["owners_part"]["lines"]
    assert (line["amount"], line["state"]) == (None, None)
    async with till.database.begin() as tx:
        await tx.execute(sa.text("UPDATE payables SET due_at = now() - interval '1 hour'"))
    await prepare_payouts({"database": till.database})
    part = (await told(owner, booking))["owners_part"]
    assert (part["waiting"]["minor"], part["payable"]["minor"]) == (0, 13_248)
    assert [(one["amount"]["minor"], one["state"]) for one in part["lines"]] == [(13_248, "pending")], "no IBAN yet"


async def test_the_deposit_and_how_it_came_to_that(till: Till, renter: Person, owner: Person, tractor: str) -> None:
    booking = await paid_for(till, renter, tractor)
    assert (await owner.act(booking["id"], "deposit/waive", {"reason": "A neighbour."})).status_code == 200
    for who in (renter, owner):
        deposit = (await told(who, booking))["deposit"]
        assert (deposit["state"], deposit["amount"]["minor"], deposit["live"]) == ("waived", 100_000, True)
        assert [(one["from_state"], one["to_state"], one["why"]) for one in deposit["steps"]] == [
            (None, "saved", ""),
            ("saved", "waived", "A neighbour."),
        ]
        assert (await who.get(f"/bookings/{booking['id']}")).json()["deposit_state"] == "waived"


async def test_what_is_on_account_is_owed(till: Till, member: Person, owner: Person, tractor: str) -> None:
    booking = await member.booked([tractor], morning(3), evening(3))
    await till.work()
    for who in (member, owner):
        view = await told(who, booking)
        assert (view["on_account"], sums(view), view["payments"]) == (True, {"price": 14_400, "owed": 14_400}, [])
    assert view["owners_part"]["waiting"]["minor"] == 14_400


async def test_strangers_learn_nothing(till: Till, renter: Person, world: World, tractor: str) -> None:
    booking = await paid_for(till, renter, tractor)
    stranger = await world.farmer("stranger@ferme.example", "Ferme de la Leyre")
    refused = await asks(stranger, booking)
    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_booking")


async def test_it_asks_the_same_questions_however_much_was_paid(
    till: Till, renter: Person, owner: Person, tractor: str, statements: Statements
) -> None:
    booking = await paid_for(till, renter, tractor)
    counts: list[list[int]] = []
    for day in (4, 5):
        of_each = []
        for who in (renter, owner):
            await told(who, booking)
            with statements.counted() as seen:
                await told(who, booking)
            of_each.append(len(seen))
        counts.append(of_each)
        assert (await extended(renter, booking, evening(day))).status_code == 200
        await till.work()
    assert counts[0] == counts[1]
    assert max(counts[0]) <= 10, counts
