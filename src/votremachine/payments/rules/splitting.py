"""What of a rental is the owner's and what the platform's, to the cent. Pure."""

from collections.abc import Iterable, Sequence
from typing import Self

import msgspec

from votremachine.config import Settings
from votremachine.kernel.errors import DomainError, Kind
from votremachine.kernel.money import BASIS_POINTS, Money, share, total


class CurrenciesDiffer(DomainError):
    kind = Kind.FAULT
    code = "currencies_differ"
    en = "{one} and {other} are not one amount."
    fr = "{one} et {other} ne font pas un seul montant."


class NothingPaid(DomainError):
    kind = Kind.FAULT
    code = "nothing_paid"
    en = "There is no amount to divide, or it is below zero."
    fr = "Il n'y a aucun montant à partager, ou il est négatif."


class RateOutOfRange(DomainError):
    kind = Kind.FAULT
    code = "rate_out_of_range"
    en = "A rate of {rate} basis points is not between 0 and 10,000."
    fr = "Un taux de {rate} points de base n'est pas entre 0 et 10 000."


class FeeExceedsRental(DomainError):
    kind = Kind.FAULT
    code = "fee_exceeds_rental"
    en = "The fee and its VAT come to more than the rental."
    fr = "La commission et sa TVA dépassent la location."


class Taxed(msgspec.Struct, frozen=True):
    """What is paid at one rate of VAT: the net amount, and its VAT as it was told."""

    net: Money
    vat: Money

    @property
    def total(self) -> Money:
        return self.net + self.vat


class Split(msgspec.Struct, frozen=True):
    """The parts of what a renter pays: the owner's (their VAT included), the platform's fee, and the fee's VAT."""

    owner: Money
    fee: Money
    fee_vat: Money

    @property
    def total(self) -> Money:
        return self.owner + self.fee + self.fee_vat


class Fee(msgspec.Struct, frozen=True):
    """What the platform takes of a rental, in basis points: a share of the net, and the VAT on that share."""

    rate: int = 800
    vat_rate: int = 2000

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """As the operator set it."""
        return cls(settings.platform_fee_bp, settings.platform_fee_vat_bp)


STANDARD_FEE = Fee()


def split(rental: Iterable[Taxed], fee_rate: int, vat_rate: int) -> Split:
    """The parts of a rental. Rates in basis points; the fee is a share of the net, and has VAT of its own.

    Both are rounded half up (EN 16931); the owner has all the rest, so no cent is lost. Raises `NothingPaid`,
    `CurrenciesDiffer`, `RateOutOfRange`, `FeeExceedsRental`.
    """
    paid = checked(rental)
    for rate in (fee_rate, vat_rate):
        if not 0 <= rate <= BASIS_POINTS:
            raise RateOutOfRange(rate=rate)
    currency = paid[0].net.currency
    net = total((one.net for one in paid), currency)
    fee = Money(share(net.minor, fee_rate), currency)
    fee_vat = Money(share(fee.minor, vat_rate), currency)
    owner = total((one.total for one in paid), currency) - fee - fee_vat
    if owner.minor < 0:
        raise FeeExceedsRental
    return Split(owner, fee, fee_vat)


def checked(paid: Iterable[Taxed]) -> Sequence[Taxed]:
    """What was paid, if it is something and of one currency. Raises `NothingPaid`, `CurrenciesDiffer`."""
    several = list(paid)
    amounts = [amount for one in several for amount in (one.net, one.vat)]
    same_currency(*amounts)
    if not any(amount.minor for amount in amounts) or min(amount.minor for amount in amounts) < 0:
        raise NothingPaid
    return several


def same_currency(*amounts: Money) -> None:
    """Raises `CurrenciesDiffer`."""
    currencies = sorted({amount.currency for amount in amounts})
    if len(currencies) > 1:
        raise CurrenciesDiffer(one=currencies[0], other=currencies[1])
