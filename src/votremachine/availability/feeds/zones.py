"""Which zone a TZID means: by IANA, as Windows calls it, as Outlook shows it, or as the file defines it. Pure."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

from icalendar import Timezone
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from votremachine.availability.feeds.lines import Component
from votremachine.availability.feeds.windows import SHOWN
from votremachine.kernel.zones import known_zones

_PREFIX = re.compile(r"^\((?:GMT|UTC)[^)]*\)\s*")
MOST_LINES, MOST_ZONES = 200, 50
# A rule as changes of clocks have it: once a year, on a date that every year or nearly every one has.
_YEARLY = re.compile(
    r"RRULE:FREQ=YEARLY(?:;(?:INTERVAL=1|BYMONTH=\d{1,2}|BYDAY=(?:-[1-4]|[1-4])?[A-Z]{2}|WKST=[A-Z]{2}"
    r"|BYMONTHDAY=(?:1?\d|2[0-8])(?:,(?:1?\d|2[0-8]))*|BYHOUR=\d{1,2}|BYMINUTE=\d{1,2}|UNTIL=[\dTZ]+))*",
    re.IGNORECASE,
)
_UTC = frozenset({"z", "utc", "gmt", "etc/utc"})


class Zones:
    """The zones of one file; `home` is that of everything that names none."""

    def __init__(self, home: tzinfo, defined: Iterable[Component]) -> None:
        self.home = home
        self._defined = {one.one("TZID").value.strip(): one for one in defined if one.one("TZID")}  # type: ignore[union-attr]
        self._found: dict[str, tzinfo | None] = {}

    def zone(self, name: str | None) -> tzinfo | None:
        """The zone that a TZID means, `home` for none or an empty one; None for one that nobody knows."""
        if name is None or not name.strip().strip('"'):
            return self.home
        if name not in self._found:
            self._found[name] = known(name) or self._own(name.strip())
        return self._found[name]

    def _own(self, name: str) -> tzinfo | None:
        component = self._defined.get(name)
        if component is None or len(component.text) > MOST_LINES or len(self._found) >= MOST_ZONES:
            return None
        # What its libraries would look for until the year 9999, or second by second, is not worked out.
        if not all(_YEARLY.fullmatch(line.strip()) for line in component.text if line.upper().startswith("RRULE")):
            return None
        place = component.one("X-LIC-LOCATION")
        if place is not None and (found := known(place.value)):
            return found
        try:
            read = Timezone.from_ical("\r\n".join(component.text) + "\r\n")
            made: tzinfo = read.to_tz(lookup_tzid=False)  # type: ignore[attr-defined]
            made.utcoffset(datetime(2026, 1, 1))  # noqa: DTZ001 -- asked on its own clock
        except Exception:  # whatever a stranger's definition does to the libraries, it is then unknown
            return None
        return made


@cache
def known(name: str) -> tzinfo | None:
    """The zone of a name that is known everywhere, or None."""
    plain = name.strip().strip('"').lower()
    if plain in _UTC:
        return UTC
    shown = _PREFIX.sub("", plain.replace("(gmt", "(GMT").replace("(utc", "(UTC")).strip()
    found = _iana().get(plain) or _windows().get(plain) or _windows().get(_shown().get(shown, ""))
    # Mozilla and Evolution write a path before the name: /freeassociation.sourceforge.net/Tzfile/Europe/Paris.
    found = found or next((zone for tail in _tails(plain) if (zone := _iana().get(tail))), None)
    return ZoneInfo(found) if found else None


def _tails(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[-length:]) for length in (3, 2) if path.startswith("/") and len(parts) > length]


@cache
def _iana() -> dict[str, str]:
    return {name.lower(): name for name in known_zones()}


@cache
def _windows() -> dict[str, str]:
    return {name.lower(): zone for name, zone in WINDOWS_TO_OLSON.items()}


@cache
def _shown() -> dict[str, str]:
    return {shown.lower(): name.lower() for name, every in SHOWN.items() for shown in every.split("|")}


def instant(local: datetime, zone: tzinfo) -> datetime:
    """The instant of a time on the clocks of a zone: moved forward out of a gap, the first of two equal ones."""
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)
