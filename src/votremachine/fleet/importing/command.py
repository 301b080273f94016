"""`votremachine machines import FILE --party ID`: the operator lists a party's fleet."""

import asyncio
from pathlib import Path
from uuid import UUID

from votremachine.accounts.refusals import UnknownParty
from votremachine.accounts.service import parties
from votremachine.config import Settings
from votremachine.fleet.importing import service
from votremachine.fleet.importing.schemas import ImportReport
from votremachine.fleet.importing.spreadsheet import LARGEST_FILE_BYTES
from votremachine.infra.database import Database
from votremachine.infra.servers.process import CannotStart
from votremachine.kernel.errors import DomainError


def run(settings: Settings, file: Path, party_id: UUID, *, dry: bool) -> None:
    """Import a file and print one line; prints every error and raises `CannotStart` when there is one."""
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST_FILE_BYTES + 1)
    except OSError as error:
        raise CannotStart(f"{file}: {error.strerror}") from error
    if len(content) > LARGEST_FILE_BYTES:
        raise CannotStart(f"{file} is larger than {LARGEST_FILE_BYTES} bytes")
    try:
        report = asyncio.run(_import(settings, content, party_id, dry=dry))
    except DomainError as error:
        _tell(file, [(part.pointer or "", part.sentence("en")) for part in error.parts])
        raise CannotStart(error.sentence("en")) from error
    if report.errors:
        _tell(file, [(f"/{one.line}/{one.column}", one.detail) for one in report.errors])
        raise CannotStart(f"{report.error_count} errors in {file}")
    print(f"{report.machines} machines {'would be imported' if dry else 'imported as drafts'}.")  # noqa: T201


def _tell(file: Path, errors: list[tuple[str, str]]) -> None:
    """One line for each error, as compilers write them: file, line and column, what is wrong."""
    for pointer, sentence in errors:
        print(f"{file}{pointer.replace('/', ':')}: {sentence}")  # noqa: T201


async def _import(settings: Settings, content: bytes, party_id: UUID, *, dry: bool) -> ImportReport:
    database = Database(settings.database_url, pool_size=1)
    try:
        fleet = await service.read(database, content, "en")
        async with database.begin() as tx:
            if party_id not in await parties.party_views(tx, [party_id]):
                raise UnknownParty
            if dry:
                return await service.dry_run(tx, party_id, fleet, "en")
            return await service.import_fleet(tx, None, party_id, fleet, "en")
    finally:
        await database.close()
