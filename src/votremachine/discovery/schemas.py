"""Machines on a map: GeoJSON (RFC 7946)."""

from typing import Any, Literal
from uuid import UUID

import msgspec

from votremachine.fleet.views import FoundMachine


class Point(msgspec.Struct, frozen=True):
    """WGS 84 degrees, longitude first (RFC 7946, 3.1.1)."""

    coordinates: tuple[float, float]
    type: Literal["Point"] = "Point"


class Feature(msgspec.Struct, frozen=True):
    """One machine; its properties are the members of its JSON."""

    id: UUID
    geometry: Point
    properties: dict[str, Any]
    type: Literal["Feature"] = "Feature"


class FeatureCollection(msgspec.Struct, frozen=True):
    """One page of machines; `next_cursor` is a foreign member (RFC 7946, 6.1)."""

    features: list[Feature]
    next_cursor: str | None
    type: Literal["FeatureCollection"] = "FeatureCollection"

    @classmethod
    def of(cls, machines: list[FoundMachine], next_cursor: str | None) -> "FeatureCollection":
        return cls([_feature(machine) for machine in machines], next_cursor)


def _feature(machine: FoundMachine) -> Feature:
    position = machine.position
    told = msgspec.structs.asdict(machine)
    del told["position"]
    properties = {**told, "exact": position.exact}
    return Feature(machine.id, Point((position.longitude, position.latitude)), properties)
