"""The place in a stream as text, when one may go on from it, and what a fact is called."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from votremachine.accounts.rules import Role
from votremachine.availability.events import CalendarChanged
from votremachine.bookings.events import BookingEvent, BookingMoved
from votremachine.bookings.waiting.events import WaitingChanged, WaitingLapsed
from votremachine.sync import frames
from votremachine.sync.rules import (
    RESUMABLE_FOR,
    SKEW,
    BadEventId,
    Ended,
    EventId,
    Reset,
    heard_by,
    kind_of,
    read_event_id,
    why_not,
)

NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
OURS = "01234567"
FARM, OTHER, MACHINE = UUID(int=1), UUID(int=2), UUID(int=3)
places = st.builds(
    EventId,
    st.one_of(st.just(""), st.text("0123456789abcdef", min_size=8, max_size=8)),
    st.integers(0, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    st.integers(0, 10**18 - 1),
    st.uuids(),
)


@given(places)
def test_a_place_is_read_as_it_was_written(place: EventId) -> None:
    assert read_event_id(str(place)) == place


@given(st.text())
def test_whatever_else_is_refused(text: str) -> None:
    # What hypothesis makes up is no place of ours, unless it says it word for word.
    with suppress(BadEventId):
        assert str(read_event_id(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "nonsense",
        f"1.2.{FARM}",
        f"-1.2.{FARM.hex}",
        f"1.2.{FARM.hex}\n",
        f"1.2.{FARM.hex.upper().replace('0', 'A')}",
        f"99999999999999.2.{FARM.hex}",
        f"1.{2**64}.{FARM.hex}",
        f"١.2.{FARM.hex}",
        f"1.2.{FARM.hex}.4",
    ],
)
def test_what_looks_like_one_is_refused_as_well(text: str) -> None:
    with pytest.raises(BadEventId):
        read_event_id(text)


@pytest.mark.parametrize(
    ("database", "at", "xid", "why"),
    [
        (OURS, NOW, 10, None),
        (OURS, NOW, 11, Reset.UNKNOWN),
        (OURS, NOW - RESUMABLE_FOR, 10, Reset.TOO_OLD),
        (OURS, NOW - RESUMABLE_FOR + timedelta(seconds=1), 1, None),
        (OURS, NOW + SKEW, 10, None),
        (OURS, NOW + SKEW + timedelta(seconds=1), 10, Reset.UNKNOWN),
        ("89abcdef", NOW, 10, Reset.UNKNOWN),
        ("", NOW, 10, Reset.UNKNOWN),
    ],
)
def test_one_goes_on_from_what_is_recent_and_of_this_database(
    database: str, at: datetime, xid: int, why: Reset | None
) -> None:
    assert why_not(EventId(database, at, xid, FARM), OURS, 10, NOW) == why


def test_every_seat_hears_of_its_own_party() -> None:
    assert heard_by({FARM: Role.VIEWER, OTHER: Role.ADMIN}) == {FARM, OTHER}
    assert heard_by({}) == frozenset()
    assert all(heard_by({FARM: role}) == {FARM} for role in Role)


def test_a_fact_is_told_to_its_sides_by_ids_alone() -> None:
    moved = BookingMoved(booking_id=UUID(int=9), owner_party_id=FARM, renter_party_id=OTHER, machine_ids=(MACHINE,))
    assert (moved.audience, moved.shown) == ((FARM, OTHER), {"booking_id": UUID(int=9), "machine_ids": (MACHINE,)})
    changed = CalendarChanged(machine_id=MACHINE, owner_party_id=FARM)
    assert (changed.audience, changed.shown) == ((FARM,), {"machine_id": MACHINE})
    waits = {"entry_id": UUID(int=8), "machine_id": MACHINE, "owner_party_id": FARM, "renter_party_id": OTHER}
    lapsed = WaitingLapsed(person_id=UUID(int=7), why="no_price", fr="", en="", **waits)
    for told in (WaitingChanged(**waits), lapsed):
        assert (told.audience, told.shown) == ((FARM, OTHER), {"machine_id": MACHINE})


def test_facts_have_names_of_words() -> None:
    assert {kind_of(fact.__name__) for fact in BookingEvent.__subclasses__()} == {
        "booking_held",
        "booking_requested",
        "booking_confirmed",
        "booking_declined",
        "booking_expired",
        "booking_cancelled",
        "booking_moved",
        "machine_out",
        "machine_returned",
        "machine_replaced",
        "machine_overdue",
        "payment_missing",
        "difference_paid",
        "usage_proposed",
        "usage_settled",
        "inspection_to_sign",
        "inspection_signed",
        "booking_completed",
        "rental_settled",
        "renter_absent",
        "booking_at_risk",
        "booking_out_of_risk",
        "waiting_offered",
    }


def test_the_words_of_a_stream() -> None:
    place = EventId(OURS, NOW, 7, FARM)
    line = f"id: {place}\n"
    assert frames.change("BookingMoved", place, {"booking_id": "x"}, NOW) == (
        f'{line}event: booking_moved\ndata: {{"booking_id":"x","at":"2026-06-01T08:00:00Z"}}\n\n'.encode()
    )
    assert (
        frames.ready(place, resumed=True) == f'retry: 2000\n{line}event: ready\ndata: {{"resumed":true}}\n\n'.encode()
    )
    assert (
        frames.reset(place, Reset.TOO_OLD)
        == f'retry: 2000\n{line}event: reset\ndata: {{"reason":"too_old"}}\n\n'.encode()
    )
    assert frames.ended(Ended.SLOW) == b'event: ended\ndata: {"reason":"slow"}\n\n'
    assert frames.heartbeat(place) == f":\n{line}\n".encode()
