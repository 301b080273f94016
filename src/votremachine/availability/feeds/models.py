"""The tables of feeds: what is subscribed to, the times that it takes, what meets bookings, and what came free."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, TSTZRANGE

from votremachine.infra.tables import metadata

_INSTANT = sa.DateTime(timezone=True)

calendar_feeds = sa.Table(
    "calendar_feeds",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("machine_id", sa.ForeignKey("machines.id"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("url_sealed", sa.LargeBinary, nullable=False, comment="encrypted: who has it reads the calendar"),
    sa.Column("url_shown", sa.Text, nullable=False, comment="its host, and its last characters"),
    sa.Column("created_by", sa.ForeignKey("people.id"), nullable=False),
    sa.Column("created_at", _INSTANT, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("etag", sa.Text),
    sa.Column("last_modified", sa.Text),
    sa.Column("read_at", _INSTANT, comment="when all of it was last read, rather than known to be the same"),
    sa.Column("last_success_at", _INSTANT),
    sa.Column("last_error", sa.Text, comment="its code"),
    sa.Column("last_error_facts", JSONB, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False, comment="since the last success"),
    sa.Column("events", sa.Integer, nullable=False),
    sa.Column("ignored", JSONB, nullable=False, comment="how many events take no time, by reason"),
    sa.Column("due_at", _INSTANT, nullable=False),
    sa.Column("asked_at", _INSTANT, comment="when somebody last wanted it fetched at once"),
    sa.Column("lease", sa.Uuid, comment="of the worker that is at it"),
    sa.Column("leased_until", _INSTANT),
    sa.Index(None, "machine_id", "id"),
    sa.Index(None, "due_at"),
    sa.CheckConstraint("state IN ('new', 'ok', 'failing', 'gone')", name="state"),
)

feed_events = sa.Table(
    "feed_events",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("feed_id", sa.ForeignKey("calendar_feeds.id", ondelete="CASCADE"), nullable=False),
    sa.Column("during", TSTZRANGE, nullable=False, comment="wanted; what it has stands in occupancies"),
    sa.Index(None, "feed_id"),
    sa.CheckConstraint("NOT isempty(during) AND lower_inc(during) AND NOT upper_inc(during)", name="during"),
)

# What stands here has been told; it goes when feed and booking do not meet any more.
feed_clashes = sa.Table(
    "feed_clashes",
    metadata,
    sa.Column("feed_id", sa.ForeignKey("calendar_feeds.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("booking_id", sa.Uuid, primary_key=True),
    sa.Column("during", TSTZRANGE, nullable=False, comment="the first time in which they meet"),
    sa.Column("found_at", _INSTANT, nullable=False),
)

# Without a foreign key or a key of its machine, so that who marks one waits for nobody (service/refills.py).
feed_refills = sa.Table(
    "feed_refills",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("machine_id", sa.Uuid, nullable=False, comment="some of its time was given back"),
    sa.Column("due_at", _INSTANT, nullable=False),
    sa.Index(None, "machine_id"),
)
