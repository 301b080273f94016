"""A yard with a machine and a booking that begins within the hour."""

import pytest

from tests.inspections.phone import Yard, soon
from tests.people import Person, World


@pytest.fixture
async def yard(world: World, owner: Person, renter: Person) -> Yard:
    machine = await world.machine(owner)
    booking = await renter.booked([machine], *soon())
    return Yard(owner, renter, machine, booking["id"])
