"""Finding machines that a person may see: by their ids, or nearest first around a place.

Places are those that strangers are told, for everybody and for every purpose: a list that sorted or cut by the true
ones would tell them to whoever asks often enough.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from votremachine.accounts.rules import Actor
from votremachine.fleet import table
from votremachine.fleet.categories import UnknownCategory, categories
from votremachine.fleet.models import machines
from votremachine.fleet.positions import EARTH_M, Position, box_around
from votremachine.fleet.views import FoundMachine
from votremachine.infra.database import Tx

LARGEST_NUMBER = 32_767


class Wanted(msgspec.Struct, frozen=True):
    """What is looked for; `radius_m` counts only around `near`."""

    category: str | None = None
    party_id: UUID | None = None
    near: Position | None = None
    radius_m: int = 0


class Place(msgspec.Struct, frozen=True, array_like=True):
    """The place of a machine in a list: behind it, the next page begins. Whole metres, so that equals are equal."""

    id: UUID
    distance_m: int | None = None


async def search(tx: Tx, who: Actor, wanted: Wanted, after: Place | None, limit: int) -> Sequence[sa.Row[Any]]:
    """Up to `limit` machines behind `after`: by distance and id around a place, by id without one.

    Listed ones, and the person's own in any state. Raises `UnknownCategory`.
    """
    matching = [table.shown_to(who), *_filters(wanted)]
    if wanted.near is None:
        found = sa.select(*table.WHOLE, sa.null().label("distance_m")).where(*matching)
        found = found if after is None else found.where(machines.c.id > after.id)
        return await tx.rows(found.order_by(machines.c.id).limit(limit))
    matching.append(_in_index(wanted.category))
    distance = _distance_m(wanted.near)
    if after is not None:
        matching.append(sa.tuple_(distance, machines.c.id) > sa.tuple_(sa.literal(after.distance_m), after.id))
    reach = await _reach_m(tx, wanted, wanted.near, matching, limit)
    nearest = sa.select(*table.WHOLE, distance.label("distance_m")).where(
        *matching, _within(wanted.near, reach), distance <= reach
    )
    return await tx.rows(nearest.order_by(distance, machines.c.id).limit(limit))


def view(row: sa.Row[Any], who: Actor, language: str) -> FoundMachine:
    """A row of `search` as this person sees it."""
    return FoundMachine(**table.members(row, who, language), distance_m=row.distance_m)


def place(row: sa.Row[Any]) -> Place:
    """Where a row of `search` stands in its list."""
    return Place(row.id, row.distance_m)


def _filters(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    filters: list[sa.ColumnElement[bool]] = []
    if wanted.category is not None:
        if wanted.category not in categories():
            raise UnknownCategory(pointer="category", category=wanted.category)
        filters.append(machines.c.category == wanted.category)
    if wanted.party_id is not None:
        filters.append(machines.c.party_id == wanted.party_id)
    return filters


async def _reach_m(
    tx: Tx, wanted: Wanted, near: Position, matching: Sequence[sa.ColumnElement[bool]], limit: int
) -> int:
    """A distance within which the next `limit` machines lie, the radius at most.

    The index knows which are nearest in degrees, which is not nearest in metres; but the farthest of those is as far
    as any of the nearest can be. So a page costs what it shows, however many machines there are in the radius.
    """
    distance = _distance_m(near)
    nearest = (
        sa.select(distance.label("distance_m"))
        .where(*matching, _within(near, wanted.radius_m), distance <= wanted.radius_m)
        .order_by(_SHOWN.op("<->")(_point(near)))
        .limit(limit)
        .subquery()
    )
    row = await tx.row(sa.select(sa.func.count().label("found"), sa.func.max(nearest.c.distance_m).label("reach")))
    return row.reach if row and row.found == limit else wanted.radius_m


_SHOWN = sa.func.point(machines.c.shown_longitude, machines.c.shown_latitude)
# A literal, not a parameter: the expression must be the index's own for the index to answer.
_CLOSED: sa.ColumnElement[str] = sa.literal_column("'[]'")


def _in_index(category: str | None) -> sa.ColumnElement[bool]:
    """Whether a machine is of the category, or of any, as the index has it: without this it would not be used."""
    low, high = (0, LARGEST_NUMBER) if category is None else (categories()[category].number,) * 2
    asked = sa.func.int4range(sa.literal(low, sa.Integer), sa.literal(high, sa.Integer), _CLOSED)
    its_own = sa.func.int4range(machines.c.category_number, machines.c.category_number, _CLOSED)
    return its_own.op("&&", is_comparison=True)(asked)


def _point(position: Position) -> sa.Function[Any]:
    return sa.func.point(sa.literal(position.longitude, sa.Float), sa.literal(position.latitude, sa.Float))


def _within(near: Position, radius_m: int) -> sa.ColumnElement[bool]:
    """Whether a machine is shown in the box around a circle of that radius; a metre more, since distances are whole."""
    box = box_around(near, radius_m + 1)
    corners = (_point(Position(box.south, box.west)), _point(Position(box.north, box.east)))
    return _SHOWN.op("<@", is_comparison=True)(sa.func.box(*corners))


def _distance_m(near: Position) -> sa.ColumnElement[int]:
    """`positions.distance_m` in SQL, in whole metres."""
    phi = sa.func.radians(sa.literal(near.latitude, sa.Float))
    psi = sa.func.radians(machines.c.shown_latitude)
    across = sa.func.sin(sa.func.radians(machines.c.shown_longitude - sa.literal(near.longitude, sa.Float)) / 2)
    up = sa.func.sin((psi - phi) / 2)
    half = up * up + sa.func.cos(phi) * sa.func.cos(psi) * across * across
    metres = 2 * EARTH_M * sa.func.asin(sa.func.least(1.0, sa.func.sqrt(half)))
    return sa.cast(sa.func.round(metres), sa.Integer)
