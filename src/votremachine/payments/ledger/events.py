"""What the ledger tells."""

from uuid import UUID

from votremachine.kernel.events import Event


class LedgerDiffers(Event, frozen=True, kw_only=True):
    """A proof found so many differences between the ledger and the gateway's records, or within the ledger."""

    proof_id: UUID
    found: int
