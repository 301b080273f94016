"""The verbs of who owns a machine: list it, change it, publish, pause and retire it; and how it is shown then."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.refusals import NotACooperative, NotAllowed, UnknownParty
from votremachine.accounts.rules import Actor, PartyKind, Verb, require
from votremachine.accounts.service import audit, parties
from votremachine.fleet import table
from votremachine.fleet.listing import Listing, check, check_complete, enter
from votremachine.fleet.models import invited_parties, machines
from votremachine.fleet.rules import State, UnknownMachine, Visibility
from votremachine.fleet.schemas import EditMachine, ListMachine
from votremachine.fleet.service import check_seen
from votremachine.fleet.views import MachineView
from votremachine.infra.database import Tx
from votremachine.infra.languages import DEFAULT
from votremachine.infra.replies import Stale

_WHOLE = sa.select(*table.WHOLE).where(machines.c.id == sa.bindparam("id"))
_WHOLE_LOCKED = _WHOLE.with_for_update(of=machines)


async def list_machine(tx: Tx, who: Actor, asked: ListMachine, language: str = DEFAULT) -> MachineView:
    """A new draft. Raises `UnknownParty`, `NotAllowed`, `NotACooperative`, and what `listing.wrong` finds."""
    require(Verb.EDIT_MACHINE, who, owner=asked.party_id, stranger=UnknownParty())
    said = check(asked.listing(language), tx.now)
    await check_audience(tx, asked.party_id, said)
    machine_id = tx.new_id()
    await tx.execute(machines.insert(), new_row(tx, machine_id, asked.party_id, said))
    await _invite(tx, machine_id, said)
    await audit.note(tx, who, "list", "machine", machine_id, asked.party_id)
    return await show(tx, who, machine_id, language)


def new_row(tx: Tx, machine_id: UUID, party_id: UUID, said: Listing) -> dict[str, Any]:
    """The row of a new draft."""
    return {
        "id": machine_id,
        "party_id": party_id,
        **table.values_of(said),
        "state": State.DRAFT,
        "currency": table.CURRENCY,
        "version": 1,
        "created_at": tx.now,
    }


async def edit_machine(
    tx: Tx, who: Actor, machine_id: UUID, version: int, asked: EditMachine, language: str = DEFAULT
) -> MachineView:
    """Change a machine that the caller read at `version`; a listed one stays as complete as it is.

    Bookings that stand keep the terms under which they were made.
    Raises `UnknownMachine`, `NotAllowed`, `Stale`, `NotComplete`, and what `list_machine` does.
    """
    row = await _own_row(tx, who, machine_id)
    if row.version != version:
        raise Stale
    before = table.listing_of(row)
    said = check(asked.applied_to(before, language), tx.now)
    if row.state == State.LISTED:
        check_complete(said, priced=row.priced, before=before)
    if (said.visibility, said.invited) != (before.visibility, before.invited):
        await check_audience(tx, row.party_id, said)
    await _change(tx, machine_id, table.values_of(said))
    if said.invited != before.invited:
        await tx.execute(invited_parties.delete().where(invited_parties.c.machine_id == machine_id))
        await _invite(tx, machine_id, said)
    await audit.note(tx, who, "edit", "machine", machine_id, row.party_id)
    return await show(tx, who, machine_id, language)


async def set_state(tx: Tx, who: Actor, machine_id: UUID, state: State, language: str = DEFAULT) -> MachineView:
    """Publish, pause or retire a machine; bookings that stand are kept, and a repeat changes nothing.

    Raises `UnknownMachine`, `NotAllowed`, `IllegalTransition`, `NotComplete` with everything that it lacks.
    """
    row = await _own_row(tx, who, machine_id)
    if row.state == enter(State(row.state), state, table.listing_of(row), priced=row.priced):
        return table.view(row, who, language)
    await _change(tx, machine_id, {"state": state})
    await audit.note(tx, who, "set_state", "machine", machine_id, row.party_id, state=state)
    return await show(tx, who, machine_id, language)


async def show(tx: Tx, who: Actor, machine_id: UUID, language: str = DEFAULT) -> MachineView:
    """One machine that this person may see; raises `UnknownMachine`."""
    row = await tx.row(_WHOLE, {"id": machine_id})
    return table.view(_visible_row(row, who, machine_id), who, language)


async def check_audience(tx: Tx, owner: UUID, said: Listing) -> None:
    """Raises `NotACooperative` when a farm shows a machine to its members, `UnknownParty` when nobody is named so."""
    if said.visibility is Visibility.COOPERATIVE:
        if (await parties.party(tx, owner)).kind is not PartyKind.COOPERATIVE:
            raise NotACooperative(pointer="/visibility")
    elif said.invited and said.invited - (await parties.party_views(tx, said.invited)).keys():
        raise UnknownParty(pointer="/visible_to")


async def _invite(tx: Tx, machine_id: UUID, said: Listing) -> None:
    if said.invited:
        rows = [{"machine_id": machine_id, "party_id": party_id} for party_id in sorted(said.invited)]
        await tx.execute(invited_parties.insert(), rows)


async def _own_row(tx: Tx, who: Actor, machine_id: UUID) -> sa.Row[Any]:
    """The row of a machine that this person may change, locked: changes of one machine happen one after the other."""
    locked = await tx.row(_WHOLE_LOCKED, {"id": machine_id})
    row = _visible_row(locked, who, machine_id)
    require(Verb.EDIT_MACHINE, who, owner=row.party_id, stranger=NotAllowed())
    return row


async def _change(tx: Tx, machine_id: UUID, values: dict[str, Any]) -> None:
    await tx.execute(
        machines.update().where(machines.c.id == machine_id).values(**values, version=machines.c.version + 1)
    )


def _visible_row(row: sa.Row[Any] | None, who: Actor, machine_id: UUID) -> sa.Row[Any]:
    if row is None:
        raise UnknownMachine(machine_id=str(machine_id))
    check_seen(table.from_row(row), who)
    return row
