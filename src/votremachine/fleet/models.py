"""The tables of machines, and of the parties that may see those which are not shown to everybody."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from votremachine.infra.tables import metadata


def _one_of(column: str, *values: str) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=column)


machines = sa.Table(
    "machines",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("party_id", sa.ForeignKey("parties.id"), nullable=False),
    sa.Column("category", sa.Text, nullable=False),
    sa.Column("title_fr", sa.Text, nullable=False),
    sa.Column("description_fr", sa.Text, nullable=False),
    sa.Column("make", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("commune", sa.Text, nullable=False),
    sa.Column("latitude", sa.Float, nullable=False),
    sa.Column("longitude", sa.Float, nullable=False),
    sa.Column("zone", sa.Text, nullable=False, comment="IANA name"),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("booking_mode", sa.Text, nullable=False),
    sa.Column("buffer_before_minutes", sa.Integer, nullable=False),
    sa.Column("buffer_after_minutes", sa.Integer, nullable=False),
    sa.Column("min_minutes", sa.Integer, nullable=False),
    sa.Column("max_minutes", sa.Integer, nullable=False),
    sa.Column("lead_minutes", sa.Integer, nullable=False),
    sa.Column("horizon_days", sa.Integer, nullable=False),
    sa.Column("deposit_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("title_en", sa.Text, nullable=False, server_default=""),
    sa.Column("description_en", sa.Text, nullable=False, server_default=""),
    sa.Column("serial", sa.Text, nullable=False, server_default="", comment="for the owner's own people only"),
    sa.Column("attributes", JSONB, nullable=False, server_default="{}"),
    sa.Column("meters", ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.Column("visibility", sa.Text, nullable=False, server_default="public"),
    sa.Column("hand_over", JSONB, nullable=False, server_default="[]"),
    sa.Column("pairing", JSONB(none_as_null=True)),
    sa.Column(
        "exceptions", JSONB, nullable=False, server_default="[]", comment="dates with hand-over hours of their own"
    ),
    sa.Column("asks", ARRAY(sa.Text), nullable=False, server_default="{}", comment="before the machine leaves"),
    sa.Column("weather_hours", sa.Integer, comment="so long before the start the weather moves a booking"),
    sa.Column("claim_hours", sa.Integer, nullable=False, server_default="48", comment="after the return"),
    sa.Column("claim_cap_minor", sa.BigInteger, comment="the most that a claim asks"),
    sa.Column(
        "short_notice_hours",
        sa.Integer,
        nullable=False,
        server_default="24",
        comment="before the start, where a cooperative charges its minimum",
    ),
    sa.Column("cancellation", sa.Text, nullable=False, server_default="flexible"),
    sa.Column("cleaning", sa.Text, nullable=False, server_default="as_found"),
    sa.Column("priced", sa.Boolean, nullable=False, server_default=sa.false(), comment="kept true by pricing"),
    sa.Column("category_number", sa.Integer, nullable=False, comment="of data/categories.csv"),
    # Drawn once, never again: a new one for each reading would be averaged away.
    sa.Column("shown_latitude", sa.Float, nullable=False, comment="what strangers are told"),
    sa.Column("shown_longitude", sa.Float, nullable=False),
    sa.Index(None, "party_id"),
    sa.Index(None, "category", "id"),
    # The index of nearest machines is an expression, so it is written in the migration:
    #   gist (int4range(category_number, category_number, '[]'), point(shown_longitude, shown_latitude))
    _one_of("state", "draft", "listed", "paused", "retired"),
    _one_of("booking_mode", "instant", "on_request"),
    _one_of("visibility", "public", "cooperative", "named"),
    _one_of("cancellation", "flexible", "moderate", "strict", "cooperative"),
    _one_of("cleaning", "as_found", "swept", "washed", "disinfected"),
    sa.CheckConstraint("meters <@ ARRAY['engine_hour', 'hectare', 'bale', 'm3', 'km', 'tonne']", name="meters"),
    sa.CheckConstraint("asks <@ ARRAY['report', 'licence', 'age', 'insurance']", name="asks"),
    sa.CheckConstraint("weather_hours > 0", name="weather_hours"),
    sa.CheckConstraint("claim_hours BETWEEN 48 AND 120", name="claim_hours"),
    sa.CheckConstraint("claim_cap_minor > 0", name="claim_cap_minor"),
    sa.CheckConstraint("short_notice_hours BETWEEN 0 AND 336", name="short_notice_hours"),
    sa.CheckConstraint("0 < min_minutes AND min_minutes <= max_minutes", name="minutes"),
    sa.CheckConstraint("buffer_before_minutes >= 0 AND buffer_after_minutes >= 0", name="buffers"),
)

invited_parties = sa.Table(
    "invited_parties",
    metadata,
    sa.Column("machine_id", sa.ForeignKey("machines.id"), primary_key=True),
    sa.Column("party_id", sa.ForeignKey("parties.id"), primary_key=True),
    sa.Index(None, "party_id"),
)
