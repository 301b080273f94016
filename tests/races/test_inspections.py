"""Reports of one machine that are sealed at once, and a report and its photo that arrive at once."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from tests.inspections.conftest import yard as yard  # noqa: PLC0414 -- a fixture
from tests.inspections.phone import Yard, hashed, photo, unsigned
from votremachine.accounts.rules import Actor
from votremachine.infra.database import Database
from votremachine.infra.documents import Found
from votremachine.inspections.models import inspection_chains
from votremachine.inspections.rules import chain
from votremachine.inspections.service import photos, reading, sealing, verifying

AT_ONCE = 8
# Less than a request waits for a lock; and less than a transaction may stand open.
A_MOMENT, LONG_ENOUGH = 1.5, 12


@pytest.fixture
async def reports(yard: Yard, database: Database) -> list[UUID]:
    person = (await yard.owner.get("/me")).json()["id"]
    return [UUID(await unsigned(database, yard.machine, yard.booking, person)) for _ in range(AT_ONCE)]


async def seal_all(database: Database, reports: list[UUID]) -> list[Any]:
    """All at the same moment, each in its own transaction; their outcomes."""
    ready = asyncio.Barrier(len(reports))

    async def seal(inspection_id: UUID) -> bytes:
        async with database.begin() as tx:
            row = await tx.row(reading.ONE_LOCKED, {"id": inspection_id})
            assert row is not None
            report = await reading.with_bookings(tx, row)
            await ready.wait()
            return await sealing.grow(tx, report, "")

    return await asyncio.gather(*(seal(one) for one in reports), return_exceptions=True)


async def test_a_chain_grows_one_report_at_a_time(yard: Yard, reports: list[UUID], database: Database) -> None:
    outcomes = await seal_all(database, reports)
    assert len(set(outcomes)) == AT_ONCE, outcomes
    async with database.read() as tx:
        verified = await verifying.verify(tx, UUID(yard.machine))
    assert (verified.head.length, verified.broken) == (AT_ONCE, None)


async def test_without_the_lock_two_reports_want_one_place(
    reports: list[UUID], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the end of the chain is only looked at, as if nobody else could be at it."""
    unlocked = sa.select(inspection_chains.c.length, inspection_chains.c.hash).where(
        inspection_chains.c.machine_id == sa.bindparam("machine")
    )
    monkeypatch.setattr(sealing, "_HEAD", sa.union_all(unlocked, sa.select(sa.literal(0), chain_start())).limit(1))
    outcomes = await seal_all(database, reports)
    assert any(isinstance(one, IntegrityError) for one in outcomes), outcomes


def chain_start() -> "sa.ColumnElement[bytes]":
    return sa.literal(chain.NOTHING_BEFORE, sa.LargeBinary)


async def halfway(yard: Yard, database: Database, patience: float) -> str:
    """The state of a report that was sent while its only photo was being taken in, and both are written."""
    shot = photo(1)
    report = yard.report(photos=[shot])
    person = Actor(UUID((await yard.owner.get("/me")).json()["id"]), "", "", {})
    async with database.begin() as tx:
        file_id, _ = await photos.announce(tx)
    async with database.begin() as tx:
        found = Found(bytes.fromhex(hashed(shot)), "image/png", len(shot))
        await photos.receive(tx, person, UUID(report["id"]), file_id, found)
        sending = asyncio.create_task(yard.send(report))
        await asyncio.wait({sending}, timeout=patience)
    assert (await sending).is_success
    return str((await yard.owner.get(f"/inspections/{report['id']}")).json()["state"])


async def test_a_report_and_its_photo_at_once_find_each_other(yard: Yard, database: Database) -> None:
    assert await halfway(yard, database, A_MOMENT) == "complete"


async def test_without_the_lock_a_photo_waits_for_ever(
    yard: Yard, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the photo sees no report, the report no photo, and neither looks again."""
    monkeypatch.setattr(photos, "_LOCK", sa.select(sa.bindparam("key", type_=sa.BigInteger)))
    assert await halfway(yard, database, LONG_ENOUGH) == "draft"
