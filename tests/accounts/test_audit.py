"""The audit log: who did what, for whom, from which session; only ever added to, and read by its person alone."""

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from tests.people import Json, Person
from votremachine.infra.database import Database


async def log(person: Person) -> list[Json]:
    return list((await person.get("/me/audit")).json()["items"])


async def test_what_a_person_did_stands_with_its_object_party_and_session(owner: Person) -> None:
    (session,) = [one["id"] for one in (await owner.get("/me/sessions")).json() if one["current"]]
    noted = {one["verb"]: one for one in await log(owner)}
    found = noted["found"]
    assert (found["object_kind"], found["object_id"], found["party_id"]) == ("party", owner.party_id, owner.party_id)
    assert found["session_id"] == session
    assert not found["by_staff"]
    assert noted["sign_in"]["object_id"] == session


async def test_nobody_reads_anothers(owner: Person, renter: Person) -> None:
    theirs = {one["id"] for one in await log(renter)}
    assert not theirs & {one["id"] for one in await log(owner)}
    page = (await owner.get("/me/audit?limit=1")).json()
    assert page["next_cursor"]
    stolen = await renter.get(f"/me/audit?cursor={page['next_cursor']}")
    assert {one["id"] for one in stolen.json()["items"]} <= theirs


@pytest.mark.parametrize("change", ["UPDATE audit_log SET verb = 'x'", "DELETE FROM audit_log"])
async def test_what_stands_in_it_is_never_changed(change: str, owner: Person, database: Database) -> None:
    before = await log(owner)
    with pytest.raises(IntegrityError, match="only ever added"):
        async with database.begin() as tx:
            await tx.execute(sa.text(change))
    assert await log(owner) == before


async def test_what_was_refused_is_not_noted(owner: Person) -> None:
    before = await log(owner)
    assert (await owner.ask("PUT", f"/parties/{owner.party_id}/iban", {"iban": "FR00"})).status_code == 422
    assert await log(owner) == before
