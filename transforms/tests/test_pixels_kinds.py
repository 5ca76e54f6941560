"""Each annotation kind follows its pixels: what was drawn is compared with what is there then.

The oracle knows nothing of the transforms. It paints an annotation into a picture, changes the
picture by its pixels (numpy), and compares with the painted annotation that came out.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsk import geometry, masks
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
    RotatedBbox,
    Skeleton,
)
from dsk.categories import Categories, LabelCategory, PointsCategory
from dsk.dataset import Dataset
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk.media import Image
from dsk.opening import make_transform
from dsk.rle import dense, from_dense

H, W = 60, 80
POINTS = PointsCategory(labels=("left_eye", "right_eye", "nose"))
CATEGORIES = Categories(labels=(LabelCategory("face"), LabelCategory("car")), points={0: POINTS})


def _mask_pixels():
    pixels = np.zeros((H, W), bool)
    pixels[10:40, 20:50] = True
    pixels[15:20, 25:45] = False
    pixels[44:52, 61:73] = True
    return pixels


HOLE = [30.0, 20.0, 44.0, 20.0, 44.0, 30.0, 30.0, 30.0]
SHAPES = {
    "bbox": Bbox(12.0, 9.0, 41.0, 33.0, label=1),
    "rotated_bbox": RotatedBbox(40.0, 30.0, 36.0, 17.0, 30.0, label=1),
    "polygon": Polygon([[14.0, 10.0, 60.0, 14.0, 52.0, 44.0, 20.0, 40.0], HOLE], (1,), label=1),
    "ellipse": Ellipse(15.0, 12.0, 44.0, 30.0, label=1),
    "mask": Mask(from_dense(_mask_pixels()), label=1),
}
SPOTS = {
    "points": Points([11.0, 9.0, 61.5, 20.0, 40.0, 47.5], label=1),
    "polyline": PolyLine([11.0, 9.0, 61.5, 20.0, 40.0, 47.5], label=1),
    "skeleton": Skeleton([11.0, 9.0, 61.5, 20.0, 40.0, 47.5], [2, 1, 2], label=0),
    "cuboid_2d": Cuboid2d([10, 9, 40, 9, 40, 30, 10, 30, 16, 14, 46, 14, 46, 35, 16, 35], label=1),
}


def painted(a, size):
    """The pixels of an annotation in an image of a size."""
    if isinstance(a, Mask):
        return a.image
    if isinstance(a, Polygon):
        outlines, holes = [list(ring) for ring in a.rings], a.holes
    else:
        ring = (
            geometry.rotated_box_corners(a.cx, a.cy, a.w, a.h, a.r)
            if isinstance(a, RotatedBbox)
            else geometry.ellipse_ring(*a.bbox, 256)
            if isinstance(a, Ellipse)
            else geometry.box_ring(*a.bbox)
        )
        outlines, holes = [ring], ()
    return masks.to_dense(masks.from_polygons_with_holes(outlines, holes, *size), *size)


def picture(number=0):
    y, x = np.mgrid[:H, :W]
    return np.stack([x * 3, y * 4, (x * y + number) % 256], -1).astype(np.uint8)


def item(annotations, image=None):
    return DatasetItem(
        "a",
        media=Image.from_array(picture() if image is None else image, "a.png"),
        annotations=annotations,
    )


def run(name, annotations, **options):
    ledger = Ledger()
    step = make_transform(name, options)
    dataset = Dataset.from_iterable([item(annotations)], CATEGORIES).transform(step)
    return list(dataset.read(ledger)), ledger


def resized(pixels, size):
    """Nearest neighbour: the pixel in which the middle of the new one lies, in exact fractions."""
    half = Fraction(1, 2)
    rows, columns = (
        [int((n + half) * old / new) for n in range(new)]
        for old, new in zip(pixels.shape, size, strict=True)
    )
    return pixels[rows][:, columns]


STEPS = {
    "larger": ("resize", {"scale": 2}, lambda p: resized(p, (2 * H, 2 * W))),
    "smaller": ("resize", {"width": 40, "height": 30}, lambda p: resized(p, (30, 40))),
    "uneven": ("resize", {"width": 100, "height": 45}, lambda p: resized(p, (45, 100))),
    "crop": (
        "crop",
        {"x": 25, "y": 15, "width": 30, "height": 28},
        lambda p: p[15:43, 25:55],
    ),
    "horizontal": ("flip", {}, lambda p: p[:, ::-1]),
    "vertical": ("flip", {"direction": "vertical"}, lambda p: p[::-1]),
    "both": ("flip", {"direction": "both"}, lambda p: p[::-1, ::-1]),
    "90": ("rotate", {"angle": 90}, lambda p: np.rot90(p, -1)),
    "180": ("rotate", {"angle": 180}, lambda p: np.rot90(p, 2)),
    "270": ("rotate", {"angle": -90}, np.rot90),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("kind", SHAPES)
def test_shapes_follow_their_pixels(step, kind):
    name, options, oracle = STEPS[step]
    shape = SHAPES[kind]
    (made,), _ = run(name, [shape], **options)
    expected = oracle(painted(shape, (H, W)))
    assert made.media.get_size() == expected.shape
    found = painted(made.annotations[0], expected.shape)
    if kind == "mask":
        assert np.array_equal(found, expected)
        return
    wrong = int((found ^ expected).sum())
    slanted = step == "uneven" and kind == "rotated_bbox"  # a rectangle near a parallelogram
    border = 2 * (sum(expected.shape)) * (2 if step == "larger" else 1)
    assert wrong <= (expected.sum() * 0.15 if slanted else border * 0.75), wrong
    assert (found & expected).sum() / (found | expected).sum() > (0.85 if slanted else 0.88)


@pytest.mark.parametrize("step", [step for step in STEPS if step != "crop"])
@pytest.mark.parametrize("kind", SPOTS)
def test_points_follow_their_pixels(step, kind):
    """A pixel is marked at each point; it is found where the point goes."""
    name, options, _ = STEPS[step]
    a = SPOTS[kind]
    (made,), _ = run(name, [a], **options)
    size = made.media.get_size()
    before = np.reshape(a.points, (-1, 2))
    after = np.reshape(made.annotations[0].points, (-1, 2))
    if kind == "skeleton" and step in ("horizontal", "vertical"):  # left and right change roles
        assert list(made.annotations[0].visibility) == [1, 2, 2]
        after = after[[1, 0, 2]]
    for (x, y), (u, v) in zip(before, after, strict=True):
        ys, xs = np.mgrid[:H, :W] + 0.5
        near = (np.abs(xs - x) <= 1) & (np.abs(ys - y) <= 1)
        marked = np.argwhere(STEPS[step][2](near)) + 0.5
        centre = marked.mean(axis=0)
        assert np.abs(centre - (v, u)).max() <= max(size[0] / H, size[1] / W), (step, x, y)


@pytest.mark.parametrize("step", STEPS)
def test_pixels_of_the_image(step):
    name, options, oracle = STEPS[step]
    if name == "resize":
        options = {**options, "method": "nearest"}
    (made,), _ = run(name, [], **options)
    expected = np.stack([oracle(picture()[..., c]) for c in range(3)], -1)
    assert callable(made.media.source)
    assert made.media.size == expected.shape[:2]
    assert np.array_equal(made.media.data, expected)


@pytest.mark.parametrize("step", STEPS)
def test_what_speaks_of_the_whole_image_stays(step):
    name, options, _ = STEPS[step]
    whole = [Label(label=1), Caption(caption="x"), Cuboid3d((1, 2, 3))]
    (made,), _ = run(name, whole, **options)
    assert list(made.annotations) == whole


numbers = st.floats(-20, 120, allow_nan=False, width=32)


@given(st.tuples(numbers, numbers, st.floats(0.5, 90), st.floats(0.5, 90)))
@settings(max_examples=50)
def test_turning_four_times_gives_the_same(values):
    x, y, w, h = values
    shapes = [
        Bbox(x, y, w, h),
        RotatedBbox(x, y, w, h, 33.0),
        Polygon([x, y, x + w, y, x + w, y + h], (), (x, y, w, h), w * h / 2),
        Ellipse(x, y, w, h),
        SHAPES["mask"],
        *SPOTS.values(),
    ]
    dataset = Dataset.from_iterable([item(shapes)], CATEGORIES)
    for _ in range(4):
        dataset = dataset.transform("rotate")
    (made,) = dataset
    from dsk.testing.compare import assert_same_annotation

    for before, after in zip(shapes, made.annotations, strict=True):
        assert_same_annotation(before, after, tolerance=1e-9)


@given(
    st.integers(0, 255),
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 40),
)
@settings(max_examples=60)
def test_masks_scale_as_pictures(seed, h, w, new_h, new_w):
    pixels = np.random.default_rng(seed).random((h, w)) < 0.5
    from dsk_transforms.pixels.places import Place

    found = Place.scaling((h, w), (new_h, new_w)).rle(from_dense(pixels))
    assert np.array_equal(dense(found), resized(pixels, (new_h, new_w)))


@given(st.integers(0, 255), st.data())
@settings(max_examples=40)
def test_masks_are_cut_as_pictures(seed, data):
    h, w = data.draw(st.tuples(st.integers(1, 30), st.integers(1, 30)))
    x, y = data.draw(st.integers(0, w - 1)), data.draw(st.integers(0, h - 1))
    nw, nh = data.draw(st.integers(1, w - x)), data.draw(st.integers(1, h - y))
    pixels = np.random.default_rng(seed).random((h, w)) < 0.5
    from dsk_transforms.pixels.places import Place

    found = Place.cutting((h, w), (x, y, nw, nh)).rle(from_dense(pixels))
    assert np.array_equal(dense(found), pixels[y : y + nh, x : x + nw])
