"""Identifiers are version 7 and sort by the moment they were made."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from votremachine.kernel.ids import uuid7

moments = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))  # noqa: DTZ001
entropy = st.binary(min_size=10, max_size=10)


@given(moments, entropy)
def test_an_id_says_its_version_and_its_millisecond(moment: datetime, random: bytes) -> None:
    made = uuid7(moment, random)
    assert made.version == 7
    assert made.variant == "specified in RFC 4122"
    assert made.int >> 80 == int(moment.timestamp() * 1000)


@given(moments, entropy, entropy)
def test_a_later_id_sorts_after_an_earlier_one(moment: datetime, one: bytes, two: bytes) -> None:
    assert uuid7(moment, one) < uuid7(moment + timedelta(milliseconds=1), two)


@given(moments, entropy, entropy)
def test_all_the_entropy_that_fits_is_kept(moment: datetime, one: bytes, two: bytes) -> None:
    def kept(random: bytes) -> int:
        return int.from_bytes(random) & (2**74 - 1)

    assert (uuid7(moment, one) == uuid7(moment, two)) == (kept(one) == kept(two))
