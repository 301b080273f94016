"""Who is to go on with a condition report: asked at every step of a departure and a return, and of relays by rule."""

from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.inspections.phone import Yard, photo
from votremachine.bookings.service import reading
from votremachine.fleet import service as fleet
from votremachine.infra.database import Database
from votremachine.inspections.rules.outstanding import Begun, awaited
from votremachine.inspections.rules.report import Occasion, State
from votremachine.inspections.rules.signing import Side
from votremachine.inspections.service.outstanding import awaited_of

OWNER, RENTER = frozenset({Side.OWNER}), frozenset({Side.RENTER})
OUT, BACK = Occasion.CHECK_OUT, Occasion.CHECK_IN
ONE, NEXT, MACHINE, OTHER = (UUID(int=number) for number in range(1, 5))


async def missing(database: Database, yard: Yard) -> dict[Occasion, frozenset[Side]]:
    async with database.read() as tx:
        booking = await reading.load(tx, UUID(yard.booking))
        machines = await fleet.machines_by_id(tx, booking.machine_ids)
        return dict((await awaited_of(tx, [booking], machines)).get(booking.id, {}))


async def test_each_side_in_its_turn(yard: Yard, database: Database) -> None:
    assert await missing(database, yard) == {}, "nobody asks for a report"
    async with database.begin() as tx:
        asks = sa.text("UPDATE machines SET asks = '{report}' WHERE id = :id")
        await tx.execute(asks, {"id": UUID(yard.machine)})
    assert await missing(database, yard) == {OUT: OWNER, BACK: OWNER}
    shot = photo(1)
    view = await yard.sent(yard.report(photos=[shot]))
    assert (await missing(database, yard))[OUT] == OWNER | RENTER, "whoever has the photo"
    await yard.put(view["id"], shot)
    assert (await missing(database, yard))[OUT] == RENTER
    await yard.sign(view, "renter", yard.renter)
    assert (await missing(database, yard))[OUT] == OWNER
    assert (await yard.sign(view, "owner", yard.owner)).is_success
    assert await missing(database, yard) == {BACK: OWNER}
    await yard.signed(yard.report("check_in"))
    assert await missing(database, yard) == {}


def relay(*signed: Side, state: State = State.COMPLETE) -> Begun:
    return Begun(MACHINE, Occasion.RELAY, state, NEXT, frozenset(signed))


@pytest.mark.parametrize(
    ("begun", "of_one", "of_next"),
    [
        (relay(), RENTER, RENTER),
        (relay(Side.RENTER), frozenset(), RENTER),
        (relay(Side.NEXT_RENTER), RENTER, frozenset()),
        (relay(Side.RENTER, Side.NEXT_RENTER), OWNER, OWNER),
        (relay(state=State.SIGNED), None, None),
    ],
)
def test_a_relay_is_the_return_of_one_and_the_departure_of_the_next(
    begun: Begun, of_one: frozenset[Side] | None, of_next: frozenset[Side] | None
) -> None:
    assert awaited(ONE, [MACHINE], [begun], BACK) == of_one
    assert awaited(NEXT, [MACHINE], [begun], OUT) == of_next
    assert awaited(ONE, [MACHINE], [begun], OUT) == OWNER, "it is not its departure"


def test_every_machine_is_missed_by_itself_and_what_is_signed_counts() -> None:
    signed = Begun(MACHINE, OUT, State.SIGNED, None, frozenset())
    later = Begun(MACHINE, OUT, State.DRAFT, None, frozenset())
    assert awaited(ONE, [MACHINE], [signed, later], OUT) is None
    assert awaited(ONE, [MACHINE, OTHER], [signed], OUT) == OWNER
