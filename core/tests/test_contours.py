"""Outlines of masks: drawn again they are the same masks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dsk import contours, geometry, masks

SIZES = st.integers(1, 20)
DENSE = hnp.arrays(np.bool_, st.tuples(SIZES, SIZES))


def outline(rows):
    dense = np.array([[c == "#" for c in row] for row in rows])
    return contours.to_rings(masks.from_dense(dense), *dense.shape)


FOUR = ((0, 1), (1, 0), (0, -1), (-1, 0))
EIGHT = (*FOUR, (1, 1), (1, -1), (-1, 1), (-1, -1))


def components(dense, neighbours):
    """The number of connected components."""
    waiting = set(map(tuple, np.argwhere(dense).tolist()))
    found = 0
    while waiting:
        found += 1
        edge = [waiting.pop()]
        while edge:
            y, x = edge.pop()
            near = {(y + dy, x + dx) for dy, dx in neighbours} & waiting
            waiting -= near
            edge += near
    return found


def check(dense):
    """All that is promised of the outline of any mask."""
    counts = masks.from_dense(dense)
    rings, holes = contours.to_rings(counts, *dense.shape)
    back = masks.from_polygons_with_holes(rings, holes, *dense.shape)
    assert back.tolist() == counts.tolist()
    areas = [geometry.ring_area(ring) for ring in rings]
    assert sum(areas) == dense.sum()
    assert [n for n, a in enumerate(areas) if a < 0] == holes
    gaps = components(np.pad(~dense, 1, constant_values=True), EIGHT) - 1
    assert (len(rings) - len(holes), len(holes)) == (components(dense, FOUR), gaps)
    for ring in rings:
        points = np.array(ring).reshape(-1, 2)
        steps = np.roll(points, -1, 0) - points
        assert ((steps == 0).sum(axis=1) == 1).all()
        assert ((steps[:, 0] == 0) != (np.roll(steps, -1, 0)[:, 0] == 0)).all()


@given(DENSE)
def test_drawn_again_it_is_the_same_mask(dense):
    check(dense)


@pytest.mark.parametrize("seed", range(6))
def test_larger_masks(seed):
    rng = np.random.default_rng(seed)
    smooth = rng.random((120, 90))
    for _ in range(2 * seed):
        smooth = (smooth + np.roll(smooth, 1, 0) + np.roll(smooth, 1, 1)) / 3
    check(smooth > np.median(smooth))
    check(rng.random((60, 80)) < seed / 5)


def test_box():
    assert outline(["....", ".##.", ".##."]) == ([[1, 1, 3, 1, 3, 3, 1, 3]], [])


def test_single_pixel_and_whole_image():
    assert outline(["#"]) == ([[0, 0, 1, 0, 1, 1, 0, 1]], [])
    assert outline(["###", "###"]) == ([[0, 0, 3, 0, 3, 2, 0, 2]], [])


def test_empty():
    assert outline(["...", "..."]) == ([], [])
    assert contours.to_rings(np.array([0, 0, 6]), 2, 3) == ([], [])
    assert contours.to_rings(np.zeros(0, np.int64), 0, 3) == ([], [])


def test_hole_runs_the_other_way_round():
    rings, holes = outline(["###", "#.#", "###"])
    assert rings == [[0, 0, 3, 0, 3, 3, 0, 3], [1, 1, 1, 2, 2, 2, 2, 1]]
    assert holes == [1]


def test_pixels_that_touch_at_a_corner_are_separate_parts():
    for rows in (["#.", ".#"], [".#", "#."]):
        rings, holes = outline(rows)
        assert len(rings) == 2
        assert not holes


def test_holes_that_touch_at_a_corner_are_one_hole():
    for rows in (["####", "#.##", "##.#", "####"], ["####", "##.#", "#.##", "####"]):
        rings, holes = outline(rows)
        assert holes == [1]
        assert len(rings[1]) == 16


def test_island_comes_after_the_hole_it_lies_in():
    rings, holes = outline(["#####", "#...#", "#.#.#", "#...#", "#####"])
    assert holes == [1]
    assert [ring[0] for ring in rings] == [0, 1, 2]


def test_numbers_are_plain_floats():
    rings, holes = outline(["#..", ".##", "###"])
    assert {type(v) for ring in rings for v in ring} == {float}
    assert all(type(n) is int for n in holes)


def test_counts_that_do_not_fit():
    with pytest.raises(ValueError, match="do not fill"):
        contours.to_rings(np.array([3, 2]), 2, 3)
