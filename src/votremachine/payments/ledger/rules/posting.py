"""What a posting is, and when it may not be made. Pure."""

from collections import defaultdict
from collections.abc import Iterable
from enum import StrEnum
from hashlib import blake2b
from uuid import UUID

import msgspec

from votremachine.kernel.errors import DomainError, Kind
from votremachine.payments.ledger.rules.chart import MEMO, Account, Code

LARGEST_MINOR = 2**63 - 1
FEWEST_LINES = 2


class PostingKind(StrEnum):
    """What happened. One cause may have several, one of each kind."""

    RENTAL_DUE = "rental_due"
    RENTAL_CHANGED = "rental_changed"
    RENTAL_REFUNDED = "rental_refunded"
    CHARGED = "charged"
    REFUND_PAID = "refund_paid"
    HOLD_PLACED = "hold_placed"
    HOLD_CAPTURED = "hold_captured"
    HOLD_RELEASED = "hold_released"
    DEPOSIT_TAKEN = "deposit_taken"
    DEPOSIT_PAID_BACK = "deposit_paid_back"
    DEPOSIT_KEPT = "deposit_kept"
    AWARDED = "awarded"
    PAID_DIRECTLY = "paid_directly"
    ACCOUNT_SETTLED = "account_settled"
    OWNER_PAYABLE = "owner_payable"
    PAYOUT_SENT = "payout_sent"
    PAYOUT_PAID = "payout_paid"
    PAYOUT_FAILED = "payout_failed"
    GATEWAY_FEE = "gateway_fee"
    CHARGED_BACK = "charged_back"
    UNEXPLAINED = "unexplained"


class Unbalanced(DomainError):
    kind = Kind.FAULT
    code = "unbalanced"
    en = "The lines of {posting} come to {minor} {currency}, not to zero."
    fr = "Les lignes de {posting} font {minor} {currency}, et non zéro."


class EmptyPosting(DomainError):
    kind = Kind.FAULT
    code = "empty_posting"
    en = "{posting} moves nothing, or has a line that does."
    fr = "{posting} ne déplace rien, ou a une ligne qui ne déplace rien."


class MemoMeetsMoney(DomainError):
    kind = Kind.FAULT
    code = "memo_meets_money"
    en = "{posting} balances money with what is none: a hold, or what is settled elsewhere."
    fr = "{posting} équilibre de l'argent par ce qui n'en est pas : une empreinte, ou ce qui se règle ailleurs."


class AmountTooLarge(DomainError):
    code = "amount_too_large"
    en = "This amount is larger than the ledger can keep."
    fr = "Ce montant dépasse ce que le grand livre peut tenir."


class WithoutReference(DomainError):
    kind = Kind.FAULT
    code = "without_reference"
    en = "{posting} moves what is at the gateway and does not say by which of its orders."
    fr = "{posting} déplace ce qui est chez le prestataire sans dire par quelle opération."


class Entry(msgspec.Struct, frozen=True):
    """One line, in minor units of the account's currency: debits are positive, credits negative."""

    account: Account
    minor: int


class Posting(msgspec.Struct, frozen=True):
    """What happened and its lines. `reference` is the gateway's own name of the order that moved its money."""

    kind: PostingKind
    entries: tuple[Entry, ...]
    reference: str = ""

    @property
    def content(self) -> UUID:
        """A fingerprint of all that it says: another one under the same cause is refused."""
        lines = [(entry.account.id, entry.minor) for entry in self.entries]
        return UUID(bytes=blake2b(msgspec.json.encode((self.kind, lines, self.reference)), digest_size=16).digest())


class Cause(msgspec.Struct, frozen=True):
    """What a posting goes back to: the kind and the id of a charge, a booking's step, a payout…"""

    kind: str
    id: UUID


# What the gateway keeps a record of, so that the proof can hold one against the other; and what stands in no order of
# its list: payouts, its own fees, charges that a bank took back.
_PROVED = frozenset({Code.GATEWAY, Code.HOLDS_AT_GATEWAY})
_NO_ORDER = frozenset(
    {PostingKind.PAYOUT_PAID, PostingKind.GATEWAY_FEE, PostingKind.CHARGED_BACK, PostingKind.UNEXPLAINED}
)


def lines(*entries: tuple[Account, int]) -> tuple[Entry, ...]:
    """These lines, without those that move nothing."""
    return tuple(Entry(account, minor) for account, minor in entries if minor)


def check(posting: Posting) -> Posting:
    """The posting, if it can stand in the ledger.

    Raises `EmptyPosting`, `AmountTooLarge`, `Unbalanced`, `MemoMeetsMoney`, `WithoutReference`.
    """
    entries = posting.entries
    if len(entries) < FEWEST_LINES or not all(entry.minor for entry in entries):
        raise EmptyPosting(posting=posting.kind.value)
    if any(abs(entry.minor) > LARGEST_MINOR for entry in entries):
        raise AmountTooLarge
    for currency, minor in _sums(entries).items():
        if minor:
            raise Unbalanced(posting=posting.kind.value, minor=minor, currency=currency)
    if any(minor for pair in MEMO for minor in _sums(one for one in entries if one.account.code in pair).values()):
        raise MemoMeetsMoney(posting=posting.kind.value)
    codes = {entry.account.code for entry in entries}
    if codes & _PROVED and posting.kind not in _NO_ORDER and not posting.reference:
        raise WithoutReference(posting=posting.kind.value)
    return posting


def _sums(entries: Iterable[Entry]) -> dict[str, int]:
    sums: defaultdict[str, int] = defaultdict(int)
    for entry in entries:
        sums[entry.account.currency] += entry.minor
    return sums
