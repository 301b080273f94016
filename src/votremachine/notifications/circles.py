"""Who stands on each side of a booking, and who mediates between them."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from votremachine.accounts.rules import Role, StaffRole
from votremachine.accounts.service import adhesions
from votremachine.accounts.service.parties import people_of, seats_of
from votremachine.accounts.service.staff import staff_of
from votremachine.bookings.rules import Booking
from votremachine.infra.database import Tx
from votremachine.notifications.rules import Lack, Lacks, Side

Seats = Mapping[UUID, Role]
Circle = Mapping[Side, Seats]


async def circles_of(tx: Tx, found: Sequence[Booking], lacks: Mapping[UUID, Lacks]) -> Mapping[UUID, Circle]:
    """The people of each side of these bookings, with their roles, by the booking's id; one statement, and a few more
    for each of which a mediator is to decide.
    """
    seats = await seats_of(tx, {party for one in found for party in (one.owner_party_id, one.renter_party_id)})
    circles: dict[UUID, Circle] = {}
    for one in found:
        circle = {Side.OWNER: seats[one.owner_party_id], Side.RENTER: seats[one.renter_party_id]}
        if Lack.DECISION in lacks[one.id]:
            circle[Side.MEDIATOR] = await _mediators(tx, one.owner_party_id, one.renter_party_id, circle)
        circles[one.id] = circle
    return circles


async def mediators_between(tx: Tx, owner: UUID, renter: UUID) -> Seats:
    """Who may decide between two parties: the platform's mediators and the admins of a cooperative of both, but nobody
    who acts for one of them.
    """
    seats = await seats_of(tx, (owner, renter))
    return await _mediators(tx, owner, renter, {Side.OWNER: seats[owner], Side.RENTER: seats[renter]})


async def _mediators(tx: Tx, owner: UUID, renter: UUID, sides: Circle) -> Seats:
    people = set(await staff_of(tx, StaffRole.MEDIATOR))
    for cooperative in set(await adhesions.shared(tx, owner, renter)) - {owner, renter}:
        people.update(await people_of(tx, cooperative, (Role.ADMIN,)))
    return dict.fromkeys(sorted(people.difference(*sides.values())), Role.ADMIN)
