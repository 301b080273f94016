"""Finding machines that are free: a page at a time, in a bounded number of statements."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from votremachine.accounts.rules import Actor
from votremachine.availability.service import look
from votremachine.fleet import finding
from votremachine.fleet import service as fleet
from votremachine.fleet.bookable import BOOKABLE_ERRORS, check_bookable
from votremachine.fleet.finding import Place, Wanted
from votremachine.fleet.rules import Machine
from votremachine.fleet.views import FoundMachine
from votremachine.infra.database import Tx
from votremachine.kernel.span import Span

# For a period, machines are looked at by the hundred, this many times for one page: where everything is booked, a page
# may be short, or empty, and its cursor goes on.
HUNDRED, MOST_LOOKS = 100, 5


class Found(NamedTuple):
    """One page, and where the next one begins, None when there is none."""

    machines: list[FoundMachine]
    following: Place | None


async def find(
    tx: Tx, who: Actor, language: str, wanted: Wanted, span: Span | None, after: Place | None, limit: int
) -> Found:
    """Machines that this person may see; with a span, those that can be booked for it now. Raises `UnknownCategory`."""
    if span is None:
        rows = await finding.search(tx, who, wanted, after, limit + 1)
        return _page(rows, limit, None, who, language)
    free: list[sa.Row[Any]] = []
    for _ in range(MOST_LOOKS):
        rows = await finding.search(tx, who, wanted, after, HUNDRED)
        free += await _free(tx, rows, span)
        after = finding.place(rows[-1]) if len(rows) == HUNDRED else None
        if after is None or len(free) > limit:
            break
    return _page(free, limit, after, who, language)


async def _free(tx: Tx, rows: Sequence[sa.Row[Any]], span: Span) -> list[sa.Row[Any]]:
    machines = [machine for row in rows if _may_be_booked(machine := fleet.from_row(row), span, tx)]
    ids = await look.free(tx, machines, span)
    return [row for row in rows if row.id in ids]


def _may_be_booked(machine: Machine, span: Span, tx: Tx) -> bool:
    try:
        check_bookable(machine, span, tx.now)
    except BOOKABLE_ERRORS:
        return False
    return True


def _page(rows: Sequence[sa.Row[Any]], limit: int, behind: Place | None, who: Actor, language: str) -> Found:
    """The first `limit` rows; behind them come the others, or whatever was not looked at yet."""
    shown = rows[:limit]
    following = finding.place(shown[-1]) if len(rows) > limit else behind
    return Found([finding.view(row, who, language) for row in shown], following)
