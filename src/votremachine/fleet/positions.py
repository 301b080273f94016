"""Where a machine stands: exactly for its own people, to the nearest hundredth of a degree for strangers. Pure.

Distances are on a sphere of the earth's mean radius (IUGG): within half a percent of the truth.
"""

from math import asin, cos, pi, radians, sin, sqrt

import msgspec

EARTH_M = 6_371_008.8
DEGREE_M = EARTH_M * pi / 180
# About a kilometre (1.1 km from south to north, 0.8 from west to east in the Landes). Everything in one square of the
# grid is told to stand at one place: neither an owner's other machines nor a move leave anything to average.
GRID_DIGITS = 2
# Close to the poles a degree of longitude is no distance at all; no machine is rented there.
LEAST_COS = 0.01


class Position(msgspec.Struct, frozen=True):
    """WGS 84 degrees."""

    latitude: float
    longitude: float


class Box(msgspec.Struct, frozen=True):
    """Degrees that hold everything within a radius."""

    south: float
    west: float
    north: float
    east: float


def blurred(exact: Position) -> Position:
    """The place that strangers are told, and from which a delivery is reckoned."""
    return Position(round(exact.latitude, GRID_DIGITS), round(exact.longitude, GRID_DIGITS))


def distance_m(one: Position, other: Position) -> float:
    """Metres along the great circle, by the haversine formula (R. W. Sinnott, Sky and Telescope 68, 1984)."""
    phi, psi = radians(one.latitude), radians(other.latitude)
    across = sin(radians(other.longitude - one.longitude) / 2)
    half = sin((psi - phi) / 2) ** 2 + cos(phi) * cos(psi) * across**2
    return 2 * EARTH_M * asin(min(1.0, sqrt(half)))


def box_around(centre: Position, radius_m: float) -> Box:
    """A box that holds every place within `radius_m`; longitude by the side nearer to the pole, where it is widest."""
    high = radius_m / DEGREE_M
    widest = max(abs(centre.latitude - high), abs(centre.latitude + high))
    wide = high / _shrink(min(widest, 90.0))
    return Box(centre.latitude - high, centre.longitude - wide, centre.latitude + high, centre.longitude + wide)


def _shrink(latitude: float) -> float:
    return max(cos(radians(latitude)), LEAST_COS)
