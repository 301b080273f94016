"""An event is a fact in the past tense that a slice publishes and that the worker carries upwards."""

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Subclasses hold primitive values and ids only: they are stored as JSON in the outbox under their class name."""
