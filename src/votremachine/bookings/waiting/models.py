"""The table of those who wait."""

import sqlalchemy as sa

from votremachine.infra.tables import metadata

_OPEN = "state IN ('waiting', 'offered')"

waiting_entries = sa.Table(
    "waiting_entries",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True, comment="in the order of which the time is offered"),
    sa.Column("machine_id", sa.ForeignKey("machines.id"), nullable=False),
    sa.Column("owner_party_id", sa.ForeignKey("parties.id"), nullable=False),
    sa.Column("renter_party_id", sa.ForeignKey("parties.id"), nullable=False),
    sa.Column("person_id", sa.ForeignKey("people.id"), nullable=False, comment="in whose name it is held"),
    sa.Column("starts", sa.DateTime(timezone=True), nullable=False),
    sa.Column("ends", sa.DateTime(timezone=True), nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("booking_id", sa.Uuid, comment="the hold that was offered"),
    sa.Column("why", sa.Text, nullable=False, server_default="", comment="the code of what ended it"),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
    # Lines, each in its order, and the offers that stand.
    sa.Index("waiting_entries_line_idx", "machine_id", "id", postgresql_where=sa.text(_OPEN)),
    sa.Index("waiting_entries_offered_idx", "booking_id", postgresql_where=sa.text("state = 'offered'")),
    sa.Index(
        "waiting_entries_open_idx",
        *("renter_party_id", "machine_id", "starts", "ends"),
        unique=True,
        postgresql_where=sa.text(_OPEN),
    ),
    sa.Index(None, "renter_party_id", "id"),
    sa.Index(None, "person_id"),
    sa.CheckConstraint(
        "state IN ('waiting', 'offered', 'taken', 'passed', 'withdrawn', 'lapsed')",
        name="state",
    ),
    sa.CheckConstraint("starts < ends", name="span"),
    sa.CheckConstraint("(state IN ('offered', 'taken', 'passed')) = (booking_id IS NOT NULL)", name="booking_id"),
    sa.CheckConstraint("owner_party_id <> renter_party_id", name="sides"),
)
