"""What an issuer records, what is refused, whose books follow, who may see it, and what is taken back."""

import asyncio
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from tests.deposits.conftest import HELD
from tests.invoicing.conftest import Office, on_account
from tests.people import Json, Person, World
from votremachine.accounts.rules import Role
from votremachine.accounts.service.parties import give_seat
from votremachine.infra.database import Database

OVER = 25_000


@pytest.fixture
async def due(office: Office, renter: Person, cuma: Person, tractor_of_cuma: str) -> Json:
    """An invoice of a rental on account, whole."""
    await on_account(office, renter, cuma, tractor_of_cuma)
    return await office.invoice(cuma)


@pytest.fixture
async def damage(office: Office, renter: Person, owner: Person, tractor: str) -> Json:
    """An invoice of what a claim awarded beyond the deposit, which the renter's card declined."""
    booking = await office.back(tractor, "tok_declines_renewal")
    claim = await office.claim(booking, HELD + OVER)
    await office.said(renter, claim, "accept")
    await office.work()
    return await office.invoice(owner)


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"minor": 10**7}, 422, "more_than_due"),
        ({"received_on": f"{date(2400, 1, 1)}"}, 422, "payment_date_off"),
        ({"received_on": f"{date(2001, 1, 1)}"}, 422, "payment_date_off"),
        ({"minor": 0}, 422, "invalid_input"),
        ({"minor": -5}, 422, "invalid_input"),
        ({"minor": 2**63}, 422, "invalid_input"),
        ({"minor": 1.5}, 422, "invalid_input"),
        ({"means": "card"}, 422, "invalid_input"),
        ({"means": "potatoes"}, 422, "invalid_input"),
        ({"received_on": "yesterday"}, 422, "invalid_input"),
        ({"reference": "\x00"}, 422, "invalid_input"),
        ({"more": 1}, 422, "invalid_input"),
    ],
)
async def test_what_cannot_be_changes_nothing(
    changed: Json, status: int, code: str, office: Office, cuma: Person, due: Json
) -> None:
    answer = await office.records(cuma, due, **({"minor": 1_000} | changed))
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert await office.invoice(cuma) == due


async def test_the_same_payment_is_recorded_once(office: Office, cuma: Person, due: Json) -> None:
    first = await office.records(cuma, due, 1_000, key="one")
    again = await office.records(cuma, due, 1_000, key="one")
    assert (first.status_code, again.content) == (201, first.content)
    twice = await office.records(cuma, due, 1_000, key="two")
    assert (twice.status_code, twice.json()["code"]) == (409, "payment_known")
    other = await office.records(cuma, due, 1_000, key="three", reference="second half")
    assert (other.status_code, other.json()["paid"]["minor"]) == (201, 2_000)
    left = other.json()["due"]["minor"]
    over = await office.records(cuma, due, left + 1)
    assert (over.status_code, over.json()["code"]) == (422, "more_than_due")
    assert f"{left / 100:.2f} EUR" in over.json()["detail"]
    assert (await office.records(cuma, due, left)).json()["state"] == "paid"
    late = await office.records(cuma, due, 1, reference="tip")
    assert (late.status_code, late.json()["code"]) == (409, "invoice_settled")


async def test_many_who_record_at_once_never_record_more_than_is_due(office: Office, cuma: Person, due: Json) -> None:
    part = due["due"]["minor"] * 2 // 5
    answers = await asyncio.gather(*(office.records(cuma, due, part, reference=f"{n}") for n in range(8)))
    assert sorted(one.status_code for one in answers) == [201] * 2 + [422] * 6
    assert (await office.invoice(cuma))["paid"]["minor"] == 2 * part


async def test_the_debt_of_a_claim_is_settled_once_whoever_was_paid(
    office: Office, renter: Person, owner: Person, damage: Json
) -> None:
    claim = damage["claim_id"]
    assert (await office.books())["renter"] == OVER
    part = await office.records(owner, damage, 10_000)
    assert part.status_code == 201, part.text
    books = await office.books()
    assert (books["renter"], books["owner_payable"]) == (OVER - 10_000, -(HELD + OVER - 10_000))
    owed = (await renter.get(f"/claims/{claim}")).json()["settlement"]["owed"]["minor"]
    assert owed == OVER - 10_000
    paid = await renter.post(f"/claims/{claim}/pay", {"instrument_id": await office.card()}, Idempotency_Key="a")
    assert paid.status_code == 200, paid.text
    # Before anybody told the invoice of it:
    late = await office.records(owner, damage, 15_000)
    assert (late.status_code, late.json()["code"]) == (409, "invoice_settled")
    await office.work()
    settled = await office.invoice(renter)
    assert [(one["means"], one["amount"]["minor"]) for one in settled["payments"]] in (
        [("transfer", 10_000), ("card", 15_000)],
        [("card", 15_000), ("transfer", 10_000)],
    )
    assert (settled["state"], "renter" in await office.books()) == ("paid", False)
    assert await office.payable({"id": claim}) == [15_000, HELD], "what the owner has is not paid out again"
    told = (await renter.get("/claims/" + claim)).json()["settlement"]["owed"]["minor"]
    assert told == 0
    payments = (await renter.get(f"/bookings/{damage['booking_id']}/payments")).json()
    assert (payments["paid_directly"]["minor"], payments["owed"]["minor"]) == (10_000, 0)


async def test_while_a_card_pays_a_claim_nobody_records_it(office: Office, owner: Person, damage: Json) -> None:
    await office.set(
        "INSERT INTO payment_orders SELECT (jsonb_populate_record(o, jsonb_build_object('id', gen_random_uuid(),"
        " 'state', 'pending', 'settled_at', NULL, 'refusal', NULL))).* FROM payment_orders o"
        " WHERE purpose = 'damage' AND what = 'charge'"
    )
    refused = await office.records(owner, damage, OVER)
    assert (refused.status_code, refused.json()["code"]) == (409, "payment_under_way")
    assert (await office.books())["renter"] == OVER


async def test_a_credit_note_takes_an_invoice_back_and_changes_nothing_of_it(
    office: Office, renter: Person, cuma: Person, due: Json
) -> None:
    await office.records(cuma, due, 1_000)
    path, why = f"/invoices/{due['id']}/credit-note", {"reason": "Machine en panne le second jour."}
    made = await cuma.post(path, why, Idempotency_Key="a")
    again = await cuma.post(path, why, Idempotency_Key="a")
    assert (made.status_code, again.content) == (201, made.content), made.text
    note = made.json()
    assert (note["kind"], note["number"][:3], note["number"][-6:]) == ("credit_note", "VMA", "000001")
    same = ("net", "vat", "gross", "rounding", "payable", "lines", "vat_by_rate", "seller", "buyer")
    assert {name: note[name] for name in same} == {name: due[name] for name in same}
    assert (note["credits_id"], note["reason"], note["due"]["minor"]) == (due["id"], why["reason"], 0)
    assert any(due["number"] in text for text in note["mentions"])
    assert (await office.books())["account_owed"] == -1_000, "its issuer owes back what was paid"
    told = (await renter.get(f"/bookings/{due['booking_id']}/payments")).json()
    sums = {name: told[name]["minor"] for name in ("paid", "paid_directly", "owed", "owed_back")}
    assert sums == {"paid": 0, "paid_directly": 1_000, "owed": 0, "owed_back": 1_000}
    ended = (await renter.get(f"/invoices/{due['id']}")).json()
    assert (ended["state"], ended["due"]["minor"], ended["paid"]["minor"]) == ("credited", 0, 1_000)
    fixed = set(due) - {"state", "paid", "due", "payments", "version"}
    assert {name: ended[name] for name in fixed} == {name: due[name] for name in fixed}
    for refused, code in (
        (await cuma.post(path, why, Idempotency_Key="b"), "credited_already"),
        (await office.records(cuma, due, 1), "invoice_settled"),
        (await office.records(cuma, note, 1), "not_payable"),
    ):
        assert (refused.status_code, refused.json()["code"]) == (409, code), refused.text
    for person in (cuma, renter):
        assert [one["id"] for one in await office.invoices(person)] == [due["id"], note["id"]]


async def test_where_money_has_moved_nothing_is_taken_back_by_hand(office: Office, owner: Person, damage: Json) -> None:
    refused = await owner.post(f"/invoices/{damage['id']}/credit-note", {"reason": "X"}, Idempotency_Key="a")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_creditable")
    assert await office.invoice(owner) == damage


async def test_lists_are_filtered_paged_and_one_statement(
    office: Office, renter: Person, owner: Person, cuma: Person, tractor_of_cuma: str, due: Json, world: World
) -> None:
    await on_account(office, renter, cuma, tractor_of_cuma)
    first, second = await office.invoices(cuma)
    assert (first["id"], second["number"][-6:]) == (due["id"], "000002")
    await office.records(cuma, first, first["due"]["minor"])
    yesterday = date.fromisoformat(first["issued_on"]) - timedelta(days=1)
    await backdated(office, second["id"], yesterday)
    for state, ids in (("paid", [first]), ("overdue", [second]), ("issued", []), ("credited", [])):
        for who, role in ((cuma, "issuer"), (renter, "customer")):
            found = await office.invoices(who, state=state, role=role)
            assert [one["id"] for one in found] == [one["id"] for one in ids], (state, role)
    assert await office.invoices(cuma, role="customer") == []
    page = (await renter.get(f"/parties/{renter.party_id}/invoices?limit=1")).json()
    assert [one["id"] for one in page["items"]] == [second["id"]]
    rest = (await renter.get(f"/parties/{renter.party_id}/invoices?limit=1&cursor={page['next_cursor']}")).json()
    assert ([one["id"] for one in rest["items"]], rest.get("next_cursor")) == ([first["id"]], None)
    elsewhere = await cuma.get(f"/parties/{cuma.party_id}/invoices?cursor={page['next_cursor']}")
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (422, "bad_cursor")


async def backdated(office: Office, invoice: str, due_on: date) -> None:
    """As if it had been due then: what no statement of ours could do."""
    async with office.people.begin() as tx:
        await tx.execute(sa.text("SET LOCAL session_replication_role = replica"))
        values = {"id": UUID(invoice), "due": due_on}
        await tx.execute(sa.text("UPDATE invoices SET issued_on = :due, due_on = :due WHERE id = :id"), values)


async def test_nobody_else_learns_of_it(office: Office, world: World, cuma: Person, owner: Person, due: Json) -> None:
    stranger = await world.farmer("stranger@x.example", "Ailleurs")
    for who in (stranger, owner):
        for answer in (
            await who.get(f"/invoices/{due['id']}"),
            await who.get(f"/parties/{cuma.party_id}/invoices"),
            await office.records(who, due, 1),
            await who.post(f"/invoices/{due['id']}/credit-note", {"reason": "X"}, Idempotency_Key=str(uuid4())),
        ):
            assert answer.status_code == 404, answer.text
            assert due["number"] not in answer.text


@pytest.mark.parametrize(
    ("role", "status"),
    [(Role.ADMIN, 201), (Role.TREASURER, 201), (Role.MANAGER, 403), (Role.MEMBER, 403), (Role.VIEWER, 403)],
)
async def test_who_sees_to_money_records_it(
    role: Role, status: int, office: Office, world: World, database: Database, cuma: Person, renter: Person, due: Json
) -> None:
    somebody = await world.person("somebody@x.example")
    person = UUID((await somebody.get("/me")).json()["id"])
    async with database.begin() as tx:
        await give_seat(tx, person, UUID(cuma.party_id), role)
    assert (await office.records(somebody, due, 1_000)).status_code == status
    assert (await office.records(renter, due, 1_000)).status_code == 403, "nobody records what they paid themselves"
    assert (await somebody.get(f"/invoices/{due['id']}")).status_code == 200
