"""HTTP of the owner's view: a month or a week of one machine, or of the whole fleet, in one call."""

from datetime import date, datetime, timedelta
from typing import Annotated
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from votremachine.accounts.refusals import NotAllowed, NotSignedIn, UnknownParty
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.availability.rules import WindowTooLong, check_window
from votremachine.bookings.schemas import MachineAgenda
from votremachine.bookings.service import agenda
from votremachine.bookings.windows import OneWindow, View, asked_for
from votremachine.fleet.rules import UnknownMachine
from votremachine.infra.database import Database
from votremachine.infra.pages import BadCursor, Cursors, Page
from votremachine.infra.problems import InvalidInput, responses
from votremachine.infra.replies import reply
from votremachine.infra.wire import Cursor, HttpRequest
from votremachine.kernel.span import EndsBeforeStart, NaiveTime, OutOfTime, Span

# A season: on a phone, nobody looks at more of a whole fleet at once.
LONGEST_FLEET_WINDOW = timedelta(days=100)
_TIMES = (InvalidInput, OneWindow, NaiveTime, OutOfTime, EndsBeforeStart, WindowTooLong)
From = Annotated[datetime | None, QueryParameter(name="from", description="Start of the window, with its offset.")]
To = Annotated[datetime | None, QueryParameter(name="to", description="End of the window.")]
Viewed = Annotated[View | None, QueryParameter(name="view", description="Of the week, or the month, of `date`.")]
Day = Annotated[date | None, QueryParameter(name="date", description="A local date, where each machine stands.")]
Machines = Annotated[int, QueryParameter(ge=1, le=60, description="How many machines a page has.")]


@get("/machines/{machine_id:uuid}/agenda", responses=responses(*_TIMES, NotSignedIn, NotAllowed, UnknownMachine))
async def of_machine(
    request: HttpRequest,
    machine_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    start: From = None,
    end: To = None,
    view: Viewed = None,
    day: Day = None,
) -> Response[MachineAgenda]:
    """All that stands in a machine's calendar, with who has it and who is late, for its owner's people.

    Either `from` and `to`, 731 days apart at most, or `view` and `date`.
    """
    asked = asked_for(start, end, view, day)
    if isinstance(asked, Span):
        check_window(asked)
    return reply(request, await agenda.machine_agenda(database, sessions.identify(claims), machine_id, asked))


@get("/parties/{party_id:uuid}/agenda", responses=responses(*_TIMES, BadCursor, NotSignedIn, NotAllowed, UnknownParty))
async def of_fleet(
    request: HttpRequest,
    party_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    cursors: NamedDependency[Cursors],
    start: From = None,
    end: To = None,
    view: Viewed = None,
    day: Day = None,
    limit: Machines = 60,
    cursor: Cursor = None,
) -> Response[Page[MachineAgenda]]:
    """The same of all machines of a party, for up to 100 days; retired ones where anything of theirs is in it."""
    asked = asked_for(start, end, view, day)
    if isinstance(asked, Span) and asked.length > LONGEST_FLEET_WINDOW:
        raise WindowTooLong(pointer="end", days=LONGEST_FLEET_WINDOW.days)
    listed = f"agenda {party_id}"
    after = cursors.read(listed, cursor, UUID) if cursor else None
    found = await agenda.fleet_agenda(database, sessions.identify(claims), party_id, asked, after=after, limit=limit)
    return reply(request, cursors.page(listed, found, limit, lambda one: one.machine.id))
