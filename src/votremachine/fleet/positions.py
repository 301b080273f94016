"""Where a machine stands: exactly for its own people, about a kilometre off for strangers. Pure.

Distances are on a sphere of the earth's mean radius (IUGG): within half a percent of the truth.
"""

from math import asin, cos, pi, radians, sin, sqrt

import msgspec

EARTH_M = 6_371_008.8
DEGREE_M = EARTH_M * pi / 180
# Strangers are told a place between these two distances from the true one.
LEAST_BLUR_M, MOST_BLUR_M = 400.0, 1000.0
# Close to the poles a degree of longitude is no distance at all; no machine is rented there.
LEAST_COS = 0.01


class Position(msgspec.Struct, frozen=True):
    """WGS 84 degrees."""

    latitude: float
    longitude: float


class Blur(msgspec.Struct, frozen=True):
    """How far the place that strangers are told lies from the true one: drawn once for a machine, and kept.

    Kept when the machine moves, too: the places that were told differ by where it went, and by nothing to average.
    """

    north_m: float
    east_m: float


class Box(msgspec.Struct, frozen=True):
    """Degrees that hold everything within a radius."""

    south: float
    west: float
    north: float
    east: float


def draw_blur(entropy: bytes) -> Blur:
    """A blur from 8 random bytes: every place of the ring is as likely as any other."""
    one, other = int.from_bytes(entropy[:4]) / 2**32, int.from_bytes(entropy[4:8]) / 2**32
    distance = sqrt(LEAST_BLUR_M**2 + (MOST_BLUR_M**2 - LEAST_BLUR_M**2) * one)
    return Blur(distance * cos(2 * pi * other), distance * sin(2 * pi * other))


def blurred(exact: Position, blur: Blur) -> Position:
    """The place that strangers are told."""
    latitude = max(-90.0, min(90.0, exact.latitude + blur.north_m / DEGREE_M))
    longitude = exact.longitude + blur.east_m / (DEGREE_M * _shrink(exact.latitude))
    return Position(latitude, (longitude + 180) % 360 - 180)


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
