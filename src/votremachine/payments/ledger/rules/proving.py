"""What a proof of the ledger says. Pure."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from votremachine.kernel.errors import DomainError, Kind


class UnknownProof(DomainError):
    kind = Kind.NOT_FOUND
    code = "unknown_proof"
    en = "There is no such proof of the ledger."
    fr = "Ce contrôle du grand livre n'existe pas."


class Fault(StrEnum):
    MISSING_HERE = "missing_here"  # the gateway moved money that the ledger knows nothing of
    MISSING_THERE = "missing_there"  # the ledger has an order that the gateway does not list
    AMOUNT_DIFFERS = "amount_differs"
    HOLD_DIFFERS = "hold_differs"
    UNBALANCED = "unbalanced"  # a transaction does not come to zero, or lacks entries
    CHECKPOINT_DIFFERS = "checkpoint_differs"


class Difference(msgspec.Struct, frozen=True):
    """One thing that is not so. `about` is the gateway's reference, or an id of ours; amounts in minor units."""

    fault: Fault
    about: str
    currency: str
    ours: int
    theirs: int


class Proof(msgspec.Struct, frozen=True):
    """How much was held against what, and how often it differed; `differences` are the first of them."""

    id: UUID
    since: datetime
    until: datetime
    entries: int
    orders: int
    checkpoints: int
    found: int
    differences: list[Difference]
