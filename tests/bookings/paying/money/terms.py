"""The oracle: what each renter should have paid in the end and who should have it, by the terms, in plain cents.

Written from docs/ledger.md and docs/paying.md alone: it imports nothing of the code that it judges.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

MOMENT, HOUR, DAY = timedelta(microseconds=1), timedelta(hours=1), timedelta(days=1)
# Where all the machines stand.
ZONE = ZoneInfo("Europe/Paris")
# How long before the start all comes back, and how long half of it; after that nothing. None: half for ever.
POLICIES: dict[str, tuple[timedelta, timedelta | None]] = {
    "flexible": (24 * HOUR, None),
    "moderate": (5 * DAY, 24 * HOUR),
    "strict": (14 * DAY, 48 * HOUR),
}
# A booking that is paid for, or will be once its money is captured.
PAID = {"confirmed", "in_use", "returned", "completed", "no_show"}
# One whose renter owes what its cards have not paid, and pays it when they like.
DUE = PAID - {"no_show"}


@dataclass(frozen=True)
class Shares:
    """What of a rental stays with whom: the owner, the platform as its fee, and the VAT on that."""

    owner: int = 0
    fee: int = 0
    vat: int = 0

    @property
    def total(self) -> int:
        return self.owner + self.fee + self.vat


@dataclass(frozen=True)
class Listing:
    """What an owner offers a machine for: its terms, and in cents without VAT its price, by the local date that is
    touched or by the hectare, and its deposit.
    """

    policy: str
    asks: bool = False
    day: int = 0
    hectare: int = 0
    deposit: int = 0


@dataclass(frozen=True)
class Part:
    """What one machine of a booking costs, and the terms on which it may be called off."""

    policy: str
    net: int
    vat: int


@dataclass
class Rental:
    """What the test did with a booking, as far as its money goes. `paid` once it stood by a card's money."""

    renter: UUID
    machines: dict[UUID, Listing]
    start: datetime
    end: datetime
    # Thousandths of a hectare: first as they were estimated, then as both sides agree.
    used: int = 0
    settled: bool = False
    # What was said of it last, by which side, and the id of that word.
    said: tuple[int, str, UUID] | None = None
    state: str = "held"
    on_account: bool = False
    paid: bool = False
    # When and by whom it was called off, if it was: "renter", "owner", "platform".
    called_off: tuple[datetime, str] | None = None
    tried: set[UUID] = field(default_factory=set)
    # Other times that somebody wants to pay the difference for.
    wishes: list[tuple[datetime, datetime]] = field(default_factory=list)

    @property
    def parts(self) -> dict[UUID, Part]:
        return self._parts(self.used)

    def costs(self, used: int) -> int:
        """The whole price, if so much is used."""
        return sum(part.net + part.vat for part in self._parts(used).values())

    def _parts(self, used: int) -> dict[UUID, Part]:
        """One line for each: so many dates or hectares, net and VAT (20 %) each rounded."""
        dates = ((self.end - MOMENT).astimezone(ZONE).date() - self.start.astimezone(ZONE).date()).days + 1
        parts = {}
        for machine, listing in self.machines.items():
            net = half_up(listing.hectare * used, 1000) if listing.hectare else listing.day * dates
            parts[machine] = Part(listing.policy, net, half_up(net * 20, 100))
        return parts

    @property
    def metered(self) -> bool:
        return any(listing.hectare for listing in self.machines.values())

    @property
    def net(self) -> int:
        return sum(part.net for part in self.parts.values())

    @property
    def total(self) -> int:
        return self.costs(self.used)

    @property
    def deposit(self) -> int:
        return sum(listing.deposit for listing in self.machines.values())

    @property
    def asks(self) -> bool:
        """Whether an owner is asked."""
        return any(listing.asks for listing in self.machines.values())

    def kept(self) -> int:
        """What the renter has paid for good."""
        if self.on_account or not self.paid:
            return 0
        if self.state in PAID:
            return self.total
        if self.state != "cancelled" or self.called_off is None:
            return 0
        at, by = self.called_off
        return self.total - self._back(at) if by == "renter" else 0

    def shares(self) -> Shares:
        """Of what is kept: 8 % of the net to the platform, 20 % VAT on that; a part of it in the same proportions."""
        fee = half_up(self.net * 8, 100)
        vat = half_up(fee * 20, 100)
        return Shares(*divided(self.kept(), [self.total - fee - vat, fee, vat]))

    def _back(self, at: datetime) -> int:
        """What comes back to a renter who calls it off: of each machine by its own terms, net and VAT each rounded."""
        rated = [(part, _per_cent(part.policy, self.start - at)) for part in self.parts.values()]
        return sum(half_up(part.net * rate, 100) + half_up(part.vat * rate, 100) for part, rate in rated)


def half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)


def divided(amount: int, weights: list[int]) -> list[int]:
    """By the largest remainder, so that nothing is lost; the first of equals has the cent."""
    whole = sum(weights) or 1
    parts = [amount * weight // whole for weight in weights]
    owed = sorted(range(len(weights)), key=lambda i: -(amount * weights[i] % whole))
    for i in owed[: amount - sum(parts)]:
        parts[i] += 1
    return parts


def _per_cent(policy: str, notice: timedelta) -> int:
    all_until, half_until = POLICIES[policy]
    if notice >= all_until:
        return 100
    return 50 if half_until is None or notice >= half_until else 0
