"""A notice, and whether it is the gateway's: signed with a secret that we share, not long ago.

The scheme is Stripe's (docs.stripe.com/webhooks, "Verify webhook signatures manually"): `t=<seconds>,v1=<hex>`, where
v1 is the HMAC-SHA256 of `<seconds>.<body>`. There may be several v1, and several secrets, while one follows another.
"""

import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from votremachine.kernel.errors import DomainError, Kind

TOLERANCE = timedelta(seconds=300)
LONGEST_HEADER = 2048
# Names of events and of what they are about are kept; nobody's words are.
LONGEST_NAME = 255


class WrongSignature(DomainError):
    kind = Kind.MALFORMED
    code = "wrong_signature"
    en = "This is not signed by whom it should be."
    fr = "La signature n'est pas celle attendue."


class TooOld(DomainError):
    kind = Kind.MALFORMED
    code = "too_old"
    en = "This was signed too long ago, or by a clock that is wrong."
    fr = "La signature est trop ancienne, ou l'horloge qui l'a datée est fausse."


class Unreadable(DomainError):
    kind = Kind.MALFORMED
    code = "unreadable_notice"
    en = "This is signed as it should be, and cannot be read."
    fr = "La signature est valable, mais le contenu est illisible."


class Subject(StrEnum):
    """What a notice is about: a charge or hold, a card that is to be kept, or nothing of ours."""

    ORDER = "order"
    INSTRUMENT = "instrument"
    OTHER = "other"


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One notice: `id` is the gateway's, `key` ours, None when it names none. It carries no amounts: they are asked."""

    id: str
    gateway: str
    kind: str
    subject: Subject
    reference: str
    key: UUID | None


NoticeReader = Callable[[Mapping[str, str], bytes, datetime], Notice]


def signed(secret: bytes, body: bytes, at: datetime) -> str:
    """The header for a body that is sent now."""
    seconds = int(at.timestamp())
    return f"t={seconds},v1={_hmac(secret, seconds, body)}"


def check_signature(header: str, body: bytes, secrets: Sequence[bytes], now: datetime) -> None:
    """Raises `WrongSignature` and `TooOld`. No secrets, no valid signature."""
    seconds, signatures = _parts(header)
    valid = [_hmac(secret, seconds, body).encode() for secret in secrets if secret]
    # All are compared, each in constant time: nothing can be learnt from how long it takes.
    matches = [hmac.compare_digest(given, one) for given in signatures for one in valid]
    if not any(matches):
        raise WrongSignature
    if abs(now.timestamp() - seconds) > TOLERANCE.total_seconds():
        raise TooOld


def _parts(header: str) -> tuple[int, list[bytes]]:
    pairs = [part.strip().partition("=") for part in header[:LONGEST_HEADER].split(",")]
    times = [value for name, _, value in pairs if name == "t"]
    if len(times) != 1 or not (times[0].isascii() and times[0].isdigit() and len(times[0]) <= 12):
        raise WrongSignature
    return int(times[0]), [value.encode() for name, _, value in pairs if name == "v1"]


def _hmac(secret: bytes, seconds: int, body: bytes) -> str:
    return hmac.digest(secret, b"%d." % seconds + body, "sha256").hex()
