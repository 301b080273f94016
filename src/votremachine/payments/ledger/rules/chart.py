"""The chart of accounts: which there are, for the platform and for each party. Pure.

docs/ledger.md names each in the words of the French plan comptable général.
"""

from enum import StrEnum
from functools import cached_property
from uuid import UUID, uuid5

import msgspec

from votremachine.kernel.errors import DomainError, Kind

# An account's id follows from what it is, so that nobody has to look it up before posting to it.
_ACCOUNTS = UUID("6f0b6a8e-5f0c-5b1e-9a54-6c6564676572")


class Code(StrEnum):
    """What an account keeps. Those of parties exist once for each party, all of them once for each currency."""

    GATEWAY = "gateway"  # 517: our money at the gateway
    FEES = "fees"  # 706: what the platform earned
    VAT_COLLECTED = "vat_collected"  # 44571: VAT on the fees
    GATEWAY_COSTS = "gateway_costs"  # 627: what the gateway keeps for its work
    PAYOUTS_IN_TRANSIT = "payouts_in_transit"  # 581: sent to owners, not yet arrived
    SUSPENSE = "suspense"  # 471: money that nobody can explain yet
    RENTER = "renter"  # 411: what a renter owes
    OWNER_PENDING = "owner_pending"  # 4671: owed to an owner, while damage may still be claimed
    OWNER_PAYABLE = "owner_payable"  # 4672: owed to an owner, to be paid out
    DEPOSITS = "deposits"  # 165: deposits that were really taken, to be paid back
    HOLDS_AT_GATEWAY = "holds_at_gateway"  # 8021: set aside on cards; a promise to us, not money
    HOLDS_OWED = "holds_owed"  # 809: its counterpart, by renter
    ACCOUNT_OWED = "account_owed"  # 8028: what a renter owes an owner who invoices it; nothing of it comes here
    ACCOUNT_DUE = "account_due"  # 8098: its counterpart, by owner


# Two pairs that face only each other: a hold is a promise, and no money until it is captured (ADR 9); what is booked on
# account is settled between renter and owner, and no money of ours at all (ADR 12).
HOLDS = frozenset({Code.HOLDS_AT_GATEWAY, Code.HOLDS_OWED})
ON_ACCOUNT = frozenset({Code.ACCOUNT_OWED, Code.ACCOUNT_DUE})
MEMO = (HOLDS, ON_ACCOUNT)
OF_PARTIES = ON_ACCOUNT | {
    Code.RENTER,
    Code.OWNER_PENDING,
    Code.OWNER_PAYABLE,
    Code.DEPOSITS,
    Code.HOLDS_OWED,
}


class NoSuchAccount(DomainError):
    kind = Kind.FAULT
    code = "no_such_account"
    en = "There is no account {account} of that holder."
    fr = "Ce titulaire n'a pas de compte {account}."


class Account(msgspec.Struct, frozen=True, dict=True):
    """One account; without a party it is the platform's. Raises `NoSuchAccount` when the code is not of that holder."""

    code: Code
    party_id: UUID | None = None
    currency: str = "EUR"

    def __post_init__(self) -> None:
        if (self.code in OF_PARTIES) != (self.party_id is not None):
            raise NoSuchAccount(account=self.code.value)

    @cached_property
    def id(self) -> UUID:
        return uuid5(_ACCOUNTS, f"{self.party_id or ''}/{self.code}/{self.currency}")
