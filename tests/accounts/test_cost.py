"""What it costs to know who asks: one statement at most, however many seats they hold."""

import httpx
import pytest
import sqlalchemy as sa
from litestar import Litestar

from tests.people import Person, World
from votremachine.infra.database import Database


@pytest.mark.parametrize(("path", "statements"), [("/inbox", 2), ("/me/sessions", 2), ("/machines/{tractor}", 2)])
async def test_who_asks_is_one_statement(
    path: str, statements: int, app: Litestar, http: httpx.AsyncClient, world: World, owner: Person, renter: Person
) -> None:
    tractor, said = await world.machine(owner), list[str]()
    database: Database = app.dependencies["database"].dependency()  # type: ignore[union-attr]

    def note(_c: object, _u: object, statement: str, *_: object) -> None:
        said.append(statement)

    sa.event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        counted = []
        for _ in range(2):
            said.clear()
            assert (await renter.get(path.format(tractor=tractor))).status_code == 200
            counted.append(len(said))
            link = await owner.made(f"/parties/{owner.party_id}/invitations", {"role": "viewer"})
            await renter.post("/invitations/accept", {"token": link["token"]})
    finally:
        sa.event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    assert counted == [statements, statements]
