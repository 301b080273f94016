"""HTTP of calendars: free and busy, for anybody."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, NamedTuple
from uuid import UUID

from litestar import Response, Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from votremachine.accounts.refusals import NotSignedIn
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.availability.rules import WindowTooLong, check_window
from votremachine.availability.schemas import Availability
from votremachine.availability.service import look
from votremachine.fleet.rules import UnknownMachine
from votremachine.infra.database import Database
from votremachine.infra.problems import InvalidInput, responses
from votremachine.infra.replies import reply
from votremachine.infra.wire import HttpRequest
from votremachine.kernel.span import EndsBeforeStart, NaiveTime, OutOfTime, Span

From = Annotated[datetime, QueryParameter(name="from", description="Start of the window, with its offset.")]
To = Annotated[datetime, QueryParameter(name="to", description="End of the window, 731 days later at most.")]
_WINDOW_ERRORS = (InvalidInput, NaiveTime, OutOfTime, EndsBeforeStart, WindowTooLong)


class Looking(NamedTuple):
    """What a look takes: whom the token speaks for, and what the process has."""

    claims: Claims
    database: Database


def looking_reader(
    read_claims: Callable[[HttpRequest], Claims], database: Database
) -> Callable[[HttpRequest], Looking]:
    """One dependency that gives both: Litestar opens a task group for several, a tenth of the time of a look."""

    def read(request: HttpRequest) -> Looking:
        return Looking(read_claims(request), database)

    return read


@get("/machines/{machine_id:uuid}/availability", responses=responses(*_WINDOW_ERRORS, NotSignedIn, UnknownMachine))
async def show_availability(
    request: HttpRequest,
    machine_id: FromPath[UUID],
    start: From,
    end: To,
    looking: NamedDependency[Looking],
) -> Response[Availability]:
    """When a machine can be booked, and why not the rest of the time."""
    window = check_window(Span(start, end))
    who = sessions.identify(looking.claims)
    return reply(request, await look.availability(looking.database, who, machine_id, window))


router = Router(path="/v1", tags=["calendar"], route_handlers=[show_availability])
