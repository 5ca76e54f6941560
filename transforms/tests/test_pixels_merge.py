"""Tiling and merging again gives back the same dataset."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from dsk import masks
from dsk.annotations import Bbox, Label, Mask, Points, Polygon, PolyLine, Skeleton
from dsk.convert import area_of
from dsk.dataset import Dataset
from dsk.errors import RecordError
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk.media import Image
from dsk.rle import from_dense
from dsk.testing import samples
from dsk.testing.compare import assert_same_annotation, assert_same_dataset
from dsk_transforms.pixels.clipping import area, clip_ring, is_simple

H, W = 60, 80


def picture(number=0):
    y, x = np.mgrid[:H, :W]
    return np.stack([x * 3, y * 4, (x * y + number) % 256], -1).astype(np.uint8)


def again(dataset, grid, overlap):
    """Tile, hold the tiles as if they had been stored, and merge."""
    tiled = dataset.transform("tile", grid_size=grid, overlap=overlap, threshold_drop_ann=0)
    stored = Dataset(samples.SmallParts(list(tiled), tiled.header))
    merged = stored.transform("merge_tile")
    ledger = Ledger()
    items = list(merged.read(ledger))
    report = ledger.report().annotations
    assert report["out"] == sum(len(item.annotations) for item in items)
    return items, ledger


@pytest.mark.parametrize("grid", [(1, 1), (2, 2), (3, 4)])
@pytest.mark.parametrize("overlap", [(0, 0), (0.3, 0.2)])
def test_all_kinds_come_back(grid, overlap):
    kinds = tuple(k for k in samples.MAKERS if k not in samples.VOLUME_KINDS | samples.CLOUD_KINDS)
    dataset = samples.make(
        kinds=kinds,
        ids=("b", "a", "dir/c"),
        subsets=("train", "val"),
        fields=samples.ALL_FIELDS - {"group"},
        attributes=samples.ATTRIBUTES,
        item_attributes={"id": 4, "weather": "rain"},
        multi_ring=True,
        holes=True,
    )
    items, ledger = again(dataset, grid, overlap)
    assert [item.id for item in items] == [item.id for item in dataset]
    loose = [_sorted(item) for item in items]
    assert_same_dataset([_sorted(item) for item in dataset], loose, tolerance=1e-6)
    assert not ledger.losses()


def _sorted(item):
    """Loose points have no order."""
    return item.replace(
        annotations=[_in_order(a) if isinstance(a, Points) else a for a in item.annotations]
    )


def _in_order(a):
    pairs = sorted(zip(a.points[::2], a.points[1::2], strict=True))
    return replace(a, points=[v for pair in pairs for v in pair])


def one(annotations):
    item = DatasetItem("a", media=Image.from_array(picture(), "a.png"), annotations=annotations)
    return Dataset.from_iterable([item], ["x"])


coordinates = st.tuples(
    st.floats(0, W, allow_nan=False, width=32), st.floats(0, H, allow_nan=False, width=32)
)
grids = st.tuples(st.integers(1, 4), st.integers(1, 4))
overlaps = st.tuples(st.sampled_from([0, 0.1, 0.5]), st.sampled_from([0, 0.1, 0.5]))


def star(centre, radii):
    """A ring without crossings, concave where it likes, inside the image.

    Each spike is shortened where the image ends. Moving its point onto the edge instead would turn
    it about the centre, past its neighbours, and the ring would cross itself.
    """
    angles = np.linspace(0, 2 * np.pi, len(radii), endpoint=False)
    steps = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    room = np.where(steps > 0, np.array([W, H]) - centre, np.array(centre))
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = np.nan_to_num(room / np.abs(steps), nan=np.inf).min(axis=1)
    points = centre + steps * np.minimum(radii, reach)[:, None]
    return np.clip(points, 0, [W, H]).reshape(-1).tolist()


@given(coordinates, st.lists(st.floats(2, 40), min_size=3, max_size=12), grids, overlaps)
@settings(max_examples=80, deadline=None)
def test_outlines_come_back(centre, radii, grid, overlap):
    outline = Polygon(star(centre, np.array(radii)), label=0)
    ((item,), _) = again(one([outline]), grid, overlap)
    if not item.annotations:
        assert area_of(outline) < 1e-6
        return
    (found,) = item.annotations
    a, b = edges(outline.points)
    around = np.hypot(*(b - a).T).sum()  # each point may be off by a millionth of a pixel
    assert area_of(found) == pytest.approx(area_of(outline), abs=2e-6 * around)
    assert_same_area(found.rings, found.holes, outline.points)
    assert len(found.rings) == 1, "there is a seam left"


@given(st.lists(coordinates, min_size=2, max_size=8), grids, overlaps)
@settings(max_examples=60, deadline=None)
def test_lines_come_back(points, grid, overlap):
    line = PolyLine([float(v) for point in points for v in point], label=0)
    ((item,), _) = again(one([line]), grid, overlap)

    def length(a):
        steps = np.diff(np.reshape(a.points, (-1, 2)), axis=0)
        return float(np.hypot(*steps.T).sum())

    found = sum(length(a) for a in item.annotations)
    assert found <= length(line) + 1e-3
    if len({(round(x, 3), round(y, 3)) for x, y in points}) == len(points) == 2:
        assert found == pytest.approx(length(line), abs=1e-3)


@given(st.lists(coordinates, min_size=3, max_size=10), coordinates, coordinates)
@settings(max_examples=150, deadline=None)
def test_a_window_and_the_rest_make_the_whole(points, a, b):
    """Areas inside the window and in the eight parts around it add up."""
    centre = np.mean(points, axis=0)
    order = np.argsort([np.arctan2(y - centre[1], x - centre[0]) for x, y in points])
    ring = np.array(points, float)[order]
    xs, ys = sorted({-1.0, a[0], b[0], W + 1.0}), sorted({-1.0, a[1], b[1], H + 1.0})
    total = sum(
        area(part)
        for left, right in pairwise(xs)
        for top, bottom in pairwise(ys)
        for part in clip_ring(ring, (left, top, right, bottom))
    )
    assert total == pytest.approx(area(ring), abs=1e-3)


def painted(rings, holes=()):
    lists = [np.asarray(ring, float).reshape(-1).tolist() for ring in rings]
    return masks.to_dense(masks.from_polygons_with_holes(lists, holes, H, W), H, W)


SPOTS = np.stack(np.meshgrid(np.arange(W) + 0.3717, np.arange(H) + 0.6183), -1).reshape(-1, 2)
"""A place in each pixel. Asking at places needs no rasteriser, which rounds."""


def edges(ring):
    points = np.reshape(np.asarray(ring, float), (-1, 2))
    return points, np.roll(points, -1, axis=0)


def inside(rings, holes=()):
    """Whether the places lie in an odd number of turns of a ring; a hole cuts what is before it."""
    found = np.zeros(len(SPOTS), bool)
    for n, ring in enumerate(rings):
        a, b = edges(ring)
        x, y = SPOTS[:, :1], SPOTS[:, 1:]
        spans = (a[:, 1] > y) != (b[:, 1] > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            at = a[:, 0] + (y - a[:, 1]) * (b[:, 0] - a[:, 0]) / (b[:, 1] - a[:, 1])
        turns = (spans & (x < at)).sum(axis=1) % 2 == 1
        found = found & ~turns if n in holes else found | turns
    return found


def clear_of(ring):
    """Whether the places are not so near to an edge that rounding decides."""
    a, b = edges(ring)
    step = b - a
    length = np.maximum((step**2).sum(axis=1), 1e-30)
    share = np.clip(((SPOTS[:, None] - a) * step).sum(axis=2) / length, 0, 1)
    away = SPOTS[:, None] - (a + share[..., None] * step)
    return (np.hypot(away[..., 0], away[..., 1]) > 1e-4).all(axis=1)


def assert_same_area(rings, holes, ring, where=True):
    """The places inside are those inside the ring, as far as they lie ``where``."""
    wrong = (inside(rings, holes) != (inside([ring]) & where)) & clear_of(ring)
    assert not wrong.any(), SPOTS[wrong][:5]


folded = st.lists(coordinates, min_size=4, max_size=9)


@given(folded, st.integers(0, W - 1), st.integers(0, H - 1), st.integers(1, W), st.integers(1, H))
@settings(max_examples=200, deadline=None)
def test_rings_that_cross_themselves_are_cut_as_their_pixels(points, x, y, w, h):
    """What a ring surrounds twice lies outside, before and after."""
    right, bottom = min(W, x + w), min(H, y + h)
    ring = np.array(points, float)
    parts = clip_ring(ring, (float(x), float(y), float(right), float(bottom)))
    window = (((x, y) < SPOTS) & ((right, bottom) > SPOTS)).all(axis=1)
    assert_same_area(parts, (), ring, window)


@given(folded, grids, overlaps)
@settings(max_examples=150, deadline=None)
def test_rings_that_cross_themselves_come_back(points, grid, overlap):
    outline = Polygon([float(v) for point in points for v in point], label=0)
    ((item,), _) = again(one([outline]), grid, overlap)
    rings = [ring for a in item.annotations for ring in a.rings]
    assert_same_area(rings, (), outline.points)


@pytest.mark.parametrize(
    ("ring", "simple"),
    [
        ([0, 0, 9, 0, 9, 9, 0, 9], True),
        ([0, 0, 9, 0, 9, 0, 9, 9, 0, 9], True),  # a corner named twice
        ([0, 0, 9, 9, 9, 0, 0, 9], False),  # a bow tie
        ([0, 0, 9, 0, 5, 5, 9, 9, 0, 9, 5, 5], False),  # touches itself at a corner
        ([0, 0, 9, 0, 9, 9, 0, 9, 0, 0, 3, 3, 3, 6, 6, 6, 6, 3, 3, 3], False),  # a keyhole
        ([0, 0, 9, 0, 9, 9, 5, 0, 0, 9], False),  # a corner on another edge
        ([0, 0, 4, 0, 4, 5, 6, 5, 6, 0, 9, 0, 9, 9, 0, 9], True),  # edges on one line, apart
    ],
)
def test_simple_rings(ring, simple):
    assert is_simple(np.reshape(np.array(ring, float), (-1, 2))) is simple


def test_huge_rings_are_cut_without_comparing_all_edges():
    """A comb of many teeth, cut through the teeth: one ring with seams, and the same places."""
    teeth = 3000
    x = np.repeat(np.linspace(1, W - 1, 2 * teeth), 2)
    y = np.tile([10.0, 50.0, 50.0, 10.0], teeth)
    ring = np.concatenate([np.stack([x, y], axis=1), [[W - 1, 55.0], [1.0, 55.0]]])
    parts = clip_ring(ring, (0.0, 0.0, float(W), 30.0))
    assert len(parts) == 1
    assert area(parts[0]) == pytest.approx(area(ring) - area(clip_ring(ring, (0, 30, W, H))[0]))


def test_keyholes_keep_their_hole():
    ring = [10, 10, 70, 10, 70, 50, 10, 50, 10, 10, 25, 20, 25, 40, 55, 40, 55, 20, 25, 20]
    ((item,), _) = again(one([Polygon([float(v) for v in ring], label=0)]), (2, 2), (0, 0))
    (found,) = item.annotations
    assert not painted(found.rings, found.holes)[25:38, 28:52].any()
    assert painted(found.rings, found.holes)[42:48, 12:68].all()


def test_pixels_come_back():
    ((item,), _) = again(one([]), (3, 2), (0.2, 0.4))
    assert item.media.path == "a.png"
    assert np.array_equal(item.media.data, picture())


def test_a_missing_tile_leaves_a_hole():
    box, mask = Bbox(10, 10, 60, 40, label=0), np.ones((H, W), bool)
    line = PolyLine([5, 5, 75, 5], label=0)
    polygon = Polygon([10, 10, 70, 10, 70, 50, 10, 50], label=0)
    skeleton = Skeleton([5, 5, 75, 55], [2, 2], label=0)
    dataset = one([box, Mask(from_dense(mask), label=0), line, polygon, skeleton, Label(label=0)])
    tiled = dataset.transform("tile", grid_size=[2, 2], overlap=[0, 0], threshold_drop_ann=0)
    merged = tiled.select(lambda item: item.attributes["tile_idx"] != 3).transform("merge_tile")
    (item,) = merged
    found = {a.kind: a for a in item.annotations}
    assert found["bbox"] == box
    assert found["mask"].image.sum() == H * W * 3 // 4
    assert area_of(found["polygon"]) == 60 * 40 * 3 // 4
    assert list(found["skeleton"].visibility) == [2, 0]
    assert item.media.data[:30].any()
    assert not item.media.data[30:, 40:].any()
    assert item.media.get_size() == (H, W)


def test_tiles_of_datumaro_are_joined_by_id():
    def tile(number, roi, annotations):
        attributes = {"tile_id": "a", "tile_idx": number, "roi": roi}
        x = 40 * number
        pixels = picture()[:, x : x + 40]
        return DatasetItem(
            f"a_tile_{number}",
            media=Image.from_array(pixels, "x.png"),
            annotations=annotations,
            attributes=attributes,
        )

    items = [
        tile(1, [40, 0, 40, 60], [Bbox(0, 5, 10, 10, id=3, label=0), Bbox(1, 1, 2, 2, label=0)]),
        tile(0, "[0, 0, 40, 60]", [Bbox(30, 5, 10, 10, id=3, label=0), Label(label=0)]),
    ]
    (item,) = Dataset.from_iterable(items, ["x"]).transform("merge_tile")
    assert item.media.get_size() == (H, W)
    assert np.array_equal(item.media.data, picture())
    boxes = [a for a in item.annotations if isinstance(a, Bbox)]
    assert {box.bbox for box in boxes} == {(30, 5, 20, 10), (41, 1, 2, 2)}


def test_other_items_pass_and_order_stays():
    plain = DatasetItem("z", annotations=[Label(label=0)])
    tiled = list(one([]).transform("tile", grid_size=[1, 2]))
    lookalike = DatasetItem("b_tile_0")
    ledger = Ledger()
    dataset = Dataset.from_iterable([plain, *tiled, lookalike, DatasetItem("c")], ["x"])
    items = list(dataset.transform("merge_tile").read(ledger))
    assert [item.id for item in items] == ["z", "a", "b_tile_0", "c"]
    assert items[0] == plain
    (warning,) = ledger.warnings
    assert "tile_id" in warning


@pytest.mark.parametrize(
    "attributes",
    [
        {"roi": "all"},
        {"roi": [0, 0, 10]},
        {"roi": [-1, 0, 10, 10]},
        {"roi": [0.5, 0, 10, 10]},
        {"roi": [0, 0, 0, 10]},
        {"roi": [0, 0, 10**6, 10**6]},
        {"roi": None},
        {"tile_image_size": [5, 5]},
        {"tile_idx": "x"},
        {"tile_id": "../../etc"},
    ],
)
def test_bad_attributes_are_one_bad_record(attributes):
    base = {"tile_id": "a", "tile_idx": 0, "roi": [0, 0, 10, 10]}
    item = DatasetItem("a_tile_0", attributes={**base, **attributes}, annotations=[Label(label=0)])
    dataset = Dataset.from_iterable([item], ["x"])
    with pytest.raises(RecordError):
        list(dataset.transform("merge_tile"))
    dataset.on_error = "skip"
    ledger = Ledger("skip")
    assert list(dataset.transform("merge_tile").read(ledger)) == []
    assert ledger.bad_count == 1
    assert ledger.report().annotations["out"] == 0


def test_tiles_without_pixels(tmp_path):
    media = Image(path="a.jpg", size=(H, W))
    item = DatasetItem("a", media=media, annotations=[Bbox(1, 2, 3, 4, label=0)])
    tiled = Dataset.from_iterable([item], ["x"]).transform("tile", grid_size=[2, 2])
    ledger = Ledger()
    (merged,) = tiled.transform("merge_tile").read(ledger)
    assert merged.media.source is None
    assert merged.media.size == (H, W)
    assert_same_annotation(merged.annotations[0], item.annotations[0])
    assert ledger.losses()


def test_tiles_survive_a_format(tmp_path):
    pytest.importorskip("dsk_datumaro", reason="a format package; here in env all")
    outline = Polygon([10.5, 10.25, 70, 10, 70, 50, 10, 50], label=0)
    dataset = one([outline, Bbox(30, 20, 30, 30, label=0)])
    tiled = dataset.transform("tile", grid_size=[2, 2], threshold_drop_ann=0)
    tiled.export(tmp_path / "tiles", "datumaro", save_media=True)
    stored = Dataset.import_from(tmp_path / "tiles", "datumaro")
    assert len(list(stored)) == 4
    merged = stored.transform("merge_tile")
    merged.export(tmp_path / "whole", "datumaro", save_media=True, jobs=2)
    (item,) = Dataset.import_from(tmp_path / "whole", "datumaro")
    assert np.array_equal(item.media.data, picture())
    for before, after in zip(
        [outline, Bbox(30, 20, 30, 30, label=0)], item.annotations, strict=True
    ):
        assert_same_annotation(before, after, tolerance=0.02, ignore=("attributes", "id"))
