"""Where strangers see a machine: near enough to drive there, far enough not to find the yard, and never elsewhere."""

from math import cos, pi, radians, sin

from hypothesis import given
from hypothesis import strategies as st

from votremachine.fleet.positions import DEGREE_M, GRID_DIGITS, Position, blurred, box_around, distance_m

# Where farms are; closer to the poles nobody lends a tractor.
positions = st.builds(Position, st.floats(-60, 60), st.floats(-179, 179))
bearings = st.floats(0, 1)
MOST_BLUR_M = 790  # from the middle of a square to its corner, at the equator


@given(positions)
def test_the_blurred_place_is_no_farther_than_a_kilometre(exact: Position) -> None:
    assert distance_m(exact, blurred(exact)) <= MOST_BLUR_M


@given(positions, st.lists(st.tuples(st.floats(-0.004, 0.004), st.floats(-0.004, 0.004)), max_size=20))
def test_whatever_stands_in_one_square_is_told_to_stand_at_one_place(
    exact: Position, yards: list[tuple[float, float]]
) -> None:
    """So an owner's many machines, or one that moves about the farm, leave nothing to average."""
    square = blurred(exact)
    around = [Position(square.latitude + up, square.longitude + right) for up, right in yards]
    assert {blurred(one) for one in around} <= {square}
    assert blurred(square) == square


@given(positions)
def test_no_more_digits_are_told_than_the_grid_has(exact: Position) -> None:
    for told in (blurred(exact).latitude, blurred(exact).longitude):
        assert len(repr(told).partition(".")[2]) <= GRID_DIGITS


@given(positions, positions)
def test_distance_is_a_distance(one: Position, other: Position) -> None:
    assert distance_m(one, one) == 0
    assert distance_m(one, other) == distance_m(other, one)


def test_a_distance_by_hand() -> None:
    """Mont-de-Marsan to Dax: 20.4 km of latitude and 44.2 of longitude, on a flat map."""
    away = distance_m(Position(43.8911, -0.5009), Position(43.7077, -1.0517))
    assert abs(away - 48_700) < 500


@given(positions, positions, st.integers(1, 150_000))
def test_the_box_holds_the_circle(centre: Position, other: Position, radius_m: int) -> None:
    box = box_around(centre, radius_m)
    inside = box.south <= other.latitude <= box.north and box.west <= other.longitude <= box.east
    assert inside or distance_m(centre, other) > radius_m


@given(positions, st.integers(1, 150_000), bearings)
def test_the_box_holds_what_lies_on_the_edge(centre: Position, radius_m: int, bearing: float) -> None:
    metres, turn = radius_m * 0.999 / DEGREE_M, 2 * pi * bearing
    east = metres * sin(turn) / cos(radians(centre.latitude))
    edge = Position(centre.latitude + metres * cos(turn), centre.longitude + east)
    if distance_m(centre, edge) <= radius_m:
        box = box_around(centre, radius_m)
        assert box.south <= edge.latitude <= box.north
        assert box.west <= edge.longitude <= box.east
