"""What confirming by card asks of PostgreSQL: ours and the simulated gateway's own, BEGIN and COMMIT included."""

from tests.bookings.paying.conftest import Till
from tests.people import Person
from tests.statements import Statements

MOST = 14


async def test_confirming_by_card_takes_fourteen_statements_at_most(
    till: Till, renter: Person, tractor: str, statements: Statements
) -> None:
    card = await till.card()
    first, second = await till.held(tractor, day=3), await till.held(tractor, day=6)
    body = {"payment": "card", "instrument_id": card}
    await renter.made(f"/bookings/{first['id']}/confirm", body, **{"Idempotency-Key": "one"})
    with statements.counted() as seen:
        answer = await renter.post(f"/bookings/{second['id']}/confirm", body, **{"Idempotency-Key": "two"})
    assert answer.status_code == 200, answer.text
    assert len(seen) <= MOST, "\n".join(seen)
