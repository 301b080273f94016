"""Photos' files' names, and orders of photos."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from votremachine.fleet.photos import rules
from votremachine.infra.images.sizes import WIDTHS
from votremachine.infra.storage.files import FILE_NAME

IDS = st.lists(st.uuids(), max_size=12, unique=True)


@given(st.uuids(), st.uuids(), st.uuids())
def test_every_name_is_one_of_storage_and_of_one_making(photo: UUID, making: UUID, other: UUID) -> None:
    names = [rules.original_file(photo), *rules.copy_files(photo, making, WIDTHS)]
    assert len(set(names)) == 4
    assert all(FILE_NAME.fullmatch(name) for name in names)
    if other != making:
        assert not set(names) & set(rules.copy_files(photo, other, WIDTHS))


@given(st.data())
def test_an_order_is_good_if_it_names_each_once(data: st.DataObject) -> None:
    there = data.draw(IDS)
    rules.check_same(there, data.draw(st.permutations(there)))
    other = data.draw(st.lists(st.uuids() | st.sampled_from(there), max_size=13) if there else IDS.filter(bool))
    if sorted(other) != sorted(there):
        with pytest.raises(rules.PhotosDiffer):
            rules.check_same(there, other)


@pytest.mark.parametrize("there", range(14))
def test_there_is_room_for_twelve(there: int) -> None:
    if there < 12:
        rules.check_room(there)
    else:
        with pytest.raises(rules.TooManyPhotos):
            rules.check_room(there)
