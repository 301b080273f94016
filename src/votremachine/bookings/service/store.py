"""Reading and writing bookings: the only place that knows their tables' columns, and the one way to change state."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from votremachine.accounts.rules import Actor, Relation, Role, Verb, require
from votremachine.accounts.service.parties import party_names
from votremachine.availability.service import claims
from votremachine.bookings.events import BookingEvent
from votremachine.bookings.models import booking_machines, booking_transitions, bookings
from votremachine.bookings.rules import BLOCKING, LIFE, Booking, BookingChanged, State, UnknownBooking, state_at
from votremachine.bookings.schemas import BookingView, Named, StepView
from votremachine.fleet import service as fleet
from votremachine.fleet.rules import Machine
from votremachine.infra.database import Tx, Write
from votremachine.infra.wire import SpanView
from votremachine.kernel.money import Money
from votremachine.kernel.span import Span
from votremachine.kernel.states import advance
from votremachine.pricing.rules import Price

_machine_ids = (
    sa.select(sa.func.array_agg(booking_machines.c.machine_id))
    .where(booking_machines.c.booking_id == bookings.c.id)
    .scalar_subquery()
    .label("machine_ids")
)
SELECT = sa.select(bookings, _machine_ids)
_ONE = SELECT.where(bookings.c.id == sa.bindparam("id"))
_ONE_LOCKED = _ONE.with_for_update(of=bookings)

# The booking, its machines and its first steps in one round trip.
_ADD_MACHINES = (
    booking_machines.insert()
    .from_select(
        ["booking_id", "machine_id"],
        sa.select(
            sa.bindparam("booking_id", type_=sa.Uuid),
            sa.func.unnest(sa.bindparam("booking_machines", type_=sa.ARRAY(sa.Uuid))),
        ),
    )
    .cte("added_machines")
)
_steps = (
    sa.func.unnest(
        sa.bindparam("booking_step_ids", type_=sa.ARRAY(sa.Uuid)),
        sa.bindparam("booking_step_from", type_=sa.ARRAY(sa.Text)),
        sa.bindparam("booking_step_to", type_=sa.ARRAY(sa.Text)),
    )
    .table_valued(*(sa.column(name) for name in ("id", "from_state", "to_state")), name="steps")
    .render_derived()
)
_ADD_STEPS = (
    booking_transitions.insert()
    .from_select(
        ["id", "booking_id", "from_state", "to_state", "at", "by", "why"],
        sa.select(
            _steps.c.id,
            sa.bindparam("booking_id", type_=sa.Uuid),
            _steps.c.from_state,
            _steps.c.to_state,
            sa.bindparam("booking_created_at", type_=sa.DateTime(timezone=True)),
            sa.bindparam("booking_by", type_=sa.Uuid),
            sa.literal(""),
        ),
    )
    .cte("added_steps")
)
_ADD = Write(
    "booking",
    bookings.insert()
    .values({column.name: sa.bindparam(f"booking_{column.name}", type_=column.type) for column in bookings.c})
    .add_cte(_ADD_MACHINES, _ADD_STEPS),
)


async def load(tx: Tx, booking_id: UUID) -> Booking:
    """A booking as it stands; raises `UnknownBooking`."""
    return _sure(await tx.row(_ONE, {"id": booking_id}))


async def load_locked(tx: Tx, booking_id: UUID) -> Booking:
    """A booking that nobody else changes until this transaction ends; raises `UnknownBooking`."""
    return _sure(await tx.row(_ONE_LOCKED, {"id": booking_id}))


def authorise(verb: Verb, who: Actor, booking: Booking) -> dict[Relation, Role]:
    """The sides of a booking that a person stands on, if they permit `verb`. Raises `UnknownBooking`, `NotAllowed`."""
    return require(verb, who, owner=booking.owner_party_id, renter=booking.renter_party_id, stranger=UnknownBooking())


def add(tx: Tx, booking: Booking, path: Sequence[State], by: UUID) -> None:
    """Write a new booking that went through the states of `path` in this very transaction; deferred."""
    values = {
        **_columns(booking),
        "machines": list(booking.machine_ids),
        "by": by,
        "step_ids": [tx.new_id() for _ in path],
        "step_from": [None, *path[:-1]],
        "step_to": list(path),
    }
    tx.defer(_ADD, {f"booking_{name}": value for name, value in values.items()})


async def step(
    tx: Tx,
    booking: Booking,
    to: State,
    event: type[BookingEvent],
    *,
    by: UUID | None,
    why: str = "",
    changes: Mapping[str, Any] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Booking:
    """Take a booking to its next state by compare-and-swap, release its time if it stops blocking, publish the fact.

    `changes` are columns that change with the state, `facts` what the event carries besides. A hold or request that
    ran out can only expire. Raises `IllegalTransition`, `BookingChanged`.
    """
    advance(LIFE, booking.state, to)
    changed = await _swap(tx, booking, to, {"expires_at": None, **(changes or {})})
    await _record(tx, booking, to, by, why)
    if to not in BLOCKING:
        await claims.release(tx, booking.id)
    tx.publish(fact(event, changed, by, **(facts or {})))
    return changed


async def change(
    tx: Tx, booking: Booking, event: type[BookingEvent], *, by: UUID, why: str, changes: Mapping[str, Any]
) -> Booking:
    """Change a booking that stays in its state; recorded and told like a step. Raises `BookingChanged`."""
    changed = await _swap(tx, booking, booking.state, changes)
    await _record(tx, booking, booking.state, by, why)
    tx.publish(fact(event, changed, by))
    return changed


def fact(event: type[BookingEvent], booking: Booking, by: UUID | None, **more: Any) -> BookingEvent:
    """An event about a booking."""
    return event(
        booking_id=booking.id,
        owner_party_id=booking.owner_party_id,
        renter_party_id=booking.renter_party_id,
        by=by,
        **more,
    )


def in_state(*states: State) -> sa.ColumnElement[bool]:
    """Whether a booking is in one of these states: literals, so that the plan may use the index of just these."""
    return bookings.c.state.in_([sa.literal_column(f"'{state.value}'") for state in states])


async def any_out(tx: Tx, machine_ids: Collection[UUID], *, overdue: bool = False, but: UUID | None = None) -> bool:
    """Whether one of these machines is with a renter, of another booking than `but`; only the overdue ones if asked."""
    out = (
        sa.select(bookings.c.id)
        .join(booking_machines, booking_machines.c.booking_id == bookings.c.id)
        .where(in_state(State.IN_USE), booking_machines.c.machine_id.in_(list(machine_ids)))
    )
    if overdue:
        out = out.where(bookings.c.ends < tx.now)
    if but is not None:
        out = out.where(bookings.c.id != but)
    return bool(await tx.rows(out.limit(1)))


async def views(tx: Tx, found: Sequence[Booking]) -> list[BookingView]:
    """Bookings as their sides see them; two statements however many there are."""
    if not found:
        return []
    machines = await fleet.machines_by_id(tx, {machine_id for one in found for machine_id in one.machine_ids})
    return await views_of(tx, found, machines)


async def views_of(tx: Tx, found: Sequence[Booking], machines: Mapping[UUID, Machine]) -> list[BookingView]:
    """Bookings as their sides see them, given their machines; one statement at most."""
    parties = {party for one in found for party in (one.owner_party_id, one.renter_party_id)}
    names = await party_names(tx, parties)
    return [view(tx, one, machines, names) for one in found]


def view(tx: Tx, one: Booking, machines: Mapping[UUID, Machine], names: Mapping[UUID, str]) -> BookingView:
    """One booking on the wire, from what its request has read already."""
    ordered = sorted(one.machine_ids)
    zone = machines[ordered[0]].zone
    return BookingView(
        id=one.id,
        state=state_at(one, tx.now),
        machines=[Named(machine_id, machines[machine_id].title) for machine_id in ordered],
        owner=Named(one.owner_party_id, names[one.owner_party_id]),
        renter=Named(one.renter_party_id, names[one.renter_party_id]),
        during=SpanView.of(one.during, zone),
        zone=zone.key,
        expires_at=one.expires_at,
        price=one.price,
        deposit=one.deposit,
        on_account=one.on_account,
        at_risk=one.at_risk,
        out_at=one.out_at,
        returned_at=one.returned_at,
        note=one.note,
        version=one.version,
        created_at=one.created_at,
    )


async def steps(tx: Tx, booking_id: UUID) -> list[StepView]:
    """Every step in the life of a booking, oldest first."""
    found = await tx.rows(
        sa.select(booking_transitions)
        .where(booking_transitions.c.booking_id == booking_id)
        .order_by(booking_transitions.c.at, booking_transitions.c.id)
    )
    return [
        StepView(State(row.from_state) if row.from_state else None, State(row.to_state), row.at, row.by, row.why)
        for row in found
    ]


def from_row(row: sa.Row[Any]) -> Booking:
    """A row of `SELECT` as a value."""
    return Booking(
        id=row.id,
        owner_party_id=row.owner_party_id,
        renter_party_id=row.renter_party_id,
        machine_ids=tuple(row.machine_ids),
        card_ids=tuple(row.card_ids),
        state=State(row.state),
        during=Span(row.starts, row.ends),
        expires_at=row.expires_at,
        price=msgspec.convert(row.price, Price),
        deposit=Money(row.deposit_minor, row.currency),
        on_account=row.on_account,
        on_request=row.on_request,
        at_risk=row.at_risk,
        out_at=row.out_at,
        returned_at=row.returned_at,
        note=row.note,
        version=row.version,
        created_at=row.created_at,
    )


async def _swap(tx: Tx, booking: Booking, to: State, changes: Mapping[str, Any]) -> Booking:
    still = [bookings.c.id == booking.id, bookings.c.state == booking.state, bookings.c.version == booking.version]
    if to is not State.EXPIRED:
        still.append(sa.or_(bookings.c.expires_at.is_(None), bookings.c.expires_at > tx.now))
    row = await tx.row(
        bookings.update()
        .where(*still)
        .values(state=to, version=booking.version + 1, **changes)
        .returning(bookings, _machine_ids)
    )
    if row is None:
        raise BookingChanged
    return from_row(row)


async def _record(tx: Tx, booking: Booking, to: State, by: UUID | None, why: str) -> None:
    values = {
        "id": tx.new_id(),
        "booking_id": booking.id,
        "from_state": booking.state,
        "to_state": to,
        "at": tx.now,
        "by": by,
        "why": why,
    }
    await tx.execute(booking_transitions.insert(), values)


def _sure(row: sa.Row[Any] | None) -> Booking:
    if row is None:
        raise UnknownBooking
    return from_row(row)


def _columns(booking: Booking) -> dict[str, Any]:
    return {
        "id": booking.id,
        "owner_party_id": booking.owner_party_id,
        "renter_party_id": booking.renter_party_id,
        "state": booking.state,
        "starts": booking.during.start,
        "ends": booking.during.end,
        "expires_at": booking.expires_at,
        "card_ids": list(booking.card_ids),
        "price": booking.price,
        "deposit_minor": booking.deposit.minor,
        "currency": booking.deposit.currency,
        "on_account": booking.on_account,
        "on_request": booking.on_request,
        "at_risk": booking.at_risk,
        "out_at": booking.out_at,
        "returned_at": booking.returned_at,
        "note": booking.note,
        "version": booking.version,
        "created_at": booking.created_at,
    }
