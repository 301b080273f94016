"""What bookings have to say when a person asks for their data or leaves: they are kept, as accounting law asks."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.privacy import PersonalData
from votremachine.accounts.rules import Actor
from votremachine.bookings.models import booking_transitions, booking_usages, bookings
from votremachine.bookings.refusals import BookingsStand
from votremachine.bookings.rules import State
from votremachine.bookings.service.reading import in_state
from votremachine.infra.database import Tx

_OPEN = (State.HELD, State.REQUESTED, State.CONFIRMED, State.IN_USE, State.RETURNED)


async def _export(tx: Tx, who: Actor) -> list[dict[str, Any]]:
    """Every step that the person took in the bookings of their parties, and what they said was used."""
    taken = (
        sa.select(
            booking_transitions.c.at,
            booking_transitions.c.from_state,
            booking_transitions.c.to_state,
            booking_transitions.c.why,
            bookings.c.id.label("booking_id"),
            bookings.c.starts,
            bookings.c.ends,
            bookings.c.note,
        )
        .join(bookings, bookings.c.id == booking_transitions.c.booking_id)
        .where(_sides(list(who.seats)), booking_transitions.c.by == who.person_id)
        .order_by(booking_transitions.c.at, booking_transitions.c.id)
    )
    said = (
        sa.select(
            booking_usages.c.created_at.label("at"),
            booking_usages.c.booking_id,
            booking_usages.c.used,
            booking_usages.c.note,
        )
        .where(booking_usages.c.by == who.person_id)
        .order_by(booking_usages.c.id)
    )
    return [dict(row._mapping) for row in (*await tx.rows(taken), *await tx.rows(said))]


async def _check_closing(tx: Tx, party_ids: Sequence[UUID]) -> None:
    """Raises `BookingsStand` while one of these parties lends or rents something."""
    open_ones = sa.select(bookings.c.id).where(in_state(*_OPEN), _sides(party_ids))
    if standing := await tx.rows(open_ones.limit(1)):
        raise BookingsStand(booking_id=str(standing[0].id))


def _sides(party_ids: Sequence[UUID]) -> sa.ColumnElement[bool]:
    return sa.or_(bookings.c.owner_party_id.in_(party_ids), bookings.c.renter_party_id.in_(party_ids))


BOOKINGS = PersonalData("bookings", _export, check_closing=_check_closing)
