"""Who a person is while they are not there: for what they left behind to be used, such as a link or a wish."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.models import adhesions, parties, people, seats
from votremachine.accounts.rules import Actor, Role, Seat
from votremachine.infra.database import Tx

_PEOPLE = (
    sa.select(
        people.c.id.label("person_id"),
        people.c.name,
        people.c.language,
        seats.c.party_id,
        seats.c.role,
        parties.c.name.label("party_name"),
        parties.c.demo,
        sa.select(sa.func.array_agg(adhesions.c.cooperative_id))
        .where(adhesions.c.party_id == seats.c.party_id, adhesions.c.approved_at.is_not(None))
        .scalar_subquery()
        .label("cooperatives"),
    )
    .select_from(
        people.outerjoin(seats, seats.c.person_id == people.c.id).outerjoin(parties, parties.c.id == seats.c.party_id)
    )
    .where(
        people.c.id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))),
        people.c.closed_at.is_(None),
    )
    .order_by(people.c.id, seats.c.party_id)
)


async def person(tx: Tx, person_id: UUID) -> Actor | None:
    """A person as `actors` has them; None when their account is closed."""
    return (await actors(tx, [person_id])).get(person_id)


async def actors(tx: Tx, ids: Collection[UUID]) -> Mapping[UUID, Actor]:
    """These people with the seats they hold at this moment, in one statement; without those whose account is closed.

    Never as staff: what staff may do, they do signed in.
    """
    held: dict[UUID, list[sa.Row[Any]]] = {}
    for row in await tx.rows(_PEOPLE, {"ids": list(ids)}):
        held.setdefault(row.person_id, []).append(row)
    return {person_id: _actor(rows) for person_id, rows in held.items()}


def _actor(rows: list[sa.Row[Any]]) -> Actor:
    first = rows[0]
    by_party = {row.party_id: _seat(row) for row in rows if row.party_id is not None}
    return Actor(first.person_id, first.name, first.language, by_party)


def _seat(row: sa.Row[Any]) -> Seat:
    return Seat(row.party_id, row.party_name, Role(row.role), row.demo, frozenset(row.cooperatives or ()))
