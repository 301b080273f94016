"""The case `inspection_chain`: a thousand signed condition reports of one machine, each of ten photos, verified.

Its baseline reads and hashes the same contents, and nothing else.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import msgspec

from benchmarks.client import Sample, WrongAnswer
from benchmarks.world import World
from votremachine.infra.database import Database
from votremachine.inspections.checklists import checklist
from votremachine.inspections.models import inspection_chains, inspection_photos, inspection_signatures, inspections
from votremachine.inspections.rules import chain
from votremachine.inspections.rules.report import Cleanliness, Content, Finding, Grade, Occasion, Shot
from votremachine.inspections.service import rows, verifying

REPORTS = 1_000
PHOTOS = 10
Measure = Callable[[float], Awaitable[Sample]]


@asynccontextmanager
async def inspection_chain(world: World) -> AsyncIterator[Measure]:
    """One verification after another, at least one."""
    machine_id = UUID(str(world.machines[0]))
    database = Database(world.stack.database_url, pool_size=1)
    await _fill(database, machine_id)

    async def measure(seconds: float) -> Sample:
        done, took = 0, list[float]()
        while sum(took) < seconds:
            began = time.perf_counter()
            async with database.begin() as tx:
                verified = await verifying.verify(tx, machine_id)
            took.append(time.perf_counter() - began)
            if verified.broken or verified.head.length != REPORTS:
                raise WrongAnswer(f"the verification of what is true says {verified}")
            done += REPORTS
        return Sample(done, sum(took), took)

    yield measure
    await database.close()


@asynccontextmanager
async def hashed(world: World) -> AsyncIterator[Measure]:
    """Every content read and hashed."""

    async def measure(seconds: float) -> Sample:
        done, took = 0, list[float]()
        while sum(took) < seconds:
            began = time.perf_counter()
            found = await world.database.fetch("SELECT content FROM inspections ORDER BY sequence")
            done += len({sha256(row["content"]).digest() for row in found})
            took.append(time.perf_counter() - began)
        return Sample(done, sum(took), took)

    yield measure


async def _fill(database: Database, machine_id: UUID) -> None:
    """The chain, sealed link by link as the service seals it, with all its triggers at work."""
    async with database.begin() as tx:
        if await tx.rows(inspection_chains.select().limit(1)):
            return
        previous, person = chain.NOTHING_BEFORE, uuid4()
        for sequence in range(1, REPORTS + 1):
            said = _said(tx.new_id(), machine_id, sequence)
            content = chain.canonical(said)
            columns: dict[str, Any] = {name: getattr(said, name) for name in chain.COLUMNS}
            columns |= {"content": content, "content_hash": chain.content_hash(content), "sent_by": person}
            added = inspections.insert().values(columns | {"state": "complete", "sent_at": tx.now})
            row = (await tx.execute(added.returning(inspections))).one()
            shots = [_photo(said, number, person, tx.now) for number in range(PHOTOS)]
            await tx.execute(inspection_photos.insert(), shots)
            sides = [_signature(said.id, side, person, columns["content_hash"], tx.now) for side in ("owner", "renter")]
            await tx.execute(inspection_signatures.insert(), sides)
            place: dict[str, Any] = {"state": "signed", "sequence": sequence, "previous": previous, "insurance": ""}
            place["signed_at"] = tx.now
            (link,) = await rows.links(tx, [row], **place)
            previous = chain.sealed(link)
            mine = inspections.c.id == said.id
            await tx.execute(inspections.update().where(mine).values(place | {"hash": previous}))
        await tx.execute(inspection_chains.insert(), {"machine_id": machine_id, "length": REPORTS, "hash": previous})


def _said(inspection_id: UUID, machine_id: UUID, number: int) -> Content:
    now = datetime.now(UTC)
    shots = tuple(
        Shot(sha256(f"{number} {place}".encode()).hexdigest(), now + timedelta(seconds=place), 43.8911, -0.5009)
        for place in range(PHOTOS)
    )
    return Content(
        id=inspection_id,
        kind=Occasion.CHECK_OUT if number % 2 else Occasion.CHECK_IN,
        booking_id=uuid4(),
        next_booking_id=None,
        machine_id=machine_id,
        category="tractor",
        amends=None,
        why="",
        made_at=now,
        meters=(),
        fuel_eighths=number % 9,
        cleanliness=Cleanliness.CLEAN,
        tyres=(),
        checklist=tuple(Finding(one.code, Grade.GOOD) for one in checklist("tractor")),
        damage=(),
        photos=shots,
        notes="",
        driver=None,
    )


def _photo(said: Content, place: int, person: UUID, now: datetime) -> dict[str, Any]:
    received = {"file_id": uuid4(), "media_type": "image/jpeg", "bytes": 1, "sent_by": person, "received_at": now}
    sha = bytes.fromhex(said.photos[place].sha256)
    return {"inspection_id": said.id, "sha256": sha, "place": place + 1, **received}


def _signature(inspection_id: UUID, side: str, person: UUID, content_hash: bytes, now: datetime) -> dict[str, Any]:
    drawing = msgspec.json.encode([[[x, 500] for x in range(0, 1_000, 5)]]).decode() if side == "renter" else ""
    method = {"method": "drawn" if drawing else "session", "drawing": drawing, "why": ""}
    signer = {"person_id": person, "name": "Jeanne", "taken_by": person, "content_hash": content_hash}
    return {"inspection_id": inspection_id, "side": side, "signed_at": now, **signer, **method}
