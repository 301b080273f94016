"""What taking in a report costs, counted at the driver."""

from litestar import Litestar

from tests.inspections.phone import Yard, photo
from tests.statements import Statements

MOST_FOR_A_REPORT = 10


async def test_a_report_with_ten_photos_takes_ten_statements_in_one_transaction(
    app: Litestar, yard: Yard, statements: Statements
) -> None:
    assert app
    await yard.sent(yard.report(photos=[photo(1)]))  # the connection's own first words
    for headers in ({}, {"Idempotency_Key": "k"}):
        report = yard.report(photos=[photo(number) for number in range(10)])
        with statements.counted() as seen:
            answer = await yard.send(report, None, "", **headers)
        assert answer.status_code == 201, answer.text
        assert len(seen) <= MOST_FOR_A_REPORT, "\n".join(seen)
        assert (seen.count("BEGIN;"), seen.count("COMMIT;")) == (1, 1)


async def test_lists_and_comparisons_do_not_grow_in_statements(yard: Yard, statements: Statements) -> None:
    counts = []
    for _ in range(3):
        await yard.sent(yard.report(photos=[photo(1)]))
        for path in ("", "/comparison"):
            await yard.owner.get(f"/bookings/{yard.booking}/inspections{path}")
        with statements.counted() as seen:
            for path in ("", "/comparison"):
                assert (await yard.owner.get(f"/bookings/{yard.booking}/inspections{path}")).status_code == 200
        counts.append(len(seen))
    assert len(set(counts)) == 1, counts
