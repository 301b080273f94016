"""A party as the law knows it: SIREN, SIRET, VAT number, IBAN. Pure; the checks are python-stdnum's."""

import msgspec
from stdnum import iban as iban_number
from stdnum.eu import vat
from stdnum.exceptions import ValidationError
from stdnum.fr import siren as siren_number
from stdnum.fr import siret as siret_number

from votremachine.kernel.errors import DomainError

SHOWN = 4  # characters of an IBAN at either end


class Identity(msgspec.Struct, frozen=True):
    """Who a party is on paper; what it has not told is None or empty."""

    name: str
    legal_name: str
    street: str
    postcode: str
    commune: str
    siren: str | None = None
    siret: str | None = None
    vat_number: str | None = None

    @property
    def called(self) -> str:
        """The name that stands on paper."""
        return self.legal_name or self.name


class BadSiren(DomainError):
    code = "bad_siren"
    en = "A SIREN has 9 digits, the last of which checks the others: this one does not."
    fr = "Un SIREN compte 9 chiffres dont le dernier vérifie les autres : celui-ci est faux."


class BadSiret(DomainError):
    code = "bad_siret"
    en = "A SIRET is the SIREN and 5 digits, the last of which checks the others: this one does not."
    fr = "Un SIRET est le SIREN suivi de 5 chiffres dont le dernier vérifie les autres : celui-ci est faux."


class OtherSiren(DomainError):
    code = "other_siren"
    en = "This SIRET or VAT number belongs to another SIREN."
    fr = "Ce SIRET ou ce numéro de TVA appartient à un autre SIREN."


class BadVatNumber(DomainError):
    code = "bad_vat_number"
    en = "This is not a VAT number of the European Union, such as FR40303265045."
    fr = "Ce n'est pas un numéro de TVA intracommunautaire, par exemple FR40303265045."


class BadIban(DomainError):
    code = "bad_iban"
    en = "This is not an IBAN: its check digits do not agree with the rest."
    fr = "Ce n'est pas un IBAN : sa clé ne correspond pas au reste."


def check_siren(text: str) -> str:
    """The 9 digits (INSEE; Luhn); raises `BadSiren`."""
    try:
        return str(siren_number.validate(text))
    except ValidationError as error:
        raise BadSiren(pointer="/siren") from error


def check_siret(text: str) -> str:
    """The 14 digits (INSEE; Luhn, and La Poste's own sum); raises `BadSiret`."""
    try:
        return str(siret_number.validate(text))
    except ValidationError as error:
        raise BadSiret(pointer="/siret") from error


def check_vat_number(text: str) -> str:
    """A number of any member state, its prefix included; raises `BadVatNumber`. Whether it is in use, VIES knows."""
    try:
        return str(vat.validate(text))
    except ValidationError as error:
        raise BadVatNumber(pointer="/vat_number") from error


def check_iban(text: str) -> str:
    """Letters and digits only (ISO 13616; modulo 97); raises `BadIban`."""
    try:
        return str(iban_number.validate(text))
    except ValidationError as error:
        raise BadIban(pointer="/iban") from error


def masked(iban: str) -> str:
    """What may be shown of an IBAN: its country, its key and its end."""
    return f"{iban[:SHOWN]} … {iban[-SHOWN:]}"


def check_numbers(siren: str | None, siret: str | None, vat_number: str | None) -> tuple[str | None, ...]:
    """SIREN, SIRET and VAT number as they are kept; a SIRET alone brings its SIREN. None stays none.

    Raises `BadSiren`, `BadSiret`, `BadVatNumber`, and `OtherSiren` when they are of different companies.
    """
    siren = check_siren(siren) if siren else None
    siret = check_siret(siret) if siret else None
    vat_number = check_vat_number(vat_number) if vat_number else None
    siren = siren or (siret[:9] if siret else None)
    if siret and siret[:9] != siren:
        raise OtherSiren(pointer="/siret")
    # A French number is FR, a key, and the SIREN (CGI art. 286 ter).
    if vat_number and siren and vat_number.startswith("FR") and vat_number[4:] != siren:
        raise OtherSiren(pointer="/vat_number")
    return siren, siret, vat_number
