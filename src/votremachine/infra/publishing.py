"""How events are kept: in the outbox for handlers, and as changes for screens that are open."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from votremachine.infra.statements import Write
from votremachine.infra.tables import metadata
from votremachine.kernel.events import Event

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("body", JSONB, nullable=False),
    sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("last_error", sa.Text),
    sa.Index(None, "due_at"),
)
_facts = (
    sa.func.unnest(
        sa.bindparam("outbox_ids", type_=sa.ARRAY(sa.Uuid)),
        sa.bindparam("outbox_names", type_=sa.ARRAY(sa.Text)),
        sa.bindparam("outbox_bodies", type_=sa.ARRAY(sa.Text)),
    )
    .table_valued(*(sa.column(name) for name in ("id", "name", "body")), name="facts")
    .render_derived()
)
_happened = sa.bindparam("outbox_now", type_=sa.DateTime(timezone=True))
OUTBOX = Write(
    "outbox",
    outbox.insert().from_select(
        ["id", "name", "body", "happened_at", "due_at"],
        sa.select(_facts.c.id, _facts.c.name, sa.cast(_facts.c.body, JSONB), _happened, _happened),
    ),
)


def stored(events: Sequence[Event], new_id: Callable[[], UUID], now: datetime) -> dict[str, Any]:
    """What `OUTBOX` writes of these events."""
    return {
        "outbox_ids": [new_id() for _ in events],
        "outbox_names": [type(event).__name__ for event in events],
        "outbox_bodies": [msgspec.json.encode(event).decode() for event in events],
        "outbox_now": now,
    }


# What open screens are told of, for a day or two. A transaction's id is known before its commit: infra/changes.py
# says how they are read in an order in which none is passed over.
changes = sa.Table(
    "changes",
    metadata,
    sa.Column("xid", sa.BigInteger, primary_key=True, server_default=sa.text("pg_current_xact_id()::text::bigint")),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("parties", ARRAY(sa.Uuid), nullable=False),
    sa.Column("body", JSONB, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
)
_shown_facts = (
    sa.func.unnest(
        sa.bindparam("changes_ids", type_=sa.ARRAY(sa.Uuid)),
        sa.bindparam("changes_names", type_=sa.ARRAY(sa.Text)),
        sa.bindparam("changes_parties", type_=sa.ARRAY(sa.Text)),
        sa.bindparam("changes_bodies", type_=sa.ARRAY(sa.Text)),
    )
    .table_valued(*(sa.column(name) for name in ("id", "name", "parties", "body")), name="shown")
    .render_derived()
)
CHANGES = Write(
    "changes",
    changes.insert().from_select(
        ["id", "name", "parties", "body", "at"],
        sa.select(
            _shown_facts.c.id,
            _shown_facts.c.name,
            sa.cast(_shown_facts.c.parties, sa.ARRAY(sa.Uuid)),
            sa.cast(_shown_facts.c.body, JSONB),
            sa.bindparam("changes_now", type_=sa.DateTime(timezone=True)),
        ),
    ),
)


def shown(events: Sequence[Event], new_id: Callable[[], UUID], now: datetime) -> dict[str, Any]:
    """What `CHANGES` writes of these events, which have an audience."""
    return {
        "changes_ids": [new_id() for _ in events],
        "changes_names": [type(event).__name__ for event in events],
        # As PostgreSQL writes an array: one of arrays would need each to be as long as the others.
        "changes_parties": [f"{{{','.join(map(str, event.audience))}}}" for event in events],
        "changes_bodies": [msgspec.json.encode(event.shown).decode() for event in events],
        "changes_now": now,
    }
