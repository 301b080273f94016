"""What reading invoices costs, counted at the driver: a page is one statement, for one and for thirty."""

from tests.invoicing.test_numbers import draft
from tests.people import Person
from tests.statements import Statements
from votremachine.infra.database import Database
from votremachine.invoicing.service.issuing import issue

WHO_ASKS = 1


async def test_a_page_is_one_statement_however_many_there_are(
    owner: Person, renter: Person, statements: Statements, database: Database
) -> None:
    path, there = f"/parties/{renter.party_id}/invoices", 0
    await renter.get(path)  # the connection's own first words
    for wanted in (1, 3, 30):
        for _ in range(wanted - there):
            async with database.begin() as tx:
                made = await issue(tx, draft(owner, renter))
        there = wanted
        for asked in ("", "?state=issued&role=customer", "?state=overdue"):
            with statements.counted() as seen:
                listed = (await renter.get(path + asked)).json()["items"]
            assert len(listed) == (0 if "overdue" in asked else wanted)
            assert len(seen) == WHO_ASKS + 1, "\n".join(seen)
    with statements.counted() as seen:
        assert (await renter.get(f"/invoices/{made.id}")).status_code == 200
    assert len(seen) == WHO_ASKS + 3, "the invoice, its lines, its payments"
