"""Round trips: what was written, read by others, gives back just what was meant."""

from datetime import UTC, datetime, timedelta

import pytest
import recurring_ical_events
from hypothesis import example, given
from hypothesis import strategies as st
from icalendar import Calendar

from tests.calendars.rfc import check, unfolded
from votremachine.calendars.rules import Feed, Happening, Status, whole_seconds
from votremachine.calendars.writing import tag, written
from votremachine.kernel.span import Span

ZONES = ("Europe/Paris", "Indian/Reunion", "America/Cayenne")
YEARS = (2025, 2029)
SPRING, AUTUMN = datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)
MADE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


def happening(span: Span, zone: str = ZONES[0], number: int = 0, text: str = "x", **more: object) -> Happening:
    values = {"uid": f"{number}@x", "sequence": number, "status": Status.CONFIRMED, "during": span, "zone": zone}
    said = {"changed_at": MADE, "summary": text, "description": text, "category": text}
    return Happening(**(values | said | more))  # type: ignore[arg-type]


def feed(*told: Happening, zone: str = ZONES[0], name: str = "x") -> Feed:
    return Feed(name, "fr", zone, YEARS, told)


def file(one: Feed) -> bytes:
    return b"".join(written(one))


def busy(calendar: Calendar) -> list[Span]:
    """The busy spans that a program sees that expands everything."""
    seen = recurring_ical_events.of(calendar).all()
    taken = [one for one in seen if one["TRANSP"] == "OPAQUE" and one["STATUS"] != "CANCELLED"]
    return sorted(Span(one["DTSTART"].dt, one["DTEND"].dt) for one in taken)


# Anywhere, but mostly near the hours at which the clocks of Paris change, and at the ends of what is told.
near = st.builds(
    lambda edge, away: edge + away,
    st.sampled_from((SPRING, AUTUMN, datetime(2024, 12, 31, 23, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))),
    st.timedeltas(-26 * HOUR, 26 * HOUR),
)
moments = near | st.datetimes(datetime(2024, 6, 1), datetime(2031, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
spans = st.builds(lambda start, length: Span(start, start + length), moments, st.timedeltas(SECOND, 900 * HOUR))


@given(st.lists(st.tuples(spans, st.sampled_from(ZONES)), max_size=8))
@example([(Span(AUTUMN, AUTUMN + HOUR / 2), "Europe/Paris")])  # wholly within the second of two equal hours
@example([(Span(AUTUMN - HOUR / 2, AUTUMN + HOUR / 2), "Europe/Paris")])  # 02:30 to 02:30 on the wall
@example([(Span(SPRING - SECOND, SPRING), "Europe/Paris")])
@example([(Span(datetime(2024, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)), "Europe/Paris")])
def test_others_read_just_our_busy_spans(told: list[tuple[Span, str]]) -> None:
    wanted = sorted(whole_seconds(span) for span, _ in told)
    calendar = check(file(feed(*(happening(span, zone, i) for i, (span, zone) in enumerate(told)))))
    assert busy(calendar) == wanted


def test_what_was_cancelled_takes_no_time() -> None:
    gone = happening(Span(SPRING, AUTUMN), status=Status.CANCELLED)
    calendar = check(file(feed(gone)))
    assert busy(calendar) == []
    assert [one["STATUS"] for one in calendar.events] == ["CANCELLED"]


readable = st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from('\n,;:\\"é🚜 '), max_size=200)


@given(readable, readable)
@example("Tracteur, 120 ch; «\\n» \\, n°1\nligne deux 🚜", "a:b;c=d")
def test_any_text_is_read_as_it_was_written(text: str, name: str) -> None:
    calendar = check(file(feed(happening(Span(SPRING, AUTUMN), text=text), name=name)))
    (event,) = calendar.events
    assert (str(event["SUMMARY"]), str(event["DESCRIPTION"])) == (text, text)
    assert [str(one) for one in event.categories] == [text]
    escaped = name.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")  # 3.3.11
    assert {f"NAME:{escaped}", f"X-WR-CALNAME:{escaped}"} <= set(unfolded(file(feed(name=name))))


@pytest.mark.parametrize("letter", ["é", "€", "🚜", "e\u0301"])
@pytest.mark.parametrize("before", range(60, 72))
def test_no_letter_is_cut_at_the_fold(letter: str, before: int) -> None:
    text = "x" * before + letter * 40
    lines = unfolded(file(feed(happening(Span(SPRING, AUTUMN), text=text))))
    assert f"SUMMARY:{text}" in lines


def test_an_empty_calendar_is_one() -> None:
    assert check(file(feed(zone="Indian/Reunion"))).events == []


@given(st.lists(spans, min_size=1, max_size=60))
def test_a_tag_changes_with_the_file_and_only_then(told: list[Span]) -> None:
    one = feed(*(happening(span, number=i) for i, span in enumerate(told)))
    again = feed(*(happening(span, number=i) for i, span in enumerate(told)))
    moved = feed(*(happening(span.widened(HOUR, HOUR), number=i) for i, span in enumerate(told)))
    assert (tag(one), file(one)) == (tag(again), file(again))
    assert tag(one) != tag(moved)


@given(spans)
def test_whole_seconds_are_the_next_ones_out(span: Span) -> None:
    whole = whole_seconds(span)
    assert whole.contains(span)
    assert whole.start.microsecond == whole.end.microsecond == 0
    assert span.start - whole.start < SECOND
    assert whole.end - span.end < SECOND
