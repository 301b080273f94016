"""What comes back to the renter when a rental is called off, missed or moved. Pure.

The thresholds are those that every quote tells (pricing/rules/words.py), and in the renter's favour to the second: who
cancels just 24 hours before the start is still in time.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from itertools import chain

import msgspec

from votremachine.fleet.rules import Cancellation
from votremachine.kernel.errors import DomainError, Kind
from votremachine.kernel.money import BASIS_POINTS, Money, allocate, share, total
from votremachine.payments.rules.splitting import Split, Taxed, checked, same_currency

ALL, HALF, FIFTH, NOTHING = BASIS_POINTS, BASIS_POINTS // 2, BASIS_POINTS // 5, 0


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


# A member whose booking knows of no charge for short notice (made before there was one) is free until the start.
UNTIL_THE_START = Schedule(timedelta(0), timedelta(0))
SCHEDULES: Mapping[Cancellation, Schedule] = {
    Cancellation.FLEXIBLE: Schedule(timedelta(hours=24), None),
    Cancellation.MODERATE: Schedule(timedelta(days=5), timedelta(hours=24)),
    Cancellation.STRICT: Schedule(timedelta(days=14), timedelta(hours=48)),
    Cancellation.COOPERATIVE: UNTIL_THE_START,
}


class ShortNotice(msgspec.Struct, frozen=True):
    """What a cooperative charges who cancels within `notice` of the start, or does not come: the minimum charge of the
    machine, `minimum` in minor units net, and never more than its price; of one without a minimum, a fifth of that.
    """

    notice: timedelta
    minimum: int = 0

    def back(self, paid: Sequence[Taxed]) -> list[Taxed]:
        """What comes back of each line beyond the charge. The minimum is spread over the lines by their nets."""
        if not self.minimum:
            return [shared(one, BASIS_POINTS - FIFTH) for one in paid]
        nets = [one.net.minor for one in paid]
        charged = allocate(min(self.minimum, sum(nets)), nets) if any(nets) else nets
        return [_without(one, net) for one, net in zip(paid, charged, strict=True)]


class Policy(msgspec.Struct, frozen=True):
    """On what terms a machine's rental may be called off; `short_notice` is a cooperative's."""

    cancellation: Cancellation
    short_notice: ShortNotice | None = None

    @property
    def free_until(self) -> timedelta:
        """How long before the start cancelling is free."""
        return self.short_notice.notice if self.short_notice is not None else SCHEDULES[self.cancellation].free_until

    def back(self, paid: Sequence[Taxed], notice: timedelta) -> list[Taxed]:
        """What comes back of each line to a renter who cancels so long before the start."""
        if self.short_notice is None:
            return [shared(one, SCHEDULES[self.cancellation].refunded(notice)) for one in paid]
        return self.short_notice.back(paid) if notice < self.short_notice.notice else list(paid)

    def missed(self, paid: Sequence[Taxed]) -> list[Taxed]:
        """What comes back of each line to a renter who did not come: nothing, but beyond a cooperative's charge."""
        return [shared(one, NOTHING) for one in paid] if self.short_notice is None else self.short_notice.back(paid)


Hired = Iterable[tuple[Policy, Sequence[Taxed]]]  # by machine: its terms, and what was paid for it


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


def cancelled(hired: Hired, parts: Split, notice: timedelta, *, by: CalledOffBy) -> Refund:
    """What comes back of a rental that is called off so long before its start: all of it, the fee included, unless the
    renter does it. Raises `NothingPaid`, `CurrenciesDiffer`, `PartsDisagree`.
    """
    if by is not CalledOffBy.RENTER:
        return refund([one for _, paid in hired for one in paid], parts, ALL)
    rated = [(paid, policy.back(paid, notice)) for policy, paid in hired]
    return refund_lines(chain.from_iterable(zip(paid, back, strict=True) for paid, back in rated), parts)


def missed(hired: Hired, parts: Split) -> Refund:
    """What comes back to who did not come. Raises as `cancelled` does."""
    rated = [(paid, policy.missed(paid)) for policy, paid in hired]
    return refund_lines(chain.from_iterable(zip(paid, back, strict=True) for paid, back in rated), parts)


def refund(paid: Iterable[Taxed], parts: Split, rate: int) -> Refund:
    """So many basis points of every line. Raises as `cancelled` does."""
    return refund_lines(((one, shared(one, rate)) for one in paid), parts)


def refund_lines(paid: Iterable[tuple[Taxed, Taxed]], parts: Split) -> Refund:
    """Of each line what comes back of it; raises as `cancelled` does.

    What is kept is divided as the whole was, to the cent, by the largest remainder.
    """
    known = list(paid)
    lines, back = checked(line for line, _ in known), tuple(given for _, given in known)
    currency = lines[0].net.currency
    same_currency(lines[0].net, parts.owner, parts.fee, parts.fee_vat)
    whole = total((line.total for line in lines), currency)
    if parts.total != whole:
        raise PartsDisagree(divided=parts.total.minor, paid=whole.minor)
    to_renter = total((line.total for line in back), currency)
    weights = [parts.owner.minor, parts.fee.minor, parts.fee_vat.minor]
    kept = allocate((whole - to_renter).minor, weights)
    given = [weight - part for weight, part in zip(weights, kept, strict=True)]
    return Refund(back, to_renter, _split(kept, currency), _split(given, currency))


def shared(one: Taxed, rate: int) -> Taxed:
    """So many basis points of a line, net and VAT rounded half up by themselves."""
    currency = one.net.currency
    return Taxed(Money(share(one.net.minor, rate), currency), Money(share(one.vat.minor, rate), currency))


def _without(one: Taxed, charged: int) -> Taxed:
    """A line less so much of its net, and the VAT on that, half up."""
    net, vat = one.net.minor, one.vat.minor
    of_charge = (2 * vat * charged + net) // (2 * net) if net else 0
    return Taxed(Money(net - charged, one.net.currency), Money(vat - of_charge, one.vat.currency))


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
