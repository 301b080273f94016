"""HTTP of signing: have a code sent, and sign."""

from uuid import UUID

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from votremachine.accounts.credentials import Credentials
from votremachine.accounts.refusals import NotAllowed, NotInTheirPlace, NotSignedIn
from votremachine.accounts.rules import Actor
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.availability.rules import SpanTaken
from votremachine.bookings.refusals import (
    BookingChanged,
    ImpossibleReturn,
    NotFreeYet,
    StillOut,
    TooEarly,
    UnknownBooking,
)
from votremachine.deposits.rules import DepositMissing
from votremachine.infra import idempotency
from votremachine.infra.database import Database, Tx
from votremachine.infra.links import Links
from votremachine.infra.openapi import Repeatable
from votremachine.infra.problems import INPUT, responses
from votremachine.infra.replies import reply
from votremachine.infra.wire import HttpRequest
from votremachine.inspections.rules.accepting import NotInBooking, UnknownInspection
from votremachine.inspections.rules.insurance import InsuranceNeeded
from votremachine.inspections.rules.signing import (
    AbsenceNotHere,
    AlreadyInspected,
    CodeFailed,
    ContentDiffers,
    DrawingAndCode,
    InspectionIncomplete,
    NobodyToSign,
    NoSignature,
    NotNow,
    NotTheirSide,
    OwnerSignsLast,
    TooManyCodes,
)
from votremachine.inspections.schemas import AskCode, CodeSent, InspectionView, SignInspection
from votremachine.inspections.service import codes, signing
from votremachine.kernel.states import IllegalTransition

# What handing a machine over, or taking it back, may be refused for.
_MOVING = (
    TooEarly,
    StillOut,
    SpanTaken,
    NotFreeYet,
    DepositMissing,
    ImpossibleReturn,
    IllegalTransition,
    BookingChanged,
    InsuranceNeeded,
)


@post(
    "/bookings/{booking_id:uuid}/inspections/codes",
    operation_class=Repeatable,
    responses=responses(
        *(*INPUT, *idempotency.ERRORS, NotSignedIn, NotAllowed, UnknownBooking, NotNow, NobodyToSign, TooManyCodes)
    ),
)
async def ask_code(
    request: HttpRequest,
    booking_id: FromPath[UUID],
    data: JSONBody[AskCode],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[CodeSent]:
    """Have a code sent to the renter, with which they sign on the owner's phone; it is good for a week, once."""

    async def verb(tx: Tx, who: Actor) -> Response[CodeSent]:
        return reply(request, await codes.ask(tx, who, booking_id, data), status=201)

    return await idempotency.once(request, database, claims.person_id, sessions.identify(claims), verb, required=False)


@post(
    "/inspections/{inspection_id:uuid}/signatures",
    operation_class=Repeatable,
    status_code=200,
    responses=responses(
        *(*INPUT, *idempotency.ERRORS, NotSignedIn, NotAllowed, NotInTheirPlace, UnknownInspection),
        *(*_MOVING, NotNow, NotInBooking),
        *(ContentDiffers, DrawingAndCode, NoSignature, CodeFailed, AbsenceNotHere, NotTheirSide),
        *(InspectionIncomplete, OwnerSignsLast, AlreadyInspected),
    ),
)
async def sign(
    request: HttpRequest,
    inspection_id: FromPath[UUID],
    data: JSONBody[SignInspection],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    links: NamedDependency[Links],
    known_by: NamedDependency[Credentials],
) -> Response[InspectionView]:
    """Sign for one side. The owner signs last, and with that the machine changes hands."""
    if data.code is not None and data.drawing is not None:
        # By itself: a wrong code takes a try away whatever comes of the rest.
        async with database.begin() as tx:
            right = await codes.prove(tx, known_by.proofs, await sessions.actor(tx, claims), inspection_id, data)
        if not right:
            raise CodeFailed(pointer="/code")

    async def verb(tx: Tx, who: Actor) -> Response[InspectionView]:
        return reply(request, await signing.sign(tx, who, links, inspection_id, data))

    return await idempotency.once(request, database, claims.person_id, sessions.identify(claims), verb, required=False)
