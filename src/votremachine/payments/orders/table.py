"""How the table of orders is asked: rows as values, and values as rows."""

from typing import Any

import sqlalchemy as sa
from msgspec.structs import asdict

from votremachine.kernel.money import Money
from votremachine.payments.gateway import Refusal
from votremachine.payments.orders.models import payment_orders
from votremachine.payments.orders.rules import PaymentOrder, Purpose, State, What

# Every column by its name, to be bound to what `values_of` gives.
BOUND = {column.name: sa.bindparam(f"order_{column.name}", type_=column.type) for column in payment_orders.c}


def from_row(row: sa.Row[Any]) -> PaymentOrder:
    """A row as a value."""
    return PaymentOrder(
        id=row.id,
        what=What(row.what),
        purpose=Purpose(row.purpose),
        subject_id=row.subject_id,
        booking_id=row.booking_id,
        payer_party_id=row.payer_party_id,
        payee_party_id=row.payee_party_id,
        amount=Money(row.minor, row.currency),
        instrument_id=row.instrument_id,
        instrument=row.instrument,
        customer=row.customer,
        earlier_id=row.earlier_id,
        reference=row.reference,
        description=row.description,
        off_session=row.off_session,
        gives_back=row.gives_back,
        asked_by=row.asked_by,
        state=State(row.state),
        refusal=Refusal(row.refusal) if row.refusal else None,
        capture_before=row.capture_before,
        attempts=row.attempts,
        next_at=row.next_at,
        created_at=row.created_at,
        settled_at=row.settled_at,
        given_up=row.given_up,
    )


def values_of(order: PaymentOrder) -> dict[str, Any]:
    """A value as the values of `BOUND`."""
    said = asdict(order) | {"minor": order.amount.minor, "currency": order.amount.currency}
    del said["amount"]
    return {f"order_{name}": value for name, value in said.items()}
