"""The verbs of the fleet: list a machine, change it, publish and pause it, find it."""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa

from votremachine.accounts.rules import Actor, NotAllowed, UnknownParty, Verb, require
from votremachine.fleet.categories import categories
from votremachine.fleet.models import machines
from votremachine.fleet.rules import (
    BookingMode,
    Machine,
    SeveralOwners,
    State,
    Terms,
    UnknownCategory,
    UnknownMachine,
    check_terms,
    zone_named,
)
from votremachine.fleet.schemas import EditMachine, ListMachine, MachineView
from votremachine.infra.database import Tx
from votremachine.infra.replies import Stale
from votremachine.kernel.errors import DomainError
from votremachine.kernel.money import Money

CURRENCY = "EUR"
HIDDEN = frozenset({State.DRAFT, State.RETIRED})

# The machines whose ids are bound as `ids`: for a slice above to join its own tables to, and read with `from_row`.
BY_IDS = sa.select(machines).where(machines.c.id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))))


async def machines_by_id(tx: Tx, ids: Collection[UUID]) -> Mapping[UUID, Machine]:
    """These machines, whatever their state, in one statement; raises `UnknownMachine` when one does not exist."""
    found = {row.id: from_row(row) for row in await tx.rows(BY_IDS, {"ids": list(ids)})}
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


async def machine(tx: Tx, machine_id: UUID) -> Machine:
    """One machine, whatever its state; raises `UnknownMachine`."""
    return (await machines_by_id(tx, [machine_id]))[machine_id]


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
    """A machine that this person may see: listed or paused, or their own; raises `UnknownMachine`."""
    return _check_visible(await machine(tx, machine_id), who)


async def owned(tx: Tx, who: Actor, verb: Verb, machine_id: UUID) -> Machine:
    """A machine of one of the person's parties, if their role permits `verb`. Raises `UnknownMachine`, `NotAllowed`.

    `NotAllowed` also to a stranger who may see the machine: that it exists is no secret then.
    """
    found = await visible(tx, who, machine_id)
    require(verb, who, owner=found.party_id, stranger=_refusal(found))
    return found


async def list_machine(tx: Tx, who: Actor, asked: ListMachine) -> MachineView:
    """A new draft. Raises `UnknownParty`, `NotAllowed`, `UnknownCategory`, `UnknownZone`, `TermsDisagree`."""
    require(Verb.EDIT_MACHINE, who, owner=asked.party_id, stranger=UnknownParty())
    if asked.category not in categories():
        raise UnknownCategory(pointer="/category", category=asked.category)
    zone_named(asked.zone)
    values = {
        "id": tx.new_id(),
        "party_id": asked.party_id,
        "category": asked.category,
        "title": asked.title,
        "description": asked.description,
        "make": asked.make,
        "model": asked.model,
        **msgspec.structs.asdict(asked.place),
        "zone": asked.zone,
        "state": State.DRAFT,
        **msgspec.structs.asdict(check_terms(asked.terms.terms())),
        "deposit_minor": asked.deposit_minor,
        "currency": CURRENCY,
        "version": 1,
        "created_at": tx.now,
    }
    added = await tx.row(machines.insert().values(values).returning(machines))
    return _view(_sure(added))


async def edit_machine(tx: Tx, who: Actor, machine_id: UUID, version: int, asked: EditMachine) -> MachineView:
    """Change a machine that the caller read at `version`.

    Bookings that stand keep the buffers under which they were made.
    Raises `UnknownMachine`, `NotAllowed`, `TermsDisagree`, `Stale`.
    """
    found = await owned(tx, who, Verb.EDIT_MACHINE, machine_id)
    given = {name: value for name, value in msgspec.structs.asdict(asked).items() if value is not None}
    terms = given.pop("terms", None)
    if terms is not None:
        given |= msgspec.structs.asdict(check_terms(terms.applied_to(found.terms)))
    return await _change(tx, machine_id, version, given)


async def set_state(tx: Tx, who: Actor, machine_id: UUID, state: State) -> MachineView:
    """Publish or pause a machine; bookings that stand are kept. Raises `UnknownMachine`, `NotAllowed`."""
    await owned(tx, who, Verb.EDIT_MACHINE, machine_id)
    return await _change(tx, machine_id, None, {"state": state})


async def show(tx: Tx, who: Actor, machine_id: UUID) -> MachineView:
    """One machine that this person may see; raises `UnknownMachine`."""
    row = await tx.row(sa.select(machines).where(machines.c.id == machine_id))
    if row is None or (row.state in HIDDEN and row.party_id not in who.seats):
        raise UnknownMachine(machine_id=str(machine_id))
    return _view(row)


async def browse(
    tx: Tx, who: Actor, *, category: str | None, party_id: UUID | None, after: UUID | None, limit: int
) -> Sequence[MachineView]:
    """Listed machines and one's own, newest id last; `limit + 1` rows so that a page knows whether more follow."""
    mine = list(who.seats)
    wanted = sa.select(machines).where(sa.or_(machines.c.state == State.LISTED, machines.c.party_id.in_(mine)))
    if category is not None:
        wanted = wanted.where(machines.c.category == category)
    if party_id is not None:
        wanted = wanted.where(machines.c.party_id == party_id)
    if after is not None:
        wanted = wanted.where(machines.c.id > after)
    return [_view(row) for row in await tx.rows(wanted.order_by(machines.c.id).limit(limit + 1))]


async def _change(tx: Tx, machine_id: UUID, version: int | None, values: dict[str, Any]) -> MachineView:
    """Change a machine; only the version that is named, if one is."""
    wanted = [machines.c.id == machine_id, *([] if version is None else [machines.c.version == version])]
    changed = await tx.row(
        machines.update().where(*wanted).values(**values, version=machines.c.version + 1).returning(machines)
    )
    if changed is None:
        raise Stale
    return _view(changed)


def _check_visible(found: Machine, who: Actor) -> Machine:
    # A draft or retired machine is nobody else's business; a paused one is still on show, it just takes no bookings.
    if found.state in HIDDEN and found.party_id not in who.seats:
        raise UnknownMachine(machine_id=str(found.id))
    return found


def _refusal(found: Machine) -> DomainError:
    return UnknownMachine(machine_id=str(found.id)) if found.state in HIDDEN else NotAllowed()


def _sure(row: sa.Row[Any] | None) -> sa.Row[Any]:
    if row is None:
        raise AssertionError("an insert without conflict clause returns its row")
    return row


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _terms(row: sa.Row[Any]) -> Terms:
    return Terms(
        BookingMode(row.booking_mode),
        row.buffer_before_minutes,
        row.buffer_after_minutes,
        row.min_minutes,
        row.max_minutes,
        row.lead_minutes,
        row.horizon_days,
    )


def from_row(row: sa.Row[Any]) -> Machine:
    """A row of `BY_IDS` as other slices see it."""
    return Machine(
        id=row.id,
        party_id=row.party_id,
        category=row.category,
        title=row.title,
        state=State(row.state),
        zone=_zone(row.zone),
        terms=_terms(row),
        deposit=Money(row.deposit_minor, row.currency),
        version=row.version,
    )


def _view(row: sa.Row[Any]) -> MachineView:
    return MachineView(
        id=row.id,
        party_id=row.party_id,
        category=row.category,
        title=row.title,
        description=row.description,
        make=row.make,
        model=row.model,
        commune=row.commune,
        zone=row.zone,
        state=State(row.state),
        terms=_terms(row),
        deposit=Money(row.deposit_minor, row.currency),
        version=row.version,
    )
