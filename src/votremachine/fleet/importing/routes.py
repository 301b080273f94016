"""HTTP of importing a fleet: an empty spreadsheet, and what became of a full one."""

from typing import Annotated
from uuid import UUID

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from votremachine.accounts.refusals import NotAllowed, NotSignedIn, UnknownParty
from votremachine.accounts.rules import Actor
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.fleet.importing import service
from votremachine.fleet.importing.columns import template
from votremachine.fleet.importing.rows import TooManyMachines
from votremachine.fleet.importing.schemas import ImportReport
from votremachine.fleet.importing.spreadsheet import LARGEST_FILE_BYTES, EmptySpreadsheet, NotASpreadsheet
from votremachine.infra import idempotency
from votremachine.infra.database import Database, Tx
from votremachine.infra.languages import language_of
from votremachine.infra.openapi import PUBLIC, Uploading
from votremachine.infra.problems import INPUT, responses
from votremachine.infra.replies import reply
from votremachine.infra.wire import HttpRequest

DryRun = Annotated[bool, QueryParameter(description="Only say what would be done, with every error.")]


@get("/machines/import-template", security=PUBLIC, media_type="text/csv")
async def show_template(request: HttpRequest) -> Response[str]:
    """An empty spreadsheet for `…/machines/import`, with its columns in the caller's language."""
    # Excel reads a file as UTF-8 only when it begins with the mark.
    return Response(
        "\ufeff" + template(language_of(request)),
        media_type="text/csv",
        headers={"Content-Disposition": 'attachment; filename="votremachine.csv"', "Vary": "Accept-Language"},
    )


@post(
    "/parties/{party_id:uuid}/machines/import",
    operation_class=Uploading,
    request_max_body_size=LARGEST_FILE_BYTES,
    responses=responses(
        *(*INPUT, *idempotency.ERRORS, NotSignedIn, NotAllowed, UnknownParty),
        *(NotASpreadsheet, EmptySpreadsheet, TooManyMachines, service.ImportRefused),
    ),
)
async def import_fleet(
    request: HttpRequest,
    party_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    dry_run: DryRun = False,
) -> Response[ImportReport]:
    """List the machines of a CSV file as drafts, all of them or none.

    A dry run answers 200 with what is wrong, and writes nothing; its `Idempotency-Key` is not kept.
    """
    language = language_of(request)
    async with database.read() as tx:
        service.check_may_import(await sessions.actor(tx, claims), party_id)
    fleet = await service.read(database, await request.body(), language)
    if dry_run:
        async with database.read() as tx:
            return reply(request, await service.dry_run(tx, party_id, fleet, language))

    async def verb(tx: Tx, who: Actor) -> Response[ImportReport]:
        service.check_may_import(who, party_id)
        return reply(request, await service.import_fleet(tx, who, party_id, fleet, language), status=201)

    return await idempotency.once(request, database, claims.person_id, sessions.identify(claims), verb, required=False)


router = Router(path="/v1", tags=["fleet"], route_handlers=[show_template, import_fleet])
