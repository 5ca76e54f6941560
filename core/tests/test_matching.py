"""Annotations that stand for the same thing: by overlap, by similarity, by being equal."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dsk.annotations import (
    Bbox,
    Caption,
    Cuboid2d,
    Cuboid3d,
    Ellipse,
    Label,
    Mask,
    Points,
    Polygon,
    PolyLine,
    Rle,
    RotatedBbox,
    Skeleton,
)
from dsk.matching import matched
from dsk.rle import from_dense
from dsk.similarity import similarity


def box(x, label=0, w=10.0, **more):
    return Bbox(x, 0, w, 10, label=label, **more)


def pairs(first, second, least=0.5):
    sides = [[(str(a.label), a) for a in side] for side in (first, second)]
    return [(n, m, round(share, 3)) for n, m, share in matched(*sides, least)]


def test_shapes_are_matched_by_their_overlap():
    assert pairs([box(0)], [box(5)]) == []
    assert pairs([box(0)], [box(5)], least=0.3) == [(0, 0, 0.333)]
    assert pairs([box(0), box(1)], [box(1), box(0)]) == [(0, 1, 1.0), (1, 0, 1.0)]
    assert pairs([box(0)], [box(0), box(0)]) == [(0, 0, 1.0)]
    assert pairs([box(0)], [box(1), box(0, label=1)]) == [(0, 0, 0.818)]  # of one label first
    assert pairs([box(0, w=0)], [box(0, w=0)]) == [(0, 0, 1.0)]
    assert pairs([box(0)], [Ellipse(0, 0, 10, 10, label=0)]) == [(0, 0, 1.0)]


def test_outlines_and_masks_are_matched_by_their_pixels():
    square = Polygon([100, 100, 110, 100, 110, 110, 100, 110])
    corner = Polygon([100, 100, 110, 100, 100, 110])
    assert pairs([square], [square]) == [(0, 0, 1.0)]
    ((_, _, share),) = pairs([square], [corner], least=0.4)
    assert 0.4 < share < 0.6
    dense = np.zeros((120, 120), bool)
    dense[100:110, 100:110] = True
    assert pairs([square], [Mask(from_dense(dense))]) == [(0, 0, 1.0)]
    assert pairs([Mask(from_dense(dense))], [Mask(from_dense(dense[:110]))]) == [(0, 0, 1.0)]
    assert pairs([Mask(from_dense(dense))], [Mask(from_dense(~dense))]) == []
    assert pairs([square], [Bbox(100, 100, 10, 10)]) == [(0, 0, 1.0)]
    far = Polygon([0, 0, 1e7, 0, 1e7, 1e7, 0, 1e7])
    assert pairs([far], [far]) == [(0, 0, 1.0)]  # by their boxes
    hole = Polygon([[0, 0, 10, 0, 10, 10, 0, 10], [1, 1, 9, 1, 9, 9, 1, 9]], (1,))
    assert pairs([hole], [Polygon([0, 0, 10, 0, 10, 10, 0, 10])]) == []


def test_what_cannot_be_drawn_is_matched_by_its_box():
    square = Polygon([0, 0, 10, 0, 10, 10, 0, 10])
    damaged = Mask(Rle((10, 10), b"\xff"), bbox=(0, 0, 10, 10))
    assert pairs([square, square], [damaged, square]) == [(0, 1, 1.0), (1, 0, 1.0)]
    assert pairs([damaged], [damaged]) == [(0, 0, 1.0)]  # by their boxes
    line = Polygon([0, 0, 10, 0, 5, 0])
    assert pairs([line], [line]) == [(0, 0, 1.0)]
    assert pairs([line], [square]) == []
    odd = Polygon([0, 0, 10, 0, 10], bbox=(0, 0, 10, 10))
    assert pairs([square], [odd]) == [(0, 0, 1.0)]
    small, large = np.ones((10, 10), bool), np.zeros((20, 20), bool)
    large[:10, :10] = True
    two = Mask(from_dense(small)), Mask(from_dense(large))
    assert pairs([two[0]], [two[1]]) == [(0, 0, 1.0)]  # of images of two sizes: by their boxes


def test_other_kinds_are_matched_if_they_are_equal():
    assert pairs([Label(label=0), Label(label=1)], [Label(label=1)]) == [(1, 0, 1.0)]
    assert pairs([Caption("a")], [Caption("b"), Caption("a", id=3)]) == [(0, 1, 1.0)]
    assert pairs([Points([1, 2.001])], [Points([1.0, 2.0], (2,))]) == []
    assert pairs([Points([1, 2.001])], [Points([1.0, 2.0])]) == [(0, 0, 1.0)]
    solid = Cuboid3d((1.0, 2.0, 3.0))
    assert pairs([solid], [Cuboid3d((1.0, 2.0, 3.001), object_id=4)]) == [(0, 0, 1.0)]


def test_rotated_boxes_are_matched_by_their_pixels():
    ship = RotatedBbox(100, 100, 80, 10, 45)
    beside = RotatedBbox(110, 90, 80, 10, 45)  # their boxes overlap by more than a half
    near = RotatedBbox(101, 101, 80, 10, 45)
    assert pairs([ship], [beside], 0.05) == []
    ((_, _, share),) = pairs([ship], [beside, near])
    assert share > 0.9
    assert pairs([ship], [RotatedBbox(100, 100, 80, 10, 45)]) == [(0, 0, 1.0)]
    assert pairs([ship], [Bbox(68, 68, 64, 64)], 0.9) == [(0, 0, pytest.approx(1, abs=0.05))]
    small = RotatedBbox(3.2, 3.2, 0.4, 0.3, 10)  # covers no pixel
    assert pairs([small], [RotatedBbox(3.2, 3.2, 0.42, 0.3, 10)]) != []


def test_what_is_made_of_points_is_matched_by_similarity():
    first, second = Points([0, 0, 10, 0, 10, 10]), Points([0, 1, 10, 0, 10, 10])
    far = Points([5, 5, 15, 5, 15, 15])
    # s² is 100, k 0.2: the one point that moved counts with exp(-1 / 8)
    expected = (2 + math.exp(-1 / (2 * 100 * 0.2**2))) / 3
    assert similarity(first, second) == pytest.approx(expected)
    assert pairs([first], [far, second]) == [(0, 1, round(expected, 3))]
    assert pairs([first], [far]) == []
    other = Points([0, 1, 10, 0, 10, 10], label=3)
    assert pairs([first], [second, other], 0.9) == [(0, 0, round(expected, 3))]
    assert pairs([first], [first, second]) == [(0, 0, 1.0)]  # equal ones first


def test_points_that_one_lacks_are_far_apart():
    both = Skeleton([0, 0, 10, 0, 0, 10, 10, 10], [2, 2, 2, 2])
    three = Skeleton([0, 0, 10, 0, 0, 10, 0, 0], [2, 1, 2, 0])
    nobody = Skeleton([0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0])
    assert similarity(both, three) == pytest.approx(0.75)
    assert similarity(three, three) == pytest.approx(1)
    assert similarity(both, nobody) == similarity(nobody, nobody) == 0
    assert similarity(both, Skeleton([0, 0], [2])) == 0
    assert similarity(Points([]), Points([])) == 0
    assert similarity(Points([0, 0, 1, 1]), Points([0, 0, math.inf, 1])) == 0


def test_lines_are_alike_however_they_are_drawn():
    line = PolyLine([0, 0, 10, 0, 10, 10])
    back = PolyLine([10, 10, 10, 5, 10, 0, 5, 0, 0, 0])
    assert similarity(line, back) == pytest.approx(1)
    assert similarity(line, PolyLine([0, 0, 10, 10])) < 0.5
    dot = PolyLine([3, 3, 3, 3])
    assert similarity(dot, dot) == 1
    assert similarity(dot, PolyLine([4, 3, 4, 3])) < 0.1
    assert similarity(dot, line) == similarity(PolyLine([]), line) == 0
    assert similarity(PolyLine([0, 0, math.nan, 1]), line) == 0


def test_boxes_in_space_are_alike_by_their_corners():
    solid = Cuboid3d((1.0, 2.0, 3.0), scale=(4.0, 2.0, 1.5))
    assert similarity(solid, Cuboid3d((1.1, 2.0, 3.0), scale=(4.1, 2.0, 1.5))) > 0.9
    assert similarity(solid, Cuboid3d((5.0, 2.0, 3.0), scale=(4.0, 2.0, 1.5))) < 0.3
    turned = Cuboid3d((1.0, 2.0, 3.0), (0.0, 0.0, math.pi), (4.0, 2.0, 1.5))
    assert similarity(solid, turned) < 0.1
    assert similarity(solid, Cuboid3d((1.0, 2.0, 3.0), scale=(4, 2, 1.5), frame="camera")) == 0
    flat = Cuboid2d([0, 0, 9, 0, 9, 9, 0, 9, 2, 2, 8, 2, 8, 8, 2, 8])
    assert similarity(flat, flat) == pytest.approx(1)
    assert similarity(flat, Points(flat.points)) == similarity(box(0), box(0)) == 0


def test_overlaps_of_masks_are_those_of_their_pixels():
    rng = np.random.default_rng(3)
    for shape in ((7, 9), (1, 5), (20, 3)):
        for density in (0.1, 0.5, 0.95):
            one, two = (rng.random(shape) < density for _ in range(2))
            one[0, 0] = two[0, 0] = two[-1, -1] = True  # something in common, and runs at both ends
            expected = (one & two).sum() / (one | two).sum()
            found = pairs([Mask(from_dense(one))], [Mask(from_dense(two))], least=1e-9)
            assert found == [(0, 0, round(float(expected), 3))]


@pytest.mark.parametrize("odd", [math.nan, math.inf])
def test_what_is_not_finite_is_like_nothing(odd):
    square = Polygon([0, 0, 10, 0, 10, 10, 0, 10])
    tilted = Polygon([0, 0, 9, 0, 10, 10, 0, 10])
    found = [
        *(Polygon([odd, 0, 10, 0, 10, 10]), Bbox(odd, 0, 10, 10), RotatedBbox(5, 5, 10, 10, odd)),
        *(Cuboid3d((odd, 0.0, 0.0)), Cuboid3d((0.0, 0.0, 0.0), (odd, 0.0, 0.0)), Points([odd, 1])),
    ]
    assert [pair[:2] for pair in pairs([*found, square], [tilted])] == [(6, 0)]
