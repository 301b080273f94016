"""Invoices as people read them: one with its lines, and a party's list."""

from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.refusals import UnknownParty
from votremachine.accounts.rules import Actor, Verb, require
from votremachine.infra.database import Tx
from votremachine.invoicing.models import invoices
from votremachine.invoicing.rules.invoice import Cause, Invoice, Standing, State, Whole, money, standing
from votremachine.invoicing.rules.numbering import Kind, day_of
from votremachine.invoicing.rules.sums import Line, vat_groups
from votremachine.invoicing.rules.wording import mentions
from votremachine.invoicing.schemas import InvoiceDetails, InvoiceView, LineView, PaymentView, VatView
from votremachine.invoicing.service import store
from votremachine.pricing.rules.lines import WHOLE


class Role(StrEnum):
    """What a party is to an invoice."""

    ISSUER = "issuer"
    CUSTOMER = "customer"


_SIDES = {Role.ISSUER: invoices.c.issuer_party_id, Role.CUSTOMER: invoices.c.customer_party_id}


async def show(tx: Tx, who: Actor, invoice_id: UUID) -> Whole:
    """An invoice, to its two parties and to staff. Raises `UnknownInvoice`."""
    invoice = await store.load(tx, invoice_id)
    store.authorise(Verb.READ_INVOICE, who, invoice)
    return await whole(tx, invoice)


async def whole(tx: Tx, invoice: Invoice) -> Whole:
    """An invoice with all that it says; two statements, three for a credit note."""
    taken_back = await store.load(tx, invoice.credits_id) if invoice.credits_id else None
    lines, payments = await store.lines_of(tx, invoice.id), await store.payments_of(tx, invoice.id)
    return Whole(invoice, lines, payments, taken_back)


async def of_party(
    tx: Tx,
    who: Actor,
    party_id: UUID,
    state: Standing | None,
    role: Role | None,
    *,
    before: UUID | None,
    limit: int,
) -> list[InvoiceView]:
    """What a party issued and received, newest first; `limit + 1` rows, in one statement.

    Raises `UnknownParty`.
    """
    require(Verb.READ_INVOICE, who, owner=party_id, stranger=UnknownParty())
    today = day_of(tx.now)
    # Each side by its own index.
    halves = [_half(_SIDES[one] == party_id, state, today, before, limit) for one in ([role] if role else list(Role))]
    both = sa.union_all(*halves).subquery()
    rows = await tx.rows(sa.select(both).order_by(both.c.id.desc()).limit(limit + 1))
    return [view(store.from_row(row), today) for row in rows]


def view(invoice: Invoice, today: date) -> InvoiceView:
    """An invoice as lists have it."""
    return InvoiceView(**_fields(invoice, today))


def details(found: Whole, today: date, language: str) -> InvoiceDetails:
    """An invoice with all that it says, in the reader's language."""
    invoice, groups = found.invoice, vat_groups(found.lines)
    return InvoiceDetails(
        **_fields(invoice, today),
        seller=invoice.issuer,
        buyer=invoice.customer,
        supplied_from=invoice.supplied_from,
        supplied_until=invoice.supplied_until,
        reason=invoice.reason,
        lines=[_line(invoice, line, language) for line in found.lines],
        vat_by_rate=[
            VatView(one.category, one.rate, money(invoice, one.net), money(invoice, one.vat)) for one in groups
        ],
        mentions=[text.read_in(language) for text in mentions(invoice, groups, found.taken_back)],
        payments=[
            PaymentView(one.id, money(invoice, one.minor), one.means, one.received_on, one.reference, one.by, one.at)
            for one in found.payments
        ],
    )


def _half(
    side: sa.ColumnElement[bool], state: Standing | None, today: date, before: UUID | None, limit: int
) -> sa.Select[Any]:
    wanted = sa.select(invoices).where(side)
    if state is not None:
        wanted = wanted.where(_stands(state, today))
    if before is not None:
        wanted = wanted.where(invoices.c.id < before)
    return sa.select(wanted.order_by(invoices.c.id.desc()).limit(limit + 1).subquery())


def _stands(state: Standing, today: date) -> sa.ColumnElement[bool]:
    """As people are told it (`standing`)."""
    open_ = invoices.c.state == State.ISSUED
    late = sa.and_(open_, invoices.c.kind == Kind.INVOICE, invoices.c.due_on < today)
    match state:
        case Standing.OVERDUE:
            return late
        case Standing.ISSUED:
            return sa.and_(open_, sa.not_(late))
    return invoices.c.state == state.value


def _fields(invoice: Invoice, today: date) -> dict[str, Any]:
    sums = ("net", "vat", "gross", "rounding", "payable", "paid", "due")
    same = ("id", "kind", "number", "issuer_party_id", "customer_party_id", "cause", "booking_id", "credits_id")
    return {
        **{name: getattr(invoice, name) for name in (*same, "issued_on", "due_on", "version", "created_at")},
        **{name: money(invoice, getattr(invoice, name)) for name in sums},
        "issuer": invoice.issuer.called,
        "customer": invoice.customer.called,
        "claim_id": invoice.cause_id if invoice.cause is Cause.CLAIM else None,
        "state": standing(invoice, today),
    }


def _quantity(thousandths: int) -> int | float:
    units, part = divmod(thousandths, WHOLE)
    return thousandths / WHOLE if part else units


def _line(invoice: Invoice, line: Line, language: str) -> LineView:
    return LineView(
        line.text.read_in(language),
        _quantity(line.thousandths),
        line.unit,
        money(invoice, line.unit_minor),
        money(invoice, line.net),
        line.vat,
        line.category,
    )
