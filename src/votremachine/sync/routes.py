"""HTTP of what keeps the screens of others true."""

from typing import Annotated
from uuid import UUID

from litestar import Router, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromQuery, HeaderParameter, QueryParameter
from litestar.types import ASGIApp

from votremachine.accounts.credentials import Credentials
from votremachine.accounts.refusals import NotSignedIn, UnknownParty
from votremachine.accounts.routes.reading import bearer
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.fleet import service as fleet
from votremachine.fleet.rules import UnknownMachine
from votremachine.infra.database import Database
from votremachine.infra.problems import InvalidInput, responses
from votremachine.infra.wire import HttpRequest
from votremachine.sync.listeners import Listener
from votremachine.sync.live import Live
from votremachine.sync.rules import (
    LONGEST_ID,
    BadEventId,
    TooManyListeners,
    TooManyStreams,
    heard_by,
    read_event_id,
)
from votremachine.sync.streams import EventStream

LastEventId = Annotated[
    str | None,
    HeaderParameter(name="Last-Event-ID", max_length=LONGEST_ID, description="The `id` that was read last."),
]
Follow = Annotated[bool, QueryParameter(description="False: end once what was missed has been told.")]


@get(
    "/events",
    # Compressed, an event would wait for those after it.
    opt={"compressed": True},
    media_type="text/event-stream",
    responses={
        200: ResponseSpec(str, description="Server-sent events", media_type="text/event-stream"),
        **responses(
            InvalidInput, NotSignedIn, UnknownParty, UnknownMachine, BadEventId, TooManyStreams, TooManyListeners
        ),
    },
)
async def events(
    request: HttpRequest,
    claims: NamedDependency[Claims],
    known_by: NamedDependency[Credentials],
    database: NamedDependency[Database],
    live: NamedDependency[Live],
    last_event_id: LastEventId = None,
    party_id: FromQuery[UUID | None] = None,
    machine_id: FromQuery[UUID | None] = None,
    follow: Follow = True,
) -> ASGIApp:
    """Every change of the calendars and bookings of one's parties, as it is committed; filters only narrow it."""
    resume = read_event_id(last_event_id) if last_event_id else None
    async with database.read() as tx:
        who = await sessions.actor(tx, claims)
        if machine_id is not None:
            await fleet.visible(tx, who, machine_id)
    heard = heard_by({party: seat.role for party, seat in who.seats.items()})
    # Staff have no say here: they read what they look for, and need not hear of everything.
    if party_id is not None and party_id not in heard:
        raise UnknownParty
    listener = Listener(
        claims.person_id,
        claims.session_id,
        heard,
        party_id=party_id,
        machine_id=machine_id,
        expires_at=known_by.tokens.expiry(bearer(request)),
    )
    return EventStream(live, database, listener, resume, follow=follow)


router = Router(path="/v1", tags=["calendar"], route_handlers=[events])
