"""HTTP of invoices: reading one or a party's, recording what came in, taking one back."""

from importlib.resources import files
from typing import Annotated, Any
from uuid import UUID

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from votremachine.accounts.refusals import NotAllowed, NotInTheirPlace, NotSignedIn, UnknownParty
from votremachine.accounts.rules import Actor
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.damages.rules.claim import NothingOwed
from votremachine.infra import idempotency
from votremachine.infra.accepted import preferred
from votremachine.infra.database import Database, Tx
from votremachine.infra.languages import language_of
from votremachine.infra.openapi import Committing
from votremachine.infra.pages import BadCursor, Cursors, Page
from votremachine.infra.problems import INPUT, InvalidInput, responses
from votremachine.infra.replies import encoded, names, reply
from votremachine.infra.typesetting.press import Press, PressBusy
from votremachine.infra.wire import Cursor, HttpRequest, Limit
from votremachine.invoicing import paper
from votremachine.invoicing.rules.invoice import (
    CreditedAlready,
    Invoice,
    InvoiceSettled,
    MoreThanDue,
    NotCreditable,
    NotPayable,
    PaidByCard,
    PaymentDateOff,
    PaymentKnown,
    Standing,
    UnknownInvoice,
    Whole,
)
from votremachine.invoicing.rules.numbering import day_of
from votremachine.invoicing.schemas import CreditInvoice, InvoiceDetails, InvoiceView, RecordPayment
from votremachine.invoicing.service import crediting, paying, reading
from votremachine.invoicing.service.reading import Role
from votremachine.payments.orders.rules import PaymentUnderWay

Of = Annotated[Standing | None, QueryParameter(name="state", description="How they stand; all of them by default.")]
As = Annotated[Role | None, QueryParameter(name="role", description="Issued or received; both by default.")]
_LAYOUT = (files("votremachine") / "invoicing" / "invoice.typ").read_text("utf-8")
JSON, PDF = "application/json", "application/pdf"
_VARIES = {"Vary": "Authorization, Accept-Language, Accept"}
_COMMITTING = (*INPUT, *idempotency.ERRORS, NotSignedIn, NotAllowed, NotInTheirPlace, UnknownInvoice)


@get("/invoices/{invoice_id:uuid}", responses=responses(NotSignedIn, UnknownInvoice, PressBusy))
async def show(
    request: HttpRequest,
    invoice_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    press: NamedDependency[Press],
) -> Response[InvoiceDetails]:
    """An invoice or a credit note, to its two parties and to staff. A PDF with `Accept: application/pdf`."""
    language = language_of(request)
    async with database.read() as tx:
        found = await reading.show(tx, await sessions.actor(tx, claims), invoice_id)
        today = day_of(tx.now)
    if preferred(request.headers.get("accept", ""), [JSON, PDF]) == PDF:
        return await _printed(request, press, found, language)
    told = reading.details(found, today, language)
    return reply(request, told, version=told.version, headers=_VARIES)


@get(
    "/parties/{party_id:uuid}/invoices",
    responses=responses(InvalidInput, BadCursor, NotSignedIn, UnknownParty),
)
async def browse(
    request: HttpRequest,
    party_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    cursors: NamedDependency[Cursors],
    listed: Of = None,
    side: As = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response[Page[InvoiceView]]:
    """What a party issued and received, newest first."""
    scope = f"invoices {party_id} {listed} {side}"
    before = cursors.read(scope, cursor, UUID) if cursor else None
    async with database.read() as tx:
        who = await sessions.actor(tx, claims)
        rows = await reading.of_party(tx, who, party_id, listed, side, before=before, limit=limit)
    return reply(request, cursors.page(scope, rows, limit, lambda row: row.id))


@post(
    "/invoices/{invoice_id:uuid}/payments",
    operation_class=Committing,
    responses=responses(
        *(*_COMMITTING, NotPayable, PaidByCard, InvoiceSettled, MoreThanDue, PaymentDateOff, PaymentKnown),
        *(NothingOwed, PaymentUnderWay),
    ),
)
async def record(
    request: HttpRequest,
    invoice_id: FromPath[UUID],
    data: JSONBody[RecordPayment],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[InvoiceDetails]:
    """The issuer was paid by other means than a card: all that is due, or part of it."""

    async def verb(tx: Tx, who: Actor) -> Response[InvoiceDetails]:
        return await _told(request, tx, await paying.record(tx, who, invoice_id, data))

    return await idempotency.once(request, database, claims.person_id, sessions.identify(claims), verb)


@post(
    "/invoices/{invoice_id:uuid}/credit-note",
    operation_class=Committing,
    responses=responses(*_COMMITTING, NotCreditable, CreditedAlready),
)
async def credit(
    request: HttpRequest,
    invoice_id: FromPath[UUID],
    data: JSONBody[CreditInvoice],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[InvoiceDetails]:
    """The issuer takes an invoice back, whole; answers with the credit note."""

    async def verb(tx: Tx, who: Actor) -> Response[InvoiceDetails]:
        return await _told(request, tx, await crediting.credit(tx, who, invoice_id, data.reason))

    return await idempotency.once(request, database, claims.person_id, sessions.identify(claims), verb)


async def _printed(request: HttpRequest, press: Press, found: Whole, language: str) -> Response[Any]:
    """An invoice on paper. The same data make the same bytes, so their tag is known before they are made."""
    data = paper.laid_out(found, language)
    tag = f'"{found.invoice.version}.{encoded((_LAYOUT, data)).hash}"'
    sent = {"ETag": tag, "Cache-Control": "private, no-cache", **_VARIES}
    if names(request.headers.get("if-none-match"), tag):
        return Response(None, status_code=304, headers=sent)
    content = await press.typeset(_LAYOUT, data, made_at=found.invoice.created_at)
    name = {"Content-Disposition": f'attachment; filename="{found.invoice.number}.pdf"'}
    return Response(content, headers=sent | name, media_type=PDF)


async def _told(request: HttpRequest, tx: Tx, invoice: Invoice) -> Response[InvoiceDetails]:
    told = reading.details(await reading.whole(tx, invoice), day_of(tx.now), language_of(request))
    return reply(request, told, version=told.version, status=201, headers={"Location": f"/v1/invoices/{told.id}"})


router = Router(path="/v1", tags=["invoices"], route_handlers=[show, browse, record, credit])
