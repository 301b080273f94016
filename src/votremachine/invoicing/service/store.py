"""Invoices in the database: the one way to issue one, and the one way to change how it stands."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from votremachine.accounts.identity import Identity
from votremachine.accounts.rules import Actor, Sides, Verb, require
from votremachine.fleet.rules import Texts
from votremachine.infra.database import Tx
from votremachine.invoicing.events import InvoiceEvent
from votremachine.invoicing.models import invoice_lines, invoice_payments, invoice_series, invoices
from votremachine.invoicing.rules.invoice import (
    Cause,
    Invoice,
    Means,
    Payment,
    State,
    UnknownInvoice,
    state_after,
)
from votremachine.invoicing.rules.numbering import Kind
from votremachine.invoicing.rules.sums import Category, Line
from votremachine.pricing.rules.card import Unit

_ID = sa.bindparam("id", type_=sa.Uuid)
_ONE = sa.select(invoices).where(invoices.c.id == _ID)
_ONE_LOCKED = _ONE.with_for_update()
_FOR = sa.select(invoices).where(invoices.c.cause == sa.bindparam("cause"), invoices.c.cause_id == _ID)
_FOR_LOCKED = _FOR.with_for_update()
_BY_IDS = sa.select(invoices).where(invoices.c.id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))))
_LINES = sa.select(invoice_lines).where(invoice_lines.c.invoice_id == _ID).order_by(invoice_lines.c.place)
_PAYMENTS = (
    sa.select(invoice_payments)
    .where(invoice_payments.c.invoice_id == _ID)
    .order_by(invoice_payments.c.received_on, invoice_payments.c.id)
)
# The row is locked until the transaction ends, one way or the other: whoever comes next waits for its number.
_first = insert(invoice_series).values(
    issuer_party_id=sa.bindparam("issuer", type_=sa.Uuid),
    series=sa.bindparam("name"),
    last=1,
    last_on=sa.bindparam("day"),
)
_NEXT = _first.on_conflict_do_update(
    index_elements=["issuer_party_id", "series"],
    set_={
        "last": invoice_series.c.last + 1,
        "last_on": sa.func.greatest(invoice_series.c.last_on, _first.excluded.last_on),
    },
).returning(invoice_series.c.last, invoice_series.c.last_on)


class Place(NamedTuple):
    """The next place of a series, and the day it is issued on: never before that of the place before."""

    position: int
    day: date


async def next_place(tx: Tx, issuer: UUID, series: str, today: date) -> Place:
    """Take the next place of a series: for good if this transaction commits, and else nobody ever did."""
    row: Any = (await tx.execute(_NEXT, {"issuer": issuer, "name": series, "day": today})).one()
    return Place(row.last, row.last_on)


async def add(tx: Tx, invoice: Invoice, lines: Sequence[Line]) -> None:
    """Write an invoice and its lines."""
    values = msgspec.structs.asdict(invoice)
    values |= {side: msgspec.to_builtins(values[side]) for side in ("issuer", "customer")}
    await tx.execute(invoices.insert(), values)
    rows = []
    for place, line in enumerate(lines, start=1):
        row = msgspec.structs.asdict(line)
        text: Texts = row.pop("text")
        rows.append(row | {"invoice_id": invoice.id, "place": place, "text_fr": text.fr, "text_en": text.en})
    await tx.execute(invoice_lines.insert(), rows)


async def load(tx: Tx, invoice_id: UUID) -> Invoice:
    """An invoice as it stands; raises `UnknownInvoice`."""
    return _sure(await tx.row(_ONE, {"id": invoice_id}))


async def load_locked(tx: Tx, invoice_id: UUID) -> Invoice:
    """An invoice that nobody else pays or takes back until this transaction ends; raises `UnknownInvoice`."""
    return _sure(await tx.row(_ONE_LOCKED, {"id": invoice_id}))


def authorise(verb: Verb, who: Actor, invoice: Invoice) -> Sides:
    """The sides of an invoice on which somebody stands, its issuer's being the owner's. Raises what `require` does."""
    issuer, customer = invoice.issuer_party_id, invoice.customer_party_id
    return require(verb, who, owner=issuer, renter=customer, stranger=UnknownInvoice())


async def issued_for(tx: Tx, cause: Cause, cause_id: UUID) -> Invoice | None:
    """What was issued for this cause."""
    row = await tx.row(_FOR, {"cause": cause, "id": cause_id})
    return None if row is None else from_row(row)


async def issued_for_locked(tx: Tx, cause: Cause, cause_id: UUID) -> Invoice | None:
    """As `issued_for`, and nobody else pays it or takes it back until this transaction ends."""
    row = await tx.row(_FOR_LOCKED, {"cause": cause, "id": cause_id})
    return None if row is None else from_row(row)


async def by_ids(tx: Tx, ids: set[UUID]) -> Mapping[UUID, Invoice]:
    """These invoices as they stand, in one statement."""
    return {row.id: from_row(row) for row in await tx.rows(_BY_IDS, {"ids": list(ids)})}


async def lines_of(tx: Tx, invoice_id: UUID) -> list[Line]:
    """The lines of an invoice, in their order."""
    return [
        Line(
            Texts(row.text_fr, row.text_en),
            row.thousandths,
            Unit(row.unit),
            row.unit_minor,
            row.net,
            row.vat,
            Category(row.category),
        )
        for row in await tx.rows(_LINES, {"id": invoice_id})
    ]


async def payments_of(tx: Tx, invoice_id: UUID) -> list[Payment]:
    """What came in of an invoice, by the day on which it was received."""
    return [
        Payment(row.id, row.minor, Means(row.means), row.received_on, row.reference, row.by, row.at)
        for row in await tx.rows(_PAYMENTS, {"id": invoice_id})
    ]


async def pay(tx: Tx, invoice: Invoice, payments: Sequence[Payment]) -> Invoice:
    """Write down what came in of a locked invoice."""
    if not payments:
        return invoice
    await tx.execute(
        invoice_payments.insert(), [msgspec.structs.asdict(one) | {"invoice_id": invoice.id} for one in payments]
    )
    return await _stands(tx, invoice, paid=invoice.paid + sum(one.minor for one in payments), credited=invoice.credited)


async def credit(tx: Tx, invoice: Invoice, minor: int) -> Invoice:
    """Write down that so much of a locked invoice was taken back."""
    return await _stands(tx, invoice, paid=invoice.paid, credited=invoice.credited + minor)


def fact(event: type[InvoiceEvent], invoice: Invoice, by: UUID | None, **more: Any) -> InvoiceEvent:
    """An event about an invoice."""
    return event(
        invoice_id=invoice.id,
        number=invoice.number,
        issuer_party_id=invoice.issuer_party_id,
        customer_party_id=invoice.customer_party_id,
        booking_id=invoice.booking_id,
        currency=invoice.currency,
        by=by,
        **more,
    )


_AS_THEY_ARE = [
    name for name in Invoice.__struct_fields__ if name not in {"kind", "cause", "state", "issuer", "customer"}
]


def from_row(row: sa.Row[Any]) -> Invoice:
    """A row as a value."""
    return Invoice(
        kind=Kind(row.kind),
        cause=Cause(row.cause),
        state=State(row.state),
        issuer=msgspec.convert(row.issuer, Identity),
        customer=msgspec.convert(row.customer, Identity),
        **{name: row._mapping[name] for name in _AS_THEY_ARE},
    )


def _sure(row: sa.Row[Any] | None) -> Invoice:
    if row is None:
        raise UnknownInvoice
    return from_row(row)


async def _stands(tx: Tx, invoice: Invoice, *, paid: int, credited: int) -> Invoice:
    changed = msgspec.structs.replace(
        invoice,
        paid=paid,
        credited=credited,
        state=state_after(invoice.payable, paid, credited),
        version=invoice.version + 1,
    )
    kept = {name: getattr(changed, name) for name in ("state", "paid", "credited", "version")}
    await tx.execute(invoices.update().where(invoices.c.id == invoice.id).values(kept))
    return changed
