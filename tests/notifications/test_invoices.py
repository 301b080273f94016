"""Who is told of an invoice, and reminded of it until it is paid: by day, in France, across both changes of clocks."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from tests.invoicing.test_numbers import draft
from tests.notifications.office import Office, open_office
from tests.people import Json, Person, World, at
from votremachine.accounts.rules import Role
from votremachine.accounts.service.parties import give_seat
from votremachine.config import Settings
from votremachine.infra.database import Database
from votremachine.invoicing.rules.invoice import Invoice
from votremachine.invoicing.service.issuing import issue
from votremachine.notifications.delivering.rules import LEASE
from votremachine.notifications.reminders.rules import Moments
from votremachine.notifications.reminders.service import telling
from votremachine.notifications.reminders.wants import owing
from votremachine.notifications.rules import Side

# Each is due just at a change of clocks.
SPRING, AUTUMN = datetime(2027, 2, 25, 10, tzinfo=UTC), datetime(2027, 10, 1, 10, tzinfo=UTC)


async def issued(office: Office, owner: Person, renter: Person, when: datetime = SPRING) -> Invoice:
    """An invoice of that hour, whose facts were handed on."""
    made = await untold(office, owner, renter, when)
    await office.hear()
    return made


async def untold(office: Office, owner: Person, renter: Person, when: datetime = SPRING) -> Invoice:
    """An invoice of a booking on account, whose facts nobody has heard."""
    machine = await World(owner.http, no_letters).machine(owner)
    booking = await renter.booked([machine], at(3), at(4))
    async with office.database.begin() as tx:
        await tx.execute(sa.text("DELETE FROM outbox"))
    office.now = when
    async with office.database.begin() as tx:
        return await issue(tx, draft(owner, renter, cause_id=UUID(booking["id"])))


async def no_letters(_: str) -> list[str]:
    return []


async def hear_later(office: Office) -> None:
    """A minute later, so that what is told lies behind what was, and behind what people just did by their own clock."""
    assert office.now
    office.now = max(office.now, datetime.now(UTC)) + timedelta(minutes=1)
    await office.hear()


async def pays(owner: Person, invoice: Invoice, minor: int) -> None:
    body = {"minor": minor, "means": "transfer", "received_on": f"{datetime.now(UTC):%F}"}
    answer = await owner.post(f"/invoices/{invoice.id}/payments", body, Idempotency_Key=str(uuid4()))
    assert answer.status_code == 201, answer.text


async def inbox(person: Person) -> list[Json]:
    """Oldest first."""
    return list(reversed((await person.get("/inbox?limit=200", Accept_Language="en")).json()["items"]))


async def kinds(person: Person) -> list[str]:
    return [one["kind"] for one in await inbox(person)]


@pytest.mark.parametrize(
    ("due_on", "hours"),
    [
        # 9:00 in Paris: 8:00 UTC in winter, 7:00 in summer.
        (date(2027, 3, 27), {-3: 8, 1: 7, 8: 7, 15: 7, 22: 7}),
        (date(2027, 10, 31), {-3: 7, 1: 8, 8: 8, 15: 8, 22: 8}),
    ],
)
def test_an_invoice_is_told_of_in_the_morning_whatever_the_clocks_do(due_on: date, hours: dict[int, int]) -> None:
    wanted = owing(due_on, Moments())
    found = {(one.due_at.date() - due_on).days: one.due_at for one in wanted}
    assert {days: at.hour for days, at in found.items()} == hours
    assert {(one.kind, one.side) for one in wanted} == {
        ("invoice_due", Side.RENTER),
        ("invoice_overdue", Side.RENTER),
        ("invoice_overdue", Side.OWNER),
    }


@pytest.mark.parametrize("when", [SPRING, AUTUMN])
async def test_a_customer_is_reminded_and_then_the_issuer_told(
    when: datetime, renter: Person, owner: Person, settings: Settings
) -> None:
    async with open_office(settings, deliver_to_nobody=True) as office:
        one = await issued(office, owner, renter, when)
        planned = await office.reminders(str(one.id))
        assert [kind for kind, _, _ in planned] == ["invoice_due", *["invoice_overdue"] * 4]
        for kind, _, due_at in planned:
            office.now = due_at + timedelta(minutes=5)
            await office.remind()
            last = (await inbox(owner if kind == "invoice_overdue" and due_at == planned[-1][2] else renter))[-1]
            assert last["kind"] == kind
            assert one.number in last["text"]
            assert last["link"].endswith(f"/invoices/{one.id}")
        assert [state for _, state, _ in await office.reminders(str(one.id))] == ["told"] * 5
        assert await kinds(renter) == ["InvoiceIssued", "invoice_due", *["invoice_overdue"] * 3]
        assert await kinds(owner) == ["InvoiceIssued", "invoice_overdue"]
        assert "in spite of our reminders" in (await inbox(owner))[-1]["text"]


async def test_what_is_paid_or_taken_back_is_reminded_of_no_more(
    renter: Person, owner: Person, settings: Settings
) -> None:
    async with open_office(settings, deliver_to_nobody=True) as office:
        paid, credited = [await issued(office, owner, renter, datetime.now(UTC)) for _ in range(2)]
        await pays(owner, paid, 400)
        await hear_later(office)
        assert {state for _, state, _ in await office.reminders(str(paid.id))} == {"planned"}, "part of it is left"
        await pays(owner, paid, paid.payable - 400)
        body = {"reason": "Trop cher."}
        taken = await owner.post(f"/invoices/{credited.id}/credit-note", body, Idempotency_Key="a")
        assert taken.status_code == 201, taken.text
        await hear_later(office)
        for one in (paid, credited):
            assert {state for _, state, _ in await office.reminders(str(one.id))} == {"dropped"}
        assert (await kinds(renter))[2:] == ["InvoicePaid", "InvoicePaid", "InvoiceCredited"]
        texts = [message["text"] for message in await inbox(renter)]
        assert ["€140.00" in texts[2], "Still due: €0.00" in texts[3]] == [True, True], texts
        assert await kinds(owner) == ["InvoiceIssued"] * 2, "who did it is not told"


async def test_it_is_looked_at_again_when_due_and_before_it_leaves(
    renter: Person, owner: Person, settings: Settings
) -> None:
    """Paid, and the fact of it not handed on yet: before it is told, and between that and the mail server."""
    async with open_office(settings, deliver_to_nobody=True) as office:
        early, late, never = [await issued(office, owner, renter) for _ in range(3)]
        await office.send()
        await pays(owner, early, early.payable)
        (_, _, due_at), *_ = await office.reminders(str(early.id))
        office.now = due_at + timedelta(minutes=1)
        async with office.database.begin() as tx:
            ids, lease = await telling.DUE.lease(tx, 100, LEASE)
        async with office.database.begin() as tx:
            await telling.tell(tx, ids, lease, office.moments)
        assert [(await office.reminders(str(one.id)))[0][1] for one in (early, late, never)] == [
            "dropped",
            "told",
            "told",
        ]
        await pays(owner, late, late.payable)
        office.now += timedelta(minutes=5)
        await office.send()
        found = await office.rows(
            "SELECT m.subject, d.state FROM deliveries d JOIN messages m ON m.id = d.message_id"
            " WHERE m.kind = 'invoice_due'"
        )
        assert {row.subject: row.state for row in found} == {late.id: "dropped", never.id: "sent"}


async def test_only_those_who_see_to_money_are_told(
    renter: Person, owner: Person, world: World, database: Database, settings: Settings
) -> None:
    people = {}
    async with open_office(settings, deliver_to_nobody=True) as office:
        for role in (Role.TREASURER, Role.MANAGER, Role.MEMBER, Role.VIEWER):
            people[role] = await world.person(f"{role}@x.example")
            person_id = UUID((await people[role].get("/me")).json()["id"])
            async with database.begin() as tx:
                await give_seat(tx, person_id, UUID(renter.party_id), role)
        one = await issued(office, owner, renter)
        due_at = (await office.reminders(str(one.id)))[0][2]
        office.now = due_at + timedelta(minutes=1)
        await office.remind()
        both = ["InvoiceIssued", "invoice_due"]
        assert {role: await kinds(person) for role, person in people.items()} == {
            Role.TREASURER: both,
            Role.MANAGER: both,
            Role.MEMBER: [],
            Role.VIEWER: [],
        }


async def test_an_invoice_paid_at_once_is_told_of_and_never_reminded_of(
    renter: Person, owner: Person, settings: Settings
) -> None:
    async with open_office(settings, deliver_to_nobody=True) as office:
        one = await untold(office, owner, renter)
        await pays(owner, one, one.payable)
        await office.hear()
        assert await office.reminders(str(one.id)) == []
