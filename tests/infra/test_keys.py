"""Keys of one purpose each, and what is sealed with them: read by whoever has the secret, and by nobody else."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from votremachine.infra.keys import Keys, Seal, Unreadable

OLD, NEW, OTHER = (
    "a secret of last year's, 32 bytes+",
    "the secret in force, 32 bytes and +",
    "somebody else's secret, 32 bytes+",
)
IBAN = "FR7630006000011234567890189"


def test_each_purpose_and_each_secret_has_a_key_of_its_own() -> None:
    keys = [Keys(secret).derive(purpose) for secret in (OLD, NEW) for purpose in ("ibans", "tokens", "token", "")]
    assert {len(key) for (key,) in keys} == {32}
    assert len({key for (key,) in keys}) == len(keys)
    assert Keys(NEW).derive("ibans") == Keys(NEW).derive("ibans")


def test_older_secrets_follow_the_one_in_force() -> None:
    assert Keys(NEW, [OLD, OTHER]).derive("ibans") == [Keys(secret).derive("ibans")[0] for secret in (NEW, OLD, OTHER)]


@given(st.text())
def test_any_text_comes_out_as_it_went_in(text: str) -> None:
    seal = Seal(Keys(NEW), "ibans")
    assert seal.open(seal.close(text)) == text


def test_what_is_sealed_shows_nothing_and_is_never_the_same_twice() -> None:
    seal = Seal(Keys(NEW), "ibans")
    once, again = seal.close(IBAN), seal.close(IBAN)
    assert once != again
    assert IBAN.encode() not in urlsafe_b64decode(once)


def test_an_older_secret_is_still_read_and_nothing_new_is_made_with_it() -> None:
    kept = Seal(Keys(OLD), "ibans").close(IBAN)
    both = Seal(Keys(NEW, [OLD]), "ibans")
    assert both.open(kept) == IBAN
    assert Seal(Keys(NEW), "ibans").open(both.close(IBAN)) == IBAN
    with pytest.raises(Unreadable):
        Seal(Keys(OLD), "ibans").open(both.close(IBAN))


@pytest.mark.parametrize(
    ("keys", "purpose"), [(Keys(NEW), "ibans"), (Keys(NEW, [OTHER]), "ibans"), (Keys(OLD), "tokens")]
)
def test_a_dropped_secret_and_another_purpose_read_nothing(keys: Keys, purpose: str) -> None:
    kept = Seal(Keys(OLD), "ibans").close(IBAN)
    with pytest.raises(Unreadable):
        Seal(keys, purpose).open(kept)


@given(st.text(), st.data())
def test_one_altered_bit_is_refused_wherever_it_is(text: str, data: st.DataObject) -> None:
    seal = Seal(Keys(NEW), "ibans")
    raw = bytearray(urlsafe_b64decode(seal.close(text)))
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Unreadable):
        seal.open(urlsafe_b64encode(raw))


@given(st.binary())
def test_bytes_that_were_never_sealed_are_refused(raw: bytes) -> None:
    with pytest.raises(Unreadable):
        Seal(Keys(NEW), "ibans").open(raw)


def test_a_shortened_text_is_refused() -> None:
    seal = Seal(Keys(NEW), "ibans")
    sealed = seal.close(IBAN)
    for length in range(len(sealed) - 3):
        with pytest.raises(Unreadable):
            seal.open(sealed[:length])
