"""From what is in the database to what a calendar says of it. Pure."""

from collections.abc import Mapping
from uuid import UUID

from votremachine.availability.rules import Occupancy
from votremachine.bookings.service.diary import Entry
from votremachine.calendars import rules, words
from votremachine.calendars.rules import Happening
from votremachine.fleet.rules import Machine
from votremachine.kernel.span import Span


def booked(entry: Entry, machine: Machine, during: Span, language: str, *, named: bool) -> Happening:
    """One machine's part in a booking, as anybody may read it who has the link: by its id, and without a name.

    The machine itself is `named` where the calendar shows several.
    """
    status = rules.status_of(entry.state)
    return Happening(
        uid=rules.booking_uid(entry.id, machine.id),
        sequence=entry.version - 1,
        status=status,
        during=during,
        zone=machine.zone.key,
        changed_at=entry.changed_at,
        summary=_of_machine(words.booked(status, language), machine, language, named=named),
        description=words.booking(language, entry.id),
        category=words.sort_of_booking(language),
    )


def taken(one: Occupancy, uid: str, machine: Machine, language: str, *, named: bool) -> Happening:
    """What else takes a machine's time. Notes stay inside, and whatever another calendar said: they may name people."""
    sort = words.taken(one.kind, language)
    return Happening(
        uid=uid,
        sequence=rules.occupancy_sequence(one),
        status=rules.Status.CONFIRMED,
        during=one.during,
        zone=machine.zone.key,
        changed_at=rules.occupancy_changed_at(one),
        summary=_of_machine(sort, machine, language, named=named),
        description="",
        category=sort,
    )


def between(
    entry: Entry,
    machines: Mapping[UUID, Machine],
    names: Mapping[UUID, str],
    language: str,
    *,
    lent: bool,
    public_url: str,
) -> Happening:
    """A booking as its own people read it: all its machines, the other side by name, and where to look it up."""
    status = rules.status_of(entry.state)
    titles = " + ".join(machines[one].titles.read_in(language) for one in entry.machine_ids)
    owner, renter = names[entry.owner_party_id], names[entry.renter_party_id]
    url = f"{public_url}/#/bookings/{entry.id}"
    lines = (words.state(entry.state, language), f"{owner} → {renter}", words.booking(language, entry.id), url)
    return Happening(
        uid=rules.booking_uid(entry.id),
        sequence=entry.version - 1,
        status=status,
        during=entry.during,
        zone=machines[entry.machine_ids[0]].zone.key,
        changed_at=entry.changed_at,
        summary=words.between(status, language, lent=lent, machines=titles, owner=owner, renter=renter),
        description="\n".join(lines),
        category=words.sort_of_booking(language),
        url=url,
    )


def _of_machine(said: str, machine: Machine, language: str, *, named: bool) -> str:
    return f"{said} – {machine.titles.read_in(language)}" if named else said
