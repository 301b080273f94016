"""HTTP of the owner's view: a month or a week of one machine, or of the whole fleet, in one call."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from votremachine.accounts.rules import NotAllowed, NotSignedIn, UnknownParty
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.availability.rules import WindowTooLong, check_window
from votremachine.bookings.schemas import MachineAgenda
from votremachine.bookings.service import agenda
from votremachine.fleet.rules import UnknownMachine
from votremachine.infra.database import Database
from votremachine.infra.pages import BadCursor, Cursors, Page
from votremachine.infra.problems import InvalidInput, responses
from votremachine.infra.replies import reply
from votremachine.infra.wire import Cursor, HttpRequest
from votremachine.kernel.span import EndsBeforeStart, NaiveTime, OutOfTime, Span

# A season: on a phone, nobody looks at more of a whole fleet at once.
LONGEST_FLEET_WINDOW = timedelta(days=100)
_TIMES = (InvalidInput, NaiveTime, OutOfTime, EndsBeforeStart, WindowTooLong)
From = Annotated[datetime, QueryParameter(name="from", description="Start of the window, with its offset.")]
To = Annotated[datetime, QueryParameter(name="to", description="End of the window.")]
Machines = Annotated[int, QueryParameter(ge=1, le=60, description="How many machines a page has.")]


@get("/machines/{machine_id:uuid}/agenda", responses=responses(*_TIMES, NotSignedIn, NotAllowed, UnknownMachine))
async def of_machine(
    request: HttpRequest,
    machine_id: FromPath[UUID],
    start: From,
    end: To,
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[MachineAgenda]:
    """Everything that takes a machine's time, with who has it and who is late, for its owner's people."""
    window = check_window(Span(start, end))
    return reply(request, await agenda.machine_agenda(database, sessions.identify(claims), machine_id, window))


@get("/parties/{party_id:uuid}/agenda", responses=responses(*_TIMES, BadCursor, NotSignedIn, NotAllowed, UnknownParty))
async def of_fleet(
    request: HttpRequest,
    party_id: FromPath[UUID],
    start: From,
    end: To,
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    cursors: NamedDependency[Cursors],
    limit: Machines = 60,
    cursor: Cursor = None,
) -> Response[Page[MachineAgenda]]:
    """The same of all machines of a party, for up to 100 days."""
    window = Span(start, end)
    if window.length > LONGEST_FLEET_WINDOW:
        raise WindowTooLong(pointer="end", days=LONGEST_FLEET_WINDOW.days)
    listed = f"agenda {party_id}"
    after = cursors.read(listed, cursor, UUID) if cursor else None
    found = await agenda.fleet_agenda(database, sessions.identify(claims), party_id, window, after=after, limit=limit)
    return reply(request, cursors.page(listed, found, limit, lambda one: one.machine.id))
