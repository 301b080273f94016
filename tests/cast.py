"""A small cast for tests below HTTP: an owner with machines, a renter who books on account, as `Actor`s."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from votremachine.accounts.models import people
from votremachine.accounts.rules import Actor, PartyKind, Role, Seat
from votremachine.accounts.schemas import CreateParty
from votremachine.accounts.service.parties import create_party
from votremachine.fleet.attributes import Attributes
from votremachine.fleet.editing import list_machine, set_state
from votremachine.fleet.rules import Cancellation, State
from votremachine.fleet.schemas import ListMachine, Place, TermsInput
from votremachine.fleet.terms import BookingMode
from votremachine.infra.database import Tx
from votremachine.pricing.rules.card import Unit
from votremachine.pricing.schemas import RateInput, SetRates
from votremachine.pricing.service.cards import set_rates

Buffers = tuple[timedelta, timedelta]


@dataclass
class Cast:
    owner: Actor
    renter: Actor
    machines: list[UUID]


async def farmer(tx: Tx, name: str) -> Actor:
    """The admin of a demo farm."""
    person_id = tx.new_id()
    row = {"id": person_id, "email": f"{name}@x.example", "name": name, "language": "fr", "password_hash": ""}
    await tx.execute(people.insert(), {**row, "created_at": tx.now})
    nobody = Actor(person_id, name, "fr", {})
    party = await create_party(tx, nobody, CreateParty(kind=PartyKind.FARM, name=name, commune="Dax"), demo=True)
    return Actor(person_id, name, "fr", {party.id: Seat(party.id, name, Role.ADMIN, demo=True)})


async def plant(tx: Tx, *, buffers: Sequence[Buffers], on_request: Collection[int] = ()) -> Cast:
    """An owner with one listed machine for each pair of buffers, and a renter. Machine ids are in order."""
    owner, renter = await farmer(tx, "owner"), await farmer(tx, "renter")
    machines = [await listed(tx, owner, pair, on_request=i in on_request) for i, pair in enumerate(buffers)]
    return Cast(owner, renter, machines)


async def listed(
    tx: Tx,
    owner: Actor,
    buffers: Buffers = (timedelta(0), timedelta(0)),
    *,
    on_request: bool = False,
    rate: tuple[Unit, int] = (Unit.DAY, 10_000),
    cancellation: Cancellation = Cancellation.FLEXIBLE,
    deposit: int = 0,
) -> UUID:
    """A tractor that may be booked, at so many cents a unit; its id."""
    before, after = (int(buffer / timedelta(minutes=1)) for buffer in buffers)
    asked = ListMachine(
        party_id=next(iter(owner.seats)),
        category="tractor",
        title="Tracteur",
        make="Valtra",
        model="N134",
        attributes=Attributes(power_hp=120),
        place=Place(commune="Dax", latitude=43.7, longitude=-1.05),
        deposit_minor=deposit,
        cancellation=cancellation,
        terms=TermsInput(
            booking_mode=BookingMode.ON_REQUEST if on_request else BookingMode.INSTANT,
            buffer_before_minutes=before,
            buffer_after_minutes=after,
        ),
    )
    machine = await list_machine(tx, owner, asked)
    await set_rates(tx, owner, machine.id, SetRates(rates=[RateInput(unit=rate[0], minor=rate[1])]))
    await set_state(tx, owner, machine.id, State.LISTED)
    return machine.id
