"""Names of time zones."""

from functools import cache
from zoneinfo import available_timezones

# The zone of whichever server it is, under a name that other servers may not know.
_LOCAL = {"localtime", "posixrules"}


@cache
def known_zones() -> frozenset[str]:
    """The names of the IANA database, as this machine has it."""
    return frozenset(available_timezones() - _LOCAL)
