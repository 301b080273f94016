"""What comes back to the renter when a rental is called off, missed or moved. Pure.

The thresholds are those that every quote tells (pricing/rules/words.py), and in the renter's favour to the second: who
cancels just 24 hours before the start is still in time.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from votremachine.fleet.rules import Cancellation
from votremachine.kernel.errors import DomainError, Kind
from votremachine.kernel.money import BASIS_POINTS, Money, allocate, share, total
from votremachine.payments.rules.splitting import Split, Taxed, checked, same_currency

ALL, HALF, NOTHING = BASIS_POINTS, BASIS_POINTS // 2, 0


class PartsDisagree(DomainError):
    kind = Kind.FAULT
    code = "parts_disagree"
    en = "The parts come to {divided} and the lines to {paid}, in minor units."
    fr = "Les parts font {divided} et les lignes {paid}, en unités mineures."


class CalledOffBy(StrEnum):
    """Whose doing it is that nothing came of a rental."""

    RENTER = "renter"
    OWNER = "owner"
    PLATFORM = "platform"  # nobody answered, or it should never have been sold


class Schedule(msgspec.Struct, frozen=True):
    """How long before the start cancelling is free, and how long half of the price comes back; forever with None."""

    free_until: timedelta
    half_until: timedelta | None

    def refunded(self, notice: timedelta) -> int:
        """The basis points that come back to who cancels so long before the start (below zero: after it)."""
        if notice >= self.free_until:
            return ALL
        return HALF if self.half_until is None or notice >= self.half_until else NOTHING


# A cooperative whose own rules say nothing lets its members off until the start.
UNTIL_THE_START = Schedule(timedelta(0), timedelta(0))
SCHEDULES: Mapping[Cancellation, Schedule] = {
    Cancellation.FLEXIBLE: Schedule(timedelta(hours=24), None),
    Cancellation.MODERATE: Schedule(timedelta(days=5), timedelta(hours=24)),
    Cancellation.STRICT: Schedule(timedelta(days=14), timedelta(hours=48)),
    Cancellation.COOPERATIVE: UNTIL_THE_START,
}


class Refund(msgspec.Struct, frozen=True):
    """`lines` is what comes back of each line that was paid, and comes to `to_renter`.

    `kept` is what owner and platform keep, `back` what each gives: `kept + back` are the parts as they were, each of
    them, and no part of either is below zero.
    """

    lines: tuple[Taxed, ...]
    to_renter: Money
    kept: Split
    back: Split


class Difference(msgspec.Struct, frozen=True):
    """What a change costs (`charge`) or gives back (`refund`), one of them zero, and what each part gains by it.

    A part may lose a cent where the whole gains: fees are rounded anew.
    """

    charge: Money
    refund: Money
    owner: Money
    fee: Money
    fee_vat: Money


def cancelled(
    policy: Cancellation,
    start: datetime,
    at: datetime,
    paid: Iterable[Taxed],
    parts: Split,
    *,
    by: CalledOffBy,
    own_rules: Schedule | None = None,
) -> Refund:
    """What comes back of a rental that is called off; all of it, the fee included, unless the renter does it.

    `own_rules` are those of a cooperative, for its policy. Raises `NothingPaid`, `CurrenciesDiffer`, `PartsDisagree`.
    """
    return refund(paid, parts, rate_of(policy, start, at, by=by, own_rules=own_rules))


def rate_of(
    policy: Cancellation, start: datetime, at: datetime, *, by: CalledOffBy, own_rules: Schedule | None = None
) -> int:
    """The basis points that come back of a rental that is called off at `at`."""
    schedule = SCHEDULES[policy]
    if policy is Cancellation.COOPERATIVE and own_rules is not None:
        schedule = own_rules
    return schedule.refunded(start - at) if by is CalledOffBy.RENTER else ALL


def missed(paid: Iterable[Taxed], parts: Split) -> Refund:
    """Nothing comes back to who did not come, whatever the policy. Raises as `cancelled` does."""
    return refund(paid, parts, NOTHING)


def refund(paid: Iterable[Taxed], parts: Split, rate: int) -> Refund:
    """So many basis points of every line, as `refund_each` gives them."""
    return refund_each(((one, rate) for one in paid), parts)


def refund_each(paid: Iterable[tuple[Taxed, int]], parts: Split) -> Refund:
    """Of each line its own basis points, net and VAT rounded half up by themselves; raises as `cancelled` does.

    What is kept is divided as the whole was, to the cent, by the largest remainder.
    """
    rated = list(paid)
    lines = checked(line for line, _ in rated)
    currency = lines[0].net.currency
    same_currency(lines[0].net, parts.owner, parts.fee, parts.fee_vat)
    whole = total((line.total for line in lines), currency)
    if parts.total != whole:
        raise PartsDisagree(divided=parts.total.minor, paid=whole.minor)
    back = tuple(
        Taxed(Money(share(one.net.minor, rate), currency), Money(share(one.vat.minor, rate), currency))
        for one, rate in rated
    )
    to_renter = total((line.total for line in back), currency)
    weights = [parts.owner.minor, parts.fee.minor, parts.fee_vat.minor]
    kept = allocate((whole - to_renter).minor, weights)
    given = [weight - part for weight, part in zip(weights, kept, strict=True)]
    return Refund(back, to_renter, _split(kept, currency), _split(given, currency))


def difference(old: Split, new: Split) -> Difference:
    """What moving or extending a rental costs or gives back. Raises `CurrenciesDiffer`."""
    same_currency(old.owner, old.fee, old.fee_vat, new.owner, new.fee, new.fee_vat)
    change = new.total - old.total
    none = Money(0, change.currency)
    return Difference(
        charge=max(change, none, key=_minor),
        refund=max(none - change, none, key=_minor),
        owner=new.owner - old.owner,
        fee=new.fee - old.fee,
        fee_vat=new.fee_vat - old.fee_vat,
    )


def _minor(amount: Money) -> int:
    return amount.minor


def _split(parts: list[int], currency: str) -> Split:
    owner, fee, fee_vat = parts
    return Split(Money(owner, currency), Money(fee, currency), Money(fee_vat, currency))
