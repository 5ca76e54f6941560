"""Geometry of flat coordinate lists: known values, round trips and invariances."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from dsk import geometry

COORDINATE = st.floats(-2000, 2000).map(lambda v: round(v, 3))
SIDE = st.floats(0.5, 2000).map(lambda v: round(v, 3))
ANGLE = st.floats(0, 360, exclude_max=True).map(lambda v: round(v, 4) % 360.0)
RING = st.lists(st.tuples(COORDINATE, COORDINATE), min_size=3, max_size=30).map(
    lambda points: [v for p in points for v in p]
)
BOX = st.tuples(COORDINATE, COORDINATE, SIDE, SIDE)


def moved(ring, dx, dy):
    return [v + (dy if n % 2 else dx) for n, v in enumerate(ring)]


def opposed(a, b):
    """The difference of two angles in degrees, at most 180."""
    return abs((a - b + 180) % 360 - 180)


# --- areas and boxes


def test_area_is_positive_clockwise_on_the_screen():
    assert geometry.ring_area([0, 0, 4, 0, 4, 3, 0, 3]) == 12
    assert geometry.ring_area([0, 0, 0, 3, 4, 3, 4, 0]) == -12
    assert (
        geometry.ring_area([])
        == geometry.ring_area([5, 6])
        == geometry.ring_area([1, 1, 5, 6])
        == 0
    )


def test_area_far_from_the_origin():
    assert geometry.ring_area(moved([0, 0, 0.5, 0, 0.5, 0.5, 0, 0.5], 2.0**40, -(2.0**40))) == 0.25


@given(RING, COORDINATE, COORDINATE)
def test_area_does_not_depend_on_the_start_or_the_place(ring, dx, dy):
    area = geometry.ring_area(ring)
    assert geometry.ring_area(ring[2:] + ring[:2]) == pytest.approx(area, abs=1e-3)
    assert geometry.ring_area(moved(ring, dx, dy)) == pytest.approx(area, abs=1e-3)
    backward = [v for p in reversed(range(0, len(ring), 2)) for v in ring[p : p + 2]]
    assert geometry.ring_area(backward) == pytest.approx(-area, abs=1e-3)


@given(BOX)
def test_box_ring(box):
    ring = geometry.box_ring(*box)
    assert geometry.ring_area(ring) == pytest.approx(box[2] * box[3])
    assert geometry.rings_bbox([ring]) == pytest.approx(box)
    assert geometry.polyline_bbox(ring) == pytest.approx(box)


def test_box_around_several_rings():
    assert geometry.rings_bbox([[3, 4, 1, 9], [], [5, 2]]) == (1, 2, 4, 7)


@pytest.mark.parametrize("rings", [[], [[]], [[1, 2, 3]], [[1, 2], [5]]])
def test_no_box_around_nothing(rings):
    with pytest.raises(ValueError, match=r"no point|odd"):
        geometry.rings_bbox(rings)


@pytest.mark.parametrize("function", [geometry.ring_area, geometry.min_area_rect])
def test_odd_lists(function):
    for flat in ([1], [1, 2, 3]):
        with pytest.raises(ValueError, match="zip"):
            function(flat)


# --- rotated boxes


def test_positive_angles_turn_clockwise_on_the_screen():
    assert geometry.rotated_box_corners(10, 20, 4, 2, 0) == [8, 19, 12, 19, 12, 21, 8, 21]
    assert geometry.rotated_box_corners(10, 20, 4, 2, 90) == [11, 18, 11, 22, 9, 22, 9, 18]
    assert geometry.rotated_box_corners(10, 20, 4, 2, 450) == [11, 18, 11, 22, 9, 22, 9, 18]
    assert geometry.rotated_box_corners(10, 20, 4, 2, -90) == [9, 22, 9, 18, 11, 18, 11, 22]
    right = math.sqrt(0.5)
    corners = geometry.rotated_box_corners(0, 0, 2, 2, 45)
    assert corners == pytest.approx([0, -2 * right, 2 * right, 0, 0, 2 * right, -2 * right, 0])


@given(COORDINATE, COORDINATE, SIDE, SIDE, ANGLE)
@example(0, 0, 1, 1, 359.9999)
def test_rotated_boxes_round_trip(cx, cy, w, h, degrees):
    corners = geometry.rotated_box_corners(cx, cy, w, h, degrees)
    assert geometry.ring_area(corners) == pytest.approx(w * h)
    *box, angle = geometry.rotated_box_from_corners(corners)
    assert box == pytest.approx([cx, cy, w, h], abs=1e-6)
    assert 0 <= angle < 360
    assert opposed(angle, degrees) < 1e-6


@given(BOX, st.sampled_from([0.0, 90.0, 180.0, 270.0]))
def test_quarter_turns_are_exact(box, degrees):
    x, y, w, h = box
    assert (
        geometry.rotated_box_from_corners(geometry.rotated_box_corners(x, y, w, h, degrees))[4]
        == degrees
    )


def test_corners_that_are_not_quite_a_rectangle():
    cx, cy, w, h, degrees = geometry.rotated_box_from_corners([0, 0, 10, 0, 10.5, 4, 0, 4])
    assert (cx, cy, w, degrees) == (5.125, 2, 10, 0)
    assert h == math.hypot(0.5, 4)


def test_boxes_without_extent_keep_their_angle():
    corners = geometry.rotated_box_corners(3, 4, 0, 5, 30)
    assert geometry.rotated_box_from_corners(corners) == pytest.approx((3, 4, 0, 5, 30))
    assert geometry.rotated_box_from_corners([1, 2] * 4) == (1, 2, 0, 0, 0)


def test_an_angle_just_below_zero_stays_below_a_full_turn():
    assert geometry.rotated_box_from_corners([0, 0, 10, -1e-320, 10, 5, 0, 5])[4] == 0


def test_not_four_corners():
    with pytest.raises(ValueError, match="eight numbers, not 6"):
        geometry.rotated_box_from_corners([0, 0, 1, 0, 1, 1])


# --- smallest rectangles


def rect_holds(rect, ring):
    cx, cy, w, h, degrees = rect
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    points = np.array(ring).reshape(-1, 2) - (cx, cy)
    u, v = points @ (c, s), points @ (-s, c)
    return np.abs(u).max() <= w / 2 + 1e-6 and np.abs(v).max() <= h / 2 + 1e-6


@given(RING)
def test_smallest_rectangle_holds_all_and_is_smallest(ring):
    rect = geometry.min_area_rect(ring)
    assert 0 <= rect[4] < 90
    assert rect_holds(rect, ring)
    area = rect[2] * rect[3]
    assert area <= math.prod(geometry.polyline_bbox(ring)[2:]) * (1 + 1e-9) + 1e-6
    points = np.array(ring).reshape(-1, 2)
    edges = (points[None] - points[:, None]).reshape(-1, 2)  # those of the hull are among them
    lengths = np.hypot(*edges.T)
    assume(lengths.max() > 0)
    directions = edges[lengths > 1e-2] / lengths[lengths > 1e-2, None]
    assume(len(directions))
    us, vs = points @ directions.T, points @ np.stack([-directions[:, 1], directions[:, 0]])
    assert area <= (np.ptp(us, axis=0) * np.ptp(vs, axis=0)).min() * (1 + 1e-6) + 1e-3


@given(COORDINATE, COORDINATE, SIDE, SIDE, ANGLE)
def test_smallest_rectangle_of_a_rectangle(cx, cy, w, h, degrees):
    rect = geometry.min_area_rect(geometry.rotated_box_corners(cx, cy, w, h, degrees))
    assert rect[:2] == pytest.approx((cx, cy), abs=1e-6)
    assert sorted(rect[2:4]) == pytest.approx(sorted((w, h)), abs=1e-5)
    assert opposed(rect[4] * 4, degrees * 4) < 1e-2


def test_smallest_rectangles_known():
    assert geometry.min_area_rect([0, 0, 4, 0, 4, 2, 0, 2, 1, 1]) == (2, 1, 4, 2, 0)
    assert geometry.min_area_rect([5, 6]) == (5, 6, 0, 0, 0)
    assert geometry.min_area_rect([0, 0, 2, 2, 4, 4]) == pytest.approx((2, 2, math.sqrt(32), 0, 45))
    assert geometry.min_area_rect([0, 0, 0, 6]) == pytest.approx((0, 3, 0, 6, 0))
    with pytest.raises(ValueError, match="no point"):
        geometry.min_area_rect([])


def test_smallest_rectangle_of_many_points():
    ring = geometry.ellipse_ring(0, 0, 300, 100, 2000)
    assert geometry.min_area_rect(ring)[2:4] == pytest.approx((300, 100), rel=1e-3)


# --- ellipses, clipping, overlap


@given(BOX, st.sampled_from([4, 8, 64, 100]))
def test_ellipse(box, count):
    x, y, w, h = box
    ring = geometry.ellipse_ring(*box, count)
    assert len(ring) == 2 * count
    assert ring[:4:1][:2] == pytest.approx([x + w, y + h / 2])
    assert geometry.rings_bbox([ring]) == pytest.approx(box)
    exact = count / 2 * math.sin(2 * math.pi / count) * w * h / 4
    assert geometry.ring_area(ring) == pytest.approx(exact, rel=1e-6)


@given(st.tuples(COORDINATE, COORDINATE, SIDE, SIDE), st.integers(1, 3000), st.integers(1, 3000))
def test_clipping(box, width, height):
    x, y, w, h = geometry.clip_box(*box, width, height)
    assert 0 <= x <= x + w <= width + 1e-9
    assert 0 <= y <= y + h <= height + 1e-9
    assert geometry.clip_box(x, y, w, h, width, height) == pytest.approx((x, y, w, h))
    whole = box[0] >= 0 and box[1] >= 0 and box[0] + box[2] <= width and box[1] + box[3] <= height
    if whole:
        assert (x, y, w, h) == pytest.approx(box)


def test_clipping_known():
    assert geometry.clip_box(-2, 3, 5, 9, 10, 8) == (0, 3, 3, 5)
    assert geometry.clip_box(20, 3, 5, 2, 10, 8) == (10, 3, 0, 2)
    assert geometry.clip_box(4, 4, -3, 2, 10, 8)[2] == 0


@given(BOX, BOX)
def test_overlap_of_boxes(a, b):
    overlap = geometry.iou_boxes(a, b)
    assert overlap == pytest.approx(geometry.iou_boxes(b, a))
    assert 0 <= overlap <= 1 + 1e-9
    assert geometry.iou_boxes(a, a) == pytest.approx(1)


def test_overlap_known():
    assert geometry.iou_boxes((0, 0, 2, 2), (1, 1, 2, 2)) == pytest.approx(1 / 7)
    assert geometry.iou_boxes((0, 0, 2, 2), (2, 0, 2, 2)) == 0
    assert geometry.iou_boxes((0, 0, 0, 0), (0, 0, 0, 0)) == 0
