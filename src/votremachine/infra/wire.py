"""Shapes that every slice sends and receives: bodies that refuse what they do not know, amounts, spans, paging."""

from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
from litestar import Request
from litestar.params import QueryParameter

from votremachine.infra.pages import DEFAULT_LIMIT, LARGEST_LIMIT
from votremachine.kernel.span import Span

Limit = Annotated[
    int, QueryParameter(ge=1, le=LARGEST_LIMIT, description=f"Rows in one page, {DEFAULT_LIMIT} by default.")
]
Cursor = Annotated[str | None, QueryParameter(description="`next_cursor` of the page before.", max_length=512)]
HttpRequest = Request[Any, Any, Any]

# Control characters, and those that are not seen or turn the text around: nobody means to type them into a name.
UNSEEN = r"\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f"
_LINE = rf"^[^{UNSEEN}]*$(?!\n)"
# A name or a title: one line in which something is to be seen.
Line = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=rf"^(?=.*\S)[^{UNSEEN}]*$(?!\n)")]
OptionalLine = Annotated[str, msgspec.Meta(max_length=80, pattern=_LINE)]
# PostgreSQL's text has no place for NUL.
Paragraph = Annotated[str, msgspec.Meta(max_length=4000, pattern=r"^[^\x00]*\Z")]


class Input(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A body that a caller sends; an unknown field is refused, not ignored."""


class SpanView(msgspec.Struct, frozen=True, gc=False):
    """`[start, end)` in the machine's own time zone, offsets included."""

    start: datetime
    end: datetime

    @classmethod
    def of(cls, span: Span, zone: ZoneInfo) -> "SpanView":
        return cls(span.start.astimezone(zone), span.end.astimezone(zone))
