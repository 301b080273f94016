"""Reading bookings: as values for the verbs, and as their sides see them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import msgspec
import sqlalchemy as sa

from votremachine.accounts.service.parties import party_names
from votremachine.bookings.models import booking_machines, booking_transitions, bookings
from votremachine.bookings.refusals import UnknownBooking
from votremachine.bookings.rules import BLOCKING, AgreedTerms, Booking, State, state_at
from votremachine.bookings.schemas import BookingView, Named, StepView
from votremachine.fleet import service as fleet
from votremachine.fleet.rules import Machine
from votremachine.infra.database import Tx
from votremachine.infra.statements import Prepared
from votremachine.infra.wire import SpanView
from votremachine.kernel.money import Money
from votremachine.kernel.span import Span
from votremachine.payments.rules.splitting import Fee
from votremachine.pricing.rules.lines import Price
from votremachine.pricing.rules.price import Extras

MACHINE_IDS = (
    sa.select(sa.func.array_agg(booking_machines.c.machine_id))
    .where(booking_machines.c.booking_id == bookings.c.id)
    .scalar_subquery()
    .label("machine_ids")
)
SELECT = sa.select(bookings, MACHINE_IDS)
_one = SELECT.where(bookings.c.id == sa.bindparam("id"))
_ONE = Prepared(_one)
_BY_IDS = Prepared(SELECT.where(bookings.c.id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid)))))
_as_it_was = bookings.alias("as_it_was")
# The version when the statement began. Whoever waited for the row gets the newest one, but beside it the machines of
# before: the rest of the statement goes on seeing what it saw at its start.
SEEN_VERSION = (
    sa.select(_as_it_was.c.version).where(_as_it_was.c.id == bookings.c.id).scalar_subquery().label("seen_version")
)
_ONE_LOCKED = Prepared(_one.add_columns(SEEN_VERSION).with_for_update(of=bookings))


async def load(tx: Tx, booking_id: UUID) -> Booking:
    """A booking as it stands; raises `UnknownBooking`."""
    return _sure(await tx.row(_ONE, {"id": booking_id}))


async def load_locked(tx: Tx, booking_id: UUID) -> Booking:
    """A booking that nobody else changes until this transaction ends; raises `UnknownBooking`."""
    row = await tx.row(_ONE_LOCKED, {"id": booking_id})
    if row is not None and row.seen_version != row.version:
        # It is ours now, so what is read anew is of one piece.
        return await load(tx, booking_id)
    return _sure(row)


async def by_ids(tx: Tx, ids: Collection[UUID]) -> Mapping[UUID, Booking]:
    """These bookings as they stand, in one statement; without those that do not exist."""
    return {row.id: from_row(row) for row in await tx.rows(_BY_IDS, {"ids": list(ids)})}


def in_state(*states: State) -> sa.ColumnElement[bool]:
    """Whether a booking is in one of these states: literals, so that the plan may use the index of just these."""
    return bookings.c.state.in_([sa.literal_column(f"'{state.value}'") for state in states])


async def coming(tx: Tx, *, until: datetime, after: UUID, limit: int) -> list[UUID]:
    """The next bookings, in order of id, that are asked for, stand, or are back, and begin by then; one statement."""
    found = (
        sa.select(bookings.c.id)
        .where(in_state(*BLOCKING), bookings.c.starts <= until, bookings.c.id > after)
        .order_by(bookings.c.id)
        .limit(limit)
    )
    return [row.id for row in await tx.rows(found)]


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


async def last_return(tx: Tx, machine_ids: Collection[UUID], *, but: UUID) -> datetime | None:
    """When one of these machines came back last, of another booking than `but`."""
    back = (
        sa.select(sa.func.max(bookings.c.returned_at))
        .join(booking_machines, booking_machines.c.booking_id == bookings.c.id)
        .where(booking_machines.c.machine_id.in_(list(machine_ids)), bookings.c.id != but)
    )
    found: datetime | None = (await tx.execute(back)).scalar_one()
    return found


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
        stands_for=one.stands_for,
        terms=one.terms,
    )


async def ended_at(tx: Tx, booking_id: UUID) -> datetime:
    """When the last step of a booking was, which must have one."""
    step = booking_transitions.c
    found = await tx.execute(sa.select(sa.func.max(step.at)).where(step.booking_id == booking_id))
    return cast("datetime", found.scalar_one())


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
        machine_ids=tuple(sorted(row.machine_ids)),
        card_ids=tuple(row.card_ids),
        state=State(row.state),
        during=Span(row.starts, row.ends),
        expires_at=row.expires_at,
        extras=msgspec.convert(row.extras, dict[UUID, Extras]),
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
        stands_for=msgspec.convert(row.stands_for, dict[UUID, UUID]),
        terms=msgspec.convert(row.terms, dict[UUID, AgreedTerms]),
        noticed_from=row.noticed_from,
        fee=Fee(row.fee_bp, row.fee_vat_bp),
        claims_from=row.claims_from,
    )


def _sure(row: sa.Row[Any] | None) -> Booking:
    if row is None:
        raise UnknownBooking
    return from_row(row)
