"""The chain by itself: whatever is changed, moved, taken out or put in twice, verification names the place."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from votremachine.inspections.rules import chain
from votremachine.inspections.rules.chain import Broken, Head, Link, Part, Photographed, Signed, Verifier
from votremachine.inspections.rules.report import Cleanliness, Content, Occasion, Shot

MACHINE, BOOKING, PERSON = (UUID(int=(7 << 76) | one) for one in (1, 2, 3))
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def made(sequence: int, previous: bytes) -> Link:
    """One sealed report, with two photos and two signatures."""
    inspection_id = UUID(int=(7 << 76) | (1000 + sequence))
    shots = [f"{sequence:02x}{which:02x}" * 16 for which in range(2)]
    said = Content(
        id=inspection_id,
        kind=Occasion.CHECK_OUT if sequence % 2 else Occasion.CHECK_IN,
        booking_id=BOOKING,
        next_booking_id=None,
        machine_id=MACHINE,
        category="tractor",
        amends=None,
        why="",
        made_at=NOON + timedelta(hours=sequence),
        meters=(),
        fuel_eighths=4,
        cleanliness=Cleanliness.CLEAN,
        tyres=(),
        checklist=(),
        damage=(),
        photos=tuple(Shot(one, NOON, 43.8911, -0.5009) for one in shots),
        notes="Révisé",
        driver=None,
    )
    content = chain.canonical(said)
    by: dict[str, Any] = {
        "person_id": PERSON,
        "name": "Jeanne",
        "taken_by": PERSON,
        "signed_at": NOON,
        "why": "",
        "drawing": "",
    }
    signed = [Signed(side=side, method="session", content_hash="00" * 32, **by) for side in ("owner", "renter")]
    kept = [
        Photographed(one, place + 1, UUID(int=sequence * 10 + place), "image/png", 100, PERSON, NOON)
        for place, one in enumerate(shots)
    ]
    link = Link(
        id=inspection_id,
        booking_id=BOOKING,
        next_booking_id=None,
        machine_id=MACHINE,
        kind=said.kind.value,
        amends=None,
        state="signed",
        content=content,
        content_hash=chain.content_hash(content),
        sent_by=PERSON,
        sent_at=NOON,
        clock_ahead=sequence if sequence % 2 else None,
        sequence=sequence,
        previous=previous,
        hash=None,
        signed_at=NOON,
        insurance="",
        signatures=tuple(signed),
        photos=tuple(kept),
    )
    return msgspec.structs.replace(link, hash=chain.sealed(link))


def grown(length: int) -> tuple[list[Link], Head]:
    links: list[Link] = []
    head = chain.EMPTY
    for sequence in range(1, length + 1):
        links.append(made(sequence, head.hash))
        head = Head(sequence, links[-1].hash or b"")
    return links, head


def verified(links: Sequence[Link], head: Head) -> Broken | None:
    verifier = Verifier()
    verifier.walk(links)
    return verifier.end(head)


CHAIN, HEAD = grown(6)
PLACES = st.integers(0, len(CHAIN) - 1)


def flipped(value: bytes, place: int, bit: int) -> bytes:
    changed = bytearray(value)
    changed[place % len(changed)] ^= 1 << bit
    return bytes(changed)


def altered(value: Any, place: int, bit: int) -> Any:
    """Another value of the same kind, one byte or unit away."""
    match value:
        case None:
            return UUID(int=place)
        case UUID():
            return UUID(bytes=flipped(value.bytes, place, bit))
        case datetime():
            return value + timedelta(microseconds=1 << bit)
        case bytes():
            return flipped(value, place, bit) if value else b"\0"
        case int():
            return value ^ (1 << bit)
        case str():
            return value[: place % (len(value) + 1)] + "x" + value[place % (len(value) + 1) :]
    raise AssertionError(value)


COLUMNS = [name for name in Link.__struct_fields__ if name not in {"signatures", "photos"}]


def test_a_chain_that_nobody_touched_holds() -> None:
    for length in range(4):
        links, head = grown(length)
        assert verified(links, head) is None


@pytest.mark.parametrize("column", COLUMNS)
@given(which=PLACES, place=st.integers(0, 5000), bit=st.integers(0, 7))
def test_a_byte_of_any_column_is_missed(column: str, which: int, place: int, bit: int) -> None:
    links = list(CHAIN)
    change = {column: altered(getattr(links[which], column), place, bit)}
    links[which] = msgspec.structs.replace(links[which], **change)
    broken = verified(links, HEAD)
    assert broken is not None
    assert broken.sequence == which + 1, "the first link that does not hold"


@given(PLACES, st.sampled_from(["signatures", "photos"]), st.integers(0, 1), st.data())
def test_a_byte_of_any_signature_or_photo_row_is_missed(which: int, rows: str, row: int, data: st.DataObject) -> None:
    links = list(CHAIN)
    kept = list(getattr(links[which], rows))
    column = data.draw(st.sampled_from(kept[row].__struct_fields__))
    value = altered(getattr(kept[row], column), data.draw(st.integers(0, 99)), data.draw(st.integers(0, 7)))
    kept[row] = msgspec.structs.replace(kept[row], **{column: value})
    links[which] = msgspec.structs.replace(links[which], **{rows: tuple(kept)})
    broken = verified(links, HEAD)
    assert broken is not None
    assert (broken.sequence, broken.inspection_id) == (which + 1, CHAIN[which].id)


@given(PLACES, st.sampled_from(["signatures", "photos"]), st.booleans())
def test_a_row_that_is_gone_or_there_twice_is_missed(which: int, rows: str, twice: bool) -> None:
    links = list(CHAIN)
    kept = getattr(links[which], rows)
    links[which] = msgspec.structs.replace(links[which], **{rows: (*kept, kept[0]) if twice else kept[1:]})
    broken = verified(links, HEAD)
    assert broken is not None
    assert broken.sequence == which + 1


@given(st.permutations(range(len(CHAIN))))
def test_an_order_that_is_not_theirs_is_missed(order: list[int]) -> None:
    first_wrong = next((place for place, which in enumerate(order) if which != place), None)
    broken = verified([CHAIN[which] for which in order], HEAD)
    assert (broken.sequence if broken else None) == (None if first_wrong is None else first_wrong + 1)


@given(PLACES)
def test_a_report_that_is_gone_is_missed(which: int) -> None:
    broken = verified([link for place, link in enumerate(CHAIN) if place != which], HEAD)
    assert broken is not None
    assert broken.sequence == which + 1
    last = which == len(CHAIN) - 1
    assert broken.part is (Part.HEAD if last else Part.SEQUENCE)


@given(PLACES)
def test_a_report_that_is_there_twice_is_missed(which: int) -> None:
    broken = verified([*CHAIN[: which + 1], CHAIN[which], *CHAIN[which + 1 :]], HEAD)
    assert broken is not None
    assert (broken.part, broken.sequence) == (Part.SEQUENCE, which + 2)


@given(PLACES, st.text(min_size=1))
def test_who_rewrites_a_report_and_seals_it_anew_breaks_the_next_or_the_head(which: int, notes: str) -> None:
    links = list(CHAIN)
    said = msgspec.json.decode(links[which].content, type=Content)
    content = chain.canonical(msgspec.structs.replace(said, notes=said.notes + notes))
    forged = msgspec.structs.replace(links[which], content=content, content_hash=chain.content_hash(content))
    links[which] = msgspec.structs.replace(forged, hash=chain.sealed(forged))
    broken = verified(links, HEAD)
    assert broken is not None
    assert broken.sequence == min(which + 2, len(CHAIN))
    assert broken.part is (Part.HEAD if which == len(CHAIN) - 1 else Part.PREVIOUS)


def test_the_canonical_form_is_fixed() -> None:
    """What stands in docs/inspections.md: another program makes the same bytes."""
    link = CHAIN[0]
    assert link.content.startswith(b'{"amends":null,"booking_id":"00000000-0000-7000-0000-000000000002",')
    assert b" " not in link.content
    assert "Révisé".encode() in link.content
    assert b'"made_at":"2026-06-01T13:00:00Z"' in link.content
    assert b'"latitude":43.8911' in link.content
    assert chain.canonical(msgspec.json.decode(link.content, type=Content)) == link.content


def test_nothing_is_an_empty_chain() -> None:
    assert verified([], chain.EMPTY) is None
    assert verified([], HEAD) == Broken(Part.HEAD, 1, None)
