"""The life of a payout. Pure."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from votremachine.kernel.errors import DomainError, Kind
from votremachine.kernel.states import Life

# After the return an owner may claim damage for so long; a machine may allow more, and no more than five days.
CLAIM_WINDOW = timedelta(hours=48)
LONGEST_CLAIM_WINDOW = timedelta(days=5)
NO_IBAN = "no_iban"


class State(StrEnum):
    PENDING = "pending"  # something is missing before it can be paid; the reason says what
    PAYABLE = "payable"
    SENT = "sent"
    PAID = "paid"
    FAILED = "failed"  # its lines wait for another payout


LIFE: Life[State] = {
    State.PENDING: frozenset({State.PAYABLE}),
    State.PAYABLE: frozenset({State.SENT}),
    State.SENT: frozenset({State.PAID, State.FAILED}),
    State.PAID: frozenset(),
    State.FAILED: frozenset(),
}


class UnknownPayout(DomainError):
    kind = Kind.NOT_FOUND
    code = "unknown_payout"
    en = "There is no such payout."
    fr = "Ce versement n'existe pas."


class WindowTooLong(DomainError):
    code = "claim_window_too_long"
    en = "Damage can be claimed for five days at most."
    fr = "Un dommage peut être déclaré pendant cinq jours au plus."


class Line(msgspec.Struct, frozen=True):
    """What is due of one booking, for its rental or for another cause; below zero, the owner owes it."""

    id: UUID
    booking_id: UUID
    currency: str
    minor: int


def check_window(window: timedelta) -> timedelta:
    """Raises `WindowTooLong`."""
    if not timedelta(0) <= window <= LONGEST_CLAIM_WINDOW:
        raise WindowTooLong
    return window


def payable(pending: int, missing: int) -> int:
    """How much of what waits for an owner may be paid out while the renter has not paid so much of the rental."""
    return pending if pending <= 0 else max(0, pending - missing)


def grouped(lines: Iterable[Line]) -> Mapping[str, list[Line]]:
    """The lines of one owner's payouts, by currency. What comes to nothing or less waits for more."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(line.currency, []).append(line)
    return {currency: group for currency, group in groups.items() if sum(line.minor for line in group) > 0}
