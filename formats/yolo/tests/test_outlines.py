"""Outlines of several rings as one ring, oriented boxes from corners, turned images."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dsk.annotations import Polygon
from dsk.dataset import Dataset
from dsk.geometry import box_ring, ring_area, rotated_box_corners
from dsk.item import DatasetItem
from dsk.media import Image
from dsk_yolo.exif import Turn
from dsk_yolo.outlines import join_rings
from dsk_yolo.rows import RowReader, rotated_box

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""No test depends on how busy the machine is."""

numbers = st.integers(0, 40)
boxes = st.tuples(numbers, numbers, st.integers(1, 9), st.integers(1, 9))


def covered(ring, size=64):
    """Fill a ring by the even-odd rule, sampled at pixel centres."""
    points = np.reshape(ring, (-1, 2))
    y, x = np.mgrid[:size, :size] + 0.5
    inside = np.zeros((size, size), bool)
    for (x1, y1), (x2, y2) in zip(points, np.roll(points, -1, axis=0), strict=True):
        if y1 != y2:
            crosses = (y1 > y) != (y2 > y)
            inside ^= crosses & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
    return inside


@PATIENT
@given(st.lists(boxes, min_size=1, max_size=4))
def test_parts_cover_what_they_covered(parts):
    # set apart, so that no two parts overlap
    rings = [box_ring(x + 0.25, y / 4 + 20 * n, w, h) for n, (x, y, w, h) in enumerate(parts)]
    joined = join_rings(rings)
    expected = np.logical_or.reduce([covered(r, 80) for r in rings])
    assert (covered(joined, 80) == expected).all()
    assert abs(ring_area(joined)) == pytest.approx(sum(abs(ring_area(r)) for r in rings))


@PATIENT
@given(st.integers(1, 8), st.integers(1, 8), st.booleans())
def test_holes_stay_holes(x, y, backwards):
    outer, hole = box_ring(2, 2, 30, 30), box_ring(4 + x, 4 + y, 10, 12)
    if backwards:
        hole = [v for k in range(3, -1, -1) for v in hole[2 * k : 2 * k + 2]]
    joined = join_rings([hole, outer], {0})
    assert (covered(joined) == (covered(outer) & ~covered(hole))).all()
    assert abs(ring_area(joined)) == pytest.approx(900 - 120)


def test_one_ring_stays_as_it_is():
    assert join_rings([[0, 0, 4, 0, 4, 4]]) == [0, 0, 4, 0, 4, 4]


@pytest.mark.parametrize(("parts", "rows", "split"), [("join", 1, 0), ("split", 2, 1)])
def test_rows_of_an_object_of_two_parts(parts, rows, split, tmp_path):
    shape = Polygon([box_ring(2, 2, 8, 8), box_ring(20, 20, 8, 8)], label=0)
    item = DatasetItem("a", "train", Image("a.png", None, None, (48, 64)), [shape])
    source = Dataset.from_iterable([item], ["x"])
    report = source.export(tmp_path / "out", "yolo", task="segment", parts=parts)
    text = (tmp_path / "out" / "labels" / "train" / "a.txt").read_text()
    assert text.count("\n") == rows
    assert report.annotations["split"] == split
    assert report.annotations["out"] == rows
    assert ("outline parts joined by seams" in [e.what for e in report.losses]) == (rows == 1)


@PATIENT
@given(
    st.floats(10, 50), st.floats(10, 50), st.floats(2, 40), st.floats(2, 40), st.floats(-179, 179)
)
def test_rotated_boxes_come_back_from_their_corners(cx, cy, w, h, r):
    found, skew = rotated_box(rotated_box_corners(cx, cy, w, h, r))
    assert not skew
    assert found[:4] == pytest.approx((cx, cy, w, h), abs=1e-6)
    assert math.cos(math.radians(found[4] - r)) == pytest.approx(1, abs=1e-9)
    assert -180 < found[4] <= 180


def test_corners_that_are_no_rectangle_get_the_smallest_one_around_them():
    (cx, cy, w, h, _), skew = rotated_box([0, 0, 40, 0, 20, 20, 0, 20])
    assert skew
    assert (cx, cy) == (20, 10)
    assert sorted((w, h)) == [20, 40]


@PATIENT
@given(st.booleans(), st.booleans(), st.booleans(), st.floats(0, 1), st.floats(0, 1))
def test_turning_back(swap, mirror_x, mirror_y, x, y):
    turn = Turn(swap=swap, mirror_x=mirror_x, mirror_y=mirror_y)
    there = turn.box(x, y, 0.25, 0.5)
    assert turn.inverse().box(*there) == pytest.approx((x, y, 0.25, 0.5))
    assert turn.inverse().points(turn.points([x, y])) == pytest.approx([x, y])


@PATIENT
@given(
    st.lists(
        st.sampled_from([b"0", b"1.5", b"0.25", b"x", b",", b"-1", b"[", b"", b"1e9"]), max_size=12
    )
)
@example([b"0", b"0", b"0", b"0", b"0", b"0", b"1.5"])
def test_fast_and_careful_reading_agree(fields):
    from dsk.loss import Ledger

    reader = RowReader("auto", {0: 0, 1: 1}, {})
    data = b" ".join(fields) + b"\n0 0.5 0.5 0.25 0.5\n"
    fast, slow = Ledger("skip"), Ledger("skip")
    size = (48, 64)
    quick = reader.read(data, size, fast, "a.txt", "a")
    careful = reader._slow(data, size, slow, "a.txt", "a", turn=None)
    assert quick == careful
    assert fast.bad_count == slow.bad_count
    assert fast.warnings == slow.warnings
