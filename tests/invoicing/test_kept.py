"""What is kept of a rental that came to nothing is invoiced, to the cent of the ledger; and what was left out."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from tests.bookings.paying.test_terms import begins_in, machine_with
from tests.invoicing.conftest import Office, on_account
from tests.people import Json, Person, World, at
from votremachine.bookings.events import RentalSettled
from votremachine.bookings.paying import catching_up
from votremachine.bookings.paying.service import StillUnderWay
from votremachine.fleet.rules import Texts
from votremachine.infra.outbox import drain
from votremachine.infra.servers.process import CannotStart
from votremachine.invoicing.command import catch_up, run
from votremachine.invoicing.rules.sums import Category, Line, SumsDiffer, totals
from votremachine.invoicing.service.issuing import invoice_rental, on_rental_settled
from votremachine.kernel.money import share
from votremachine.pricing.rules.card import Unit
from votremachine.worker import HANDLERS

HOUR, A_MOMENT = timedelta(hours=1), timedelta(minutes=1)


async def called_off(office: Office, who: Person, booking: Json, notice: timedelta) -> None:
    await begins_in(office, booking, notice)  # type: ignore[arg-type]
    answer = await who.act(booking["id"], "cancel", {})
    assert answer.status_code == 200, answer.text
    await office.work()


async def absent(office: Office, booking: Json) -> None:
    await begins_in(office, booking, -A_MOMENT)  # type: ignore[arg-type]
    answer = await office.owner.act(booking["id"], "no_show", {})
    assert answer.status_code == 200, answer.text
    await office.work()


async def rental_in_books(office: Office, booking: Json) -> int:
    (row,) = await office.rows(
        "SELECT coalesce(sum(e.minor), 0) AS minor FROM ledger_transactions t"
        " JOIN ledger_entries e ON e.transaction_id = t.id JOIN ledger_accounts a ON a.id = e.account_id"
        " WHERE t.booking_id = :id AND t.kind LIKE 'rental%' AND a.code IN ('renter', 'account_owed')",
        id=UUID(booking["id"]),
    )
    return int(row.minor)


@pytest.mark.parametrize(
    ("policy", "hours", "part"),
    [("flexible", 12, 50), ("moderate", 12, 100), ("strict", 60, 50), ("cooperative", 12, 20)],
)
async def test_a_late_cancellation_is_invoiced_and_paid_by_the_card_that_paid(
    policy: str, hours: int, part: int, office: Office, world: World, renter: Person, owner: Person
) -> None:
    booking = await office.confirmed(await machine_with(owner, world, policy, day=1_235))
    await called_off(office, renter, booking, hours * HOUR)
    invoice = await office.invoice(owner)
    kept = await rental_in_books(office, booking)
    assert (invoice["payable"]["minor"], invoice["state"], invoice["due"]["minor"]) == (kept, "paid", 0)
    assert abs(kept - booking["price"]["total"]["minor"] * part / 100) <= 1
    (line,) = invoice["lines"]
    assert (line["unit"], line["quantity"], line["vat"]) == ("lump", 1, 2_000)
    assert "annulation" in line["text"].lower() or "cancellation" in line["text"].lower()
    assert (invoice["supplied_from"], invoice["supplied_until"]) == (None, None)
    assert [one["amount"]["minor"] for one in invoice["payments"]] == [kept]
    assert "renter" not in await office.books()
    pdf = await owner.get(f"/invoices/{invoice['id']}", Accept="application/pdf")
    assert pdf.content.startswith(b"%PDF")


async def test_nobody_came_and_all_is_invoiced(office: Office, owner: Person, tractor: str) -> None:
    booking = await office.confirmed(tractor)
    await absent(office, booking)
    invoice = await office.invoice(owner)
    assert invoice["payable"] == booking["price"]["total"]
    assert (await rental_in_books(office, booking), invoice["state"]) == (invoice["payable"]["minor"], "paid")


@pytest.mark.parametrize("by", ["renter", "owner"])
async def test_what_goes_back_whole_is_not_invoiced(
    by: str, office: Office, renter: Person, owner: Person, tractor: str
) -> None:
    booking = await office.confirmed(tractor)
    who, notice = (renter, 25 * HOUR) if by == "renter" else (owner, HOUR)
    await called_off(office, who, booking, notice)
    assert await office.invoices(owner) == []
    assert await office.rows("SELECT 1 FROM outbox WHERE name = 'RentalSettled'") == []


async def test_the_same_fact_again_issues_nothing(office: Office, renter: Person, owner: Person, tractor: str) -> None:
    booking = await office.confirmed(tractor)
    await called_off(office, renter, booking, HOUR)
    before = await office.invoices(owner)
    owner_id, renter_id = UUID(booking["owner"]["id"]), UUID(booking["renter"]["id"])
    fact = RentalSettled(booking_id=UUID(booking["id"]), owner_party_id=owner_id, renter_party_id=renter_id)
    async with office.database.begin() as tx:
        await on_rental_settled(tx, fact)
    assert await office.invoices(owner) == before


async def test_a_member_owes_it_on_account_and_it_is_settled_and_taken_back_as_any(
    office: Office, world: World, renter: Person, cuma: Person
) -> None:
    booking = await renter.booked([await machine_with(cuma, world, "flexible")], at(3), at(4))
    office.owner = cuma
    await called_off(office, renter, booking, HOUR)
    half = booking["price"]["total"]["minor"] // 2
    invoice = await office.invoice(cuma)
    assert (invoice["cause"], invoice["payable"]["minor"], invoice["state"]) == ("rental", half, "issued")
    assert await office.books() == {"account_owed": half, "account_due": -half}
    assert (await office.records(cuma, invoice, 1_000)).status_code == 201
    assert (await office.books())["account_owed"] == half - 1_000
    note = await cuma.post(f"/invoices/{invoice['id']}/credit-note", {"reason": "geste"}, Idempotency_Key=str(uuid4()))
    assert note.status_code == 201, note.text
    assert (await office.books())["account_owed"] == -1_000


async def test_what_could_not_be_taken_is_due_told_and_paid_by_another_card(
    office: Office, world: World, renter: Person, owner: Person
) -> None:
    """Accepted and called off late in the same minute, and the gateway had let go of the money."""
    machine = await world.machine(owner, booking_mode="on_request")
    booking = (await renter.book([machine], at(3), at(4))).json()
    card = {"instrument_id": await office.card()}
    assert (await renter.act(booking["id"], "confirm", {"payment": "card", **card})).status_code == 200
    (held,) = await office.rows("SELECT reference FROM payment_orders WHERE purpose = 'rental'")
    await office.gateway.release(held.reference, uuid4())
    await begins_in(office, booking, HOUR)  # type: ignore[arg-type]
    assert (await owner.act(booking["id"], "accept")).status_code == 200
    assert (await renter.act(booking["id"], "cancel", {})).status_code == 200
    await office.work()
    await office.set("UPDATE outbox SET due_at = now()")
    await office.work()
    half = booking["price"]["total"]["minor"] // 2
    invoice = await office.invoice(owner)
    assert (invoice["payable"]["minor"], invoice["due"]["minor"]) == (half, half)
    inbox = (await renter.get("/inbox?limit=200")).json()["items"]
    assert "PaymentMissing" in {one["kind"] for one in inbox}
    paid = await renter.act(booking["id"], "pay", card)
    assert (paid.status_code, paid.json()["state"]) == (200, "cancelled")
    await office.work()
    settled = await office.invoice(owner)
    assert (settled["state"], "renter" in await office.books()) == ("paid", False)
    again = await renter.act(booking["id"], "pay", card)
    assert again.status_code == 200, "and nothing more is taken"
    await office.work()
    assert "renter" not in await office.books()


async def test_it_is_not_invoiced_while_a_card_is_being_asked(
    office: Office, world: World, renter: Person, owner: Person
) -> None:
    """The worker tells of it before it asks the gateway for what was set aside: nobody knows yet what is paid."""
    machine = await world.machine(owner, booking_mode="on_request")
    booking = (await renter.book([machine], at(3), at(4))).json()
    card = {"instrument_id": await office.card()}
    assert (await renter.act(booking["id"], "confirm", {"payment": "card", **card})).status_code == 200
    await begins_in(office, booking, HOUR)  # type: ignore[arg-type]
    assert (await owner.act(booking["id"], "accept")).status_code == 200
    assert (await renter.act(booking["id"], "cancel", {})).status_code == 200
    await drain(office.database, HANDLERS)
    async with office.database.begin() as tx:
        with pytest.raises(StillUnderWay):
            await invoice_rental(tx, UUID(booking["id"]))
    await office.work()
    await office.set("UPDATE outbox SET due_at = now()")
    await office.work()
    assert (await office.invoice(owner))["state"] == "paid"


async def test_nothing_is_due_of_what_went_back_whole(office: Office, renter: Person, tractor: str) -> None:
    booking = await office.confirmed(tractor)
    await called_off(office, renter, booking, 25 * HOUR)
    refused = await renter.act(booking["id"], "pay", {"instrument_id": await office.card()})
    assert (refused.status_code, refused.json()["code"]) == (409, "nothing_due")


async def test_a_fault_of_the_invoice_does_not_keep_the_deposit(office: Office, owner: Person, tractor: str) -> None:
    booking = await office.back(tractor)
    await office.set(
        "UPDATE bookings SET price = jsonb_set(price, '{total,minor}', '99999') WHERE id = :id", id=UUID(booking["id"])
    )
    await office.over(booking)
    assert await office.invoices(owner) == []
    assert (await office.deposit(booking)).state.value == "released"
    (waiting,) = await office.rows("SELECT name, last_error FROM outbox WHERE attempts > 0")
    assert waiting.name == "RentalSettled"
    assert "SumsDiffer" in waiting.last_error


@given(
    st.lists(st.integers(1, 99_999), min_size=1, max_size=12), st.sampled_from([500, 550, 2_000]), st.integers(0, 9_999)
)
def test_what_is_kept_of_any_lines_is_within_its_rounding(nets: list[int], rate: int, back: int) -> None:
    net, vat = sum(nets), sum(share(one, rate) for one in nets)
    kept_net, kept_vat = net - share(net, back), vat - share(vat, back)
    if not kept_net:
        return
    line = Line(Texts("", ""), 1_000, Unit.LUMP, kept_net, kept_net, rate, Category.STANDARD)
    assert totals([line], kept_net + kept_vat, rounded=len(nets) + 2).payable == kept_net + kept_vat
    with pytest.raises(SumsDiffer):
        totals([line], kept_net + kept_vat + len(nets) + 4, rounded=len(nets) + 2)


async def forgotten(office: Office, booking: Json) -> None:
    """As an older version left it: nothing in the ledger, no invoice."""
    async with office.people.begin() as tx:
        for table in ("ledger_transactions", "ledger_entries", "invoices", "invoice_lines"):
            await tx.execute(sa.text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        mine = "(SELECT id FROM ledger_transactions WHERE booking_id = :id)"
        for statement in (
            f"DELETE FROM ledger_entries WHERE transaction_id IN {mine}",
            "DELETE FROM ledger_transactions WHERE booking_id = :id",
            "DELETE FROM invoice_lines WHERE invoice_id IN (SELECT id FROM invoices WHERE booking_id = :id)",
            "DELETE FROM invoices WHERE booking_id = :id",
        ):
            await tx.execute(sa.text(statement), {"id": UUID(booking["id"])})
        await tx.execute(sa.text("DELETE FROM invoice_series"))
        for table in ("ledger_transactions", "ledger_entries", "invoices", "invoice_lines"):
            await tx.execute(sa.text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))


async def left_out(office: Office, renter: Person, cuma: Person, world: World) -> tuple[Json, Json]:
    """A rental on account that is over, and one whose renter did not come, of before both."""
    machine = await world.machine(cuma)
    over = await on_account(office, renter, cuma, machine)
    missed = await renter.booked([machine], at(6), at(7))
    await absent(office, missed)
    for booking in (over, missed):
        await forgotten(office, booking)
    assert await office.books() == {}
    return over, missed


async def test_what_was_left_out_is_caught_up_with_once(
    office: Office, renter: Person, cuma: Person, world: World
) -> None:
    both = await left_out(office, renter, cuma, world)
    price = both[0]["price"]["total"]["minor"]
    assert await catch_up(office.database, catching_up.on_account, catching_up.enter) == (2, 0)
    assert await office.books() == {"account_owed": 2 * price, "account_due": -2 * price}
    assert await office.invoices(cuma) == [], "nobody asked for these"
    await asyncio.to_thread(run, office.settings, datetime.now(UTC).date() - timedelta(days=9))
    told = await office.invoices(cuma)
    assert sorted(one["booking_id"] for one in told) == sorted(one["id"] for one in both)
    assert {one["due"]["minor"] for one in told} == {price}
    assert await catch_up(office.database, catching_up.on_account, catching_up.enter) == (0, 0)
    await asyncio.to_thread(run, office.settings, datetime.now(UTC).date() - timedelta(days=9))
    assert await office.invoices(cuma) == told
    assert (await office.books())["account_owed"] == 2 * price


async def test_what_ended_before_that_day_is_not_invoiced(
    office: Office, renter: Person, cuma: Person, world: World
) -> None:
    await left_out(office, renter, cuma, world)
    await asyncio.to_thread(run, office.settings, datetime.now(UTC).date() + timedelta(days=9))
    assert await office.invoices(cuma) == []


async def test_one_that_cannot_be_invoiced_holds_up_no_other_and_is_told(
    office: Office, renter: Person, cuma: Person, world: World
) -> None:
    over, missed = await left_out(office, renter, cuma, world)
    await office.set(
        "UPDATE bookings SET price = jsonb_set(price, '{total,minor}', '99999') WHERE id = :id", id=UUID(over["id"])
    )
    with pytest.raises(CannotStart, match="1 bookings"):
        await asyncio.to_thread(run, office.settings, datetime.now(UTC).date() - timedelta(days=9))
    assert [one["booking_id"] for one in await office.invoices(cuma)] == [missed["id"]]
