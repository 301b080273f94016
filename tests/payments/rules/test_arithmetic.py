"""Shares, refunds and differences: no cent is lost, nobody gets what was not paid, and quotes are kept."""

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from votremachine.fleet.rules import Cancellation
from votremachine.kernel.money import Money
from votremachine.payments.rules.refunding import (
    CalledOffBy,
    PartsDisagree,
    Refund,
    Schedule,
    cancelled,
    difference,
    missed,
    refund,
)
from votremachine.payments.rules.splitting import (
    CurrenciesDiffer,
    FeeExceedsRental,
    NothingPaid,
    RateOutOfRange,
    Split,
    Taxed,
    split,
)

START = datetime(2027, 3, 9, 7, tzinfo=UTC)
HOUR = timedelta(hours=1)
BY_RENTER, BY_OWNER = CalledOffBy.RENTER, CalledOffBy.OWNER
POLICIES = (Cancellation.FLEXIBLE, Cancellation.MODERATE, Cancellation.STRICT)


def taxed(net: int, vat: int = 0, currency: str = "EUR") -> Taxed:
    return Taxed(Money(net, currency), Money(vat, currency))


amounts = st.integers(0, 10**9)
nets = st.lists(st.builds(taxed, amounts, amounts), min_size=1, max_size=4).filter(
    lambda lines: any(line.total.minor for line in lines)
)
fee_rates, vat_rates = st.integers(0, 4_000), st.sampled_from([0, 550, 1_000, 2_000])
notices = st.timedeltas(timedelta(days=-30), timedelta(days=30))


def minors(parts: Split) -> tuple[int, int, int]:
    return parts.owner.minor, parts.fee.minor, parts.fee_vat.minor


def called_off(policy: Cancellation, notice: timedelta, paid: list[Taxed], parts: Split) -> Refund:
    return cancelled(policy, START, START - notice, paid, parts, by=BY_RENTER)


@given(nets, fee_rates, vat_rates)
def test_a_split_conserves_to_the_cent(paid: list[Taxed], fee_rate: int, vat_rate: int) -> None:
    parts = split(paid, fee_rate, vat_rate)
    assert parts.total == Money(sum(line.total.minor for line in paid))
    assert min(minors(parts)) >= 0
    exact = Decimal(sum(line.net.minor for line in paid)) * fee_rate / 10_000
    assert parts.fee.minor == int(exact.quantize(Decimal(1), ROUND_HALF_UP))
    vat = Decimal(parts.fee.minor) * vat_rate / 10_000
    assert parts.fee_vat.minor == int(vat.quantize(Decimal(1), ROUND_HALF_UP))


def test_a_rental_of_a_hundred_euros() -> None:
    assert minors(split([taxed(10_000, 2_000)], 1_200, 2_000)) == (10_560, 1_200, 240)
    # 12.5 % of 1.00 is 12.5 cents: half up; 20 % of 13 is 2.6.
    assert minors(split([taxed(100)], 1_250, 2_000)) == (84, 13, 3)


@pytest.mark.parametrize("paid", [[], [taxed(0)], [taxed(100), taxed(-1)], [taxed(100, -1)]])
def test_nothing_is_not_split(paid: list[Taxed]) -> None:
    with pytest.raises(NothingPaid):
        split(paid, 1_000, 2_000)
    with pytest.raises(NothingPaid):
        refund(paid, Split(Money(0), Money(0), Money(0)), 5_000)


@pytest.mark.parametrize(("fee_rate", "vat_rate"), [(-1, 0), (10_001, 0), (0, -1), (0, 10_001)])
def test_a_rate_is_a_share(fee_rate: int, vat_rate: int) -> None:
    with pytest.raises(RateOutOfRange):
        split([taxed(100)], fee_rate, vat_rate)


def test_a_fee_is_never_more_than_the_rental() -> None:
    with pytest.raises(FeeExceedsRental):
        split([taxed(100)], 10_000, 2_000)
    assert minors(split([taxed(100, 20)], 10_000, 2_000)) == (0, 100, 20)


def test_currencies_do_not_mix() -> None:
    francs, euros = taxed(100, 0, "CHF"), taxed(100)
    in_francs, in_euros = split([francs], 1_000, 0), split([euros], 1_000, 0)
    for wrong in (
        lambda: split([francs, euros], 0, 0),
        lambda: split([Taxed(Money(1), Money(1, "CHF"))], 0, 0),
        lambda: refund([euros], in_francs, 5_000),
        lambda: difference(in_euros, in_francs),
    ):
        with pytest.raises(CurrenciesDiffer):
            wrong()


def test_parts_and_lines_are_of_one_rental() -> None:
    with pytest.raises(PartsDisagree, match="99 and the lines to 100"):
        refund([taxed(100)], split([taxed(99)], 1_000, 0), 5_000)


@given(nets, fee_rates, vat_rates, st.integers(0, 10_000))
def test_a_refund_conserves_every_part(paid: list[Taxed], fee_rate: int, vat_rate: int, rate: int) -> None:
    parts = split(paid, fee_rate, vat_rate)
    done = refund(paid, parts, rate)
    assert done.to_renter == done.back.total
    assert done.to_renter + done.kept.total == parts.total
    assert sum(line.total.minor for line in done.lines) == done.to_renter.minor
    together = zip(minors(done.kept), minors(done.back), minors(parts), strict=True)
    assert all(kept >= 0 and back >= 0 and kept + back == part for kept, back, part in together)
    for line, back in zip(paid, done.lines, strict=True):
        assert 0 <= back.net.minor <= line.net.minor
        assert 0 <= back.vat.minor <= line.vat.minor


@given(nets, st.sampled_from(Cancellation), notices, notices)
def test_who_cancels_earlier_never_gets_less(
    paid: list[Taxed], policy: Cancellation, one: timedelta, other: timedelta
) -> None:
    parts = split(paid, 1_200, 2_000)
    earlier, later = (called_off(policy, notice, paid, parts) for notice in sorted((one, other), reverse=True))
    assert parts.total.minor >= earlier.to_renter.minor >= later.to_renter.minor >= 0


@given(nets, notices)
@example([taxed(1)], 24 * HOUR)
def test_a_stricter_policy_never_gives_more(paid: list[Taxed], notice: timedelta) -> None:
    parts = split(paid, 1_200, 2_000)
    given_back = [called_off(policy, notice, paid, parts).to_renter.minor for policy in POLICIES]
    assert given_back == sorted(given_back, reverse=True)


SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("policy", "notice", "back"),
    [
        (Cancellation.FLEXIBLE, 24 * HOUR, 12_001),
        (Cancellation.FLEXIBLE, 24 * HOUR - SECOND, 6_001),
        (Cancellation.FLEXIBLE, -HOUR, 6_001),
        (Cancellation.MODERATE, 5 * DAY, 12_001),
        (Cancellation.MODERATE, 5 * DAY - SECOND, 6_001),
        (Cancellation.MODERATE, 24 * HOUR, 6_001),
        (Cancellation.MODERATE, 24 * HOUR - SECOND, 0),
        (Cancellation.STRICT, 14 * DAY, 12_001),
        (Cancellation.STRICT, 14 * DAY - SECOND, 6_001),
        (Cancellation.STRICT, 48 * HOUR, 6_001),
        (Cancellation.STRICT, 48 * HOUR - SECOND, 0),
        (Cancellation.COOPERATIVE, timedelta(0), 12_001),
        (Cancellation.COOPERATIVE, -SECOND, 0),
    ],
)
def test_what_quotes_promise_is_kept_to_the_second(policy: Cancellation, notice: timedelta, back: int) -> None:
    # Half of 100.01 is 50.01 (half up), half of 20.00 is 10.00.
    paid = [taxed(10_001, 2_000)]
    assert called_off(policy, notice, paid, split(paid, 1_200, 2_000)).to_renter == Money(back)


@given(nets, st.sampled_from(Cancellation), notices, st.sampled_from([BY_OWNER, CalledOffBy.PLATFORM]))
def test_who_is_let_down_gets_all_the_fee_included(
    paid: list[Taxed], policy: Cancellation, notice: timedelta, by: CalledOffBy
) -> None:
    parts = split(paid, 1_200, 2_000)
    done = cancelled(policy, START, START - notice, paid, parts, by=by)
    assert (done.to_renter, done.back, minors(done.kept)) == (parts.total, parts, (0, 0, 0))


def test_who_does_not_come_pays_all() -> None:
    paid = [taxed(10_000, 2_000)]
    parts = split(paid, 1_200, 2_000)
    done = missed(paid, parts)
    assert (done.to_renter, done.kept) == (Money(0), parts)
    after = called_off(Cancellation.STRICT, -SECOND, paid, parts)
    assert done == after


def test_a_cooperative_may_have_rules_of_its_own() -> None:
    paid, own = [taxed(10_000)], Schedule(7 * DAY, DAY)
    parts = split(paid, 0, 0)
    for policy, back in ((Cancellation.COOPERATIVE, 5_000), (Cancellation.FLEXIBLE, 10_000)):
        done = cancelled(policy, START, START - 2 * DAY, paid, parts, by=BY_RENTER, own_rules=own)
        assert done.to_renter == Money(back)


@given(nets, nets, fee_rates, vat_rates)
def test_a_change_costs_the_difference_or_gives_it_back(
    before: list[Taxed], after: list[Taxed], fee_rate: int, vat_rate: int
) -> None:
    old, new = split(before, fee_rate, vat_rate), split(after, fee_rate, vat_rate)
    change = difference(old, new)
    assert change.charge.minor >= 0 <= change.refund.minor
    assert 0 in {change.charge.minor, change.refund.minor}
    assert old.total + change.charge - change.refund == new.total
    assert change.owner + change.fee + change.fee_vat == change.charge - change.refund
    assert (old.owner + change.owner, old.fee + change.fee, old.fee_vat + change.fee_vat) == (
        new.owner,
        new.fee,
        new.fee_vat,
    )
