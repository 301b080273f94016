"""What is wrong with a body is said in the reader's language, whatever msgspec says it in."""

from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Annotated
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from votremachine.infra.complaints import place_and_text
from votremachine.infra.culprits import culprits

Named = Annotated[str, msgspec.Meta(min_length=1)]
Aware = Annotated[datetime, msgspec.Meta(tz=True)]


class Grade(Enum):
    GOOD = "good"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (Decimal, '"2000,5"'),
        (Aware, '"2026-11-27T08:00:00"'),
        (datetime, '"yesterday"'),
        (date, '"27/11/2026"'),
        (time, '"8 h"'),
        (Named, '""'),
        (Grade, '"fine"'),
        (int, "1e999"),
        (int, '"one"'),
    ],
)
def test_a_sentence_of_msgspec_is_said_in_french(kind: type, body: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.json.decode(body.encode(), type=kind)
    french, english = (place_and_text(str(refused.value), language).detail for language in ("fr", "en"))
    assert french != english, english


class Unit(Enum):
    HOUR = "hour"
    KM = "km"


class Used(msgspec.Struct, forbid_unknown_fields=True):
    """Maps in maps and in lists, as bodies have them."""

    used: dict[UUID, dict[Unit, Annotated[float, msgspec.Meta(ge=0)]]] = {}
    kinds: Annotated[dict[str, list[int]], msgspec.Meta(max_length=9)] = {}
    parts: list["Used"] = []


ONE, TWO = (f"00000000-0000-0000-0000-00000000000{number}" for number in (1, 2))


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"used": {"x": {}}}, "/used/x"),
        ({"used": {ONE: {"km": 1}, TWO: {"hour": 1, "km": -2}}}, f"/used/{TWO}/km"),
        ({"used": {ONE: {"km": 1}, TWO: {"km": 1, "mile": 2}}}, f"/used/{TWO}/mile"),
        ({"used": {ONE: {"km": "1"}, TWO: {"km": "1"}}}, f"/used/{ONE}/km"),
        ({"used": {ONE: 3}}, f"/used/{ONE}"),
        ({"used": 3}, "/used"),
        ({"kinds": {"a.b": [1], "c/d~[e]": [1, "2"]}}, "/kinds/c~1d~0[e]/1"),
        ({"kinds": {"": ["2"]}}, "/kinds//0"),
        ({"kinds": {"...": ["2"]}}, "/kinds/.../0"),
        ({"kinds": {str(number): [] for number in range(10)}}, "/kinds"),
        ({"parts": [{}, {"parts": [{"kinds": {"a": [], "b": {}}}]}]}, "/parts/1/parts/0/kinds/b"),
        ({"parts": [{"kind": 1}]}, "/parts/0/kind"),
    ],
)
def test_the_pointer_leads_through_maps(body: object, pointer: str) -> None:
    assert pointer_of(msgspec.json.encode(body)) == pointer


def test_what_cannot_be_told_ends_the_pointer() -> None:
    """A key that is there twice is there once for us, and the last is right."""
    assert pointer_of(b'{"kinds": {"a": 1, "a": []}}') == "/kinds"


@given(st.dictionaries(st.text(max_size=5), st.just([1]), min_size=1, max_size=40), st.data())
def test_the_key_is_found_wherever_it_stands(kinds: dict[str, list[object]], data: st.DataObject) -> None:
    wrong = data.draw(st.sampled_from(sorted(kinds)))
    body = msgspec.json.encode(kinds | {wrong: ["1"]})
    decode = msgspec.json.Decoder(dict[str, list[int]]).decode
    with pytest.raises(msgspec.ValidationError) as refused:
        decode(body)
    assert culprits(str(refused.value), body, decode) == [wrong]


def pointer_of(body: bytes) -> str:
    decode = msgspec.json.Decoder(Used).decode
    with pytest.raises(msgspec.ValidationError) as refused:
        decode(body)
    return place_and_text(str(refused.value), "en", culprits(str(refused.value), body, decode)).pointer
