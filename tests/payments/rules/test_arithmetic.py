"""Shares, refunds and differences: no cent is lost, nobody gets what was not paid, and quotes are kept."""

import re
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from votremachine.fleet.rules import Cancellation
from votremachine.kernel.money import Money
from votremachine.payments.rules.refunding import (
    CalledOffBy,
    PartsDisagree,
    Policy,
    Refund,
    ShortNotice,
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

HOUR = timedelta(hours=1)
BY_RENTER, BY_OWNER = CalledOffBy.RENTER, CalledOffBy.OWNER
FLEXIBLE, MODERATE, STRICT = map(Policy, (Cancellation.FLEXIBLE, Cancellation.MODERATE, Cancellation.STRICT))


def cooperative(hours: int = 24, minimum: int = 0) -> Policy:
    return Policy(Cancellation.COOPERATIVE, ShortNotice(timedelta(hours=hours), minimum))


BEFORE_SHORT_NOTICE = Policy(Cancellation.COOPERATIVE)


def taxed(net: int, vat: int = 0, currency: str = "EUR") -> Taxed:
    return Taxed(Money(net, currency), Money(vat, currency))


amounts = st.integers(0, 10**9)
nets = st.lists(st.builds(taxed, amounts, amounts), min_size=1, max_size=4).filter(
    lambda lines: any(line.total.minor for line in lines)
)
fee_rates, vat_rates = st.integers(0, 4_000), st.sampled_from([0, 550, 1_000, 2_000])
notices = st.timedeltas(timedelta(days=-30), timedelta(days=30))
cooperatives = st.builds(cooperative, st.integers(0, 14 * 24), st.integers(0, 10**9))
policies = st.sampled_from([FLEXIBLE, MODERATE, STRICT, BEFORE_SHORT_NOTICE]) | cooperatives


def minors(parts: Split) -> tuple[int, int, int]:
    return parts.owner.minor, parts.fee.minor, parts.fee_vat.minor


def called_off(policy: Policy, notice: timedelta, paid: list[Taxed], parts: Split) -> Refund:
    return cancelled([(policy, paid)], parts, notice, by=BY_RENTER)


def conserves(done: Refund, paid: list[Taxed], parts: Split) -> None:
    """What is kept and what goes back make what was, each part and each line of it, and none is below zero."""
    assert done.to_renter == done.back.total
    assert done.to_renter + done.kept.total == parts.total
    assert sum(line.total.minor for line in done.lines) == done.to_renter.minor
    together = zip(minors(done.kept), minors(done.back), minors(parts), strict=True)
    assert all(kept >= 0 and back >= 0 and kept + back == part for kept, back, part in together)
    for line, back in zip(paid, done.lines, strict=True):
        assert 0 <= back.net.minor <= line.net.minor
        assert 0 <= back.vat.minor <= line.vat.minor


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
    conserves(refund(paid, parts, rate), paid, parts)


@given(nets, policies, notices, notices)
def test_who_cancels_earlier_never_gets_less_and_who_does_not_come_never_more(
    paid: list[Taxed], policy: Policy, one: timedelta, other: timedelta
) -> None:
    parts = split(paid, 1_200, 2_000)
    earlier, later = (called_off(policy, notice, paid, parts) for notice in sorted((one, other), reverse=True))
    assert parts.total.minor >= earlier.to_renter.minor >= later.to_renter.minor >= 0
    if policy != FLEXIBLE:  # which gives back half for ever
        assert later.to_renter.minor >= missed([(policy, paid)], parts).to_renter.minor
    conserves(earlier, paid, parts)


@given(nets, cooperatives, notices)
def test_a_cooperative_charges_its_minimum_and_never_more_than_the_price(
    paid: list[Taxed], policy: Policy, notice: timedelta
) -> None:
    parts = split(paid, 800, 2_000)
    charge = policy.short_notice
    assert charge is not None
    net = sum(line.net.minor for line in paid)
    for done in (called_off(policy, charge.notice - SECOND, paid, parts), missed([(policy, paid)], parts)):
        kept = net - sum(line.net.minor for line in done.lines)
        if charge.minimum:
            assert kept == min(charge.minimum, net)
        else:
            assert abs(5 * kept - net) <= 5 * len(paid), "a fifth, each line rounded by itself"
        conserves(done, paid, parts)
    for free in (charge.notice, charge.notice + abs(notice)):
        assert called_off(policy, free, paid, parts).to_renter == parts.total


@given(nets, nets, cooperatives, st.sampled_from([FLEXIBLE, MODERATE, STRICT]), notices)
def test_each_machine_by_its_own_terms_conserves(
    one: list[Taxed], other: list[Taxed], cuma: Policy, farm: Policy, notice: timedelta
) -> None:
    parts = split([*one, *other], 800, 2_000)
    done = cancelled([(cuma, one), (farm, other)], parts, notice, by=BY_RENTER)
    conserves(done, [*one, *other], parts)
    assert list(done.lines) == [*cuma.back(one, notice), *farm.back(other, notice)]


@given(nets, notices)
@example([taxed(1)], 24 * HOUR)
def test_a_stricter_policy_never_gives_more(paid: list[Taxed], notice: timedelta) -> None:
    parts = split(paid, 1_200, 2_000)
    given_back = [called_off(policy, notice, paid, parts).to_renter.minor for policy in (FLEXIBLE, MODERATE, STRICT)]
    assert given_back == sorted(given_back, reverse=True)


SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("policy", "notice", "back"),
    [
        (FLEXIBLE, 24 * HOUR, 12_001),
        (FLEXIBLE, 24 * HOUR - SECOND, 6_001),
        (FLEXIBLE, -HOUR, 6_001),
        (MODERATE, 5 * DAY, 12_001),
        (MODERATE, 5 * DAY - SECOND, 6_001),
        (MODERATE, 24 * HOUR, 6_001),
        (MODERATE, 24 * HOUR - SECOND, 0),
        (STRICT, 14 * DAY, 12_001),
        (STRICT, 14 * DAY - SECOND, 6_001),
        (STRICT, 48 * HOUR, 6_001),
        (STRICT, 48 * HOUR - SECOND, 0),
        (cooperative(24, 3_000), 24 * HOUR, 12_001),
        # The minimum of 30.00, and the VAT on it: 2000 × 3000 / 10001 = 599.94.
        (cooperative(24, 3_000), 24 * HOUR - SECOND, 12_001 - 3_600),
        (cooperative(24, 3_000), -SECOND, 12_001 - 3_600),
        (cooperative(12, 3_000), 12 * HOUR, 12_001),
        (cooperative(12, 3_000), 12 * HOUR - SECOND, 12_001 - 3_600),
        (cooperative(24, 20_000), 24 * HOUR - SECOND, 0),
        # Without a minimum, four fifths come back: of 100.01 it is 80.01, of 20.00 it is 16.00.
        (cooperative(24), 24 * HOUR - SECOND, 9_601),
        (cooperative(0), timedelta(0), 12_001),
        (BEFORE_SHORT_NOTICE, timedelta(0), 12_001),
        (BEFORE_SHORT_NOTICE, -SECOND, 0),
    ],
)
def test_what_quotes_promise_is_kept_to_the_second(policy: Policy, notice: timedelta, back: int) -> None:
    # Half of 100.01 is 50.01 (half up), half of 20.00 is 10.00.
    paid = [taxed(10_001, 2_000)]
    assert called_off(policy, notice, paid, split(paid, 1_200, 2_000)).to_renter == Money(back)


@given(nets, policies, notices, st.sampled_from([BY_OWNER, CalledOffBy.PLATFORM]))
def test_who_is_let_down_gets_all_the_fee_included(
    paid: list[Taxed], policy: Policy, notice: timedelta, by: CalledOffBy
) -> None:
    parts = split(paid, 1_200, 2_000)
    done = cancelled([(policy, paid)], parts, notice, by=by)
    assert (done.to_renter, done.back, minors(done.kept)) == (parts.total, parts, (0, 0, 0))


@pytest.mark.parametrize("policy", [FLEXIBLE, MODERATE, STRICT, BEFORE_SHORT_NOTICE])
def test_who_does_not_come_pays_all(policy: Policy) -> None:
    paid = [taxed(10_000, 2_000)]
    parts = split(paid, 1_200, 2_000)
    done = missed([(policy, paid)], parts)
    assert (done.to_renter, done.kept) == (Money(0), parts)
    assert done == called_off(STRICT, -SECOND, paid, parts)


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


GOLDEN = re.findall(
    r"^\| (flexible|moderate|strict|cooperative, \S+ \S+|any, called off by the owner) \| ([^|\n]*\d{3}\.\d\d.*) \|$",
    (Path(__file__).parents[3] / "docs/ledger.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)


def test_the_table_of_the_documentation_is_what_is_done() -> None:
    paid = [taxed(12_000, 2_400)]
    parts = split(paid, 800, 2_000)
    by_name = {
        "flexible": FLEXIBLE,
        "moderate": MODERATE,
        "strict": STRICT,
        "cooperative, minimum 50.00": cooperative(24, 5_000),
        "cooperative, no minimum": cooperative(24),
    }
    asked = (15 * DAY, 4 * DAY, 36 * HOUR, 12 * HOUR)
    told = {name: [round(100 * float(one)) for one in row.split("|") if one.strip()] for name, row in GOLDEN}
    assert told.keys() == {*by_name, "any, called off by the owner"}
    for name, policy in by_name.items():
        back = [called_off(policy, notice, paid, parts).to_renter.minor for notice in asked]
        assert told[name] == [*back, missed([(policy, paid)], parts).to_renter.minor]
        by_owner = [cancelled([(policy, paid)], parts, notice, by=BY_OWNER).to_renter.minor for notice in asked]
        assert told["any, called off by the owner"] == by_owner
