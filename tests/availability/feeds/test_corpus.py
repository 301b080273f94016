"""Files as other products write them, read from the shared corpus: what each of them must give."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from votremachine.availability.feeds.reading import Reading, read
from votremachine.kernel.span import Span

CORPUS = Path(__file__).resolve().parents[4] / "shared" / "corpus" / "ical"
PARIS = ZoneInfo("Europe/Paris")
# All of what the files are about; those that go on for ever are counted to its end.
WINDOW = Span(datetime(2007, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the shared corpus is not here")


def spans(*written: str) -> list[Span]:
    """`20260101T0800/20260101T0900`, in UTC."""
    edges = [[datetime.strptime(f"{one:0<15}Z", "%Y%m%dT%H%M%S%z") for one in span.split("/")] for span in written]
    return [Span(start, end) for start, end in edges]


# File -> how many events, how many separate times, why events take none, and the first and last times themselves.
EXPECTED: dict[str, tuple[int, int, dict[str, int], Sequence[Span]]] = {
    # A daily series without end, one that ends, two of whole days (the machine's), five single ones.
    "allenporter_apple_ical": (
        8,
        2665,
        {},
        spans("20220912T1600/20220912T1700", "20291231T1700/20291231T1800"),
    ),
    "allenporter_calendar_labs_same_day_dtend": (1, 0, {"free": 1}, []),
    "allenporter_google_calendar_public_holidays": (111, 0, {"free": 111}, []),
    # UNTIL is a date though DTSTART is a time: all of that day counts; clocks change on 5 November.
    "allenporter_google_dtstart_until_mismatch": (
        1,
        13,
        {},
        spans("20231005T1300/20231005T1400", "20231228T1400/20231228T1500"),
    ),
    # A zone by its Windows name, which the file does not define.
    "allenporter_office_365_extended_timezone": (1, 1, {}, spans("20240426T1200/20240426T1300")),
    "ical4j_nextcloud_maritz": (1, 0, {"free": 1}, []),
    "icalendar_bom_calendar": (0, 0, {}, []),
    # No VCALENDAR around it, three kinds of line ends; floating, so on the machine's clocks.
    "icalendar_issue_70_mixed_eol": (1, 18, {}, spans("20070220T1600/20070220T1700", "20070619T1500/20070619T1600")),
    # RDATE:20131210Z is a date with a Z; the overrides have another UID, and are the same days.
    "icaljs_google_birthday": (4, 3, {}, spans("20121209T2300/20121210T2300", "20141209T2300/20141210T2300")),
    "icalnet_Outlook2007LineFolds": (1, 0, {"free": 1}, []),
    # Zones as Outlook shows them; a yearly-long daily series in the fourth.
    "nodeical_Office-2012-owa": (4, 89, {}, spans("20201028T0230/20201028T0400", "20210827T1730/20210827T1900")),
    # EXDATEs that are no times of the series leave out nothing; the second series has no end.
    "nodeical_biweekly-exdate-until": (
        2,
        668,
        {},
        spans("20170216T1500/20170217T0100", "20291231T1400/20300101T0000"),
    ),
    "nodeical_exchange_whole_day_moved_recurrence": (2, 0, {"free": 2}, []),
    # TZID=TZID=Europe/Germany: nobody knows such a zone. It would be free anyway.
    "nodeical_germany_at_end_of_day_repeating": (1, 0, {"unknown_time_zone": 1}, []),
    # A quote that ends behind the time.
    "nodeical_ms_timezones": (
        4,
        2,
        {"free": 2},
        spans("20200910T0700/20200910T0730", "20200915T1530/20200915T1630"),
    ),
    "nodeical_sabredav-school-holidays": (1, 0, {"free": 1}, []),
    "nodeical_utf8-french-calendar": (0, 0, {}, []),
    # No event at all: busy time stands in VFREEBUSY.
    "nodeical_vfreebusy-zimbra": (1, 29, {}, spans("20140416T1515/20140416T1900", "20140505T2100/20140505T2130")),
    # Without DTEND a time has no length.
    "rie_discourse_no_dtend": (
        4,
        3,
        {"no_length": 1},
        spans("20190228T140014/20190228T173014", "20190511T110021/20190511T180021"),
    ),
    # EXDATEs in UTC of a series in Berlin.
    "rie_each_week_but_two_deleted": (
        1,
        6,
        {},
        spans(
            "20190303T2330/20190304T0000",
            "20190317T2330/20190318T0000",
            "20190331T2230/20190331T2300",
            "20190407T2230/20190407T2300",
            "20190414T2230/20190414T2300",
            "20190421T2230/20190421T2300",
        ),
    ),
    "rie_end_before_start_event": (1, 0, {"ends_before_start": 1}, []),
    # One of three is cancelled, which frees its time.
    "rie_issue_18_cancel_status": (
        2,
        2,
        {"cancelled": 1},
        spans("20200128T2100/20200128T2200", "20200130T2100/20200130T2200"),
    ),
    "rie_issue_62_moved_event": (2, 0, {"free": 2}, []),
    "rie_machbar_16_feb_2019": (
        64,
        3384,
        {"free": 2},
        spans("20170629T1700/20170629T2000", "20291228T0730/20291228T1330"),
    ),
    # In UTC; X-WR-TIMEZONE is only how they are shown.
    "rie_x_wr_timezone_simple_events_issue_59": (
        2,
        2,
        {},
        spans("20211222T1700/20211222T1800", "20211223T0200/20211223T0300"),
    ),
}


def of(name: str) -> Reading:
    return read((CORPUS / f"{name}.ics").read_bytes(), PARIS, WINDOW)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_file_gives_what_it_must(name: str) -> None:
    events, count, ignored, some = EXPECTED[name]
    found = of(name)
    assert (found.events, len(found.spans), dict(found.ignored)) == (events, count, ignored)
    if len(some) == count:
        assert list(found.spans) == list(some)
    else:
        assert [found.spans[0], found.spans[-1]] == list(some)
    assert all(one.end < other.start for one, other in zip(found.spans, found.spans[1:], strict=False))


def test_every_file_is_named() -> None:
    assert {file.stem for file in CORPUS.glob("*.ics")} == EXPECTED.keys()


def test_whole_days_are_those_of_the_machine() -> None:
    shifted = read((CORPUS / "icaljs_google_birthday.ics").read_bytes(), ZoneInfo("Indian/Reunion"), WINDOW)
    assert [one.start for one in shifted.spans] == [
        one.start - timedelta(hours=3) for one in of("icaljs_google_birthday").spans
    ]
