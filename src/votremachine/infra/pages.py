"""Keyset paging: `?limit=&cursor=` in, `next_cursor` out. A cursor is opaque and signed, so nobody can forge one."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from votremachine.infra.keys import Keys
from votremachine.kernel.errors import DomainError

Item = TypeVar("Item")
Key = TypeVar("Key")

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 200
_SIGNATURE_BYTES = 12


class BadCursor(DomainError):
    code = "bad_cursor"
    en = "This cursor is not one that this list gave."
    fr = "Ce curseur n'a pas été donné par cette liste."


class Page(msgspec.Struct, Generic[Item]):
    """One page of a list; `next_cursor` is absent on the last."""

    items: list[Item]
    next_cursor: str | None = None


class Cursors:
    """Signs and reads cursors; `scope` ties a cursor to the list that gave it."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys.derive("cursors")

    def write(self, scope: str, key: Any) -> str:
        body = msgspec.json.encode(key)
        return urlsafe_b64encode(_sign(self._keys[0], scope, body) + body).rstrip(b"=").decode()

    def read(self, scope: str, cursor: str, kind: type[Key]) -> Key:
        """The key in a cursor; raises `BadCursor` when it is not ours, of another list, or not of that kind."""
        try:
            raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            signature, body = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
            if any(hmac.compare_digest(signature, _sign(key, scope, body)) for key in self._keys):
                return msgspec.json.decode(body, type=kind)
        except ValueError:
            pass
        raise BadCursor(pointer="cursor")

    def page(self, scope: str, rows: Sequence[Item], limit: int, key: Callable[[Item], Any]) -> Page[Item]:
        """A page from `limit + 1` rows asked of the database: the extra one only says that there is more."""
        more = len(rows) > limit
        items = list(rows[:limit])
        return Page(items, self.write(scope, key(items[-1])) if more else None)


def _sign(key: bytes, scope: str, body: bytes) -> bytes:
    return hmac.digest(key, scope.encode() + b"\0" + body, "sha256")[:_SIGNATURE_BYTES]
