"""Links by which whoever has a letter is spared the next of its kind, without signing in (RFC 8058)."""

from typing import NamedTuple
from uuid import UUID

from votremachine.infra.keys import Keys
from votremachine.infra.pages import BadCursor, Cursors
from votremachine.kernel.errors import DomainError, Kind

_SCOPE = "unsubscribe"


class UnknownLink(DomainError):
    kind = Kind.NOT_FOUND
    code = "unknown_link"
    en = "This link is not one of ours."
    fr = "Ce lien ne vient pas de nous."


class Leaving(NamedTuple):
    """Who wants no more letters, and of which kind."""

    person_id: UUID
    kind: str


class Unsubscribing:
    """Writes and reads these links. They are signed, and stay good: the letter may be read years later."""

    def __init__(self, keys: Keys) -> None:
        self._signed = Cursors(keys)

    def write(self, person_id: UUID, kind: str) -> str:
        return self._signed.write(_SCOPE, (person_id, kind))

    def read(self, token: str) -> Leaving:
        """Raises `UnknownLink`."""
        try:
            return Leaving(*self._signed.read(_SCOPE, token, tuple[UUID, str]))
        except BadCursor as error:
            raise UnknownLink from error
