"""Somebody with the keys of the database: what was signed is not changed or, once guards are off, not unnoticed."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from tests.inspections.phone import Yard, photo
from tests.people import Json
from votremachine.config import Settings
from votremachine.infra.database import Database

GUARDED = (
    "UPDATE inspections SET content = 'x'",
    "UPDATE inspections SET state = 'complete'",
    "DELETE FROM inspections",
    "TRUNCATE inspections CASCADE",
    "UPDATE inspection_signatures SET name = 'x'",
    "DELETE FROM inspection_signatures",
    "UPDATE inspection_photos SET media_type = 'x'",
    "DELETE FROM inspection_photos",
    "INSERT INTO inspection_photos (inspection_id, sha256, place) SELECT id, 'x', 9 FROM inspections",
    "INSERT INTO inspection_signatures SELECT id, 'next_renter', id, 'x', 'session', '', '', 'x', id, now()"
    " FROM inspections",
    "UPDATE inspection_chains SET length = 0",
    "UPDATE inspection_chains SET hash = 'x'",
    "DELETE FROM inspection_chains",
)
# With the guards off: what is done to the second of two reports, or its chain, and what verification says of it.
FORGED = {
    "content": (
        "UPDATE inspections SET content = overlay(content placing '\\x58' from 40) WHERE sequence = 2",
        "content",
        2,
    ),
    "content hash": ("UPDATE inspections SET content_hash = 'x' WHERE sequence = 2", "content", 2),
    "booking": ("UPDATE inspections SET booking_id = gen_random_uuid() WHERE sequence = 2", "columns", 2),
    "kind": ("UPDATE inspections SET kind = 'check_out' WHERE sequence = 2", "columns", 2),
    # As if it might be signed once more.
    "state": ("UPDATE inspections SET state = 'complete' WHERE sequence = 2", "columns", 2),
    "when it was sent": ("UPDATE inspections SET sent_at = sent_at + interval '1 us' WHERE sequence = 1", "seal", 1),
    "who sent it": ("UPDATE inspections SET sent_by = id WHERE sequence = 1", "seal", 1),
    "phone's clock": ("UPDATE inspections SET clock_ahead = 3600 WHERE sequence = 1", "seal", 1),
    "insurance": ("UPDATE inspections SET insurance = 'x' WHERE sequence = 1", "seal", 1),
    "previous": ("UPDATE inspections SET previous = 'x' WHERE sequence = 2", "previous", 2),
    "seal": ("UPDATE inspections SET hash = 'x' WHERE sequence = 1", "seal", 1),
    "order": ("UPDATE inspections SET sequence = 5 - sequence WHERE sequence IN (2, 3)", "previous", 2),
    "gone": ("DELETE FROM inspections WHERE sequence = 1", "sequence", 1),
    "last gone": ("DELETE FROM inspections WHERE sequence = 3", "head", 3),
    "signer": ("UPDATE inspection_signatures SET name = 'Paul' WHERE side = 'renter'", "seal", 1),
    "how it was signed": (
        "UPDATE inspection_signatures SET method = 'absent', why = 'x' WHERE side = 'renter'",
        "seal",
        1,
    ),
    "when it was signed": ("UPDATE inspection_signatures SET signed_at = now() WHERE side = 'owner'", "seal", 1),
    "signature gone": ("DELETE FROM inspection_signatures WHERE side = 'renter'", "seal", 1),
    "photo row": ("UPDATE inspection_photos SET sha256 = 'x'", "photos", 1),
    "photo's file": ("UPDATE inspection_photos SET file_id = gen_random_uuid()", "seal", 1),
    "photo gone": ("DELETE FROM inspection_photos", "photos", 1),
    "head": ("UPDATE inspection_chains SET hash = 'x'", "head", 3),
    "head longer": ("UPDATE inspection_chains SET length = 4", "head", 4),
}


@pytest.fixture
async def chain(yard: Yard) -> Json:
    """Three signed reports of one machine, the first with a photo; the last as its owner reads it."""
    shot = photo(7)
    out = await yard.sent(yard.report(photos=[shot]))
    await yard.put(out["id"], shot)
    for side, who in (("renter", yard.renter), ("owner", yard.owner)):
        out = (await yard.sign(out, side, who)).json()
    await yard.signed(yard.report("check_in"))
    return await yard.signed(yard.report("amendment", amends=out["id"], why="Un choc oublié"))


async def forge(database: Database, statement: str) -> None:
    async with database.begin() as tx:
        await tx.execute(sa.text("SET LOCAL session_replication_role = replica"))
        await tx.execute(sa.text("ALTER TABLE inspections DROP CONSTRAINT inspections_machine_id_sequence_key"))
        seal_check = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'inspections_seal_check'"
        rule = (await tx.execute(sa.text(seal_check))).scalar_one()
        await tx.execute(sa.text("ALTER TABLE inspections DROP CONSTRAINT inspections_seal_check"))
        await tx.execute(sa.text(statement))
        again = (
            f"ALTER TABLE inspections ADD CONSTRAINT inspections_seal_check {rule.removesuffix(' NOT VALID')} NOT VALID"
        )
        await tx.execute(sa.text(again))
        await tx.execute(
            sa.text(
                "ALTER TABLE inspections ADD CONSTRAINT inspections_machine_id_sequence_key"
                " UNIQUE (machine_id, sequence)"
            )
        )


async def verification(yard: Yard, query: str = "") -> Any:
    answer = await yard.owner.get(f"/machines/{yard.machine}/inspections/verification{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_database_itself_refuses(yard: Yard, chain: Json, database: Database) -> None:
    for statement in GUARDED:
        with pytest.raises(IntegrityError) as caught:
            async with database.begin() as tx:
                await tx.execute(sa.text(statement))
        assert getattr(caught.value.orig, "sqlstate", "") == "23001", statement
    assert (await verification(yard))["holds"] is True
    assert chain["sequence"] == 3


async def test_what_a_report_says_is_fixed_before_it_is_signed(yard: Yard, database: Database) -> None:
    await yard.sent(yard.report())
    for change in ("content = 'x'", "machine_id = id", "kind = 'check_in'", "clock_ahead = 9"):
        with pytest.raises(IntegrityError):
            async with database.begin() as tx:
                await tx.execute(sa.text(f"UPDATE inspections SET {change}"))


async def test_whatever_is_forged_is_named(yard: Yard, chain: Json, database: Database) -> None:
    """Each forgery by itself, undone after it by putting the rows back as they were."""
    tables = ("inspections", "inspection_signatures", "inspection_photos", "inspection_chains")
    async with database.begin() as tx:
        for table in tables:
            await tx.execute(sa.text(f"CREATE TABLE kept_{table} AS SELECT * FROM {table}"))
    try:
        for name, (statement, part, sequence) in FORGED.items():
            await forge(database, statement)
            told = await verification(yard)
            broken = told["broken"]
            found = (broken["part"], broken["sequence"]) if broken else None
            assert (told["holds"], found) == (False, (part, sequence)), name
            async with database.begin() as tx:
                await tx.execute(sa.text("SET LOCAL session_replication_role = replica"))
                for table in tables:
                    await tx.execute(sa.text(f"DELETE FROM {table}"))
                    await tx.execute(sa.text(f"INSERT INTO {table} SELECT * FROM kept_{table}"))
            assert (await verification(yard))["holds"] is True, name
    finally:
        async with database.begin() as tx:
            for table in tables:
                await tx.execute(sa.text(f"DROP TABLE kept_{table}"))


async def test_a_byte_of_a_photo_is_missed(yard: Yard, chain: Json, database: Database, settings: Settings) -> None:
    async with database.read() as tx:
        (row,) = await tx.rows(sa.text("SELECT file_id, inspection_id FROM inspection_photos"))
    file = settings.var_dir / "files" / f"inspections/{row.file_id}"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    for wrong in (bytes(content), content[:-1], None):
        if wrong is None:
            file.unlink()
        else:
            file.write_bytes(wrong)
        assert (await verification(yard))["holds"] is True, "the rows are as they were"
        told = await verification(yard, "?photos=true")
        assert told["holds"] is False
        assert (told["broken"]["part"], told["broken"]["sequence"]) == ("photo_file", 1)
        assert told["broken"]["inspection_id"] == str(row.inspection_id)
    assert chain["sequence"] == 3


def doctor(settings: Settings, *words: str) -> "subprocess.CompletedProcess[str]":
    environ = {
        "VOTREMACHINE_DATABASE_URL": settings.database_url,
        "VOTREMACHINE_VAR_DIR": str(settings.var_dir),
        "PATH": str(Path(sys.executable).parent),
    }
    command = [sys.executable, "-m", "votremachine", "doctor", *words]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)


async def test_the_doctor_says_where_it_hurts(yard: Yard, chain: Json, database: Database, settings: Settings) -> None:
    well = doctor(settings, "--photos")
    assert (well.returncode, well.stdout) == (0, "1 machines, 3 signed condition reports, 1 photos read.\n"), (
        well.stderr
    )
    await forge(database, "UPDATE inspections SET sent_by = id WHERE sequence = 2")
    ill = doctor(settings)
    assert ill.returncode == 2
    assert f"machine {yard.machine}: report 2 of 3 (" in ill.stdout
    assert "): seal\n" in ill.stdout
