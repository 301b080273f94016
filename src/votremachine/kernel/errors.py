"""Errors are facts: what is true, in a stable code and in two languages. The HTTP edge maps the kind to a status.

DomainError
  every slice's own errors stand in its rules.py: SpanTaken, HoldExpired, UnknownMachine, ...
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, ClassVar

import msgspec


class Kind(StrEnum):
    """The family of an error; one HTTP status each (see infra/problems.py)."""

    MALFORMED = "malformed"
    UNAUTHENTICATED = "unauthenticated"
    PAYMENT_REQUIRED = "payment_required"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    STALE = "stale"
    TOO_LARGE = "too_large"
    INVALID = "invalid"
    PRECONDITION_REQUIRED = "precondition_required"
    TOO_MANY = "too_many"
    FAULT = "fault"
    UNAVAILABLE = "unavailable"


class FieldError(msgspec.Struct, frozen=True):
    """One offending place of the input: a JSON pointer (or a parameter's name) and what is wrong there."""

    pointer: str
    detail: str


class DomainError(Exception):
    """A fact that stops a verb. `facts` fill the sentence and travel to the caller beside the code.

    Raised anywhere; whatever the transaction wrote is rolled back by the edge that catches it. `parts` are the facts
    that it is made of, each with the place it is about, where there are several.
    """

    kind: ClassVar[Kind] = Kind.INVALID
    code: ClassVar[str] = "invalid"
    en: ClassVar[str]
    fr: ClassVar[str]

    def __init__(self, *, pointer: str | None = None, parts: Sequence["DomainError"] = (), **facts: Any) -> None:
        super().__init__(self.code)
        self.pointer = pointer
        self.parts = parts
        self.facts = facts

    def sentence(self, language: str) -> str:
        """The fact in the reader's language ("fr" or "en")."""
        return (self.fr if language == "fr" else self.en).format(**self.facts)

    def __str__(self) -> str:
        return f"{self.code}: {self.sentence('en')}"
