"""The rules of RFC 5545 that a calendar of ours is held to, written down from the standard and from no library."""

import re

from icalendar import Calendar

LINE = re.compile(r"[A-Z0-9-]+(;[A-Z-]+=[^\x00-\x1f\x7f\":;,]+)*:[^\x00-\x08\x0a-\x1f\x7f]*")  # 3.1
ONCE = ("UID", "DTSTAMP", "DTSTART", "DTEND", "SEQUENCE", "STATUS", "TRANSP", "SUMMARY", "LAST-MODIFIED")  # 3.6.1
UTC = re.compile(r"\d{8}T\d{6}Z")
LOCAL = re.compile(r"\d{8}T\d{6}")


def unfolded(written: bytes) -> list[str]:
    """The content lines (3.1): CRLF, no more than 75 octets in each part, no letter cut in two."""
    assert written.endswith(b"\r\n")
    assert b"\n" not in written.replace(b"\r\n", b"")
    assert b"\r" not in written.replace(b"\r\n", b"")
    for part in written.split(b"\r\n"):
        assert len(part) <= 75, part
        part.decode()  # a client that reads line by line must not meet half a letter
    return written.replace(b"\r\n ", b"").decode().split("\r\n")[:-1]


def check(written: bytes) -> Calendar:
    """The calendar, if it keeps the rules."""
    lines = unfolded(written)
    assert (lines[0], lines[-1]) == ("BEGIN:VCALENDAR", "END:VCALENDAR")
    assert not [line for line in lines if not LINE.fullmatch(line)]
    head = lines[: lines.index("BEGIN:VTIMEZONE")]  # never none (3.6)
    assert head.count("VERSION:2.0") == 1
    assert len([line for line in head if line.startswith("PRODID:")]) == 1
    assert "REFRESH-INTERVAL;VALUE=DURATION:PT1H" in head  # RFC 7986, 5.7
    assert "X-PUBLISHED-TTL:PT1H" in head
    zones = {line.removeprefix("TZID:") for line in lines if line.startswith("TZID:")}
    uids = [_check_event(event, zones) for event in _events(lines)]
    assert len(uids) == len(set(uids))
    return Calendar.from_ical(written)


def _events(lines: list[str]) -> list[list[str]]:
    starts = [i for i, line in enumerate(lines) if line == "BEGIN:VEVENT"]
    return [lines[start + 1 : lines.index("END:VEVENT", start)] for start in starts]


def _check_event(lines: list[str], zones: set[str]) -> str:
    said = {line.partition(":")[0].partition(";")[0]: line for line in lines}
    assert all(len([one for one in lines if re.match(f"{name}[;:]", one)]) == 1 for name in ONCE), lines
    value = {name: line.partition(":")[2] for name, line in said.items()}
    assert UTC.fullmatch(value["DTSTAMP"])
    assert UTC.fullmatch(value["LAST-MODIFIED"])
    assert int(value["SEQUENCE"]) >= 0
    assert value["STATUS"] in {"TENTATIVE", "CONFIRMED", "CANCELLED"}
    assert (value["TRANSP"] == "TRANSPARENT") == (value["STATUS"] == "CANCELLED")
    for name in ("DTSTART", "DTEND"):
        zone = re.match(rf"{name};TZID=([^:]+):", said[name])
        assert (LOCAL if zone else UTC).fullmatch(value[name]), said[name]
        assert zone is None or zone[1] in zones, "every TZID has its VTIMEZONE (3.2.19)"
    return value["UID"]
