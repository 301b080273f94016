"""How far a machine is brought: the great circle, and the road that is longer. Pure."""

import msgspec

from votremachine.fleet.positions import Position, blurred, distance_m
from votremachine.kernel.errors import DomainError
from votremachine.pricing.rules.card import Delivery

# Rural roads of France are 1.2 to 1.4 times as long as the straight line; a fixed factor can be checked on any map.
ROAD_TENTHS = 13


class Point(msgspec.Struct, frozen=True):
    """WGS 84 degrees."""

    latitude: float
    longitude: float


class Road(msgspec.Struct, frozen=True):
    """One way to the place, in metres, rounded to 100: `road = straight × 1.3`."""

    straight_m: int
    road_m: int


class NoDelivery(DomainError):
    code = "no_delivery"
    en = "This machine is not delivered: it is fetched from its owner."
    fr = "Ce matériel n'est pas livré : il se retire chez son propriétaire."


class BeyondRadius(DomainError):
    code = "beyond_delivery_radius"
    en = "This machine is delivered up to {radius_km} km around, and the place is {straight_km} km away."
    fr = "Ce matériel est livré jusqu'à {radius_km} km à la ronde, et le lieu est à {straight_km} km."


def road(machine: Point, place: Point) -> Road:
    """The way to a place from where strangers are told that the machine stands, and 1.3 times it.

    So nobody finds a yard by asking for deliveries from all around it.
    """
    told = blurred(Position(machine.latitude, machine.longitude))
    straight = round(distance_m(told, Position(place.latitude, place.longitude)) / 100) * 100
    return Road(straight, (straight * ROAD_TENTHS // 10 + 50) // 100 * 100)


def check_delivery(offered: Delivery | None, way: Road) -> Delivery:
    """What the owner asks for bringing it there; raises `NoDelivery`, `BeyondRadius`."""
    if offered is None:
        raise NoDelivery(pointer="/deliver_to")
    if way.straight_m > offered.radius_km * 1000:
        straight_km = way.straight_m / 1000
        raise BeyondRadius(pointer="/deliver_to", radius_km=offered.radius_km, straight_km=straight_km)
    return offered
