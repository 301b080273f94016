"""Files that were lost or changed in storage, and rows in the database: named in the bundle, and never in its way."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa
from litestar import Litestar

from tests.damages.bundles.conftest import QUOTE, Case, digest, provided
from tests.inspections.test_tampering import FORGED, forge
from tests.people import Person
from votremachine.infra.database import Database
from votremachine.infra.storage.files import Files

TABLES = ("inspections", "inspection_signatures", "inspection_photos", "inspection_chains")
_PHOTO = sa.text("SELECT file_id FROM inspection_photos WHERE sha256 = :sha256")


async def test_what_is_missing_or_altered_is_named_and_the_rest_is_there(
    case: Case, owner: Person, database: Database, app: Litestar
) -> None:
    await case.claimed()
    shown = await case.shows(owner, QUOTE)
    whole = await case.exported()
    files: Files = provided(app, "files")
    lost, changed = [await stored(database, photo) for photo in case.photos[1:3]]
    await files.delete([lost])
    await files.put(changed, b"not what was signed")
    await files.delete([f"claims/{shown['id']}"])

    bundle = await case.exported()
    wrong = {path: status for path, status in bundle.statuses.items() if status != "intact"}
    assert wrong == {
        f"photos/m1-0001-depart/02-{digest(case.photos[1])[:12]}.jpg": "missing",
        f"photos/m1-0002-retour/01-{digest(case.photos[2])[:12]}.jpg": "altered",
        f"pieces/proprietaire-01-{digest(QUOTE)[:12]}.pdf": "missing",
    }
    told = {one["path"]: one for one in bundle.manifest["files"]}
    for path, status in wrong.items():
        assert (path in bundle.files) == (status == "altered")
        assert path in bundle.text
        assert told[path]["expected"] in bundle.text
    assert {digest(case.photos[1]), digest(case.photos[2]), digest(QUOTE)} == {told[one]["expected"] for one in wrong}
    assert "altered since it was received" in bundle.text
    assert "Every file is the one that was received" not in bundle.text
    assert bundle.files["SHA256SUMS"].decode().count("\n") == len(bundle.files) - 1, "what is missing is not in it"

    tag, before = bundle.answer.headers["ETag"], whole.answer.headers["ETag"]
    assert tag.startswith(before[:-1] + ".")
    assert tag != before
    again = await case.asked(owner, If_None_Match=tag)
    assert (again.status_code, again.headers["ETag"]) == (304, tag)
    await files.put(lost, case.photos[1])
    better = await case.asked(owner, If_None_Match=tag)
    assert (better.status_code, better.headers["ETag"] not in {tag, before}) == (200, True)


async def test_whatever_is_forged_in_the_database_is_named_and_the_bundle_is_made(
    case: Case, database: Database
) -> None:
    """Each forgery by itself, undone after it by putting the rows back as they were."""
    await case.claimed()
    await case.reported("amendment", [], amends=case.out["id"], why="Un choc oublié")
    assert (await case.exported()).manifest["chains"][0]["holds"] is True
    async with kept(database):
        for name, (statement, part, sequence) in FORGED.items():
            await forge(database, statement)
            bundle = await case.exported()
            (chain,) = bundle.manifest["chains"]
            assert (chain["holds"], chain["broken_part"], chain["broken_at"]) == (False, part, sequence), name
            assert f"Chain broken at report no. {sequence}" in bundle.text, name
            await restore(database)


async def test_a_report_that_cannot_be_read_any_more_is_there_as_it_is(case: Case, database: Database) -> None:
    await case.claimed()
    await forge(database, "UPDATE inspections SET content = 'xx' WHERE sequence = 1")
    bundle = await case.exported()
    assert bundle.files["rapports/m1-0001-depart.json"] == b"xx"
    assert bundle.statuses["rapports/m1-0001-depart.json"] == "altered"
    assert "Its content cannot be read." in bundle.text


@asynccontextmanager
async def kept(database: Database) -> AsyncIterator[None]:
    """While this lasts, `restore` puts back what stands in the tables now."""
    async with database.begin() as tx:
        for table in TABLES:
            await tx.execute(sa.text(f"CREATE TABLE kept_{table} AS SELECT * FROM {table}"))
    try:
        yield
    finally:
        async with database.begin() as tx:
            for table in TABLES:
                await tx.execute(sa.text(f"DROP TABLE kept_{table}"))


async def restore(database: Database) -> None:
    async with database.begin() as tx:
        await tx.execute(sa.text("SET LOCAL session_replication_role = replica"))
        for table in TABLES:
            await tx.execute(sa.text(f"DELETE FROM {table}"))
            await tx.execute(sa.text(f"INSERT INTO {table} SELECT * FROM kept_{table}"))


async def stored(database: Database, photo: bytes) -> str:
    """Where a photo is kept."""
    async with database.read() as tx:
        row = await tx.row(_PHOTO, {"sha256": bytes.fromhex(digest(photo))})
    assert row is not None
    return f"inspections/{row.file_id}"
