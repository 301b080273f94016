"""What the slices have to say when a person asks for their data or leaves: composed in `app.py`, since each slice
knows its own tables alone.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from votremachine.accounts.rules import Actor
from votremachine.infra.database import Tx


async def _nothing(tx: Tx, person_id: UUID) -> None:
    """Nothing of the person's own is kept here, or the law asks to keep it."""


async def _nothing_closes(tx: Tx, party_ids: Sequence[UUID]) -> None:
    """Nothing here ends with a party."""


async def _nobody_minds(tx: Tx, party_ids: Sequence[UUID]) -> None:
    """These parties may close as far as this slice is concerned."""


@dataclass(frozen=True)
class PersonalData:
    """One slice's part: `name` is its file in the export.

    `export` gives what can be encoded as JSON; `forget` deletes what is a person's alone; `check_closing` raises a
    `DomainError` when parties cannot be without anybody yet; `close_parties` ends what these parties offer.
    """

    name: str
    export: Callable[[Tx, Actor], Awaitable[Any]]
    forget: Callable[[Tx, UUID], Awaitable[None]] = _nothing
    check_closing: Callable[[Tx, Sequence[UUID]], Awaitable[None]] = _nobody_minds
    close_parties: Callable[[Tx, Sequence[UUID]], Awaitable[None]] = _nothing_closes


Parts = Sequence[PersonalData]
