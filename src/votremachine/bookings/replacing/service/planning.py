"""What could be done about a machine that is broken: which others are free, and which could take which booking."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from votremachine.accounts.rules import Actor, Verb
from votremachine.accounts.service.parties import party_names
from votremachine.availability.rules import Occupancy
from votremachine.availability.service import look
from votremachine.bookings.replacing import rules
from votremachine.bookings.replacing.rules import MOST_BOOKINGS, MOST_CANDIDATES, Obstacle, Wish
from votremachine.bookings.replacing.schemas import (
    CandidateView,
    DifferenceView,
    Option,
    PlannedView,
    PlanReplacement,
    PlanView,
    StayingView,
    Substitute,
    Substitutes,
)
from votremachine.bookings.replacing.service import store
from votremachine.bookings.replacing.service.store import Period
from votremachine.bookings.rules import Booking
from votremachine.bookings.schemas import Named
from votremachine.discovery import service as discovery
from votremachine.discovery.rules import USUAL_RADIUS_KM
from votremachine.fleet import service as fleet
from votremachine.fleet.attributes import Attributes
from votremachine.fleet.categories import categories
from votremachine.fleet.compatibility import Verdict
from votremachine.fleet.finding import Wanted
from votremachine.fleet.likeness import Difference, differences, likeness
from votremachine.fleet.positions import Position, distance_m
from votremachine.fleet.rules import HIDDEN, Machine, UnknownMachine, sees
from votremachine.infra.database import Tx
from votremachine.infra.wire import SpanView
from votremachine.kernel.span import LAST_YEAR, Span

MOST_NEAR_BY = 20
_FOR_EVER = datetime(LAST_YEAR, 12, 31, tzinfo=UTC)
_BEST_FIRST = list(Verdict)


async def substitutes(tx: Tx, who: Actor, machine_id: UUID, span: Span, language: str) -> Substitutes:
    """Machines that are free for the span and could stand in for this one: the owner's own, and others near by.

    Others' are those that anybody finds (`discovery`), to be booked and not to be moved to. Raises `UnknownMachine`,
    `NotAllowed`.
    """
    machine = await fleet.owned(tx, who, Verb.READ_CALENDAR, machine_id)
    own = await _own(tx, machine)
    free = await look.free(tx, own, span)
    place, needs = Position(machine.latitude, machine.longitude), machine.attributes
    wanted = Wanted(machine.category, near=place, radius_m=USUAL_RADIUS_KM * 1000)
    # The owner's own may stand among them, and are not counted.
    near = await discovery.find(tx, who, language, wanted, span, None, MOST_NEAR_BY + len(own) + 1)
    others = [one for one in near.machines if one.party_id != machine.party_id][:MOST_NEAR_BY]
    found = [
        _substitute(
            Named(one.id, one.titles.read_in(language)),
            one.party_id,
            round(distance_m(place, Position(one.latitude, one.longitude))),
            _worse(machine, needs, one.attributes),
            language,
            movable=True,
        )
        for one in own
        if one.id in free
    ] + [
        _substitute(
            Named(one.id, one.title),
            one.party_id,
            one.distance_m or 0,
            _worse(machine, needs, one.attributes),
            language,
            movable=False,
        )
        for one in others
    ]
    found.sort(key=lambda one: (not one.movable, _BEST_FIRST.index(one.as_good), one.distance_m, one.machine.id))
    return Substitutes(machine_id, SpanView.of(span, machine.zone), found)


async def propose(tx: Tx, who: Actor, machine_id: UUID, asked: PlanReplacement, language: str) -> PlanView:
    """Which candidate could take which booking of a machine. Changes nothing.

    Raises `UnknownMachine`, `NotAllowed`, `NotASubstitute`, `TooManyToMove`, and what `period_of` does.
    """
    period = period_of(tx, asked.start, asked.end)
    machine = await fleet.owned(tx, who, Verb.REPLACE_MACHINE, machine_id)
    candidates = await _candidates(tx, who, machine, asked.candidates)
    found = await store.standing(tx, machine_id, period, MOST_BOOKINGS + 1)
    if len(found) > MOST_BOOKINGS:
        raise rules.TooManyToMove(most=MOST_BOOKINGS)
    moving = [one for one in found if rules.replaceable(one, tx.now)]
    known = await fleet.machines_by_id(tx, {one for booking in moving for one in booking.machine_ids} | {machine_id})
    options = await _options(tx, machine, moving, candidates, known)
    chosen = rules.plan([_wish(one, candidates, options[one.id]) for one in moving], [one.id for one in candidates])
    names = await party_names(tx, {one.renter_party_id for one in found})
    return PlanView(
        machine_id,
        [_candidate(machine, one, language) for one in candidates],
        [
            PlannedView(
                one.id,
                one.version,
                one.state,
                SpanView.of(one.during, machine.zone),
                Named(one.renter_party_id, names[one.renter_party_id]),
                chosen.get(one.id),
                [Option(other_id, why) for other_id, why in options[one.id].items()],
            )
            for one in moving
        ],
        [
            StayingView(
                one.id,
                one.state,
                SpanView.of(one.during, machine.zone),
                Named(one.renter_party_id, names[one.renter_party_id]),
            )
            for one in found
            if one not in moving
        ],
    )


def period_of(tx: Tx, start: datetime | None, end: datetime | None) -> Period:
    """The time that is asked for, from now on and for ever where nothing is said; raises what `Span` does."""
    span = Span(start or tx.now, end or _FOR_EVER)
    return Period(max(span.start, tx.now), span.end)


async def substitutes_named(tx: Tx, who: Actor, machine: Machine, ids: Sequence[UUID]) -> dict[UUID, Machine]:
    """These machines, if bookings of `machine` can be moved to each. Raises `UnknownMachine`, `NotASubstitute`."""
    found = await fleet.machines_by_id(tx, set(ids))
    if hidden := [one.id for one in found.values() if not sees(one, who)]:
        raise UnknownMachine(machine_id=str(min(hidden)))
    rules.check_candidates(machine, found.values())
    return dict(found)


async def _candidates(tx: Tx, who: Actor, machine: Machine, ids: Sequence[UUID] | None) -> list[Machine]:
    """The candidates in order of preference: those that are surely as good first."""
    if ids is not None:
        known = await substitutes_named(tx, who, machine, ids)
        return [known[machine_id] for machine_id in dict.fromkeys(ids)]
    own = [(likeness(_worse(machine, machine.attributes, one.attributes)), one) for one in await _own(tx, machine)]
    good = [(_BEST_FIRST.index(verdict), one.id, one) for verdict, one in own if verdict is not Verdict.NO]
    return [one for _, _, one in sorted(good, key=lambda row: row[:2])][:MOST_CANDIDATES]


async def _own(tx: Tx, machine: Machine) -> list[Machine]:
    """The other machines of the same owner and category that are on show."""
    theirs = await fleet.machines_of(tx, machine.party_id)
    return [
        one for one in theirs if one.id != machine.id and one.category == machine.category and one.state not in HIDDEN
    ]


async def _options(
    tx: Tx, machine: Machine, moving: Sequence[Booking], candidates: Sequence[Machine], known: Mapping[UUID, Machine]
) -> dict[UUID, dict[UUID, Obstacle | None]]:
    """By booking and candidate what is in the way; one statement."""
    taken = await _taken(tx, moving, candidates)
    return {
        booking.id: {
            one.id: rules.obstacle(booking, machine, one, known)
            or (Obstacle.TAKEN if _meets(booking, one, taken) else None)
            for one in candidates
        }
        for booking in moving
    }


async def _taken(tx: Tx, moving: Sequence[Booking], candidates: Sequence[Machine]) -> list[Occupancy]:
    blocked = [booking.during.widened(*one.terms.buffers) for booking in moving for one in candidates]
    if not blocked:
        return []
    window = Span(min(span.start for span in blocked), max(span.end for span in blocked))
    return await look.taken(tx, [one.id for one in candidates], window)


def _meets(booking: Booking, other: Machine, taken: Sequence[Occupancy]) -> bool:
    place = booking.during.widened(*other.terms.buffers)
    return any(one.machine_id == other.id and one.blocked.overlaps(place) for one in taken)


def _wish(booking: Booking, candidates: Sequence[Machine], options: Mapping[UUID, Obstacle | None]) -> Wish:
    could = (one for one in candidates if options[one.id] is None)
    return Wish(booking.id, {one.id: booking.during.widened(*one.terms.buffers) for one in could})


def _worse(machine: Machine, needs: Attributes, offered: Attributes) -> tuple[Difference, ...]:
    return differences(needs, offered, categories()[machine.category])


def _candidate(machine: Machine, one: Machine, language: str) -> CandidateView:
    worse = _worse(machine, machine.attributes, one.attributes)
    told = [DifferenceView.of(difference, language) for difference in worse]
    return CandidateView(Named(one.id, one.titles.read_in(language)), likeness(worse), told)


def _substitute(
    named: Named, party_id: UUID, metres: int, worse: Sequence[Difference], language: str, *, movable: bool
) -> Substitute:
    told = [DifferenceView.of(difference, language) for difference in worse]
    return Substitute(named, party_id, metres, movable, likeness(worse), told)
