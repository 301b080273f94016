"""The verbs of the fleet: list a machine, change it, publish, pause and retire it; and what other slices ask of it."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.refusals import NotACooperative, NotAllowed, UnknownParty
from votremachine.accounts.rules import Actor, PartyKind, Verb, require
from votremachine.accounts.service import audit, parties
from votremachine.fleet import table
from votremachine.fleet.listing import Listing, check, check_complete, enter
from votremachine.fleet.models import invited_parties, machines
from votremachine.fleet.positions import Position
from votremachine.fleet.rules import Machine, Meter, SeveralOwners, State, UnknownMachine, Visibility, sees
from votremachine.fleet.schemas import EditMachine, ListMachine
from votremachine.fleet.views import MachineView
from votremachine.infra.database import Tx
from votremachine.infra.languages import DEFAULT
from votremachine.infra.replies import Stale
from votremachine.infra.statements import Prepared

# The machines whose ids are bound as `ids`: for a slice above to join its own tables to, and read with `from_row`.
BY_IDS = sa.select(*table.COLUMNS).where(machines.c.id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))))
_BY_IDS = Prepared(BY_IDS)
_INSPECTED = BY_IDS.add_columns(machines.c.meters)
# Every machine with the minutes that decide when it can be had: for a slice above to join its own tables to.
MINUTES = sa.select(
    *(machines.c[name] for name in ("id", "buffer_before_minutes", "buffer_after_minutes", "lead_minutes"))
)
CURRENCY = table.CURRENCY
from_row = table.from_row
_WHOLE = sa.select(*table.WHOLE).where(machines.c.id == sa.bindparam("id"))
_WHOLE_LOCKED = _WHOLE.with_for_update(of=machines)
_POSITIONS = sa.select(machines.c.id, machines.c.latitude, machines.c.longitude).where(
    machines.c.id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid)))
)

_PLATES = sa.select(*(machines.c[name] for name in ("id", "make", "model", "serial"))).where(
    machines.c.id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid)))
)

_keys = (
    sa.func.unnest(sa.bindparam("keys", type_=sa.ARRAY(sa.BigInteger)))
    .table_valued(sa.column("key", sa.BigInteger), with_ordinality="place", name="keys")
    .render_derived()
)
_LOCK_ALL = sa.select(sa.func.pg_advisory_xact_lock(_keys.c.key)).order_by(_keys.c.place)


class Plate(NamedTuple):
    """Who made a machine, as what, and under which number."""

    make: str
    model: str
    serial: str


async def machines_by_id(tx: Tx, ids: Collection[UUID]) -> Mapping[UUID, Machine]:
    """These machines, whatever their state, in one statement; raises `UnknownMachine` when one does not exist."""
    found = {row.id: from_row(row) for row in await tx.rows(_BY_IDS, {"ids": list(ids)})}
    return check_found(found, ids)


def check_found(found: Mapping[UUID, Machine], ids: Collection[UUID]) -> Mapping[UUID, Machine]:
    """The machines, if all that were asked for are there; raises `UnknownMachine`."""
    if missing := [machine_id for machine_id in ids if machine_id not in found]:
        raise UnknownMachine(machine_id=str(missing[0]))
    return found


# The machines of the bound `party` whose ids follow `after`, whatever their state: for a slice above to choose from.
OF_PARTY = sa.select(*table.COLUMNS).where(
    machines.c.party_id == sa.bindparam("party", type_=sa.Uuid), machines.c.id > sa.bindparam("after", type_=sa.Uuid)
)


async def lock(tx: Tx, machine_id: UUID) -> None:
    """Wait until nobody else holds this machine's lock, and hold it until the transaction ends.

    For changes that must happen one after the other; who locks several does it in the order of their ids.
    """
    key = int.from_bytes(machine_id.bytes[8:], signed=True)
    await tx.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))


async def lock_all(tx: Tx, machine_ids: Collection[UUID]) -> None:
    """`lock` of several machines, in the order of their ids; one statement."""
    keys = [int.from_bytes(machine_id.bytes[8:], signed=True) for machine_id in sorted(machine_ids)]
    await tx.execute(_LOCK_ALL, {"keys": keys})


async def machine(tx: Tx, machine_id: UUID) -> Machine:
    """One machine, whatever its state; raises `UnknownMachine`."""
    return (await machines_by_id(tx, [machine_id]))[machine_id]


async def machines_of(tx: Tx, party_id: UUID) -> list[Machine]:
    """Every machine of a party, whatever its state, in order of id; one statement."""
    theirs = sa.select(*table.COLUMNS).where(machines.c.party_id == party_id).order_by(machines.c.id)
    return [from_row(row) for row in await tx.rows(theirs)]


async def lending(tx: Tx, *, after: UUID, limit: int) -> list[UUID]:
    """The next parties, in order of id, of whose machines any is listed."""
    found = sa.select(machines.c.party_id).where(machines.c.state == State.LISTED, machines.c.party_id > after)
    rows = await tx.rows(found.distinct().order_by(machines.c.party_id).limit(limit))
    return [row.party_id for row in rows]


async def lending_of(tx: Tx, party_ids: Collection[UUID]) -> set[UUID]:
    """Those of these parties of whose machines any is listed; one statement."""
    listed = sa.and_(machines.c.state == State.LISTED, machines.c.party_id.in_(list(party_ids)))
    return {row.party_id for row in await tx.rows(sa.select(machines.c.party_id).where(listed).distinct())}


async def exact_positions(tx: Tx, ids: Collection[UUID]) -> Mapping[UUID, Position]:
    """Where these machines really stand: for their own people, and the two sides of a confirmed booking alone."""
    return {row.id: Position(row.latitude, row.longitude) for row in await tx.rows(_POSITIONS, {"ids": list(ids)})}


async def plates(tx: Tx, ids: Collection[UUID]) -> Mapping[UUID, Plate]:
    """What stands on these machines: for their own people, and the two sides of a claim alone."""
    return {row.id: Plate(row.make, row.model, row.serial) for row in await tx.rows(_PLATES, {"ids": list(ids)})}


async def meters(tx: Tx, machine_id: UUID) -> list[Meter]:
    """What a machine counts by itself."""
    row = await tx.row(sa.select(machines.c.meters).where(machines.c.id == machine_id))
    return [] if row is None else [Meter(one) for one in row.meters]


async def inspected(tx: Tx, machine_id: UUID) -> tuple[Machine, list[Meter]]:
    """A machine, whatever its state, and what it counts by itself; one statement. Raises `UnknownMachine`."""
    row = await tx.row(_INSPECTED, {"ids": [machine_id]})
    if row is None:
        raise UnknownMachine(machine_id=str(machine_id))
    return from_row(row), [Meter(one) for one in row.meters]


async def note_price(tx: Tx, machine_id: UUID, priced: bool) -> None:
    """Pricing says whether a machine has a price: without one it is not published."""
    await tx.execute(machines.update().where(machines.c.id == machine_id).values(priced=priced))


def check_visible(who: Actor, known: Mapping[UUID, Machine]) -> list[Machine]:
    """These machines in order of id, if they are one owner's and this person may see them all.

    Raises `UnknownMachine`, `SeveralOwners`.
    """
    for found in known.values():
        _check_visible(found, who)
    if len({found.party_id for found in known.values()}) > 1:
        raise SeveralOwners(pointer="/machine_ids")
    return [known[machine_id] for machine_id in sorted(known)]


async def visible(tx: Tx, who: Actor, machine_id: UUID) -> Machine:
    """A machine that this person may see: listed or paused and open to them, or their own; raises `UnknownMachine`."""
    return _check_visible(await machine(tx, machine_id), who)


async def owned(tx: Tx, who: Actor, verb: Verb, machine_id: UUID) -> Machine:
    """A machine of one of the person's parties, if their role permits `verb`. Raises `UnknownMachine`, `NotAllowed`.

    `NotAllowed` also to a stranger who may see the machine: that it exists is no secret then.
    """
    found = await visible(tx, who, machine_id)
    require(verb, who, owner=found.party_id, stranger=NotAllowed())
    return found


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
        "currency": CURRENCY,
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
    _check_visible(from_row(row), who)
    return row


def _check_visible(found: Machine, who: Actor) -> Machine:
    # A draft or retired machine is nobody else's business; a paused one is still on show, it just takes no bookings.
    if not sees(found, who):
        raise UnknownMachine(machine_id=str(found.id))
    return found
