"""How the news that a machine is not back climbs beyond its renter and its owner, who are reminded of it. Pure."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

from votremachine.config import Settings


class Step(StrEnum):
    """Whom it reaches."""

    COOPERATIVE = "cooperative"  # the one that both sides have to do with, if there is one
    STAFF = "staff"


def after(settings: Settings) -> Mapping[Step, timedelta]:
    """How long after the end that was agreed each is told, as the operator set it."""
    return {
        Step.COOPERATIVE: timedelta(minutes=settings.overdue_cooperative_minutes),
        Step.STAFF: timedelta(minutes=settings.overdue_staff_minutes),
    }
