from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsk.annotations import (
    Bbox,
    Caption,
    Cuboid2d,
    Ellipse,
    Label,
    Mask,
    Points,
    Polygon,
    PolyLine,
    RotatedBbox,
    Skeleton,
)
from dsk.convert import (
    CONVERSIONS,
    area_of,
    bbox_of,
    masks_to_polygon,
    to_bbox,
    to_mask,
    to_points,
    to_polygon,
)
from dsk.rle import from_dense

SQUARE = [0.0, 0.0, 4.0, 0.0, 4.0, 4.0, 0.0, 4.0]
INNER = [1.0, 1.0, 3.0, 1.0, 3.0, 3.0, 1.0, 3.0]


def dense_mask(*boxes):
    dense = np.zeros((10, 12), bool)
    for x, y, w, h in boxes:
        dense[y : y + h, x : x + w] = True
    return Mask(from_dense(dense))


@pytest.mark.parametrize(
    ("a", "box"),
    [
        (Bbox(1, 2, 3, 4), (1, 2, 3, 4)),
        (Ellipse(1, 2, 3, 4), (1, 2, 3, 4)),
        (Polygon([[5.0, 5.0, 6.0, 9.0, 4.5, 7.0], SQUARE]), (0, 0, 6, 9)),
        (PolyLine([1.0, 9.0, 3.0, 2.0]), (1, 2, 2, 7)),
        (Points([1.0, 1.0, 9.0, 9.0, 3.0, 2.0], [2, 0, 1]), (1, 1, 2, 1)),
        (Points([1.0, 1.0, 9.0, 9.0]), (1, 1, 8, 8)),
        (Skeleton([0.0, 0.0, 5.0, 6.0], [0, 2]), (5, 6, 0, 0)),
        (Cuboid2d([*SQUARE, *SQUARE]), (0, 0, 4, 4)),
        (RotatedBbox(5, 5, 4, 2, 90), (4, 3, 2, 4)),
        (dense_mask((3, 2, 4, 3)), (3, 2, 4, 3)),
        (dense_mask((0, 0, 1, 1), (11, 9, 1, 1)), (0, 0, 12, 10)),
        (Polygon(SQUARE, (), (9, 9, 9, 9)), (9, 9, 9, 9)),
        (Label(), None),
        (Caption("x"), None),
        (Polygon([]), None),
        (Points([]), None),
        (Skeleton([1.0, 1.0], [0]), None),
        (dense_mask(), None),
    ],
    ids=lambda v: type(v).__name__,
)
def test_boxes(a, box):
    found = bbox_of(a)
    assert found == (box if box is None else pytest.approx(box))
    made = to_bbox(a)
    assert made is None if box is None else made.bbox == found


@pytest.mark.parametrize(
    ("a", "area"),
    [
        (Bbox(1, 2, 3, 4), 12),
        (RotatedBbox(0, 0, 3, 4, 17), 12),
        (Ellipse(0, 0, 2, 2), np.pi),
        (Polygon(SQUARE), 16),
        (Polygon(SQUARE[::-1]), 16),
        (Polygon([SQUARE, INNER], (1,)), 12),
        (Polygon([SQUARE, INNER]), 20),
        (Polygon(SQUARE, (), None, 5.5), 5.5),
        (dense_mask((3, 2, 4, 3)), 12),
        (Points([1.0, 2.0]), None),
        (Label(), None),
    ],
    ids=repr,
)
def test_areas(a, area):
    assert area_of(a) == (area if area is None else pytest.approx(area))


@pytest.mark.parametrize(
    "a", [Bbox(2, 1, 5, 4), RotatedBbox(4, 4, 4, 2, 0), Polygon(SQUARE)], ids=repr
)
def test_pixels_fill_what_lies_on_whole_pixels(a):
    mask = to_mask(a, (10, 12))
    assert mask.rle.size == (10, 12)
    assert area_of(mask) == area_of(a)
    assert bbox_of(mask) == bbox_of(a)


def test_holes_stay_open_in_pixels():
    image = to_mask(Polygon([SQUARE, INNER], (1,)), (10, 12)).image
    assert image.sum() == 12
    assert not image[1:3, 1:3].any()


def test_pixels_need_a_size_and_an_extent():
    assert to_mask(Polygon(SQUARE)) is None
    assert to_mask(Points([1.0, 2.0]), (5, 5)) is None
    mask = dense_mask((0, 0, 1, 1))
    assert to_mask(mask) is mask


def test_outlines():
    assert list(to_polygon(Bbox(1, 2, 3, 4)).points) == [1, 2, 4, 2, 4, 6, 1, 6]
    assert area_of(to_polygon(Ellipse(0, 0, 10, 10))) == pytest.approx(25 * np.pi, rel=0.01)
    assert area_of(to_polygon(RotatedBbox(5, 5, 4, 2, 33))) == pytest.approx(8)
    assert to_polygon(Points([1.0, 2.0])) is None
    assert to_polygon(dense_mask()) is None


@given(st.lists(st.booleans(), min_size=30, max_size=30))
def test_a_mask_is_its_outline_filled(bits):
    dense = np.array(bits).reshape(5, 6)
    outline = to_polygon(Mask(from_dense(dense)))
    if not dense.any():
        assert outline is None
        return
    assert (to_mask(outline, (5, 6)).image == dense).all()
    assert area_of(outline) == dense.sum()


def test_a_polygon_stays_itself():
    a = Polygon(SQUARE)
    assert masks_to_polygon(a) is a
    assert masks_to_polygon(dense_mask((1, 1, 2, 2))).kind == "polygon"


def test_points_of_a_skeleton():
    a = to_points(Skeleton([1.0, 2.0], [1], (), (0, 0, 5, 5), 9.0, label=2, id=3))
    assert (a.points, a.visibility, a.bbox, a.label, a.id) == ([1.0, 2.0], [1], (0, 0, 5, 5), 2, 3)
    assert to_points(Bbox(1, 2, 3, 4)) is None


@pytest.mark.parametrize("target", CONVERSIONS)
def test_converters_give_their_kind_or_nothing(target):
    examples = [Label(), Caption("x"), Bbox(1, 1, 2, 2), Polygon(SQUARE), dense_mask((1, 1, 2, 2))]
    for a in examples:
        made = CONVERSIONS[target](a, (10, 12))
        assert made is None or made.kind == target
