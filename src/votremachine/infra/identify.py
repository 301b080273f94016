"""Who asks, as one question to the database: asked beside another wherever a round trip is worth saving."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

import sqlalchemy as sa

Who = TypeVar("Who")


class Identify(NamedTuple, Generic[Who]):
    """Who asks: a question, its values, and how its rows are read; reading raises when they may not ask."""

    question: sa.Select[Any]
    values: Callable[[datetime], Mapping[str, Any]]
    read: Callable[[Sequence[sa.Row[Any]]], Who]
