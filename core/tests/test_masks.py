"""Masks against dense arrays, the published rule, pycocotools where it is there, and bad input."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dsk import contours, masks
from dsk.annotations import Rle
from dsk.overlay import Overlay
from dsk.rle import counts_of, from_dense, rle_in

SIZES = st.integers(1, 24)
DENSE = hnp.arrays(np.bool_, st.tuples(SIZES, SIZES))
COUNTS = st.lists(st.integers(0, 2**31), max_size=400).map(lambda c: np.array(c, np.int64))


@pytest.fixture(scope="module")
def pc():
    return pytest.importorskip("pycocotools.mask")


def coco(pc, dense):
    return pc.encode(np.asfortranarray(dense.astype(np.uint8)))


def walked_edge(start, end):
    """The enlarged points of an edge, as the published rule walks along it."""
    (xs, ys), (xe, ye) = start, end
    dx, dy = abs(xe - xs), abs(ye - ys)
    flip = xs > xe if dx >= dy else ys > ye
    if flip:
        xs, xe, ys, ye = xe, xs, ye, ys
    if dx >= dy:
        slope = (ye - ys) / dx if dx else 0.0
        points = [(xs + t, int(ys + slope * t + 0.5)) for t in range(dx + 1)]
    else:
        slope = (xe - xs) / dy
        points = [(int(xs + slope * t + 0.5), ys + t) for t in range(dy + 1)]
    return points[::-1] if flip else points


def walked(ring, height, width):
    """One ring by the published rule, step by step."""
    corners = [
        (int(5 * x + 0.5), int(5 * y + 0.5)) for x, y in zip(ring[::2], ring[1::2], strict=True)
    ]
    points = []
    for start, end in zip(corners, corners[1:] + corners[:1], strict=True):
        points += walked_edge(start, end)
    dense = np.zeros(height * width + 1, np.bool_)
    for (u0, v0), (u1, v1) in pairwise(points):
        column = ((u1 if u1 < u0 else u1 - 1) + 0.5) / 5 - 0.5
        if u0 != u1 and column == int(column) and 0 <= column <= width - 1:
            row = math.ceil(min(max((min(v0, v1) + 0.5) / 5 - 0.5, 0), height))
            place = int(column) * height + row
            dense[place:] = ~dense[place:]
    return dense[:-1].reshape(width, height).T


def pair():
    return st.tuples(SIZES, SIZES).flatmap(
        lambda shape: st.tuples(hnp.arrays(np.bool_, shape), hnp.arrays(np.bool_, shape))
    )


def random_rings(rng, height, width, parts):
    """Rings of every nasty sort: reaching out, degenerate, tiny, touching themselves."""
    rings = []
    for _ in range(parts):
        n = int(rng.integers(3, 14))
        sort = int(rng.integers(0, 7))
        scale = np.array([width, height], float)
        points = rng.random((n, 2)) * scale
        if sort == 1:
            points = points * 3 - scale
        elif sort == 2:
            points = np.rint(points)
        elif sort == 3:
            points = rng.random(2) * scale + rng.random((n, 2)) * 1.5
        elif sort == 4:
            points = np.rint(points * 2) / 2
            points = np.vstack([points, points[::-1]])
        elif sort == 5:
            points[:, int(rng.integers(0, 2))] = float(rng.integers(-1, 9))
        elif sort == 6:
            points = np.rint(points * 10) / 10 * rng.choice([1.0, 50.0], size=(n, 1)) - 0.1
        rings.append(points.reshape(-1).tolist())
    return rings


# --- strings


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        ([5, 2, 2, 2, 2, 2, 5], b"5220003"),
        ([0, 4], b"04"),
        ([4], b"4"),
        ([39996, 3], b"lQW13"),
        ([], b""),
    ],
)
def test_published_strings(counts, text):
    assert masks.encode_counts(np.array(counts, np.int64)) == text
    assert masks.encode_counts(counts) == text
    assert masks.decode_counts(text).tolist() == counts
    assert masks.decode_counts(text.decode()).tolist() == counts


@given(st.lists(COUNTS, max_size=6))
def test_strings_round_trip_one_by_one_and_together(many):
    single = [masks.encode_counts(counts) for counts in many]
    assert masks.encode_counts_many(many) == single
    for counts, decoded, alone in zip(
        many, masks.decode_counts_many(single), map(masks.decode_counts, single), strict=True
    ):
        assert decoded.tolist() == alone.tolist() == counts.tolist()


@given(DENSE)
def test_strings_equal_pycocotools(pc, dense):
    text = coco(pc, dense)["counts"]
    counts = masks.from_dense(dense)
    assert masks.encode_counts(counts) == text
    assert masks.encode_counts_many([counts, counts]) == [text, text]
    assert masks.decode_counts(text).tolist() == counts.tolist()


def test_long_strings_equal_pycocotools(pc):
    dense = np.random.default_rng(3).random((211, 307)) < 0.4
    text = coco(pc, dense)["counts"]
    assert masks.encode_counts(masks.from_dense(dense)) == text
    assert np.array_equal(masks.decode_counts(text), masks.from_dense(dense))


@pytest.mark.parametrize("padding", [b"", b"00" * 300])
@pytest.mark.parametrize("bad", [b"5!", b"5\x7f", b"5R", b"5" + b"o" * 40 + b"0", "5\N{SNOWMAN}"])
def test_damaged_strings(bad, padding):
    text = padding.decode() + bad if isinstance(bad, str) else padding + bad
    with pytest.raises(ValueError, match="damaged"):
        masks.decode_counts(text)
    with pytest.raises(ValueError, match="damaged"):
        masks.decode_counts_many([b"5", text])


def test_a_number_does_not_go_on_in_the_next_string():
    with pytest.raises(ValueError, match="damaged"):
        masks.decode_counts_many([b"R", b"1"])
    assert [c.tolist() for c in masks.decode_counts_many([b"", b"4", b""])] == [[], [4], []]


# --- facts


def test_check_counts():
    masks.check_counts(np.array([1, 5]), 2, 3)
    masks.check_counts(np.array([0, 6]), 2, 3)
    with pytest.raises(ValueError, match="add up to 5"):
        masks.check_counts(np.array([1, 4]), 2, 3)
    with pytest.raises(ValueError, match="negative"):
        masks.check_counts(np.array([7, -1]), 2, 3)
    with pytest.raises(ValueError, match="add up to 0"):
        masks.check_counts(np.array([], np.int64), 2, 3)
    with pytest.raises(ValueError, match="add up to more"):
        masks.check_counts(np.array([2**62] * 4 + [6]), 2, 3)


@given(DENSE)
def test_dense_area_and_box(dense):
    counts = masks.from_dense(dense)
    height, width = dense.shape
    masks.check_counts(counts, height, width)
    assert masks.area(counts) == dense.sum()
    assert np.array_equal(masks.to_dense(counts, height, width), dense)
    assert masks.from_dense(np.asfortranarray(dense)).tolist() == counts.tolist()
    assert masks.from_dense(dense.astype(np.uint8) * 7).tolist() == counts.tolist()
    rows, columns = np.nonzero(dense)
    x, y, w, h = masks.bbox(counts, height)
    if not len(rows):
        assert (x, y, w, h) == (0, 0, 0, 0)
        return
    assert (x, x + w) == (columns.min(), columns.max() + 1)
    goes_on = (dense[-1, :-1] & dense[0, 1:]).any()  # then COCO's box has the mask's full height
    assert (y, y + h) == ((0, height) if goes_on else (rows.min(), rows.max() + 1))


@given(DENSE)
def test_area_and_box_equal_pycocotools(pc, dense):
    counts = masks.from_dense(dense)
    text = coco(pc, dense)
    assert masks.area(counts) == pc.area(text)
    assert masks.bbox(counts, dense.shape[0]) == tuple(pc.toBbox(text).astype(int).tolist())


def test_box_ignores_empty_runs():
    counts = np.array([0, 0, 7, 2, 3, 0, 0])
    assert masks.bbox(counts, 4) == (1, 0, 2, 4)
    assert contours.spans(counts)[0].tolist() == [7]


# --- label maps


@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.int32, np.uint64]),
        st.tuples(SIZES, SIZES),
        elements=st.integers(0, 5),
    )
)
def test_runs_by_value_and_back(label_map):
    for view in (label_map, np.asfortranarray(label_map), label_map[::-1, ::-1]):
        found = masks.runs_by_value(view)
        assert list(found) == np.unique(view).tolist()
        for value, counts in found.items():
            assert counts.tolist() == masks.from_dense(view == value).tolist()
        rest = masks.runs_by_value(view, ignore={0, 3})
        assert list(rest) == [v for v in found if v not in (0, 3)]
        table = np.array([77, *found], view.dtype)
        assert np.array_equal(Overlay(list(found.values()), view.shape).drawn(table), view)


def test_values_far_apart_and_negative():
    label_map = np.array([[-5, 2**40], [2**40, -5]])
    found = masks.runs_by_value(label_map)
    assert {v: c.tolist() for v, c in found.items()} == {-5: [0, 1, 2, 1], 2**40: [1, 2, 1]}
    assert masks.runs_by_value(np.zeros((0, 4), np.uint8)) == {}


# --- sets


@given(pair())
def test_set_operations(two):
    a, b = two
    ca, cb = masks.from_dense(a), masks.from_dense(b)
    assert masks.union([ca, cb]).tolist() == masks.from_dense(a | b).tolist()
    assert masks.union([ca]).tolist() == ca.tolist()
    assert masks.subtract(ca, cb).tolist() == masks.from_dense(a & ~b).tolist()
    assert masks.intersection_area(ca, cb) == (a & b).sum()
    expected = (a & b).sum() / (a | b).sum() if (a | b).any() else 1.0
    assert masks.iou(ca, cb) == pytest.approx(expected)


@given(
    st.tuples(SIZES, SIZES).flatmap(
        lambda s: st.lists(hnp.arrays(np.bool_, s), min_size=1, max_size=7)
    )
)
def test_union_of_many(layers):
    merged = masks.union([masks.from_dense(layer) for layer in layers])
    assert merged.tolist() == masks.from_dense(np.logical_or.reduce(layers)).tolist()


# --- polygons


@pytest.mark.parametrize("seed", range(4))
def test_polygons_follow_the_published_rule(seed):
    rng = np.random.default_rng(100 + seed)
    height, width = (int(n) for n in rng.integers(1, 40, 2))
    polygons = [random_rings(rng, height, width, int(rng.integers(1, 4))) for _ in range(40)]
    drawn = masks.from_polygons_many(polygons, height, width)
    for rings, counts in zip(polygons, drawn, strict=True):
        wanted = np.logical_or.reduce([walked(ring, height, width) for ring in rings])
        assert counts.tolist() == masks.from_dense(wanted).tolist()


@pytest.mark.parametrize("seed", range(8))
def test_polygons_equal_pycocotools(pc, seed):
    rng = np.random.default_rng(seed)
    height, width = (int(n) for n in rng.integers(1, 90, 2))
    polygons = [random_rings(rng, height, width, int(rng.integers(1, 4))) for _ in range(400)]
    wanted = [pc.merge(pc.frPyObjects(rings, height, width))["counts"] for rings in polygons]
    together = masks.from_polygons_many(polygons, height, width)
    assert masks.encode_counts_many(together) == wanted
    alone = [masks.from_polygons(rings, height, width) for rings in polygons[:50]]
    assert [masks.encode_counts(counts) for counts in alone] == wanted[:50]


@given(
    st.lists(
        st.lists(st.floats(-50, 90), min_size=6, max_size=30).map(lambda r: r[: len(r) // 2 * 2]),
        min_size=1,
        max_size=3,
    ),
    st.integers(1, 40),
    st.integers(1, 40),
)
@settings(max_examples=300)
def test_any_polygon_equals_pycocotools(pc, rings, height, width):
    wanted = pc.merge(pc.frPyObjects(rings, height, width))["counts"]
    assert masks.encode_counts(masks.from_polygons(rings, height, width)) == wanted


@pytest.mark.parametrize(
    ("ring", "pixels"),
    [
        ([0, 0, 4, 0, 4, 4, 0, 4], 16),
        ([0.5, 0.5, 3.5, 0.5, 3.5, 3.5, 0.5, 3.5], 9),
        ([1, 1, 5, 5], 0),
        ([1, 1], 0),
    ],
)
def test_known_polygons(ring, pixels):
    counts = masks.from_polygons([ring], 6, 6)
    masks.check_counts(counts, 6, 6)
    assert masks.area(counts) == pixels


def test_nothing_to_draw():
    assert masks.from_polygons([], 3, 4).tolist() == [12]
    assert masks.from_polygons([[], []], 3, 4).tolist() == [12]
    assert masks.from_polygons_many([], 3, 4) == []
    many = masks.from_polygons_many(
        [[], [[0, 0, 2, 0, 2, 2, 0, 2]], [[]], [[], [0, 0, 4, 0, 4, 3, 0, 3]]], 3, 4
    )
    assert [c.tolist() for c in many] == [[12], [0, 2, 1, 2, 7], [12], [0, 12]]


@pytest.mark.parametrize(
    ("ring", "why"),
    [
        ([0, 0, 1], "odd"),
        ([0, float("nan")], "finite"),
        ([0, 0, 1e9, 0, 1, 1], "beyond"),
        ([0, float("-inf")], "finite"),
        ([[0, 0], [1, 1]], "flat"),
        (["a", 1], "flat"),
    ],
)
def test_bad_polygons(ring, why):
    with pytest.raises(ValueError, match=why):
        masks.from_polygons([[0, 0, 1, 0, 1, 1], ring], 5, 5)


def test_holes_cut_what_comes_before():
    box, hole, island = ([a, a, b, a, b, b, a, b] for a, b in ((0, 9), (2, 7), (4, 5)))
    draw = masks.from_polygons_with_holes
    assert masks.area(draw([box, hole], {1}, 9, 9)) == 81 - 25
    assert masks.area(draw([box, hole, island], {1}, 9, 9)) == 81 - 25 + 1
    assert masks.area(draw([box, island, hole], {2}, 9, 9)) == 81 - 25
    assert masks.area(draw([hole], [0], 9, 9)) == 0
    assert draw([box], (), 9, 9).tolist() == [0, 81]


def test_holes_last_are_a_difference_of_unions():
    rng = np.random.default_rng(11)
    for _ in range(200):
        rings = random_rings(rng, 40, 30, 5)
        solid = masks.from_polygons(rings[:3], 40, 30)
        cut = masks.subtract(solid, masks.from_polygons(rings[3:], 40, 30))
        assert masks.from_polygons_with_holes(rings, {3, 4}, 40, 30).tolist() == cut.tolist()


@pytest.mark.parametrize("counts", [[2**80], [-1, 7], [5], b"5", "\x7f"])
def test_run_lengths_that_are_none(counts):
    with pytest.raises(ValueError, match="run length"):
        counts_of(Rle((2, 3), counts))


def test_run_lengths_of_a_mask_that_must_fit_its_image():
    rle = from_dense(np.ones((2, 3), bool))
    assert rle_in(rle, (2, 3)) == rle_in(rle, None) == rle
    with pytest.raises(ValueError, match=r"a mask of \(2, 3\) in an image of \(3, 2\)"):
        rle_in(rle, (3, 2))
