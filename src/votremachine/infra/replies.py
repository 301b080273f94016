"""Answers to reads carry a strong ETag and turn into 304 when the caller already has them; writes check If-Match.

The tag of a versioned object is `"<version>.<hash of the body>"`: the hash makes it strong (RFC 9110, 8.8.1: another
language or viewer is another body), the version is what `If-Match` is held against.
"""

from hashlib import blake2b
from typing import Any, Generic, TypeVar

import msgspec
from litestar import Request, Response

from votremachine.kernel.errors import DomainError, Kind

Body = TypeVar("Body")
LONGEST_VERSION = 9  # digits: what fits into PostgreSQL's integer


class MatchRequired(DomainError):
    kind = Kind.PRECONDITION_REQUIRED
    code = "if_match_required"
    en = "Send the ETag you last read as If-Match, so that nobody's change is overwritten."
    fr = "Envoyez dans If-Match l'ETag lu en dernier, pour n'écraser la modification de personne."


class Stale(DomainError):
    kind = Kind.STALE
    code = "stale"
    en = "This changed since you read it. Read it again, then change it."
    fr = "Ceci a changé depuis votre lecture. Relisez, puis modifiez."


class Encoded(msgspec.Struct, Generic[Body], frozen=True):
    """A body as it travels, with what tells it from others: made once, it may be sent to many."""

    content: bytes
    hash: str


def encoded(body: Body) -> Encoded[Body]:
    """The body as JSON."""
    content = msgspec.json.encode(body)
    return Encoded(content, blake2b(content, digest_size=12).hexdigest())


def reply(
    request: Request[Any, Any, Any],
    body: Body | Encoded[Body],
    *,
    version: int = 0,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response[Body]:
    """`body` as JSON with its ETag; 304 without a body when a GET's `If-None-Match` names it."""
    sending = body if isinstance(body, Encoded) else encoded(body)
    tag = f'"{version}.{sending.hash}"'
    sent = {
        "ETag": tag,
        "Cache-Control": "private, no-cache",
        "Vary": "Authorization, Accept-Language",
        **(headers or {}),
    }
    if status == 200 and request.method == "GET" and names(request.headers.get("if-none-match"), tag):
        return Response(None, status_code=304, headers=sent)  # type: ignore[arg-type]
    # The bytes are the encoded body: typed as the body so that OpenAPI shows its shape.
    return Response(sending.content, status_code=status, headers=sent, media_type="application/json")  # type: ignore[arg-type]


def expected_version(request: Request[Any, Any, Any]) -> int:
    """The version that `If-Match` names; raises `MatchRequired` without it, `Stale` when it is no tag of ours."""
    header = request.headers.get("if-match")
    if header is None:
        raise MatchRequired
    version, dot, _ = header.strip().removeprefix('"').partition(".")
    if not dot or not version.isascii() or not version.isdigit() or len(version) > LONGEST_VERSION:
        raise Stale
    return int(version)


def names(header: str | None, tag: str) -> bool:
    """Whether an `If-None-Match` header names this tag."""
    if header is None:
        return False
    # GET compares weakly (RFC 9110, 13.1.2): a proxy that compressed the answer may have marked the tag W/.
    return header.strip() == "*" or tag in (one.strip().removeprefix("W/") for one in header.split(","))
