"""What is posted when: one function for each thing that happens to money, giving its lines. Pure.

A renter's account says what they owe: renting is a debit, paying a credit. Whatever an owner is owed is a credit.
"""

from uuid import UUID

from votremachine.kernel.money import Money
from votremachine.payments.ledger.rules.chart import Account, Code
from votremachine.payments.ledger.rules.posting import Posting, PostingKind, lines
from votremachine.payments.rules.refunding import Difference, Refund
from votremachine.payments.rules.splitting import Split


def rental_due(renter: UUID, owner: UUID, parts: Split) -> Posting:
    """A rental is agreed: the renter owes it, the owner's part waits, the platform earned its fee."""
    currency = parts.owner.currency
    entries = lines(
        (Account(Code.RENTER, renter, currency), parts.total.minor),
        *_parts(owner, parts.owner, parts.fee, parts.fee_vat, -1),
    )
    return Posting(PostingKind.RENTAL_DUE, entries)


def rental_changed(renter: UUID, owner: UUID, change: Difference) -> Posting:
    """A rental was moved or extended: its difference is owed, or owed back."""
    currency = change.owner.currency
    entries = lines(
        (Account(Code.RENTER, renter, currency), (change.charge - change.refund).minor),
        *_parts(owner, change.owner, change.fee, change.fee_vat, -1),
    )
    return Posting(PostingKind.RENTAL_CHANGED, entries)


def rental_refunded(renter: UUID, owner: UUID, refund: Refund) -> Posting:
    """A rental was called off: each gives back its part, and the renter is owed the sum."""
    back = refund.back
    entries = lines(
        *_parts(owner, back.owner, back.fee, back.fee_vat, 1),
        (Account(Code.RENTER, renter, back.owner.currency), -refund.to_renter.minor),
    )
    return Posting(PostingKind.RENTAL_REFUNDED, entries)


def due_on_account(renter: UUID, owner: UUID, amount: Money) -> Posting:
    """A rental is agreed that the owner invoices, without the platform: the renter owes it, and the owner awaits it."""
    return _on_account(PostingKind.RENTAL_DUE, renter, owner, amount)


def changed_on_account(renter: UUID, owner: UUID, change: Money) -> Posting:
    """A rental on account costs so much more, or less, below zero."""
    return _on_account(PostingKind.RENTAL_CHANGED, renter, owner, change)


def refunded_on_account(renter: UUID, owner: UUID, back: Money) -> Posting:
    """A rental on account was called off: so much of it is not owed any more."""
    return _on_account(PostingKind.RENTAL_REFUNDED, renter, owner, Money(-back.minor, back.currency))


def account_settled(renter: UUID, owner: UUID, amount: Money) -> Posting:
    """The owner has so much of what was owed on account, by transfer or debit: it never came through the platform."""
    return _on_account(PostingKind.ACCOUNT_SETTLED, renter, owner, Money(-amount.minor, amount.currency))


def charged(renter: UUID, amount: Money, reference: str) -> Posting:
    """The renter's card was charged: their money is at the gateway."""
    return _between(PostingKind.CHARGED, _gateway(amount), _renter(renter, amount), amount, reference)


def refund_paid(renter: UUID, amount: Money, reference: str) -> Posting:
    """The gateway gave money back to the renter. `reference` is that of the charge, as in the gateway's own books."""
    return _between(PostingKind.REFUND_PAID, _renter(renter, amount), _gateway(amount), amount, reference)


def hold_placed(renter: UUID, amount: Money, reference: str) -> Posting:
    """Money was set aside on the renter's card: a promise, no money."""
    return _between(PostingKind.HOLD_PLACED, _held(amount), _owed(renter, amount), amount, reference)


def hold_released(renter: UUID, amount: Money, reference: str) -> Posting:
    """What was set aside, or is left of it, is the renter's to use again; also when it lapsed, or was replaced."""
    return _between(PostingKind.HOLD_RELEASED, _owed(renter, amount), _held(amount), amount, reference)


def hold_captured(renter: UUID, captured: Money, given_back: Money, reference: str) -> Posting:
    """Part of what was set aside was taken, and became money; `given_back` is what was let go with it."""
    ended = (captured + given_back).minor
    entries = lines(
        (_owed(renter, captured), ended),
        (_held(captured), -ended),
        (_gateway(captured), captured.minor),
        (_renter(renter, captured), -captured.minor),
    )
    return Posting(PostingKind.HOLD_CAPTURED, entries, reference)


def deposit_taken(renter: UUID, amount: Money, reference: str) -> Posting:
    """A deposit was really charged: money of the renter's that is kept for them."""
    return _between(PostingKind.DEPOSIT_TAKEN, _gateway(amount), _deposits(renter, amount), amount, reference)


def deposit_paid_back(renter: UUID, amount: Money, reference: str) -> Posting:
    """What was kept of a charged deposit, or part of it, went back. `reference` is that of the charge."""
    return _between(PostingKind.DEPOSIT_PAID_BACK, _deposits(renter, amount), _gateway(amount), amount, reference)


def deposit_kept(renter: UUID, amount: Money) -> Posting:
    """So much of a charged deposit pays for damage: it is the renter's payment now, like what is captured of a hold."""
    return _between(PostingKind.DEPOSIT_KEPT, _deposits(renter, amount), _renter(renter, amount), amount)


def awarded(renter: UUID, owner: UUID, amount: Money) -> Posting:
    """Damage was settled: the renter owes it, and the owner is to be paid."""
    return _between(PostingKind.AWARDED, _renter(renter, amount), _payable(owner, amount), amount)


def paid_directly(renter: UUID, owner: UUID, amount: Money) -> Posting:
    """The renter paid an owner past the platform: neither is owed it here any more."""
    return _between(PostingKind.PAID_DIRECTLY, _payable(owner, amount), _renter(renter, amount), amount)


def owner_payable(owner: UUID, amount: Money) -> Posting:
    """Nobody can claim damage any more: what waited is to be paid out. Below zero, the owner owes it."""
    pending = Account(Code.OWNER_PENDING, owner, amount.currency)
    return _between(PostingKind.OWNER_PAYABLE, pending, _payable(owner, amount), amount)


def payout_sent(owner: UUID, amount: Money) -> Posting:
    """The gateway was told to pay an owner."""
    return _between(PostingKind.PAYOUT_SENT, _payable(owner, amount), _in_transit(amount), amount)


def payout_paid(amount: Money) -> Posting:
    """The owner has it; it left the gateway."""
    return _between(PostingKind.PAYOUT_PAID, _in_transit(amount), _gateway(amount), amount)


def payout_failed(owner: UUID, amount: Money) -> Posting:
    """The owner's bank did not take it: it is owed as before."""
    return _between(PostingKind.PAYOUT_FAILED, _in_transit(amount), _payable(owner, amount), amount)


def gateway_fee(amount: Money) -> Posting:
    """What the gateway kept for its work."""
    costs = Account(Code.GATEWAY_COSTS, currency=amount.currency)
    return _between(PostingKind.GATEWAY_FEE, costs, _gateway(amount), amount)


def charged_back(renter: UUID, amount: Money) -> Posting:
    """The renter's bank took a charge back, and the dispute was lost: they owe it again."""
    return _between(PostingKind.CHARGED_BACK, _renter(renter, amount), _gateway(amount), amount)


def unexplained(amount: Money) -> Posting:
    """Money arrived at the gateway (or left it, below zero) and nobody knows why yet."""
    suspense = Account(Code.SUSPENSE, currency=amount.currency)
    return _between(PostingKind.UNEXPLAINED, _gateway(amount), suspense, amount)


def _between(kind: PostingKind, debit: Account, credit: Account, amount: Money, reference: str = "") -> Posting:
    return Posting(kind, lines((debit, amount.minor), (credit, -amount.minor)), reference)


def _on_account(kind: PostingKind, renter: UUID, owner: UUID, amount: Money) -> Posting:
    owed = Account(Code.ACCOUNT_OWED, renter, amount.currency)
    return _between(kind, owed, Account(Code.ACCOUNT_DUE, owner, amount.currency), amount)


def _parts(owner: UUID, due: Money, fee: Money, fee_vat: Money, sign: int) -> list[tuple[Account, int]]:
    currency = due.currency
    return [
        (Account(Code.OWNER_PENDING, owner, currency), sign * due.minor),
        (Account(Code.FEES, currency=currency), sign * fee.minor),
        (Account(Code.VAT_COLLECTED, currency=currency), sign * fee_vat.minor),
    ]


def _gateway(amount: Money) -> Account:
    return Account(Code.GATEWAY, currency=amount.currency)


def _renter(renter: UUID, amount: Money) -> Account:
    return Account(Code.RENTER, renter, amount.currency)


def _deposits(renter: UUID, amount: Money) -> Account:
    return Account(Code.DEPOSITS, renter, amount.currency)


def _payable(owner: UUID, amount: Money) -> Account:
    return Account(Code.OWNER_PAYABLE, owner, amount.currency)


def _in_transit(amount: Money) -> Account:
    return Account(Code.PAYOUTS_IN_TRANSIT, currency=amount.currency)


def _held(amount: Money) -> Account:
    return Account(Code.HOLDS_AT_GATEWAY, currency=amount.currency)


def _owed(renter: UUID, amount: Money) -> Account:
    return Account(Code.HOLDS_OWED, renter, amount.currency)
