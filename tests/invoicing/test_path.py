"""From a machine that is back to an invoice that is paid."""

from datetime import UTC, date, datetime, timedelta

from tests.deposits.conftest import HELD
from tests.invoicing.conftest import Office, on_account
from tests.people import Person
from votremachine.invoicing.rules.numbering import day_of

OVER = 25_000


async def test_a_rental_paid_by_card_is_invoiced_and_paid_when_it_is_over(
    office: Office, renter: Person, owner: Person, tractor: str
) -> None:
    booking = await office.completed(tractor)
    invoice = await office.invoice(owner)
    total = booking["price"]["total"]
    assert (invoice["payable"], invoice["paid"], invoice["due"]["minor"], invoice["state"]) == (total, total, 0, "paid")
    assert invoice["number"] == f"VM{day_of(datetime.now(UTC)).year}-000001"
    assert [line["net"] for line in invoice["lines"]] == [line["net"] for line in booking["price"]["lines"]]
    assert invoice["vat_by_rate"] == [
        {"category": "S", "rate": 2000, "net": booking["price"]["net"], "vat": booking["price"]["vat"]}
    ]
    assert [(one["means"], one["amount"]) for one in invoice["payments"]] == [("card", total)]
    assert await office.invoice(renter) == invoice


async def test_what_a_claim_awards_beyond_the_deposit_is_invoiced_without_vat(
    office: Office, renter: Person, owner: Person, tractor: str
) -> None:
    booking = await office.back(tractor, "tok_declines_renewal")
    claim = await office.claim(booking, HELD + OVER)
    await office.said(renter, claim, "accept")
    await office.work()
    invoice = await office.invoice(owner)
    assert (invoice["payable"]["minor"], invoice["due"]["minor"], invoice["state"]) == (OVER, OVER, "issued")
    assert [(one["category"], one["rate"], one["vat"]["minor"]) for one in invoice["vat_by_rate"]] == [("O", 0, 0)]
    assert any("outside the scope of VAT" in text for text in invoice["mentions"])
    issued = date.fromisoformat(invoice["issued_on"])
    assert date.fromisoformat(invoice["due_on"]) == issued + timedelta(days=30)
    paid = {"instrument_id": await office.card()}
    assert (await renter.post(f"/claims/{claim['id']}/pay", paid, Idempotency_Key="a")).status_code == 200
    await office.work()
    settled = await office.invoice(renter)
    assert (settled["state"], settled["due"]["minor"]) == ("paid", 0)
    assert [(one["means"], one["amount"]["minor"]) for one in settled["payments"]] == [("card", OVER)]
    fixed = set(invoice) - {"state", "paid", "due", "payments", "version"}
    assert {name: settled[name] for name in fixed} == {name: invoice[name] for name in fixed}


async def test_a_rental_on_account_is_due_and_its_issuer_records_what_comes_in(
    office: Office, renter: Person, cuma: Person, tractor_of_cuma: str
) -> None:
    await on_account(office, renter, cuma, tractor_of_cuma)
    invoice = await office.invoice(cuma)
    due = invoice["due"]["minor"]
    assert (invoice["state"], due) == ("issued", invoice["payable"]["minor"])
    assert await office.books() == {"account_owed": due, "account_due": -due}
    part = await office.records(cuma, invoice, 1_000)
    assert (await office.books())["account_owed"] == due - 1_000
    assert (part.status_code, part.json()["due"]["minor"], part.json()["state"]) == (201, due - 1_000, "issued")
    rest = await office.records(cuma, invoice, due - 1_000, means="cheque", reference="N° 17")
    assert (rest.status_code, rest.json()["due"]["minor"], rest.json()["state"]) == (201, 0, "paid")
    assert await office.books() == {}, "what was owed on account is settled, once"
