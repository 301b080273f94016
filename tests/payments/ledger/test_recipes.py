"""Every recipe is a posting that stands, and a rental's whole story leaves nothing where nothing is owed."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from votremachine.fleet.rules import Cancellation
from votremachine.kernel.money import Money
from votremachine.payments.ledger.rules import recipes
from votremachine.payments.ledger.rules.chart import HOLDS, ON_ACCOUNT, Account, Code
from votremachine.payments.ledger.rules.posting import EmptyPosting, Posting, PostingKind, check
from votremachine.payments.rules.refunding import CalledOffBy, Policy, cancelled, difference, refund
from votremachine.payments.rules.splitting import Split, Taxed, split

RENTER, OWNER = uuid4(), uuid4()
SIMPLE: dict[PostingKind, Callable[[Money], Posting]] = {
    PostingKind.CHARGED: lambda some: recipes.charged(RENTER, some, "ch"),
    PostingKind.REFUND_PAID: lambda some: recipes.refund_paid(RENTER, some, "ch"),
    PostingKind.HOLD_PLACED: lambda some: recipes.hold_placed(RENTER, some, "ho"),
    PostingKind.HOLD_RELEASED: lambda some: recipes.hold_released(RENTER, some, "ho"),
    PostingKind.HOLD_CAPTURED: lambda some: recipes.hold_captured(RENTER, some, Money(0, some.currency), "ho"),
    PostingKind.DEPOSIT_TAKEN: lambda some: recipes.deposit_taken(RENTER, some, "ch"),
    PostingKind.DEPOSIT_PAID_BACK: lambda some: recipes.deposit_paid_back(RENTER, some, "ch"),
    PostingKind.DEPOSIT_KEPT: lambda some: recipes.deposit_kept(RENTER, some),
    PostingKind.AWARDED: lambda some: recipes.awarded(RENTER, OWNER, some),
    PostingKind.PAID_DIRECTLY: lambda some: recipes.paid_directly(RENTER, OWNER, some),
    PostingKind.ACCOUNT_SETTLED: lambda some: recipes.account_settled(RENTER, OWNER, some),
    PostingKind.OWNER_PAYABLE: lambda some: recipes.owner_payable(OWNER, some),
    PostingKind.PAYOUT_SENT: lambda some: recipes.payout_sent(OWNER, some),
    PostingKind.PAYOUT_PAID: recipes.payout_paid,
    PostingKind.PAYOUT_FAILED: lambda some: recipes.payout_failed(OWNER, some),
    PostingKind.GATEWAY_FEE: recipes.gateway_fee,
    PostingKind.CHARGED_BACK: lambda some: recipes.charged_back(RENTER, some),
    PostingKind.UNEXPLAINED: recipes.unexplained,
}
OF_PARTS = {PostingKind.RENTAL_DUE, PostingKind.RENTAL_CHANGED, PostingKind.RENTAL_REFUNDED}

positive = st.integers(1, 10**9)
rentals = st.builds(
    lambda net, vat, fee, fee_vat: split([Taxed(Money(net), Money(vat))], fee, fee_vat),
    positive,
    st.integers(0, 10**9),
    st.integers(0, 4_000),
    st.sampled_from([0, 2_000]),
)


def balances(*postings: Posting) -> dict[Code, int]:
    """What is left on each account, those at zero left out."""
    sums: Counter[Code] = Counter()
    for posting in map(check, postings):
        for entry in posting.entries:
            sums[entry.account.code] += entry.minor
    return {code: minor for code, minor in sums.items() if minor}


def as_lines(parts: Split) -> list[Taxed]:
    return [Taxed(parts.total, Money(0))]


def test_there_is_a_recipe_for_everything_that_happens() -> None:
    assert set(SIMPLE) | OF_PARTS == set(PostingKind)


@pytest.mark.parametrize("kind", SIMPLE)
@given(minor=positive, currency=st.sampled_from(["EUR", "CHF"]))
def test_every_simple_recipe_stands(kind: PostingKind, minor: int, currency: str) -> None:
    posting = check(SIMPLE[kind](Money(minor, currency)))
    assert posting.kind is kind
    assert {entry.account.currency for entry in posting.entries} == {currency}
    with pytest.raises(EmptyPosting):
        check(SIMPLE[kind](Money(0, currency)))


@given(rentals, rentals, st.integers(1, 10_000))
def test_every_recipe_of_parts_stands(old: Split, new: Split, rate: int) -> None:
    check(recipes.rental_due(RENTER, OWNER, old))
    if new != old:
        check(recipes.rental_changed(RENTER, OWNER, difference(old, new)))
    back = refund(as_lines(old), old, rate)
    if back.to_renter.minor:
        check(recipes.rental_refunded(RENTER, OWNER, back))


@given(positive, positive)
def test_what_is_held_is_no_money_until_it_is_captured(captured: int, given_back: int) -> None:
    placed = recipes.hold_placed(RENTER, Money(captured + given_back), "ho")
    assert set(balances(placed)) == HOLDS
    ended = recipes.hold_captured(RENTER, Money(captured), Money(given_back), "ho")
    assert balances(placed, ended) == {Code.GATEWAY: captured, Code.RENTER: -captured}
    assert balances(placed, recipes.hold_released(RENTER, Money(captured + given_back), "ho")) == {}


@given(rentals)
def test_a_rental_that_is_paid_out_leaves_the_fee(parts: Split) -> None:
    story = [recipes.rental_due(RENTER, OWNER, parts), recipes.charged(RENTER, parts.total, "ch")]
    assert Code.RENTER not in balances(*story)
    if parts.owner.minor:
        story += [
            recipes.owner_payable(OWNER, parts.owner),
            recipes.payout_sent(OWNER, parts.owner),
            recipes.payout_paid(parts.owner),
        ]
    fee, vat = parts.fee.minor, parts.fee_vat.minor
    expected = {Code.GATEWAY: fee + vat, Code.FEES: -fee, Code.VAT_COLLECTED: -vat}
    assert balances(*story) == {code: minor for code, minor in expected.items() if minor}


@given(rentals, st.builds(Policy, st.sampled_from(Cancellation)), st.timedeltas(timedelta(days=-2), timedelta(days=20)))
def test_a_rental_called_off_leaves_what_is_kept(parts: Split, policy: Policy, notice: timedelta) -> None:
    done = cancelled([(policy, as_lines(parts))], parts, notice, by=CalledOffBy.RENTER)
    story = [recipes.rental_due(RENTER, OWNER, parts), recipes.charged(RENTER, parts.total, "ch")]
    if done.to_renter.minor:
        story += [
            recipes.rental_refunded(RENTER, OWNER, done),
            recipes.refund_paid(RENTER, done.to_renter, "ch"),
        ]
    kept = {
        Code.GATEWAY: done.kept.total.minor,
        Code.OWNER_PENDING: -done.kept.owner.minor,
        Code.FEES: -done.kept.fee.minor,
        Code.VAT_COLLECTED: -done.kept.fee_vat.minor,
    }
    assert balances(*story) == {code: minor for code, minor in kept.items() if minor}


@given(rentals, rentals)
def test_a_rental_that_was_changed_stands_as_if_it_had_been_made_so(old: Split, new: Split) -> None:
    changed = [recipes.rental_changed(RENTER, OWNER, difference(old, new))] if old != new else []
    made = recipes.rental_due(RENTER, OWNER, new)
    assert balances(recipes.rental_due(RENTER, OWNER, old), *changed) == balances(made)


def test_damage_is_paid_from_the_deposit_and_a_payout_may_come_back() -> None:
    amount = Money(30_000)
    story = [
        recipes.hold_placed(RENTER, Money(100_000), "ho"),
        recipes.awarded(RENTER, OWNER, amount),
        recipes.hold_captured(RENTER, amount, Money(70_000), "ho"),
    ]
    owed = {Code.GATEWAY: 30_000, Code.OWNER_PAYABLE: -30_000}
    assert balances(*story) == owed
    assert balances(*story, recipes.payout_sent(OWNER, amount), recipes.payout_failed(OWNER, amount)) == owed
    directly = recipes.awarded(RENTER, OWNER, amount), recipes.paid_directly(RENTER, OWNER, amount)
    assert balances(*story, *directly) == owed, "neither is owed it here any more"


def test_a_charge_that_was_taken_back_is_owed_again() -> None:
    story = [recipes.charged(RENTER, Money(500), "ch"), recipes.charged_back(RENTER, Money(500))]
    assert balances(*story) == {}
    assert balances(story[1]) == {Code.RENTER: 500, Code.GATEWAY: -500}
    assert Account(Code.RENTER, RENTER) in {entry.account for entry in story[1].entries}


@given(positive, st.data())
def test_a_deposit_that_was_really_taken_ends_as_a_hold_does(taken: int, data: st.DataObject) -> None:
    kept = data.draw(st.integers(1, taken))
    story = [recipes.deposit_taken(RENTER, Money(taken), "ch"), recipes.deposit_kept(RENTER, Money(kept))]
    if taken > kept:
        story.append(recipes.deposit_paid_back(RENTER, Money(taken - kept), "ch"))
    held = recipes.hold_captured(RENTER, Money(kept), Money(taken - kept), "ho")
    assert balances(*story) == balances(recipes.hold_placed(RENTER, Money(taken), "ho"), held)


@given(positive, st.integers(-(10**9), 10**9), st.integers(0, 10_000))
def test_what_is_on_account_stands_between_its_two_sides_alone(price: int, change: int, rate: int) -> None:
    story = [recipes.due_on_account(RENTER, OWNER, Money(price))]
    change = max(change, -price)
    back = (price + change) * rate // 10_000
    for minor, recipe in ((change, recipes.changed_on_account), (back, recipes.refunded_on_account)):
        story += [recipe(RENTER, OWNER, Money(minor))] if minor else []
    left = price + change - back
    owed = {Code.ACCOUNT_OWED: left, Code.ACCOUNT_DUE: -left} if left else {}
    assert balances(*story) == owed
    assert {entry.account.code for one in story for entry in one.entries} == ON_ACCOUNT
    if left:
        assert balances(*story, recipes.account_settled(RENTER, OWNER, Money(left))) == {}
