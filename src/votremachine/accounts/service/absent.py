"""Who a person is while they are not there: for what they left behind to be used, such as a link."""

from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.models import parties, people, seats
from votremachine.accounts.rules import Actor, Role, Seat
from votremachine.infra.database import Tx

_PERSON = (
    sa.select(people.c.name, people.c.language, seats.c.party_id, seats.c.role, parties.c.name.label("party_name"))
    .add_columns(parties.c.demo)
    .select_from(
        people.outerjoin(seats, seats.c.person_id == people.c.id).outerjoin(parties, parties.c.id == seats.c.party_id)
    )
    .where(people.c.id == sa.bindparam("person"), people.c.closed_at.is_(None))
    .order_by(seats.c.party_id)
)


async def person(tx: Tx, person_id: UUID) -> Actor | None:
    """A person with the seats they hold at this moment, in one statement; None when their account is closed.

    Never as staff: what staff may do, they do signed in.
    """
    found = await tx.rows(_PERSON, {"person": person_id})
    if not found:
        return None
    held = [row for row in found if row.party_id is not None]
    by_party = {row.party_id: Seat(row.party_id, row.party_name, Role(row.role), row.demo) for row in held}
    return Actor(person_id, found[0].name, found[0].language, by_party)
