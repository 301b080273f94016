"""What is invoiced, once, and at what price; and what cards pay of it before and after."""

import asyncio
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.deposits.conftest import HELD, PLAIN
from tests.invoicing.conftest import Office, on_account
from tests.people import Json, Person, World, at
from votremachine.bookings.events import DifferencePaid, RentalSettled
from votremachine.damages.events import ClaimPaid, ClaimSettled
from votremachine.invoicing.service.issuing import on_claim_settled, on_rental_settled
from votremachine.invoicing.service.paying import on_claim_paid, on_difference_paid

OVER = 25_000


def sides(booking: Json) -> dict[str, Any]:
    owner, renter = booking["owner"]["id"], booking["renter"]["id"]
    return {"booking_id": UUID(booking["id"]), "owner_party_id": UUID(owner), "renter_party_id": UUID(renter)}


async def test_the_same_facts_again_change_nothing(office: Office, renter: Person, owner: Person, tractor: str) -> None:
    booking = await office.back(tractor)
    claim = await office.claim(booking, HELD + OVER)
    await office.said(renter, claim, "accept")
    await office.work()
    await office.over(booking)
    once = await office.invoices(owner)
    assert [one["cause"] for one in once] == ["claim", "card_rental"]
    assert [one["due"]["minor"] for one in once] == [0, 0]
    who = sides(booking)
    about = {**who, "claim_id": UUID(claim["id"])}

    async def again() -> None:
        async with office.database.begin() as tx:
            await on_rental_settled(tx, RentalSettled(**who))
            await on_claim_settled(tx, ClaimSettled(**about))
            await on_claim_paid(tx, ClaimPaid(**about))
            await on_difference_paid(tx, DifferencePaid(**who))

    for _ in range(2):
        await again()
    await asyncio.gather(*(again() for _ in range(4)))
    await office.work()
    assert await office.invoices(owner) == once
    (counted,) = await office.rows("SELECT last FROM invoice_series")
    assert counted.last == len(once)


async def test_facts_handed_on_at_once_issue_once(office: Office, renter: Person, owner: Person, tractor: str) -> None:
    booking = await office.back(tractor)
    await office.set("UPDATE bookings SET state = 'completed' WHERE id = :id", id=UUID(booking["id"]))

    async def complete() -> None:
        async with office.database.begin() as tx:
            await on_rental_settled(tx, RentalSettled(**sides(booking)))

    await asyncio.gather(*(complete() for _ in range(4)))
    assert [one["number"][-6:] for one in await office.invoices(owner)] == ["000001"]


@pytest.fixture
async def drill(world: World, owner: Person) -> str:
    """A day for 13.33, and 25.17 a hectare: VAT told line by line is not that of their sum."""
    machine = await world.machine(owner, day=None, listed=False)
    rates = [{"unit": "day", "minor": 1_333}, {"unit": "hectare", "minor": 2_517}]
    await owner.made(f"/machines/{machine}/rates", {"rates": rates})
    await owner.made(f"/machines/{machine}/publish")
    return machine


async def drilled(office: Office, machine: str, hectares: float, card: str = PLAIN) -> Json:
    """A booking of 2 estimated hectares that is back, and of which both agreed how much it was."""
    span = {"start": at(3).isoformat(), "end": at(4).isoformat()}
    wishes = [{"machine_id": machine, "use": {"hectare": 2}}]
    quote = await office.renter.made("/quotes", {"machine_ids": [machine], **span, "wishes": wishes})
    booking = (await office.renter.book([machine], at(3), at(4), quote=quote["token"])).json()
    paid = {"payment": "card", "instrument_id": await office.card()}
    answer = await office.renter.act(booking["id"], "confirm", paid)
    assert answer.status_code == 200, answer.text
    await office.work(at(2, 1))
    await office.shifted(booking, timedelta(days=-3))
    await office.went(booking)
    await office.set("UPDATE simulated_instruments SET token = :card", card=card)
    said = await office.owner.act(booking["id"], "usage", {"used": {machine: {"hectare": hectares}}})
    assert said.status_code == 201, said.text
    agreed = await office.renter.act(booking["id"], "usage/agree", {"usage_id": said.json()["id"]})
    assert agreed.status_code == 200, agreed.text
    await office.work()
    return agreed.json()


def priced(booking: Json) -> list[Json]:
    return [line for line in booking["price"]["lines"] if line["quantity"]]


@pytest.mark.parametrize("hectares", [3.5, 2, 0.333, 0])
async def test_what_was_really_used_is_invoiced_not_the_estimate(
    hectares: float, office: Office, owner: Person, drill: str
) -> None:
    booking = await drilled(office, drill, hectares)
    await office.over(booking)
    invoice = await office.invoice(owner)
    assert invoice["payable"] == booking["price"]["total"]
    told = [
        [(one["unit"], one["quantity"], one["net"]) for one in lines] for lines in (invoice["lines"], priced(booking))
    ]
    assert told[0] == told[1]
    assert ("hectare" in {one["unit"] for one in invoice["lines"]}) == (hectares > 0)
    net = sum(one["net"]["minor"] for one in invoice["lines"])
    (group,) = invoice["vat_by_rate"]
    assert (group["net"]["minor"], group["vat"]["minor"]) == (net, (net * 20 + 50) // 100)
    rounding = booking["price"]["total"]["minor"] - net - group["vat"]["minor"]
    assert invoice["rounding"]["minor"] == rounding
    assert (invoice["state"], sum(one["amount"]["minor"] for one in invoice["payments"])) == (
        "paid",
        booking["price"]["total"]["minor"],
    )


async def test_what_a_card_still_owed_is_due_and_paid_by_another_after_the_invoice(
    office: Office, renter: Person, owner: Person, drill: str
) -> None:
    booking = await drilled(office, drill, 12, "tok_declined")
    await office.over(booking)
    invoice = await office.invoice(owner)
    due = invoice["due"]["minor"]
    assert (invoice["state"], due > 0, len(invoice["payments"])) == ("issued", True, 1)
    refused = await office.records(owner, invoice, due)
    assert (refused.status_code, refused.json()["code"]) == (409, "paid_by_card")
    paid = await renter.act(booking["id"], "pay", {"instrument_id": await office.card()})
    assert paid.status_code == 200, paid.text
    await office.work()
    settled = await office.invoice(renter)
    assert (settled["state"], settled["due"]["minor"], len(settled["payments"])) == ("paid", 0, 2)
    assert "renter" not in await office.books()


async def test_a_charge_that_the_worker_hears_of_after_the_invoice_pays_it(
    office: Office, renter: Person, owner: Person, drill: str
) -> None:
    booking = await drilled(office, drill, 12, "tok_timeout_after")
    await office.over(booking)
    invoice = await office.invoice(owner)
    await office.set("UPDATE payment_orders SET next_at = now() WHERE next_at IS NOT NULL")
    await office.work()
    settled = await office.invoice(owner)
    assert settled["state"] == "paid"
    assert (settled["number"], settled["payable"]) == (invoice["number"], invoice["payable"])


async def test_what_costs_nothing_is_not_invoiced(office: Office, world: World, renter: Person, cuma: Person) -> None:
    await on_account(office, renter, cuma, await world.machine(cuma, day=0))
    assert await office.invoices(cuma) == []


async def test_parties_stay_as_they_were(office: Office, renter: Person, owner: Person, tractor: str) -> None:
    details = f"/parties/{owner.party_id}/details"
    told = {"legal_name": "EARL du Test", "siren": "732829320", "vat_number": "FR44732829320", "payment_days": 45}
    tag = (await owner.get(details)).headers["ETag"]
    changed = await owner.ask("PATCH", f"/parties/{owner.party_id}", told, If_Match=tag)
    assert changed.status_code == 200, changed.text
    await office.completed(tractor)
    before = await office.invoice(owner)
    assert (before["issuer"], before["seller"]["siren"]) == ("EARL du Test", "732829320")
    issued, due = (before[name] for name in ("issued_on", "due_on"))
    (row,) = await office.rows("SELECT :due ::date - :issued ::date AS days", due=day(due), issued=day(issued))
    assert row.days == 45
    tag = (await owner.get(details)).headers["ETag"]
    renamed = {"legal_name": "Autre", "siren": "", "vat_number": "", "payment_days": 0}
    assert (await owner.ask("PATCH", f"/parties/{owner.party_id}", renamed, If_Match=tag)).status_code == 200
    assert await office.invoice(owner) == before


def day(text: str) -> Any:
    return date.fromisoformat(text)


async def test_a_payment_that_meets_the_invoice_is_not_lost(
    office: Office, renter: Person, owner: Person, drill: str
) -> None:
    """The fact of a payment comes while the invoice is being issued, and had been read without it."""
    booking = await drilled(office, drill, 12, "tok_declined")
    paid = await renter.act(booking["id"], "pay", {"instrument_id": await office.card()})
    assert paid.status_code == 200, paid.text
    (order,) = await office.rows("SELECT id FROM payment_orders WHERE purpose = 'difference' AND state = 'done'")
    await office.set("UPDATE bookings SET state = 'completed' WHERE id = :id", id=UUID(booking["id"]))
    hide = "UPDATE payment_orders SET state = 'pending', settled_at = NULL WHERE id = :id"
    show = "UPDATE payment_orders SET state = 'done', settled_at = now() WHERE id = :id"
    await office.set(hide, id=order.id)
    async with office.database.begin() as issuing:
        await on_rental_settled(issuing, RentalSettled(**sides(booking)))
        await issuing.flush()
        await office.set(show, id=order.id)

        async def heard() -> None:
            async with office.database.begin() as tx:
                await on_difference_paid(tx, DifferencePaid(**sides(booking)))

        hearing = asyncio.create_task(heard())
        await asyncio.sleep(0.3)
        assert not hearing.done(), "it waits for whoever issues"
    await hearing
    assert (await office.invoice(owner))["state"] == "paid"
