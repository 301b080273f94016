"""HTTP of the ledger: what stands on a party's own accounts, and why."""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from litestar import Response, Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from votremachine.accounts.refusals import NotAllowed, NotSignedIn, UnknownParty
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.infra.database import Database
from votremachine.infra.languages import language_of
from votremachine.infra.pages import BadCursor, Cursors, Page
from votremachine.infra.problems import InvalidInput, responses
from votremachine.infra.replies import reply
from votremachine.infra.wire import Cursor, HttpRequest, Limit
from votremachine.kernel.span import FIRST_YEAR, LAST_YEAR, EndsBeforeStart, NaiveTime, OutOfTime, Span
from votremachine.payments.ledger.rules.proving import UnknownProof
from votremachine.payments.ledger.schemas import BalancesView, PartyAccount, ProofDetails, ProofView, StatementLineView
from votremachine.payments.ledger.service import look, proofs
from votremachine.payments.ledger.service.balances import Place

At = Annotated[datetime | None, QueryParameter(description="Just before when, with its offset; now by default.")]
From = Annotated[datetime, QueryParameter(name="from", description="Start of the window, with its offset.")]
To = Annotated[datetime, QueryParameter(name="to", description="End of the window.")]
Of = Annotated[PartyAccount, QueryParameter(description="Which of the party's accounts.")]
Currency = Annotated[str, QueryParameter(pattern=r"^[A-Z]{3}\Z", description="ISO 4217.")]
_ERRORS = (InvalidInput, NaiveTime, OutOfTime, NotSignedIn, NotAllowed, UnknownParty)


@get("/parties/{party_id:uuid}/balances", responses=responses(*_ERRORS))
async def show_balances(
    request: HttpRequest,
    party_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    at: At = None,
) -> Response[BalancesView]:
    """What stood on a party's accounts."""
    asked = None if at is None else _checked(at)
    async with database.read() as tx:
        # Whatever was posted until now, this very millisecond included.
        moment = asked or tx.now + timedelta(milliseconds=1)
        return reply(request, await look.party_balances(tx, await sessions.actor(tx, claims), party_id, moment))


@get("/parties/{party_id:uuid}/statement", responses=responses(*_ERRORS, EndsBeforeStart, BadCursor))
async def show_statement(
    request: HttpRequest,
    party_id: FromPath[UUID],
    account: Of,
    start: From,
    end: To,
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    cursors: NamedDependency[Cursors],
    currency: Currency = "EUR",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response[Page[StatementLineView]]:
    """What was posted to one account of a party, oldest first."""
    window = Span(start, end)
    listed = f"statement {party_id} {account} {currency} {window.start} {window.end}"
    after: Place | None = cursors.read(listed, cursor, Place) if cursor else None  # type: ignore[arg-type]
    async with database.read() as tx:
        who = await sessions.actor(tx, claims)
        language = language_of(request)
        rows = await look.party_statement(
            tx, who, party_id, account, currency, language, window, after=after, limit=limit
        )
    return reply(request, cursors.page(listed, rows, limit, lambda line: (line.transaction_id, line.line_no)))


@get("/ledger/proofs", responses=responses(InvalidInput, BadCursor, NotSignedIn, NotAllowed))
async def browse_proofs(
    request: HttpRequest,
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    cursors: NamedDependency[Cursors],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response[Page[ProofView]]:
    """The daily proofs of the ledger against the gateway's own records, for the operator's people."""
    before = cursors.read("proofs", cursor, UUID) if cursor else None
    async with database.read() as tx:
        rows = await proofs.browse(tx, await sessions.actor(tx, claims), before=before, limit=limit)
    return reply(request, cursors.page("proofs", rows, limit, lambda row: row.id))


@get("/ledger/proofs/{proof_id:uuid}", responses=responses(NotSignedIn, NotAllowed, UnknownProof))
async def show_proof(
    request: HttpRequest,
    proof_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[ProofDetails]:
    """One proof and the first of its differences."""
    async with database.read() as tx:
        return reply(request, await proofs.one(tx, await sessions.actor(tx, claims), proof_id))


def _checked(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise NaiveTime(pointer="at")
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise OutOfTime(pointer="at")
    return at.astimezone(UTC)


router = Router(path="/v1", tags=["ledger"], route_handlers=[show_balances, show_statement, browse_proofs, show_proof])
