"""What a calendar holds, read in as many statements for sixty machines as for one."""

from collections.abc import Sequence
from uuid import UUID

from votremachine.accounts.rules import Actor
from votremachine.accounts.service.parties import party_names
from votremachine.availability.rules import Taker
from votremachine.availability.service import look
from votremachine.bookings.service import diary
from votremachine.calendars import rules, telling, words
from votremachine.calendars.rules import CANCELLED_FOR, Feed, Happening, UnknownCalendar
from votremachine.calendars.service.links import follow
from votremachine.fleet import service as fleet
from votremachine.fleet.rules import Machine
from votremachine.infra.database import Tx

# Whose clocks are told where there is no machine.
DEFAULT_ZONE = "Europe/Paris"


async def feed(tx: Tx, token: str, public_url: str) -> Feed:
    """The calendar that a token leads to, in the language of the person whose link it is. Raises `UnknownCalendar`."""
    who, party_id, machine_id = await follow(tx, token)
    if party_id is None:
        return await _of_person(tx, who, public_url.rstrip("/"))
    if machine_id is None:
        machines = await fleet.machines_of(tx, party_id)
        return await _of_machines(tx, who, who.seats[party_id].party_name, machines, named=True)
    machine = await _machine(tx, party_id, machine_id)
    return await _of_machines(tx, who, machine.titles.read_in(who.language), [machine], named=False)


async def _machine(tx: Tx, party_id: UUID, machine_id: UUID) -> Machine:
    machine = await fleet.machine(tx, machine_id)
    if machine.party_id != party_id:
        raise UnknownCalendar
    return machine


async def _of_machines(tx: Tx, who: Actor, name: str, machines: Sequence[Machine], *, named: bool) -> Feed:
    window, known = rules.window_at(tx.now), {machine.id: machine for machine in machines}
    entries = await diary.of_machines(tx, known, window, tx.now - CANCELLED_FOR)
    occupied = await look.taken(tx, known, window)
    actual, others = rules.actual_spans(occupied), [one for one in occupied if one.kind is not Taker.BOOKING]
    uids = rules.occupancy_uids(others)
    booked = [
        telling.booked(entry, known[one], actual.get((entry.id, one), entry.during), who.language, named=named)
        for entry in entries
        for one in entry.machine_ids
        if one in known
    ]
    taken = [telling.taken(one, uids[one.id], known[one.machine_id], who.language, named=named) for one in others]
    return _feed(tx, who, name, [*booked, *taken], machines[0].zone.key if machines else DEFAULT_ZONE)


async def _of_person(tx: Tx, who: Actor, public_url: str) -> Feed:
    window = rules.window_at(tx.now)
    entries = await diary.of_parties(tx, who.seats, window, tx.now - CANCELLED_FOR)
    machines = await fleet.machines_by_id(tx, {one for entry in entries for one in entry.machine_ids})
    names = await party_names(tx, {one for entry in entries for one in (entry.owner_party_id, entry.renter_party_id)})
    told = [
        telling.between(
            entry, machines, names, who.language, lent=entry.owner_party_id in who.seats, public_url=public_url
        )
        for entry in entries
    ]
    return _feed(tx, who, words.own_calendar(who.language), told, told[0].zone if told else DEFAULT_ZONE)


def _feed(tx: Tx, who: Actor, name: str, told: Sequence[Happening], zone: str) -> Feed:
    in_order = sorted(told, key=lambda one: (one.during, one.uid))
    return Feed(name, who.language, zone, rules.years_at(tx.now), in_order)
