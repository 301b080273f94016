"""The verb that lists a whole fleet: all of its machines as drafts, or none."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.refusals import NotACooperative, UnknownParty
from votremachine.accounts.rules import Actor, PartyKind, Verb, require
from votremachine.accounts.service import audit, parties
from votremachine.fleet.communes import fold
from votremachine.fleet.editing import new_row
from votremachine.fleet.importing.rows import Fleet, Row, cell_error, errors_shown, read_fleet, serial_of
from votremachine.fleet.importing.schemas import CellError, ImportReport
from votremachine.fleet.models import machines
from votremachine.fleet.rules import State, Visibility
from votremachine.fleet.service import lock
from votremachine.infra.database import Database, Tx
from votremachine.infra.languages import Language
from votremachine.kernel.errors import DomainError

# Rows sent at once: enough that round trips do not count, few enough that a file never stands in memory twice.
BATCH = 500
MOST_ERRORS = 1000


class AlreadyListed(DomainError):
    code = "already_listed"
    en = "A machine of this make with this serial number is listed already."
    fr = "Un matériel de cette marque avec ce numéro de série est déjà inscrit."


class ImportRefused(DomainError):
    code = "import_refused"
    en = "Nothing was imported: {error_count} errors, the first of them in `errors`, by line and column."
    fr = "Rien n'a été importé : {error_count} erreurs, les premières dans `errors`, par ligne et par colonne."


class BadCell(DomainError):
    """What is wrong in one cell, said already; told in `errors[]` of `ImportRefused`."""

    en = fr = "{detail}"


async def read(database: Database, content: bytes, language: Language) -> Fleet:
    """A file's machines and errors, away from the loop that answers others; raises `NotASpreadsheet`."""
    return await asyncio.to_thread(read_fleet, content, database.clock(), language)


def check_may_import(who: Actor, party_id: UUID) -> None:
    """Raises `UnknownParty`, `NotAllowed`."""
    require(Verb.EDIT_MACHINE, who, owner=party_id, stranger=UnknownParty())


async def dry_run(tx: Tx, party_id: UUID, fleet: Fleet, language: Language) -> ImportReport:
    """What an import would do."""
    return _report(fleet, [], await _all_errors(tx, party_id, fleet, language), dry=True)


async def import_fleet(tx: Tx, who: Actor | None, party_id: UUID, fleet: Fleet, language: Language) -> ImportReport:
    """List every machine of the file as a draft of this party; raises `ImportRefused` with every error.

    `who` is nobody where the operator does it on the command line.

    Imports for one party happen one after the other: the second of two equal files finds the serial numbers taken.
    """
    await lock(tx, party_id)
    if errors := await _all_errors(tx, party_id, fleet, language):
        raise ImportRefused(error_count=len(errors), parts=[_part(one) for one in errors_shown(errors, MOST_ERRORS)])
    ids = [tx.new_id() for _ in fleet.rows]
    for start in range(0, len(ids), BATCH):
        batch = zip(ids[start : start + BATCH], fleet.rows[start : start + BATCH], strict=True)
        await tx.execute(machines.insert(), [new_row(tx, one, party_id, row.listing) for one, row in batch])
    if who is not None:
        await audit.note(tx, who, "import_fleet", "party", party_id, party_id, machines=len(ids))
    return _report(fleet, ids, [], dry=False)


async def _all_errors(tx: Tx, party_id: UUID, fleet: Fleet, language: Language) -> list[CellError]:
    """The errors of the file, and those that only the database knows."""
    errors = list(fleet.errors)
    serials = await _listed_serials(tx, party_id, fleet.rows)
    for row in fleet.rows:
        if row.listing.serial and serial_of(row.listing) in serials:
            errors.append(cell_error(row.line, fleet.names["serial"], AlreadyListed(), language))
    members_only = [row for row in fleet.rows if row.listing.visibility is Visibility.COOPERATIVE]
    if members_only and (await parties.party(tx, party_id)).kind is not PartyKind.COOPERATIVE:
        column = fleet.names["visibility"]
        errors += [cell_error(row.line, column, NotACooperative(), language) for row in members_only]
    return errors


async def _listed_serials(tx: Tx, party_id: UUID, rows: Sequence[Row]) -> set[tuple[str, str]]:
    if not any(row.listing.serial for row in rows):
        return set()
    found = await tx.rows(
        sa.select(machines.c.make, machines.c.serial).where(
            machines.c.party_id == party_id, machines.c.serial != "", machines.c.state != State.RETIRED
        )
    )
    return {(fold(row.make), row.serial.casefold()) for row in found}


def _report(fleet: Fleet, ids: list[UUID], errors: list[CellError], *, dry: bool) -> ImportReport:
    return ImportReport(dry, len(fleet.rows), ids, len(errors), errors_shown(errors, MOST_ERRORS))


def _part(error: CellError) -> BadCell:
    """The error with `/line/column` as its pointer (RFC 6901)."""
    column = error.column.replace("~", "~0").replace("/", "~1")
    return BadCell(pointer=f"/{error.line}/{column}", detail=error.detail)
