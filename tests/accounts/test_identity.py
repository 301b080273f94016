"""The numbers by which the law knows a party: the right ones in one form, and each wrong one told as what it is."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import iban as iban_number

from votremachine.accounts.identity import (
    BadIban,
    BadSiren,
    BadSiret,
    BadVatNumber,
    OtherSiren,
    check_iban,
    check_numbers,
    check_siren,
    check_siret,
    check_vat_number,
    masked,
)
from votremachine.kernel.errors import DomainError

Check = Callable[[str], str]
# Renault, La Poste, and the example of the tax office.
RENAULT, RENAULT_SEAT, LA_POSTE = "780129987", "78012998703591", "356000000"
IBAN = "FR7630006000011234567890189"


@pytest.mark.parametrize(
    ("check", "written", "kept"),
    [
        (check_siren, "303265045", "303265045"),
        (check_siren, " 303 265 045 ", "303265045"),
        (check_siren, "303.265.045", "303265045"),
        (check_siren, LA_POSTE, LA_POSTE),
        (check_siret, RENAULT_SEAT, RENAULT_SEAT),
        (check_siret, "780 129 987 03591", RENAULT_SEAT),
        # La Poste: its seat by Luhn, its offices by a sum that 5 divides.
        (check_siret, "356 000 000 00048", "35600000000048"),
        (check_siret, "356 000 000 49837", "35600000049837"),
        (check_vat_number, "FR40303265045", "FR40303265045"),
        (check_vat_number, "fr 40 303 265 045", "FR40303265045"),
        (check_vat_number, "DE136695976", "DE136695976"),
        (check_vat_number, "DE 136,695 976", "DE136695976"),
        (check_vat_number, "BE 0428.759.497", "BE0428759497"),
        (check_vat_number, "ES B-58378431", "ESB58378431"),
        (check_vat_number, "EL 094259216", "EL094259216"),
        (check_iban, "FR76 3000 6000 0112 3456 7890 189", IBAN),
        (check_iban, "fr76-3000-6000-0112-3456-7890-189", IBAN),
        (check_iban, "BE71 0961 2345 6769", "BE71096123456769"),
        (check_iban, "DE89 3704 0044 0532 0130 00", "DE89370400440532013000"),
        (check_iban, "MC58 1122 2000 0101 2345 6789 030", "MC5811222000010123456789030"),
    ],
)
def test_a_right_number_is_kept_in_one_form(check: Check, written: str, kept: str) -> None:
    assert check(written) == kept
    assert check(kept) == kept


@pytest.mark.parametrize(
    ("check", "error", "pointer", "written"),
    [
        (check, error, pointer, written)
        for check, error, pointer, wrong in (
            (check_siren, BadSiren, "/siren", ("303265046", "30326504", "3032650450", "30326504A", RENAULT_SEAT)),
            (
                check_siret,
                BadSiret,
                "/siret",
                ("78012998703592", RENAULT, "780129987035910", "35600000049838", "7801299870359A", "44444444444444"),
            ),
            (
                check_vat_number,
                BadVatNumber,
                "/vat_number",
                # Another key, another SIREN, no prefix, not of the Union, a prefix only, a prefix of nobody.
                (
                    "FR41303265045",
                    "FR40303265046",
                    "303265045",
                    "CHE107787577IVA",
                    "GB980780684",
                    "FR",
                    "XX123456789",
                    "DE136695978",
                ),
            ),
            (
                check_iban,
                BadIban,
                "/iban",
                # A wrong key, one digit too few, another country's length, a country without IBAN, a wrong RIB key.
                (
                    "FR7730006000011234567890189",
                    "FR763000600001123456789018",
                    "DE7630006000011234567890189",
                    "US7630006000011234567890189",
                    "FR",
                    "7630006000011234567890189",
                ),
            ),
        )
        for written in ("", " ", "FR٤٠٣٠٣٢٦٥٠٤٥", "²²²²²²²²²", "\x00", "'; DROP TABLE parties; --", *wrong)
    ],
)
def test_a_wrong_number_is_told_as_what_it_is(
    check: Check, error: type[DomainError], pointer: str, written: str
) -> None:
    with pytest.raises(error) as refusal:
        check(written)
    assert refusal.value.pointer == pointer


PREFIXES = ("FR", "DE", "BE", "ES", "IT", "NL", "EL", "GR", "PT", "IE", "AT", "LU", "XI", "EU", "IM", "BG", "CZ", "SE")
ODD = st.text(st.sampled_from("0123456789ABCKXZ٠٣٩²⑨𝟗五 .-/,'\n\x00é"), max_size=40)


@given(st.sampled_from(PREFIXES) | st.just(""), ODD | st.text(max_size=40))
def test_any_text_is_a_number_in_one_form_or_a_typed_error(prefix: str, rest: str) -> None:
    known: list[tuple[Check, type[DomainError]]] = [
        (check_siren, BadSiren),
        (check_siret, BadSiret),
        (check_vat_number, BadVatNumber),
        (check_iban, BadIban),
    ]
    for check, error in known:
        try:
            kept = check(prefix + rest)
        except error:
            continue
        assert kept.isascii()
        assert kept.isalnum()
        assert check(kept) == kept


@given(st.from_regex(r"^[A-Z]{2}[0-9]{2}[0-9A-Z]{8,30}\Z"))
def test_any_iban_of_the_right_key_is_taken_or_told(text: str) -> None:
    right = text[:2] + iban_number.calc_check_digits(text) + text[4:]
    try:
        assert check_iban(right) == right
    except BadIban:
        return


@given(st.from_regex(r"^[0-9]{9}[0-9]{5}\Z"))
def test_one_wrong_digit_is_always_seen(text: str) -> None:
    """Luhn sees every single one."""
    rights = [text[:8] + last for last in "0123456789" if not _refused(check_siren, text[:8] + last)]
    assert len(rights) == 1


def _refused(check: Check, text: str) -> bool:
    try:
        check(text)
    except DomainError:
        return True
    return False


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ((None, None, None), (None, None, None)),
        (("303 265 045", None, None), ("303265045", None, None)),
        ((None, RENAULT_SEAT, None), (RENAULT, RENAULT_SEAT, None)),
        ((RENAULT, RENAULT_SEAT, None), (RENAULT, RENAULT_SEAT, None)),
        (("303265045", None, "FR40 303 265 045"), ("303265045", None, "FR40303265045")),
        # A number of another country belongs to no SIREN, and says nothing of one.
        ((RENAULT, None, "DE136695976"), (RENAULT, None, "DE136695976")),
        ((None, None, "FR40303265045"), (None, None, "FR40303265045")),
    ],
)
def test_the_numbers_of_one_company_agree(
    given: tuple[str | None, str | None, str | None], kept: tuple[str | None, ...]
) -> None:
    assert check_numbers(*given) == kept


@pytest.mark.parametrize(
    ("given", "error", "pointer"),
    [
        (("303265045", RENAULT_SEAT, None), OtherSiren, "/siret"),
        ((LA_POSTE, RENAULT_SEAT, None), OtherSiren, "/siret"),
        ((RENAULT, None, "FR40303265045"), OtherSiren, "/vat_number"),
        ((None, RENAULT_SEAT, "FR40303265045"), OtherSiren, "/vat_number"),
        (("303265046", None, None), BadSiren, "/siren"),
        ((None, "78012998703592", None), BadSiret, "/siret"),
        ((RENAULT, None, "FR41303265045"), BadVatNumber, "/vat_number"),
    ],
)
def test_numbers_of_two_companies_are_refused(
    given: tuple[str | None, str | None, str | None], error: type[DomainError], pointer: str
) -> None:
    with pytest.raises(error) as refusal:
        check_numbers(*given)
    assert refusal.value.pointer == pointer


# The shortest (Norway's, 15) and the longest (Malta's, 31) that there are.
@pytest.mark.parametrize("iban", [IBAN, "NO9386011117947", "MT84MALT011000012345MTLCAST001S"])
def test_of_an_iban_only_the_ends_are_shown(iban: str) -> None:
    shown = masked(check_iban(iban))
    assert shown == f"{iban[:4]} … {iban[-4:]}"
    assert iban[4:-4] not in shown
    assert sum(letter.isalnum() for letter in shown) == 8


@given(st.text(max_size=40))
def test_masked_shows_eight_characters_at_most(text: str) -> None:
    assert len(masked(text)) <= 8 + len(" … ")
