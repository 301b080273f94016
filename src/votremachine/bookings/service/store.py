"""Writing bookings: the one way to make one, and the one way to change its state."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec.structs import replace

from votremachine.accounts.rules import Actor, Sides, Verb, require
from votremachine.accounts.service import audit
from votremachine.availability.service import claims
from votremachine.bookings.events import BookingEvent
from votremachine.bookings.models import booking_machines, booking_transitions, bookings
from votremachine.bookings.refusals import BookingChanged, UnknownBooking
from votremachine.bookings.rules import BLOCKING, LIFE, Booking, State
from votremachine.bookings.service.reading import MACHINE_IDS, from_row
from votremachine.infra.database import Tx
from votremachine.infra.statements import Prepared, Write
from votremachine.kernel.states import advance

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

_STEP = Write(
    "booking_step",
    booking_transitions.insert().values(
        {column.name: sa.bindparam(f"step_{column.name}", type_=column.type) for column in booking_transitions.c}
    ),
)


_WHOLE = (bookings, MACHINE_IDS)
# Made once: a booking and the time that it takes go on together, or neither does.
_STAND = Prepared(
    bookings.update()
    .where(
        bookings.c.id == sa.bindparam("kept_ref", type_=sa.Uuid),
        bookings.c.state == sa.bindparam("stands_was"),
        bookings.c.version == sa.bindparam("stands_version"),
        sa.or_(bookings.c.expires_at.is_(None), bookings.c.expires_at > sa.bindparam("stands_now")),
        sa.select(sa.func.count()).select_from(claims.KEPT).scalar_subquery()
        == sa.bindparam("kept_machines", type_=sa.Integer),
    )
    .values(
        state=sa.bindparam("stands_to"),
        version=bookings.c.version + 1,
        expires_at=sa.bindparam("kept_until", type_=sa.DateTime(timezone=True)),
        on_account=sa.bindparam("stands_on_account"),
    )
    .returning(bookings.c.version)
)


def authorise(verb: Verb, who: Actor, booking: Booking) -> Sides:
    """The sides of a booking that a person stands on, if they permit `verb`. Raises `UnknownBooking`, `NotAllowed`."""
    return require(verb, who, owner=booking.owner_party_id, renter=booking.renter_party_id, stranger=UnknownBooking())


async def add(tx: Tx, booking: Booking, path: Sequence[State], who: Actor) -> None:
    """Write a new booking that went through the states of `path` in this very transaction; deferred."""
    values = {
        **_columns(booking),
        "machines": list(booking.machine_ids),
        "by": who.person_id,
        "step_ids": [tx.new_id() for _ in path],
        "step_from": [None, *path[:-1]],
        "step_to": list(path),
    }
    await tx.defer(_ADD, {f"booking_{name}": value for name, value in values.items()})
    await audit.note(tx, who, "book", "booking", booking.id, booking.renter_party_id, state=booking.state)


async def step(
    tx: Tx,
    booking: Booking,
    to: State,
    event: type[BookingEvent],
    *,
    by: Actor | None,
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
    await _note(tx, changed, by)
    return changed


async def stand(
    tx: Tx,
    booking: Booking,
    to: State,
    event: type[BookingEvent],
    *,
    by: Actor | None,
    expires_at: datetime | None,
    on_account: bool | None = None,
) -> Booking | None:
    """Take a locked booking to a state in which its time is blocked until `expires_at`, or for good; one statement for
    both. None, and nothing done, when it ran out or part of its time was lost. Raises `IllegalTransition`.
    """
    advance(LIFE, booking.state, to)
    on_account = booking.on_account if on_account is None else on_account
    row = await tx.row(
        _STAND,
        {
            "kept_ref": booking.id,
            "kept_until": expires_at,
            "kept_machines": len(booking.machine_ids),
            "stands_was": booking.state,
            "stands_version": booking.version,
            "stands_now": tx.now,
            "stands_to": to,
            "stands_on_account": on_account,
        },
    )
    if row is None:
        return None
    # Locked, and of this version: the rest of it is as it was.
    changed = replace(booking, state=to, version=row.version, expires_at=expires_at, on_account=on_account)
    await _record(tx, booking, to, by, "")
    tx.publish(fact(event, changed, by))
    await _note(tx, changed, by)
    return changed


async def change(
    tx: Tx, booking: Booking, event: type[BookingEvent], *, by: Actor, why: str, changes: Mapping[str, Any]
) -> Booking:
    """Change a booking that stays in its state; recorded and told like a step. Raises `BookingChanged`."""
    changed = await _swap(tx, booking, booking.state, changes)
    await _record(tx, booking, booking.state, by, why)
    tx.publish(fact(event, changed, by))
    await _note(tx, changed, by)
    return changed


def fact(event: type[BookingEvent], booking: Booking, by: Actor | None, **more: Any) -> BookingEvent:
    """An event about a booking."""
    return event(
        booking_id=booking.id,
        owner_party_id=booking.owner_party_id,
        renter_party_id=booking.renter_party_id,
        machine_ids=booking.machine_ids,
        by=by.person_id if by else None,
        **more,
    )


async def _swap(tx: Tx, booking: Booking, to: State, changes: Mapping[str, Any]) -> Booking:
    still = [bookings.c.id == booking.id, bookings.c.state == booking.state, bookings.c.version == booking.version]
    if to is not State.EXPIRED:
        still.append(sa.or_(bookings.c.expires_at.is_(None), bookings.c.expires_at > tx.now))
    row = await tx.row(
        bookings.update().where(*still).values(state=to, version=booking.version + 1, **changes).returning(*_WHOLE)
    )
    if row is None:
        raise BookingChanged
    return from_row(row)


async def _record(tx: Tx, booking: Booking, to: State, by: Actor | None, why: str) -> None:
    values = {
        "id": tx.new_id(),
        "booking_id": booking.id,
        "from_state": booking.state,
        "to_state": to,
        "at": tx.now,
        "by": by.person_id if by else None,
        "why": why,
    }
    await tx.defer(_STEP, {f"step_{name}": value for name, value in values.items()})


async def _note(tx: Tx, booking: Booking, by: Actor | None) -> None:
    """In the audit log, for the side on which the person stands; what the clock does is in the steps alone."""
    if by is None:
        return
    side = booking.owner_party_id if booking.owner_party_id in by.seats else booking.renter_party_id
    await audit.note(tx, by, "change", "booking", booking.id, side, state=booking.state)


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
        "extras": booking.extras,
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
        "stands_for": booking.stands_for,
        "terms": booking.terms,
        "noticed_from": booking.noticed_from,
        "fee_bp": booking.fee.rate,
        "fee_vat_bp": booking.fee.vat_rate,
        "claims_from": booking.claims_from,
    }
