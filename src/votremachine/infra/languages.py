"""French or English: which of the two the caller reads."""

from typing import Any, Literal

from litestar.connection import ASGIConnection

Language = Literal["fr", "en"]
DEFAULT: Language = "fr"


def preferred(accept_language: str) -> Language:
    """The better-ranked of French and English in an Accept-Language header (RFC 9110, 12.5.4); French by default."""
    ranks: dict[str, float] = {}
    for part in accept_language.split(","):
        tag, _, weight = part.partition(";")
        name = tag.strip().lower().split("-")[0]
        ranks[name] = max(ranks.get(name, 0.0), _weight(weight))
    english, french = (ranks.get(name, ranks.get("*", 0.0)) for name in ("en", "fr"))
    return "en" if english > french else DEFAULT


def language_of(request: ASGIConnection[Any, Any, Any, Any]) -> Language:
    return preferred(request.headers.get("accept-language", ""))


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
