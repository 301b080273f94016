"""What the journeys share."""

from tests.journeys.stack import stack

__all__ = ["stack"]
