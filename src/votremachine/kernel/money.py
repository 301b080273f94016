"""Money is a whole number of minor units (cents) and a currency; floats never enter.

Rounding is half up, away from zero for credits, per line and before any sum: EN 16931-1, 6.4.2 and BR-CO rules.
"""

from collections.abc import Iterable, Sequence

import msgspec

BASIS_POINTS = 10_000


class Money(msgspec.Struct, frozen=True, order=False):
    """An amount in minor units of one currency: `Money(12500, "EUR")` is 125.00 EUR."""

    minor: int
    currency: str = "EUR"

    def __add__(self, other: "Money") -> "Money":
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.minor - self._same(other), self.currency)

    def __mul__(self, quantity: int) -> "Money":
        return Money(self.minor * quantity, self.currency)

    def _same(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not add up")
        return other.minor


def in_words(amount: Money, language: str) -> str:
    """An amount as a sentence names it: "1600,00 EUR" in French ("fr"), "1600.00 EUR" in English."""
    units, cents = divmod(amount.minor, 100)
    return f"{units}{',' if language == 'fr' else '.'}{cents:02} {amount.currency}"


def total(amounts: Iterable[Money], currency: str = "EUR") -> Money:
    """The sum; zero of `currency` when there is nothing to add. ValueError when currencies differ."""
    return sum(amounts, Money(0, currency))


def share(minor: int, rate: int) -> int:
    """`rate` basis points of `minor`, rounded half up (half away from zero below zero)."""
    magnitude = (abs(minor) * rate * 2 + BASIS_POINTS) // (2 * BASIS_POINTS)
    return magnitude if minor >= 0 else -magnitude


def allocate(minor: int, weights: Sequence[int]) -> list[int]:
    """Split `minor` by non-negative integer weights without losing a cent (largest remainder, first wins ties).

    ValueError when no weight is positive.
    """
    whole = sum(weights)
    if whole <= 0 or min(weights) < 0:
        raise ValueError("weights must be non-negative, and one of them positive")
    sign, magnitude = (1, minor) if minor >= 0 else (-1, -minor)
    parts = [magnitude * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(magnitude * weights[i] % whole), i))
    for index in by_remainder[: magnitude - sum(parts)]:
        parts[index] += 1
    return [sign * part for part in parts]
