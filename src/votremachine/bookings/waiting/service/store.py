"""Reading and writing those who wait."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from votremachine.bookings.waiting.models import waiting_entries
from votremachine.bookings.waiting.rules import LIFE, MOST_OPEN, Entry, State, TooManyWaiting, UnknownWaiting
from votremachine.infra.database import Tx
from votremachine.kernel.span import Span
from votremachine.kernel.states import advance

_ADD = insert(waiting_entries).on_conflict_do_nothing().returning(waiting_entries.c.id)
_ONE_LOCKED = sa.select(waiting_entries).where(waiting_entries.c.id == sa.bindparam("id")).with_for_update()


def in_state(*states: State) -> sa.ColumnElement[bool]:
    """Whether an entry is in one of these states: literals, so that the plan may use the index of just these."""
    if len(states) == 1:
        return waiting_entries.c.state == sa.literal_column(f"'{states[0].value}'")
    return waiting_entries.c.state.in_([sa.literal_column(f"'{state.value}'") for state in states])


OPEN = in_state(State.WAITING, State.OFFERED)
_COUNT_OPEN = (
    sa.select(sa.func.count())
    .select_from(waiting_entries)
    .where(OPEN, waiting_entries.c.renter_party_id == sa.bindparam("party"))
)


async def check_room(tx: Tx, party_id: UUID) -> None:
    """Raises `TooManyWaiting`; until this transaction ends, the party adds nothing elsewhere."""
    key = int.from_bytes(party_id.bytes[8:], signed=True)
    await tx.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))
    if (await tx.execute(_COUNT_OPEN, {"party": party_id})).scalar_one() >= MOST_OPEN:
        raise TooManyWaiting(most=MOST_OPEN)


async def add(tx: Tx, entry: Entry) -> bool:
    """Put an entry at the end of its line; False when the party waits for just that already."""
    values = {
        "id": entry.id,
        "machine_id": entry.machine_id,
        "owner_party_id": entry.owner_party_id,
        "renter_party_id": entry.renter_party_id,
        "person_id": entry.person_id,
        "starts": entry.during.start,
        "ends": entry.during.end,
        "note": entry.note,
        "state": entry.state,
        "created_at": entry.created_at,
        "changed_at": entry.created_at,
    }
    return (await tx.execute(_ADD, values)).first() is not None


async def load_locked(tx: Tx, entry_id: UUID) -> Entry:
    """An entry that nobody else changes until this transaction ends; raises `UnknownWaiting`."""
    row = await tx.row(_ONE_LOCKED, {"id": entry_id})
    if row is None:
        raise UnknownWaiting
    return from_row(row)


async def step(tx: Tx, entry: Entry, to: State, **changes: Any) -> None:
    """Take an entry, whose row is locked, to its next state. Raises `IllegalTransition`."""
    advance(LIFE, entry.state, to)
    this = waiting_entries.c.id == entry.id
    await tx.execute(waiting_entries.update().where(this).values(state=to, changed_at=tx.now, **changes))


def from_row(row: sa.Row[Any]) -> Entry:
    """A row of the table as a value."""
    return Entry(
        id=row.id,
        machine_id=row.machine_id,
        owner_party_id=row.owner_party_id,
        renter_party_id=row.renter_party_id,
        person_id=row.person_id,
        during=Span(row.starts, row.ends),
        note=row.note,
        state=State(row.state),
        booking_id=row.booking_id,
        why=row.why,
        created_at=row.created_at,
    )
