"""HTTP of claims as such: opening one, reading one, and lists: a party's, and one's own."""

from typing import Annotated
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from votremachine.accounts.refusals import NotAllowed, NotSignedIn, UnknownParty
from votremachine.accounts.rules import Actor
from votremachine.bookings.refusals import UnknownBooking
from votremachine.damages.routes.hearing import Hearing
from votremachine.damages.rules.claim import (
    ClaimOpenAlready,
    ClaimWindowClosed,
    FuelNotMissing,
    NotOfThisBooking,
    NotReturned,
    ReportAmended,
    ReportNotSigned,
    State,
    UnknownClaim,
)
from votremachine.damages.rules.costs import AgeNeeded, CostUnclear, NoSuchWear, WornOut
from votremachine.damages.schemas import ClaimDetails, ClaimView, OpenClaim, SuggestedLine
from votremachine.damages.service import listing, opening, reading, suggesting
from votremachine.infra import idempotency
from votremachine.infra.database import Tx
from votremachine.infra.languages import language_of
from votremachine.infra.openapi import Committing
from votremachine.infra.pages import BadCursor, Cursors, Page
from votremachine.infra.problems import INPUT, InvalidInput, responses
from votremachine.infra.replies import reply
from votremachine.infra.wire import Cursor, Limit
from votremachine.inspections.schemas import SideBySide

Of = Annotated[State | None, QueryParameter(name="state", description="How they stand; all of them by default.")]
Waiting = Annotated[bool, QueryParameter(description="Those alone that wait for you: to be answered, or decided.")]


@post(
    "/bookings/{booking_id:uuid}/claims",
    operation_class=Committing,
    responses=responses(
        *(*INPUT, *idempotency.ERRORS, NotSignedIn, NotAllowed, UnknownBooking, NotReturned, ClaimWindowClosed),
        *(ClaimOpenAlready, NotOfThisBooking, ReportNotSigned, ReportAmended, FuelNotMissing),
        *(CostUnclear, AgeNeeded, WornOut, NoSuchWear),
    ),
)
async def open_claim(
    booking_id: FromPath[UUID], data: JSONBody[OpenClaim], hearing: NamedDependency[Hearing]
) -> Response[ClaimDetails]:
    """The owner claims damage, within 48 hours of the return or as long as the machine's terms allow."""

    async def verb(tx: Tx, who: Actor) -> Response[ClaimDetails]:
        made = await reading.details(tx, who, hearing.links, await opening.open_claim(tx, who, booking_id, data))
        headers = {"Location": f"/v1/claims/{made.id}"}
        return reply(hearing.request, made, version=made.version, status=201, headers=headers)

    return await hearing.once(verb)


@get("/bookings/{booking_id:uuid}/claim-suggestions", responses=responses(NotSignedIn, NotAllowed, UnknownBooking))
async def suggest(booking_id: FromPath[UUID], hearing: NamedDependency[Hearing]) -> Response[list[SuggestedLine]]:
    """What the owner might ask besides damage, reckoned: late return, missing fuel, engine hours that nobody paid."""
    language = language_of(hearing.request)
    found = await hearing.asked(lambda tx, who: suggesting.suggest(tx, who, booking_id, language))
    return reply(hearing.request, found)


@get("/claims/{claim_id:uuid}", responses=responses(NotSignedIn, NotAllowed, UnknownClaim))
async def show(claim_id: FromPath[UUID], hearing: NamedDependency[Hearing]) -> Response[ClaimDetails]:
    """A claim with its lines, offers, evidence and steps: to both sides, to staff, and to who may decide it."""
    found = await hearing.asked(lambda tx, who: reading.show(tx, who, hearing.links, claim_id))
    return reply(hearing.request, found, version=found.version)


@get("/claims/{claim_id:uuid}/comparison", responses=responses(NotSignedIn, NotAllowed, UnknownClaim))
async def compare(claim_id: FromPath[UUID], hearing: NamedDependency[Hearing]) -> Response[list[SideBySide]]:
    """How each machine left and came back, side by side, to whoever may read the claim: mediators, too."""
    return reply(
        hearing.request, await hearing.asked(lambda tx, who: reading.compare(tx, who, hearing.links, claim_id))
    )


@get(
    "/parties/{party_id:uuid}/claims",
    responses=responses(InvalidInput, BadCursor, NotSignedIn, NotAllowed, UnknownParty),
)
async def browse(
    party_id: FromPath[UUID],
    hearing: NamedDependency[Hearing],
    cursors: NamedDependency[Cursors],
    listed: Of = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response[Page[ClaimView]]:
    """The claims that a party made, or that were made against it, newest first."""
    scope = f"claims {party_id} {listed}"
    before = cursors.read(scope, cursor, UUID) if cursor else None
    rows = await hearing.asked(lambda tx, who: listing.of_party(tx, who, party_id, listed, before=before, limit=limit))
    return reply(hearing.request, cursors.page(scope, rows, limit, lambda row: row.id))


@get("/claims", responses=responses(InvalidInput, BadCursor, NotSignedIn))
async def browse_all(
    hearing: NamedDependency[Hearing],
    cursors: NamedDependency[Cursors],
    listed: Of = None,
    waiting: Waiting = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response[Page[ClaimView]]:
    """The claims that you may read, newest first: those of all your parties, those that your cooperative is to decide,
    and for staff all.
    """
    scope = f"claims of {hearing.claims.person_id} {listed} {waiting}"
    before = cursors.read(scope, cursor, UUID) if cursor else None
    verb = listing.waiting if waiting else listing.readable
    rows = await hearing.asked(lambda tx, who: verb(tx, who, listed, before=before, limit=limit))
    return reply(hearing.request, cursors.page(scope, rows, limit, lambda row: row.id))
