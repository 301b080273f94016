"""How the news that a machine is not back climbs beyond its renter and its owner, who are reminded of it. Pure."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum


class Step(StrEnum):
    """Whom it reaches."""

    COOPERATIVE = "cooperative"  # the one that both sides have to do with, if there is one
    STAFF = "staff"


# After the end that was agreed: the two of them have had a day.
AFTER: Mapping[Step, timedelta] = {
    Step.COOPERATIVE: timedelta(hours=24),
    Step.STAFF: timedelta(hours=48),
}
