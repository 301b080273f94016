"""Quote tokens: an offer, signed by the service, for the renter to send back when booking."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime

import msgspec

from votremachine.infra.keys import Keys
from votremachine.pricing.rules.offer import Offer, QuoteAltered, QuoteExpired

LONGEST_TOKEN = 8192
_SIGNATURE_BYTES = 16
_encoder = msgspec.msgpack.Encoder(uuid_format="bytes")
_decoder = msgspec.msgpack.Decoder(Offer)


class Offers:
    """Signs quote tokens with the newest of their keys, reads those of all (HMAC-SHA-256, 128 bits of it)."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys.derive("quotes")

    def write(self, offer: Offer) -> str:
        body = _encoder.encode(offer)
        return urlsafe_b64encode(_sign(self._keys[0], body) + body).rstrip(b"=").decode()

    def read(self, token: str, now: datetime) -> Offer:
        """The offer of a token that is ours and still stands; raises `QuoteAltered`, `QuoteExpired`."""
        offer = self._verified(token)
        if offer.until <= now:
            raise QuoteExpired(pointer="/quote")
        return offer

    def _verified(self, token: str) -> Offer:
        try:
            raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
            signature, body = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
            # Encoded anew: base64 has spare bits, and skips what is not of it.
            genuine = any(hmac.compare_digest(signature, _sign(key, body)) for key in self._keys)
            if genuine and urlsafe_b64encode(raw).rstrip(b"=").decode() == token:
                return _decoder.decode(body)
        except (ValueError, msgspec.MsgspecError):
            pass
        raise QuoteAltered(pointer="/quote")


def _sign(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, body, "sha256")[:_SIGNATURE_BYTES]
