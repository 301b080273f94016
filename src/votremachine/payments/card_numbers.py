"""Telling the number of a card from other text, so that none is ever taken in, logged or kept. Pure."""

import re

from votremachine.payments.gateway import CardNumberSent

# Digits as people write them, in groups or not; not a part of a longer word, such as an id in hexadecimal.
_DIGITS = re.compile(r"(?<![0-9A-Za-z])(?:\d[ -]?){12,18}\d(?![0-9A-Za-z])")
# Lengths by the first digits, of the networks that are taken anywhere (ISO/IEC 7812-1, Annex B; each network's own).
# A French SIRET has 14 digits and passes the same sum, so 14 are only believed of those that have them.
_NETWORKS = re.compile(
    r"""4(\d{12}|\d{15}|\d{18})               # Visa
    |(5[1-5]|2[2-7])\d{14}                    # Mastercard
    |3[47]\d{13}                              # American Express
    |(30[0-5]|36\d|3[89]\d)\d{11}(\d{2})?     # Diners Club
    |(35|6[0245])\d{14}(\d{0,3})              # JCB, Discover, UnionPay
    |(5[06-8]|6[37])\d{11,17}                 # Maestro
    """,
    re.VERBOSE,
)


def card_numbers_in(text: str) -> list[str]:
    """What looks like the number of a card: digits that a network begins with, as many as it has, and their sum."""
    found = (re.sub(r"[ -]", "", match.group()) for match in _DIGITS.finditer(text))
    return [digits for digits in found if _NETWORKS.fullmatch(digits) and _sums_up(digits)]


def refuse_card_numbers(*texts: str) -> None:
    """Raises `CardNumberSent`, which does not repeat it."""
    if any(card_numbers_in(text) for text in texts):
        raise CardNumberSent("a text of the order looks like the number of a card")


def _sums_up(digits: str) -> bool:
    """Luhn's sum (ISO/IEC 7812-1, Annex B)."""
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(one // 10 + one % 10 for one in doubled) % 10 == 0
