"""HTTP of finding machines: one list, as JSON or on a map."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from votremachine.accounts.refusals import NotSignedIn
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.discovery import service
from votremachine.discovery.rules import (
    LARGEST_RADIUS_KM,
    USUAL_RADIUS_KM,
    HalfAPeriod,
    NotAPlace,
    read_period,
    read_place,
)
from votremachine.discovery.schemas import FeatureCollection
from votremachine.fleet.categories import UnknownCategory
from votremachine.fleet.finding import Place, Wanted
from votremachine.fleet.views import FoundMachine
from votremachine.infra.accepted import preferred
from votremachine.infra.database import Database
from votremachine.infra.languages import language_of
from votremachine.infra.pages import BadCursor, Cursors, Page
from votremachine.infra.problems import InvalidInput, responses
from votremachine.infra.replies import reply
from votremachine.infra.wire import Cursor, HttpRequest, Limit
from votremachine.kernel.span import EndsBeforeStart, NaiveTime, OutOfTime

JSON, GEOJSON = "application/json", "application/geo+json"
Category = Annotated[str | None, QueryParameter(max_length=40, description="A code of `GET /v1/categories`.")]
Near = Annotated[str | None, QueryParameter(max_length=60, description="`lat,lon`: nearest first from here.")]
Radius = Annotated[int, QueryParameter(ge=1, le=LARGEST_RADIUS_KM, description="Kilometres around `near`.")]
Edge = Annotated[datetime | None, QueryParameter(description="With its offset; only what is free then is told.")]


# Not in a router of its own: the same path has a POST in fleet's, and Litestar lets only a bare handler join a path.
@get(
    "/v1/machines",
    tags=["discovery"],
    responses=responses(
        *(InvalidInput, BadCursor, NotAPlace, HalfAPeriod, UnknownCategory),
        *(NaiveTime, OutOfTime, EndsBeforeStart, NotSignedIn),
    ),
)
async def find(
    request: HttpRequest,
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    cursors: NamedDependency[Cursors],
    category: Category = None,
    party_id: FromQuery[UUID | None] = None,
    near: Near = None,
    radius_km: Radius = USUAL_RADIUS_KM,
    start: Edge = None,
    end: Edge = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response[Page[FoundMachine]]:
    """Machines that are listed and shown to the caller, and the caller's own in any state.

    Nearest first around `near`; with `start` and `end`, only those that can be booked for that period. GeoJSON with
    `Accept: application/geo+json`.
    """
    scope = f"machines:{near or ''}"
    after = cursors.read(scope, cursor, Place) if cursor else None
    wanted = Wanted(category, party_id, read_place(near) if near is not None else None, radius_km * 1000)
    span = read_period(start, end)
    async with database.read() as tx:
        who = await sessions.actor(tx, claims)
        found = await service.find(tx, who, language_of(request), wanted, span, after, limit)
    following = cursors.write(scope, found.following) if found.following else None
    return _told(request, found.machines, following)


def _told(request: HttpRequest, machines: list[FoundMachine], following: str | None) -> Response[Any]:
    vary = {"Vary": "Authorization, Accept-Language, Accept"}
    if preferred(request.headers.get("accept", ""), [JSON, GEOJSON]) == JSON:
        return reply(request, Page(machines, following), headers=vary)
    response = reply(request, FeatureCollection.of(machines, following), headers=vary)
    response.media_type = GEOJSON
    return response
