"""Opening hours and their dated exceptions: the rule alone, then as an owner enters them and a renter meets them."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.people import Json, Person, World, at
from votremachine.fleet.listing import wrong_terms
from votremachine.fleet.opening import by_date, closed, first_open, is_open, last_open, midnight, opening
from votremachine.fleet.terms import DatedHours, HandOver, Hours, Terms
from votremachine.kernel.span import Span

PARIS = ZoneInfo("Europe/Paris")
ZONES = [PARIS, ZoneInfo("America/New_York"), ZoneInfo("Asia/Beirut"), ZoneInfo("Atlantic/Azores"), ZoneInfo("UTC")]
DAY, MINUTE, INSTANT = timedelta(days=1), timedelta(minutes=1), timedelta(microseconds=1)
WEEKDAYS = tuple(HandOver(day, "08:00", "12:00") for day in range(1, 6))
AUGUST = DatedHours(date(2027, 8, 2), date(2027, 8, 15))
HARVEST = DatedHours(date(2027, 7, 10), date(2027, 7, 11), (Hours("06:00", "24:00"),))
USUAL = Terms(hand_over=WEEKDAYS, exceptions=(AUGUST, HARVEST))


@pytest.mark.parametrize(
    ("wall", "there"),
    [
        ((2027, 7, 30, 8, 0), True),  # a Friday
        ((2027, 7, 31, 9, 0), False),  # a Saturday
        ((2027, 8, 2, 9, 0), False),  # the first date of the closure, a Monday
        ((2027, 8, 13, 9, 0), False),
        ((2027, 8, 16, 9, 0), True),
        ((2027, 7, 10, 6, 0), True),  # a Saturday of the harvest
        ((2027, 7, 10, 5, 59), False),
        ((2027, 7, 10, 23, 59), True),
        ((2027, 7, 11, 0, 0), False),  # midnight is of the date that it begins
        ((2027, 7, 11, 12, 0), True),
        ((2027, 7, 12, 0, 0), False),
        ((2027, 7, 12, 12, 0), True),
    ],
)
def test_the_hours_of_a_date_stand_in_for_those_of_the_week(wall: tuple[int, ...], there: bool) -> None:
    assert is_open(USUAL, PARIS, datetime(*wall, tzinfo=PARIS)) is there  # type: ignore[misc,arg-type]


def test_the_hours_of_every_date_of_a_view_in_as_few_runs_as_there_are() -> None:
    first, last = date(2027, 7, 1), date(2027, 8, 31)
    runs = by_date(USUAL, first, last)
    assert runs is not None
    assert (runs[0].first, runs[-1].last) == (first, last)
    for before, after in pairwise(runs):
        assert before.last + DAY == after.first
        assert before.hours != after.hours
    assert HARVEST in runs
    shut = [one for one in runs if not one.hours]
    window = Span(midnight(first, PARIS), midnight(last + DAY, PARIS))
    assert closed(USUAL, PARIS, window) == [
        Span(midnight(one.first, PARIS), midnight(one.last + DAY, PARIS)) for one in shut
    ]
    assert by_date(Terms(), first, last) is None
    around = by_date(Terms(exceptions=(AUGUST,)), date(2027, 8, 1), date(2027, 8, 16))
    anytime = (Hours("00:00", "24:00"),)
    assert around == [DatedHours(day, day, anytime) for day in (date(2027, 8, 1),)] + [AUGUST] + [
        DatedHours(date(2027, 8, 16), date(2027, 8, 16), anytime)
    ]


def test_the_last_minute_is_not_a_minute_longer() -> None:
    noon = datetime(2027, 7, 30, 12, 0, tzinfo=PARIS)
    assert is_open(USUAL, PARIS, noon)
    assert not is_open(USUAL, PARIS, noon + INSTANT)


def test_a_machine_without_hours_is_closed_on_its_exceptions_alone() -> None:
    terms = Terms(exceptions=(AUGUST,))
    assert is_open(terms, PARIS, datetime(2027, 8, 1, 23, 59, tzinfo=PARIS))
    assert not is_open(terms, PARIS, datetime(2027, 8, 2, 0, 0, tzinfo=PARIS))
    assert not is_open(terms, PARIS, datetime(2027, 8, 15, 23, 59, tzinfo=PARIS))
    assert is_open(terms, PARIS, datetime(2027, 8, 16, 0, 0, tzinfo=PARIS))
    window = Span(datetime(2027, 7, 1, tzinfo=UTC), datetime(2027, 10, 1, tzinfo=UTC))
    assert closed(terms, PARIS, window) == [
        Span(datetime(2027, 8, 2, tzinfo=PARIS), datetime(2027, 8, 16, tzinfo=PARIS))
    ]
    assert closed(Terms(), PARIS, window) == []


def utc(*wall: int) -> datetime:
    return datetime(*wall, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("day", "opens", "closes", "openings"),
    [
        # Forward at 02:00: an hour is missing.
        (date(2027, 3, 28), "01:00", "04:00", [(utc(2027, 3, 28, 0), utc(2027, 3, 28, 2))]),
        (date(2027, 3, 28), "02:30", "04:00", [(utc(2027, 3, 28, 1), utc(2027, 3, 28, 2))]),
        (date(2027, 3, 28), "02:10", "02:50", []),
        # Back at 03:00: an hour comes twice.
        (date(2027, 10, 31), "02:15", "02:45", [(utc(2027, 10, 31, h, 15), utc(2027, 10, 31, h, 45)) for h in (0, 1)]),
        (date(2027, 10, 31), "04:00", "05:00", [(utc(2027, 10, 31, 3), utc(2027, 10, 31, 4))]),
    ],
)
def test_where_clocks_change(day: date, opens: str, closes: str, openings: list[tuple[datetime, datetime]]) -> None:
    terms = Terms(exceptions=(DatedHours(day, day, (Hours(opens, closes),)),))
    joined: list[tuple[datetime, datetime]] = []
    for first, last in opening(terms, PARIS, day):
        touches = joined and first - joined[-1][1] <= INSTANT
        joined.append((joined.pop()[0] if touches else first, last))
    assert joined == openings
    whole = Span(midnight(day, PARIS), midnight(day + DAY, PARIS))
    assert closed(terms, PARIS, Span(whole.start, whole.end - INSTANT)) == ([] if openings else [whole])


clocks = st.integers(0, 24 * 4).map(lambda quarter: f"{quarter // 4:02}:{quarter % 4 * 15:02}")
hours = (
    st.tuples(clocks, clocks)
    .map(sorted)
    .filter(lambda pair: pair[0] < pair[1])
    .map(lambda pair: Hours(pair[0], pair[1]))
)
weekly = st.lists(st.tuples(st.integers(1, 7), hours), max_size=4).map(
    lambda found: tuple(HandOver(day, one.opens, one.closes) for day, one in found)
)
FIRST = date(2027, 3, 20)


@st.composite
def terms_with_exceptions(draw: st.DrawFn) -> Terms:
    """Of two weeks, in which clocks change in most of the zones."""
    exceptions, number = [], 0
    while number < 14 and draw(st.booleans()):
        first = number + draw(st.integers(0, 5))
        last = first + draw(st.integers(0, 3))
        own = tuple(draw(st.lists(hours, max_size=2)))
        exceptions.append(DatedHours(FIRST + first * DAY, FIRST + last * DAY, own))
        number = last + 1
    return Terms(hand_over=draw(weekly), exceptions=tuple(draw(st.permutations(exceptions))))


minutes = st.integers(0, 14 * 24 * 4).map(lambda quarter: utc(2027, 3, 20) + quarter * 15 * MINUTE)


def there(terms: Terms, zone: ZoneInfo, instant: datetime) -> bool:
    """The same, told from the wall clock alone."""
    local = instant.astimezone(zone)
    own = [one.hours for one in terms.exceptions if one.first <= local.date() <= one.last]
    if not own and not terms.hand_over:
        return True
    weekdays = [one for one in terms.hand_over if one.weekday == local.isoweekday()]
    return any(one.opens <= f"{local:%H:%M}" <= one.closes for one in (own[0] if own else weekdays))


@settings(max_examples=200)
@given(terms_with_exceptions(), st.sampled_from(ZONES), minutes)
@example(Terms(hand_over=WEEKDAYS), PARIS, utc(2027, 3, 22, 7))
def test_the_wall_clock_decides(terms: Terms, zone: ZoneInfo, instant: datetime) -> None:
    # The jump itself closes what was cut short by it; there a wall clock has gone on already.
    if (instant - INSTANT).astimezone(zone).utcoffset() == instant.astimezone(zone).utcoffset():
        assert is_open(terms, zone, instant) == there(terms, zone, instant)


@settings(max_examples=100)
@given(terms_with_exceptions(), st.sampled_from(ZONES), minutes, st.integers(1, 4 * 24 * 4))
def test_the_first_and_the_last_opening_of_a_span(terms: Terms, zone: ZoneInfo, start: datetime, quarters: int) -> None:
    span = Span(start, start + quarters * 15 * MINUTE)
    first, last = first_open(terms, zone, span), last_open(terms, zone, span)
    every = [span.start + number * 15 * MINUTE for number in range(quarters + 1)]
    inside = [instant for instant in every if is_open(terms, zone, instant)]
    assert (first is None) == (last is None)
    if first is None or last is None:
        assert inside == []
        return
    assert is_open(terms, zone, first)
    assert is_open(terms, zone, last)
    # What is open until 24:00 is so until the last instant before.
    assert first == inside[0] if inside else last - first < 15 * MINUTE
    assert not inside or last in {inside[-1], inside[-1] + 15 * MINUTE - INSTANT}


@settings(max_examples=100)
@given(terms_with_exceptions(), st.sampled_from(ZONES), minutes)
def test_on_a_closed_date_nobody_is_there_at_any_hour(terms: Terms, zone: ZoneInfo, instant: datetime) -> None:
    window = Span(utc(2027, 3, 20), utc(2027, 4, 3))
    spans = closed(terms, zone, window)
    inside = any(span.start <= instant < span.end for span in spans)
    if inside:
        assert not is_open(terms, zone, instant)
    elif window.start <= instant < window.end:
        assert opening(terms, zone, instant.astimezone(zone).date())
    assert all(before.end < after.start for before, after in pairwise(spans))


@pytest.mark.parametrize(
    ("exceptions", "code", "pointer"),
    [
        ((DatedHours(date(2027, 5, 2), date(2027, 5, 1)),), "dates_disagree", "/0/last"),
        ((DatedHours(date(1, 1, 1), date(2027, 5, 1)),), "out_of_time", "/0/first"),
        ((DatedHours(date(2027, 5, 1), date(9999, 12, 31)),), "out_of_time", "/0/last"),
        ((AUGUST, DatedHours(AUGUST.last, AUGUST.last)), "dates_overlap", "/1/first"),
        ((DatedHours(AUGUST.last, AUGUST.last), AUGUST), "dates_overlap", "/0/first"),
        ((AUGUST, AUGUST), "dates_overlap", "/1/first"),
        (
            (AUGUST, DatedHours(date(2027, 9, 1), date(2027, 9, 1), (Hours("08:00", "08:00"),))),
            "hours_disagree",
            "/1/hours/0/closes",
        ),
    ],
)
def test_exceptions_that_make_no_sense(exceptions: tuple[DatedHours, ...], code: str, pointer: str) -> None:
    (error,) = wrong_terms(Terms(exceptions=exceptions))
    assert (error.code, error.pointer) == (code, f"/terms/exceptions{pointer}")


def test_exceptions_that_touch_do_not_overlap() -> None:
    following = DatedHours(AUGUST.last + DAY, AUGUST.last + DAY)
    assert wrong_terms(Terms(exceptions=(following, AUGUST, HARVEST))) == []


async def edited(owner: Person, machine: str, exceptions: list[Json]) -> httpx.Response:
    path = f"/machines/{machine}"
    tag = (await owner.get(path)).headers["ETag"]
    return await owner.ask("PATCH", path, {"terms": {"exceptions": exceptions}}, If_Match=tag)


async def test_an_owner_closes_a_machine_and_opens_it_again(world: World, owner: Person, renter: Person) -> None:
    tractor = await world.machine(owner)
    day = at(5).astimezone(PARIS).date()
    closure = {"first": day.isoformat(), "last": day.isoformat(), "hours": []}
    changed = await edited(owner, tractor, [closure])
    assert (changed.status_code, changed.json()["terms"]["exceptions"]) == (200, [closure])
    assert (await renter.get(f"/machines/{tractor}")).json()["terms"]["exceptions"] == [closure]
    begins = midnight(day, PARIS)
    noon = begins + timedelta(hours=12)
    for start, end, pointer in ((noon, noon + 2 * DAY, "/start"), (noon - 2 * DAY, noon, "/end")):
        refused = await renter.book([tractor], start, end)
        assert (refused.status_code, refused.json()["code"]) == (422, "nobody_there"), refused.text
        assert refused.json()["errors"][0]["pointer"] == pointer
        assert (refused.json()["hand_over"], refused.json()["exceptions"]) == ([], [closure])
    # A rental may span the closure.
    assert (await renter.book([tractor], noon - DAY, noon + DAY)).status_code == 201
    kept = await owner.ask(
        "PATCH",
        f"/machines/{tractor}",
        {"terms": {"lead_minutes": 1}},
        If_Match=(await owner.get(f"/machines/{tractor}")).headers["ETag"],
    )
    assert kept.json()["terms"]["exceptions"] == [closure], "what is left out stays"
    opened = await edited(owner, tractor, [])
    assert opened.json()["terms"]["exceptions"] == []
    assert (await renter.book([tractor], noon + DAY, noon + 2 * DAY)).status_code == 201


async def test_exceptions_of_before_keep_their_place_in_a_new_machine(world: World, owner: Person) -> None:
    given = [
        {"first": "2027-12-24", "last": "2027-12-26", "hours": []},
        {"first": "2027-07-01", "last": "2027-07-01", "hours": [{"opens": "06:00", "closes": "24:00"}]},
    ]
    tractor = await world.machine(owner, exceptions=given)
    assert (await owner.get(f"/machines/{tractor}")).json()["terms"]["exceptions"] == given


@pytest.mark.parametrize(
    ("exceptions", "code", "pointer"),
    [
        ([{"first": "2027-05-02", "last": "2027-05-01"}], "dates_disagree", "/terms/exceptions/0/last"),
        (
            [{"first": "2027-05-01", "last": "2027-05-02"}, {"first": "2027-05-02", "last": "2027-05-03"}],
            "dates_overlap",
            "/terms/exceptions/1/first",
        ),
        ([{"first": "2027-02-30", "last": "2027-05-01"}], "invalid_input", "/terms/exceptions/0/first"),
        ([{"first": "2027-05-01"}], "invalid_input", "/terms/exceptions/0/last"),
        (
            [{"first": "2027-05-01", "last": "2027-05-01", "hours": [{"opens": "8h", "closes": "9h"}]}],
            "invalid_input",
            "/terms/exceptions/0/hours/0/opens",
        ),
        ([{"first": "2027-05-01", "last": "2027-05-01", "note": "x"}], "invalid_input", "/terms/exceptions/0/note"),
        (
            [
                {"first": f"{date(2027, 1, 1) + number * DAY}", "last": f"{date(2027, 1, 1) + number * DAY}"}
                for number in range(201)
            ],
            "invalid_input",
            "/terms/exceptions",
        ),
    ],
)
async def test_what_is_wrong_changes_nothing_and_is_told_in_both_languages(
    exceptions: list[Json], code: str, pointer: str, world: World, owner: Person
) -> None:
    tractor = await world.machine(owner)
    before = await owner.get(f"/machines/{tractor}")
    texts = set()
    for language in ("fr", "en"):
        path, headers = f"/machines/{tractor}", {"If_Match": before.headers["ETag"], "Accept_Language": language}
        refused = await owner.ask("PATCH", path, {"terms": {"exceptions": exceptions}}, **headers)
        assert (refused.status_code, refused.json()["code"]) == (422, code), refused.text
        (error,) = refused.json()["errors"]
        assert error["pointer"] == pointer
        texts.add(error["detail"])
    assert len(texts) == 2
    assert (await owner.get(f"/machines/{tractor}")).json() == before.json()
