"""How the one table is asked: expressions that its GiST index answers, and rows as values."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSTZRANGE

from votremachine.availability.models import occupancies
from votremachine.availability.rules import Occupancy, Taker
from votremachine.kernel.span import Span

COLUMNS = (
    occupancies.c.id,
    occupancies.c.machine_id,
    occupancies.c.kind,
    occupancies.c.ref_id,
    sa.func.lower(occupancies.c.during).label("starts"),
    sa.func.upper(occupancies.c.during).label("ends"),
    sa.func.lower(occupancies.c.blocked).label("blocked_from"),
    sa.func.upper(occupancies.c.blocked).label("blocked_to"),
    occupancies.c.expires_at,
)
# A literal, not a parameter: the expression must be the constraint's own for its index to answer.
_CLOSED: sa.ColumnElement[str] = sa.literal_column("'[]'")


def instants(start: str, end: str) -> sa.Function[Any]:
    """The range `[start, end)` between two bound instants of those names."""
    instant = sa.DateTime(timezone=True)
    return sa.func.tstzrange(sa.bindparam(start, type_=instant), sa.bindparam(end, type_=instant), type_=TSTZRANGE)


def on_machine(machine_id: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether an occupancy is of this machine, written as the exclusion constraint writes it."""
    its_own = sa.func.uuid_range(occupancies.c.machine_id, occupancies.c.machine_id, _CLOSED)
    return its_own.op("&&", is_comparison=True)(sa.func.uuid_range(machine_id, machine_id, _CLOSED))


def meets_window() -> sa.ColumnElement[bool]:
    """Whether an occupancy's blocked time meets the bound window `blocked_from`, `blocked_to`."""
    return occupancies.c.blocked.op("&&", is_comparison=True)(instants("blocked_from", "blocked_to"))


def window_values(window: Span) -> dict[str, Any]:
    """The bound values of `meets_window`."""
    return {"blocked_from": window.start, "blocked_to": window.end}


def from_row(row: sa.Row[Any]) -> Occupancy:
    """A row of `COLUMNS` as a value."""
    return Occupancy(
        row.id,
        row.machine_id,
        Taker(row.kind),
        row.ref_id,
        Span(row.starts, row.ends),
        Span(row.blocked_from, row.blocked_to),
        row.expires_at,
    )
