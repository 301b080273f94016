"""`votremachine doctor`: whether the chains of condition reports hold, and, with --photos, every file of theirs."""

import asyncio

from votremachine.config import Settings
from votremachine.infra.database import Database
from votremachine.infra.servers.process import CannotStart
from votremachine.infra.storage.files import Files
from votremachine.inspections.schemas import VerificationView
from votremachine.inspections.service import verifying
from votremachine.kernel.errors import DomainError


def run(settings: Settings, *, photos: bool) -> None:
    """Verify every chain; prints a line for each that is broken, then one in all. Raises `CannotStart` if any is."""
    try:
        found = asyncio.run(_verify(settings, photos=photos))
    except DomainError as error:
        raise CannotStart(error.sentence("en")) from error
    broken = [one for one in found if one.broken is not None]
    for one in broken:
        print(_line(one))  # noqa: T201
    reports, read = sum(one.reports for one in found), sum(one.photos_read for one in found)
    print(f"{len(found)} machines, {reports} signed condition reports, {read} photos read.")  # noqa: T201
    if broken:
        raise CannotStart(f"{len(broken)} chains of condition reports are broken")


def _line(one: VerificationView) -> str:
    assert one.broken is not None  # noqa: S101 -- asked for those alone
    where = f"report {one.broken.sequence} of {one.reports}"
    which = f" ({one.broken.inspection_id})" if one.broken.inspection_id else ""
    photo = f", photo {one.broken.sha256}" if one.broken.sha256 else ""
    return f"machine {one.machine_id}: {where}{which}: {one.broken.part}{photo}"


async def _verify(settings: Settings, *, photos: bool) -> list[VerificationView]:
    database = Database(settings.database_url, pool_size=1)
    files = Files(settings.storage_url, settings.var_dir / "files")
    try:
        async with database.read() as tx:
            machines = await verifying.machines_with_chains(tx)
        everything = 2**31
        return [await verifying.check(database, files, one, photos=photos, most=everything) for one in machines]
    finally:
        files.close()
        await database.close()
