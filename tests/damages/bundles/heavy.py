"""A program that builds one heavy bundle in a folder and says what it cost: two reports of 30 photos, all pictured."""

import asyncio
import os
import sys
import time
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import psutil  # type: ignore[import-untyped]

from tests.shots import field, sent
from votremachine.damages.bundles.building import SMALL, Bundles
from votremachine.damages.bundles.dossier import Dossier, Machine, Party, Report
from votremachine.damages.bundles.rules import Source, Status, report_path
from votremachine.damages.rules.claim import State
from votremachine.damages.schemas import ClaimDetails
from votremachine.infra.images.apart import Images
from votremachine.infra.images.copies import Copies, copy_names
from votremachine.infra.storage.files import Files
from votremachine.infra.typesetting.press import Press
from votremachine.kernel.money import Money

PHOTOS = 30
NOW, ID = datetime(2026, 3, 2, 8, tzinfo=UTC), UUID(int=7)
COPY = sent(field(SMALL, SMALL * 3 // 4), "WEBP")
NOBODY = Party("Ferme", "", None, None, "", "", "Mont-de-Marsan")


async def stored(files: Files, number: int, size: int) -> Source:
    """A photo of so many bytes, and the small copy that somebody looked at before."""
    content, name = os.urandom(size), f"inspections/{number}"
    await files.put(name, content)
    await files.put(copy_names(name)[SMALL], COPY)
    return Source(f"photos/{number:03}.jpg", name, sha256(content).hexdigest(), size, "image/jpeg", True)


def report(number: int, photos: list[Source]) -> Report:
    digests = {"content_hash": sha256(b"{}").hexdigest(), "hash": sha256(b"{}").hexdigest(), "previous": "0" * 64}
    return Report(
        **digests,
        path=report_path(1, number, "check_out"),
        id=ID,
        machine_id=ID,
        kind="check_out",
        said=None,
        content=b"{}",
        seal=b"{}",
        sequence=number,
        signed_at=NOW,
        signatures=(),
        wrong=None,
        photos={one.sha256: one for one in photos},
    )


def dossier(reports: list[Report]) -> Dossier:
    claim = ClaimDetails(
        id=ID,
        booking_id=ID,
        owner_party_id=ID,
        renter_party_id=ID,
        owner="Ferme",
        renter="Ferme",
        machine_ids=(ID,),
        state=State.MEDIATION,
        reason="X",
        total=Money(1),
        asked=Money(1),
        turn=None,
        due_at=None,
        settlement=None,
        version=1,
        created_at=NOW,
        lines=[],
        offers=[],
        evidence=[],
        steps=[],
    )
    return Dossier(
        language="fr",
        as_of=NOW,
        zone="Europe/Paris",
        claim=claim,
        owner=NOBODY,
        renter=NOBODY,
        starts=NOW,
        ends=NOW,
        out_at=None,
        returned_at=None,
        machines=[Machine(ID, "Tracteur", "", "", "", "tractor", 2, "", True, None, None)],
        reports=reports,
        comparisons=[],
        insured=[],
        evidence=[],
        deposit=None,
    )


async def main(folder: Path, size: int) -> None:
    files, images, press = Files("", folder), Images(1), Press(1)
    reports = [report(n, [await stored(files, n * 100 + place, size) for place in range(PHOTOS)]) for n in (1, 2)]
    bundles = Bundles(files, Copies(files, images), press, 1)
    before, began = resident(), time.monotonic()
    stalls: list[float] = []
    peaks: list[int] = []
    watching = asyncio.create_task(watch(stalls, peaks))
    async with bundles.built(dossier(reports)) as bundle:
        took = time.monotonic() - began
        watching.cancel()
        assert {one.status for one in bundle.entries} == {Status.INTACT}
        print(bundle.size, max(peaks) - before, round(took, 2), round(max(stalls), 3))  # noqa: T201 -- its answer
        bundle.file.close()
    for closing in (files, images, press):
        closing.close()


def resident() -> int:
    """Bytes of memory now. Not `ru_maxrss`, which a program inherits from whoever started it."""
    return int(psutil.Process().memory_info().rss)


async def watch(stalls: list[float], peaks: list[int]) -> None:
    """How long the loop answered nobody else, in seconds, and how much memory there was."""
    while True:
        began = time.monotonic()
        await asyncio.sleep(0.005)
        stalls.append(time.monotonic() - began - 0.005)
        peaks.append(resident())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
