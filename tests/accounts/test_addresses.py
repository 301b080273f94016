"""E-mail addresses and phone numbers: one form of each is kept, however they are written."""

import msgspec
import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from votremachine.accounts.addresses import NotAPhoneNumber, OneAddress, e164, is_phone, one_address
from votremachine.accounts.schemas import Addressed

WISH = msgspec.json.Decoder(Addressed)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("06 12 34 56 78", "+33612345678"),
        ("0612345678", "+33612345678"),
        ("06.12.34.56.78", "+33612345678"),
        ("+33 6 12 34 56 78", "+33612345678"),
        ("+33 (0)6 12 34 56 78", "+33612345678"),
        ("+33(0)612345678", "+33612345678"),
        ("0033 6 12 34 56 78", "+33612345678"),
        ("  07-81-23-45-67 ", "+33781234567"),
        ("05 58 12 34 56", "+33558123456"),
        # Overseas, each with its own prefix: La Réunion and Mayotte, Guadeloupe, Martinique, Guyane.
        ("+262 692 12 34 56", "+262692123456"),
        ("+262 639 00 12 34", "+262639001234"),
        ("+590 690 12 34 56", "+590690123456"),
        ("+596 696 12 34 56", "+596696123456"),
        ("+594 694 12 34 56", "+594694123456"),
        ("+49 1512 3456789", "+4915123456789"),
        ("+32 470 12 34 56", "+32470123456"),
    ],
)
def test_a_number_is_kept_in_one_form(written: str, kept: str) -> None:
    assert one_address(None, written) == e164(written) == kept
    assert e164(kept) == kept
    assert is_phone(kept)


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "+",
        "06 12 34 56 7",
        "06 12 34 56 78 9",
        "00 00 00 00 00",
        "+33 6 12",
        "+999 6 12 34 56 78",
        "112",
        "claire",
        "06 CLAIRE 12",
        "0 800 FERMES",
        "06 12 34 56 78 ext. 5",
        "tel:+33612345678",
        "+33612345678;ext=5",
        "0" * 10_000,
        "06\x0012345678",
        "06 12 34 56 78 #5",
    ],
)
def test_what_is_no_number_is_told_so(written: str) -> None:
    with pytest.raises(NotAPhoneNumber) as refusal:
        one_address(None, written)
    assert refusal.value.pointer == "/phone"


@pytest.mark.parametrize("written", ["٠٦١٢٣٤٥٦٧٨", "０６１２３４５６７８"])
def test_digits_of_other_scripts_are_the_digits_they_are(written: str) -> None:
    assert e164(written) == "+33612345678"


@given(st.text() | st.from_regex(r"^[+0-9٠-٩０-９()/x;. -]{0,25}\Z"))
def test_any_text_is_a_number_in_one_form_or_none(written: str) -> None:
    try:
        kept = e164(written)
    except NotAPhoneNumber:
        return
    assert kept.startswith("+")
    assert kept[1:].isascii()
    assert kept[1:].isdecimal()
    assert e164(kept) == kept


@given(st.sampled_from(["FR", "RE", "GP", "MQ", "GF", "DE", "ES", "BE", "CH", "IT"]))
def test_a_number_of_each_neighbour_is_taken_as_its_people_write_it(region: str) -> None:
    number = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    assert number is not None
    for form in (phonenumbers.PhoneNumberFormat.INTERNATIONAL, phonenumbers.PhoneNumberFormat.E164):
        assert e164(phonenumbers.format_number(number, form)) == f"+{number.country_code}{number.national_number}"


def test_an_email_is_kept_in_lower_case() -> None:
    assert one_address("Claire.Dupré@Ferme.EXAMPLE", None) == "claire.dupré@ferme.example"
    assert not is_phone("claire@ferme.example")


@pytest.mark.parametrize(("email", "phone"), [(None, None), ("claire@ferme.example", "0612345678")])
def test_it_is_one_of_the_two(email: str | None, phone: str | None) -> None:
    with pytest.raises(OneAddress):
        one_address(email, phone)


@pytest.mark.parametrize(
    "email",
    [
        "claire@ferme.example",
        "claire.o'neil+tracteurs@la-ferme.example",
        "claire@une.grande.ferme.example",
        "dupré@ferme-crémière.example",
    ],
)
def test_an_email_that_may_exist_is_taken(email: str) -> None:
    assert WISH.decode(msgspec.json.encode({"email": email})).address() == email


@pytest.mark.parametrize(
    "email",
    [
        "",
        "claire",
        "claire@",
        "@ferme.example",
        "claire@ferme",
        "claire@@ferme.example",
        "claire@ferme.example@autre.example",
        "claire @ferme.example",
        "claire@ferme.example ",
        "claire@ferme.example\n",
        "claire@ferme.example\r\nBcc: tous@ferme.example",
        "claire@ferme.example,paul@ferme.example",
        "claire@ferme.example;paul@ferme.example",
        "Claire <claire@ferme.example>",
        '"claire"@ferme.example',
        "clai\x00re@ferme.example",
        "clai\u200bre@ferme.example",
        "c" * 250 + "@ferme.example",
    ],
)
def test_what_is_no_email_stops_at_the_door(email: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        WISH.decode(msgspec.json.encode({"email": email}))
