"""What reading claims costs, counted at the driver: the same for one and for thirty."""

import pytest
import sqlalchemy as sa
from litestar import Litestar

from tests.damages.conftest import Yard, lines
from tests.damages.test_files import send
from tests.inspections.test_files import PDF_THAT_RUNS
from tests.people import Json, Person
from tests.statements import Statements
from votremachine.infra.database import Database

MOST_FOR_A_LIST, MOST_FOR_A_CLAIM = 5, 9
# About other bookings, against whoever there is: statements must not grow with the names either.
MORE = sa.text(
    """
    INSERT INTO claims SELECT (jsonb_populate_record(NULL::claims, first || jsonb_build_object(
        'id', gen_random_uuid(), 'booking_id', gen_random_uuid(), 'renter_party_id', parties.id))).*
    FROM (SELECT to_jsonb(claims) AS first, owner_party_id FROM claims LIMIT 1) AS known
    JOIN generate_series(1, CAST(:more AS integer)) ON true
    JOIN parties ON parties.id <> owner_party_id LIMIT CAST(:more AS integer)
    """
)


async def sent(yard: Yard, who: Person, claim: Json, number: int) -> None:
    assert (await send(who, claim, PDF_THAT_RUNS.replace(b"app.alert", b"%d" % number))).status_code == 201


@pytest.mark.usefixtures("app")
async def test_a_list_asks_the_same_questions_for_one_three_and_thirty(
    yard: Yard, owner: Person, tractor: str, statements: Statements, database: Database
) -> None:
    await yard.claim(await yard.back(tractor))
    path, counts, there = f"/parties/{owner.party_id}/claims", [], 1
    await owner.get(path)  # the connection's own first words, and the names of parties
    for wanted in (1, 3, 30):
        async with database.begin() as tx:
            await tx.execute(MORE, {"more": wanted - there})
        there = wanted
        with statements.counted() as seen:
            listed = (await owner.get(path)).json()["items"]
        assert len(listed) == wanted
        counts.append(len(seen))
    assert len(set(counts)) == 1, counts
    assert counts[0] <= MOST_FOR_A_LIST, "\n".join(seen)


async def test_a_claim_asks_the_same_questions_however_much_was_said_of_it(
    app: Litestar, yard: Yard, owner: Person, renter: Person, tractor: str, statements: Statements
) -> None:
    assert app
    booking, counts = await yard.back(tractor), []
    for much in (1, 3, 30):
        claim = await yard.claim(booking, lines=lines(*([2_000] * much)))
        for number in range(min(much, 5)):
            await sent(yard, owner, claim, number)
            await sent(yard, renter, claim, number)
        await yard.said(renter, claim, "contest", {"reason": "Non.", "minor": 100})
        for who in [owner, renter][: much - 1]:
            await yard.said(who, claim, "offer", {"minor": 500})
        await renter.get(f"/claims/{claim['id']}")
        with statements.counted() as seen:
            shown = (await renter.get(f"/claims/{claim['id']}")).json()
        assert (len(shown["lines"]), len(shown["evidence"])) == (much, 2 * min(much, 5))
        counts.append(len(seen))
        await yard.said(owner, claim, "withdraw", {})
    assert len(set(counts)) == 1, counts
    assert counts[0] <= MOST_FOR_A_CLAIM, "\n".join(seen)
