"""How the news that a machine is not back climbs: renter, owner, cooperative, staff. Pure."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum


class Step(StrEnum):
    """Whom it reaches."""

    RENTER = "renter"
    OWNER = "owner"
    COOPERATIVE = "cooperative"  # the one that both sides have to do with, if there is one
    STAFF = "staff"


# After the end that was agreed. Within the first hour people are on the road, or washing the machine.
AFTER: Mapping[Step, timedelta] = {
    Step.RENTER: timedelta(hours=1),
    Step.OWNER: timedelta(hours=3),
    Step.COOPERATIVE: timedelta(hours=24),
    Step.STAFF: timedelta(hours=48),
}
