"""A file of RFC 5545 as components with the few properties that say when somebody is busy. Pure.

Line ends of any kind, a byte order mark, bad folding and what stands where it should not are borne with: a line that
cannot be read loses itself and nothing else.
"""

import re
from collections.abc import Iterator

import msgspec
from icalendar.parser import Contentline

BUSY = ("VEVENT", "VFREEBUSY")
_KEPT = (*BUSY, "VTIMEZONE")
_TOLD = ("UID", "DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID", "STATUS", "TRANSP")
_BEGIN = frozenset(f"BEGIN:{name}" for name in _KEPT)
_NOTED = frozenset((*_TOLD, "SEQUENCE", "FREEBUSY", "TZID", "X-LIC-LOCATION"))
_EDGES = frozenset("BbEe \ufeff")
_FOLD = re.compile("\n[ \t]")
_NAME = re.compile(r"[A-Za-z-]+")
_STRAY_QUOTE = re.compile(r'"([^":]+):(\d{8}(?:T\d{6}Z?)?)"$')


class Property(msgspec.Struct, frozen=True):
    """One property: its value, the zone it names (None when it names none), and its other parameters."""

    value: str
    zone: str | None = None
    kind: str = ""


class Component(msgspec.Struct):
    """A VEVENT, VFREEBUSY or VTIMEZONE: its properties, and its text for who must read the whole of it."""

    name: str
    found: dict[str, list[Property]] = {}
    broken: int = 0
    text: list[str] = []
    whole: bool = True

    def one(self, name: str) -> Property | None:
        """The first property of that name, or None."""
        return next(iter(self.found.get(name, [])), None)

    def word(self, name: str) -> str:
        """The value of a property that is one word, in capitals; empty without one."""
        found = self.one(name)
        return found.value.strip().upper() if found else ""


def decoded(body: bytes) -> str:
    """The text with line ends of one kind, unfolded. UTF-8, UTF-16 by its mark, else Windows' Western letters."""
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = body.decode("utf-16", errors="replace")
    else:
        try:
            text = body.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = body.decode("cp1252", errors="replace")
    return _FOLD.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def components(text: str) -> Iterator[Component]:
    """Each component that can make somebody busy, and each zone; what stands inside of others (alarms) is passed by.

    One that does not end before the text does is `whole` no more: the text was cut.
    """
    current: Component | None = None
    depth = 0
    for line in text.split("\n"):
        # Only what begins or ends something needs a closer look; most lines do neither.
        head = line[:40].strip().upper() if line[:1] in _EDGES else ""
        if current is None:
            current = Component(head[6:], {}, 0, [line]) if head in _BEGIN else None
            continue
        if current.name == "VTIMEZONE":
            current.text.append(line)
        if head == f"END:{current.name}":
            yield current
            current = None
        elif head.startswith(("BEGIN:", "END:")) or depth:
            depth += head.startswith("BEGIN:") - head.startswith("END:")
        else:
            _note(current, line)
    if current is not None:
        current.whole = False
        yield current


def _note(component: Component, line: str) -> None:
    name = _NAME.match(line)
    if name is None or name[0].upper() not in _NOTED:
        return
    try:
        params, value = _plain(line) if '"' not in line else _quoted(line)
    except ValueError:
        component.broken += 1
        return
    found = Property(value.strip(), params.get("TZID"), params.get("FBTYPE", "").upper())
    component.found.setdefault(name[0].upper(), []).append(found)


def _plain(line: str) -> tuple[dict[str, str], str]:
    """Parameters and value of a line without quotes, as nearly all are. Raises `ValueError`."""
    head, colon, value = line.partition(":")
    if not colon:
        raise ValueError(line)
    told = (one.partition("=") for one in head.split(";")[1:])
    # `TZID=TZID=…` was seen.
    return {name.strip().upper(): said.removeprefix("TZID=") for name, _, said in told}, value


def _quoted(line: str) -> tuple[dict[str, str], str]:
    """The same of any line. Raises `ValueError`."""
    # A quote that closes behind the time instead of before it was seen.
    _, params, value = Contentline(_STRAY_QUOTE.sub(r'"\1":\2', line.strip())).parts()  # type: ignore[no-untyped-call]
    return {str(name).upper(): str(said) for name, said in params.items()}, str(value)
