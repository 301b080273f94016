"""An event is a fact in the past tense that a slice publishes and that the worker carries upwards."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Subclasses hold primitive values and ids only: they are stored as JSON in the outbox under their class name."""

    @property
    def audience(self) -> Sequence[UUID]:
        """The parties whose open screens show what happened; nobody's, if not said otherwise."""
        return ()

    @property
    def shown(self) -> Mapping[str, UUID | Sequence[UUID]]:
        """What its audience is told of it: ids, by which those who may can read the rest."""
        return {}
