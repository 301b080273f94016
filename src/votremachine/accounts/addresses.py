"""Where a person can be reached, and how they sign in: an e-mail address or a phone number. Pure."""

import phonenumbers

from votremachine.kernel.errors import DomainError

# A number without a country's prefix is French: our users write 06 12 34 56 78.
HOME = "FR"


class NotAPhoneNumber(DomainError):
    code = "not_a_phone_number"
    en = "This is not a phone number that exists. Write it with its country's prefix, such as +33 6 12 34 56 78."
    fr = "Ce numéro de téléphone n'existe pas. Écrivez-le avec son indicatif, par exemple +33 6 12 34 56 78."


class OneAddress(DomainError):
    code = "one_address"
    en = "Give an e-mail address or a phone number: one of the two."
    fr = "Donnez une adresse électronique ou un numéro de téléphone : l'un des deux."


def one_address(email: str | None, phone: str | None) -> str:
    """The address as it is kept: an e-mail in lower case, or a number in E.164 (`+33612345678`).

    Raises `OneAddress` when there is none or both, `NotAPhoneNumber`.
    """
    if (email is None) == (phone is None):
        raise OneAddress(pointer="/email")
    return email.lower() if email is not None else e164(phone or "")


def e164(phone: str) -> str:
    """A phone number with its country's prefix and nothing else (ITU-T E.164); raises `NotAPhoneNumber`."""
    try:
        number = phonenumbers.parse(phone, HOME)
    except phonenumbers.NumberParseException as error:
        raise NotAPhoneNumber(pointer="/phone") from error
    # phonenumbers reads letters as the keys they stand on; and to an extension no SMS can be sent.
    if not phonenumbers.is_valid_number(number) or number.extension or any(letter.isalpha() for letter in phone):
        raise NotAPhoneNumber(pointer="/phone")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def is_phone(address: str) -> bool:
    """Whether a kept address is a number: an e-mail address has an @."""
    return "@" not in address
