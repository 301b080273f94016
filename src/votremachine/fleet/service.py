"""What other slices ask of the fleet: machines by their ids and of a party, their locks, and who may see them."""

from collections.abc import Collection, Mapping
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.refusals import NotAllowed
from votremachine.accounts.rules import Actor, Verb, require
from votremachine.fleet import table
from votremachine.fleet.models import machines
from votremachine.fleet.positions import Position
from votremachine.fleet.rules import Machine, Meter, SeveralOwners, State, UnknownMachine, sees
from votremachine.infra.database import Tx
from votremachine.infra.statements import Prepared

# The machines whose ids are bound as `ids`: for a slice above to join its own tables to, and read with `from_row`.
BY_IDS = sa.select(*table.COLUMNS).where(machines.c.id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))))
_BY_IDS = Prepared(BY_IDS)
_INSPECTED = BY_IDS.add_columns(machines.c.meters)
# The machines of the bound `party` whose ids follow `after`, whatever their state: for a slice above to choose from.
OF_PARTY = sa.select(*table.COLUMNS).where(
    machines.c.party_id == sa.bindparam("party", type_=sa.Uuid), machines.c.id > sa.bindparam("after", type_=sa.Uuid)
)
# Every machine with the minutes that decide when it can be had: for a slice above to join its own tables to.
MINUTES = sa.select(
    *(machines.c[name] for name in ("id", "buffer_before_minutes", "buffer_after_minutes", "lead_minutes"))
)
CURRENCY = table.CURRENCY
from_row = table.from_row
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
        check_seen(found, who)
    if len({found.party_id for found in known.values()}) > 1:
        raise SeveralOwners(pointer="/machine_ids")
    return [known[machine_id] for machine_id in sorted(known)]


async def visible(tx: Tx, who: Actor, machine_id: UUID) -> Machine:
    """A machine that this person may see: listed or paused and open to them, or their own; raises `UnknownMachine`."""
    return check_seen(await machine(tx, machine_id), who)


async def owned(tx: Tx, who: Actor, verb: Verb, machine_id: UUID) -> Machine:
    """A machine of one of the person's parties, if their role permits `verb`. Raises `UnknownMachine`, `NotAllowed`.

    `NotAllowed` also to a stranger who may see the machine: that it exists is no secret then.
    """
    found = await visible(tx, who, machine_id)
    require(verb, who, owner=found.party_id, stranger=NotAllowed())
    return found


def check_seen(found: Machine, who: Actor) -> Machine:
    """The machine, if this person may see it; raises `UnknownMachine`."""
    # A draft or retired machine is nobody else's business; a paused one is still on show, it just takes no bookings.
    if not sees(found, who):
        raise UnknownMachine(machine_id=str(found.id))
    return found
