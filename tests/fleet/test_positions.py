"""Where strangers see a machine: near enough to drive there, far enough not to find the yard, and never elsewhere."""

import os

from hypothesis import example, given
from hypothesis import strategies as st

from votremachine.fleet.positions import (
    LEAST_BLUR_M,
    MOST_BLUR_M,
    Blur,
    Position,
    blurred,
    box_around,
    distance_m,
    draw_blur,
)

# Where farms are; closer to the poles nobody lends a tractor.
positions = st.builds(Position, st.floats(-60, 60), st.floats(-179, 179))
entropy = st.binary(min_size=8, max_size=8)


@given(positions, entropy)
@example(Position(60.0, 2.0), bytes.fromhex("0000000040000000"))  # 400 m due east, where degrees are narrow
@example(Position(60.0, 2.0), bytes.fromhex("ffffffff40000000"))
def test_the_blur_keeps_its_distance(exact: Position, drawn: bytes) -> None:
    away = distance_m(exact, blurred(exact, draw_blur(drawn)))
    assert LEAST_BLUR_M * 0.99 <= away <= MOST_BLUR_M * 1.01


@given(positions, entropy)
def test_the_same_machine_is_always_seen_at_the_same_place(exact: Position, drawn: bytes) -> None:
    assert blurred(exact, draw_blur(drawn)) == blurred(exact, draw_blur(drawn))


@given(positions, entropy, st.floats(-0.05, 0.05), st.floats(-0.05, 0.05))
def test_a_machine_that_moves_is_seen_to_move_as_far(exact: Position, drawn: bytes, up: float, right: float) -> None:
    """So whoever watches it move has one offset to guess, and never two to average."""
    blur = draw_blur(drawn)
    moved = Position(exact.latitude + up, exact.longitude + right)
    seen, seen_after = blurred(exact, blur), blurred(moved, blur)
    assert abs((seen_after.latitude - seen.latitude) - up) < 1e-9
    assert abs((seen_after.longitude - seen.longitude) - right) < 1e-3


def test_blurs_fill_the_ring_evenly() -> None:
    drawn = [draw_blur(os.urandom(8)) for _ in range(4000)]
    north = sum(one.north_m for one in drawn) / len(drawn)
    east = sum(one.east_m for one in drawn) / len(drawn)
    # Five standard errors of a mean of 4000.
    assert abs(north) < 45
    assert abs(east) < 45
    outer = sum(one.north_m**2 + one.east_m**2 > (LEAST_BLUR_M**2 + MOST_BLUR_M**2) / 2 for one in drawn)
    assert 1800 < outer < 2200


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


@given(positions, st.integers(1, 150_000), entropy)
def test_the_box_holds_what_lies_on_the_edge(centre: Position, radius_m: int, drawn: bytes) -> None:
    toward = draw_blur(drawn)
    scale = radius_m * 0.999 / distance_m(centre, blurred(centre, toward))
    edge = blurred(centre, Blur(toward.north_m * scale, toward.east_m * scale))
    if distance_m(centre, edge) <= radius_m:
        box = box_around(centre, radius_m)
        assert box.south <= edge.latitude <= box.north
        assert box.west <= edge.longitude <= box.east
