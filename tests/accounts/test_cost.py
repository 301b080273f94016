"""What it costs to know who asks: one statement at most, however many seats they hold."""

import pytest

from tests.people import Person, World
from tests.statements import Statements


@pytest.mark.parametrize(("path", "most"), [("/inbox", 2), ("/me/sessions", 2), ("/machines/{tractor}", 2)])
async def test_who_asks_is_one_statement(
    path: str, most: int, world: World, owner: Person, renter: Person, statements: Statements
) -> None:
    tractor, counted = await world.machine(owner), []
    for _ in range(2):
        statements.sent.clear()
        assert (await renter.get(path.format(tractor=tractor))).status_code == 200
        counted.append(len(statements.asked))
        link = await owner.made(f"/parties/{owner.party_id}/invitations", {"role": "viewer"})
        await renter.post("/invitations/accept", {"token": link["token"]})
    assert counted == [most, most]
