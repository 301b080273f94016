"""Which condition reports a booking still lacks, and who is to go on with them. Pure."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from uuid import UUID

import msgspec

from votremachine.inspections.rules.report import Occasion, State
from votremachine.inspections.rules.signing import Side


class Begun(msgspec.Struct, frozen=True):
    """A report as far as it has come: of which machine, for what, and who has signed it."""

    machine_id: UUID
    kind: Occasion
    state: State
    next_booking_id: UUID | None
    signed: frozenset[Side]


def awaited(
    booking_id: UUID, machine_ids: Collection[UUID], begun: Sequence[Begun], occasion: Occasion
) -> frozenset[Side] | None:
    """The sides of a booking, owner and renter, that are to go on with what is not signed by all for its `CHECK_OUT`,
    or `CHECK_IN`; None where nothing is missing. `begun` is in order of arrival.

    It may wait for nobody of its own: a relay is signed by the renter of another booking, too.
    """
    open_ones = [_last(machine_id, booking_id, begun, occasion) for machine_id in machine_ids]
    missing = [one for one in open_ones if one is None or one.state is not State.SIGNED]
    if not missing:
        return None
    return frozenset(side for one in missing for side in _turn(one, booking_id))


def _last(machine_id: UUID, booking_id: UUID, begun: Iterable[Begun], occasion: Occasion) -> Begun | None:
    """The report of a machine for this occasion: the signed one, or the last that was sent."""
    found = [one for one in begun if one.machine_id == machine_id and _is_for(one, booking_id, occasion)]
    signed = (one for one in found if one.state is State.SIGNED)
    return next(signed, found[-1] if found else None)


def _is_for(one: Begun, booking_id: UUID, occasion: Occasion) -> bool:
    if one.kind is Occasion.RELAY:
        return (one.next_booking_id == booking_id) == (occasion is Occasion.CHECK_OUT)
    return one.kind is occasion


def _turn(one: Begun | None, booking_id: UUID) -> Iterator[Side]:
    """Whose turn it is: the owner hands over, anybody may have its photos, and the owner signs last."""
    if one is None:
        yield Side.OWNER
    elif one.state is State.DRAFT:
        yield from (Side.OWNER, Side.RENTER)
    else:
        ours = Side.NEXT_RENTER if one.next_booking_id == booking_id else Side.RENTER
        others = {Side.RENTER, Side.NEXT_RENTER} if one.next_booking_id else {Side.RENTER}
        if ours not in one.signed:
            yield Side.RENTER
        elif others <= one.signed:
            yield Side.OWNER
