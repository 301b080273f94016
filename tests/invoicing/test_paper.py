"""An invoice on paper: what the law wants to read on it, in both languages, for those alone who may see it."""

from io import BytesIO

from pypdf import PdfReader

from tests.deposits.conftest import HELD
from tests.invoicing.conftest import Office, on_account
from tests.people import Json, Person, World

PDF = "application/pdf"
TOLD = {
    "legal_name": "EARL du Marsan",
    "siren": "732829320",
    "vat_number": "FR44732829320",
    "street": "12 route de la Lande",
    "postcode": "40000",
}


async def tells(person: Person, told: Json) -> None:
    tag = (await person.get(f"/parties/{person.party_id}/details")).headers["ETag"]
    changed = await person.ask("PATCH", f"/parties/{person.party_id}", told, If_Match=tag)
    assert changed.status_code == 200, changed.text


def words(pdf: bytes) -> str:
    """All that is read on it, whatever its spaces."""
    return " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages).split())


async def printed(who: Person, invoice: Json, language: str) -> str:
    answer = await who.get(f"/invoices/{invoice['id']}", Accept=PDF, Accept_Language=language)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, PDF), answer.text
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{invoice["number"]}.pdf"'
    return words(answer.content)


async def test_a_rental_on_paper_says_what_the_law_wants(
    office: Office, world: World, renter: Person, cuma: Person
) -> None:
    await tells(cuma, TOLD)
    machine = await world.machine(cuma)
    await office.set("UPDATE machines SET title_fr = :title", title="]#panic() $x$ 🚜")
    await on_account(office, renter, cuma, machine)
    invoice = await office.invoice(cuma)
    await office.records(cuma, invoice, 1_000, means="cheque")
    french = await printed(renter, invoice, "fr")
    for said in (
        f"Facture {invoice['number']}",
        "Location : ]#panic() $x$",
        "EARL du Marsan",
        "12 route de la Lande",
        "40000 Mont-de-Marsan",
        "SIREN 732829320",
        "N° TVA FR44732829320",
        "À payer au plus tard le",
        "Prix unitaire HT",
        "20 %",
        "Net à payer",
        "Payé par chèque le",
        "Reste à payer",
        "au nom et pour le compte de EARL du Marsan",
        "majoré de 10 points",
        "40 €",
    ):
        assert said in french, (said, french)
    english = await printed(cuma, invoice, "en")
    for said in (f"Invoice {invoice['number']}", "To be paid by", "VAT no. FR44732829320", "Paid by cheque on", "€40"):
        assert said in english, (said, english)


async def test_compensation_on_paper_has_no_vat_and_says_why(
    office: Office, renter: Person, owner: Person, tractor: str
) -> None:
    booking = await office.back(tractor, "tok_declines_renewal")
    await office.said(renter, await office.claim(booking, HELD + 25_000), "accept")
    await office.work()
    french = await printed(owner, await office.invoice(owner), "fr")
    assert "hors du champ d'application de la TVA" in french.replace("\u2019", "'")
    assert "20 %" not in french
    assert "250,00 €" in french


async def test_paper_is_for_those_who_may_read_it_and_is_made_once(
    office: Office, world: World, renter: Person, owner: Person, tractor: str
) -> None:
    await office.completed(tractor)
    invoice = await office.invoice(owner)
    path = f"/invoices/{invoice['id']}"
    stranger = await world.farmer("stranger@x.example", "Ailleurs")
    refused = await stranger.get(path, Accept=PDF)
    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_invoice")
    refused_form = await renter.get(path, Accept=f"{PDF};q=0, */*")
    assert refused_form.headers["Content-Type"] == "application/json"
    first = await renter.get(path, Accept=PDF)
    again = await renter.get(path, Accept=PDF)
    assert (first.content, first.headers["ETag"]) == (again.content, again.headers["ETag"])
    unchanged = await renter.get(path, Accept=PDF, If_None_Match=first.headers["ETag"])
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    other = await renter.get(path, Accept=PDF, Accept_Language="fr")
    assert other.headers["ETag"] != first.headers["ETag"]
    assert (await renter.get(path)).json() == invoice
