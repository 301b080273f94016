"""Reading Stripe's signed events."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from votremachine.payments.notices.rules import Notice, check_signature
from votremachine.payments.stripe import reading


class Reader:
    """Reads what arrives: a `NoticeReader`. The secrets are those of the endpoint (`whsec_…`)."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = [secret.encode() for secret in secrets]

    def __call__(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """Raises `WrongSignature`, `TooOld` and `Unreadable`."""
        check_signature(headers.get("stripe-signature", ""), body, self._secrets, now)
        return reading.notice(body)
