"""Regions are hidden, all else stays bit for bit, and nothing passes that could not be hidden."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from dsk import masks
from dsk.annotations import (
    Bbox,
    Cuboid2d,
    Cuboid3d,
    Ellipse,
    Label,
    Mask,
    Points,
    Polygon,
    RotatedBbox,
    Skeleton,
)
from dsk.dataset import Dataset
from dsk.errors import MediaError, OptionError
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk.media import Image, PointCloud, VideoFrame
from dsk.opening import make_transform
from dsk.pixels import encode
from dsk.rle import from_dense

H, W = 48, 64


def noise(shape=(H, W, 3), dtype=np.uint8):
    return np.random.default_rng(4).integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)


def hidden(annotations, pixels=None, path="a.png", media=None, **options):
    pixels = noise() if pixels is None else pixels
    media = media or Image(path=path, source=encode(pixels, ".png"))
    options = {"labels": ["face"], **options}
    dataset = Dataset.from_iterable(
        [DatasetItem("a", media=media, annotations=annotations)], ["face", "car"]
    )
    ledger = Ledger()
    (made,) = dataset.transform(make_transform("anonymize", options)).read(ledger)
    return made, ledger


def disc():
    y, x = np.mgrid[:H, :W]
    return (x - 30) ** 2 + (y - 20) ** 2 < 100


def box_pixels(x0, y0, x1, y1):
    solid = np.zeros((H, W), bool)
    solid[y0:y1, x0:x1] = True
    return solid


RING = [10.0, 8.0, 40.0, 8.0, 40.0, 30.0, 10.0, 30.0]
SHAPES = {
    "bbox": (Bbox(10.5, 8.2, 20.0, 15.0, label=0), box_pixels(10, 8, 31, 24)),
    "mask": (Mask(from_dense(disc()), label=0), disc()),
    "polygon": (Polygon(RING, label=0), box_pixels(10, 8, 40, 30)),
    "rotated_bbox": (RotatedBbox(30, 20, 10, 20, 90, label=0), box_pixels(20, 15, 40, 25)),
    "ellipse": (
        Ellipse(10, 8, 30, 22, label=0),
        masks.to_dense(
            masks.from_polygons(
                [__import__("dsk.geometry").geometry.ellipse_ring(10, 8, 30, 22)], H, W
            ),
            H,
            W,
        ),
    ),
    "points": (Points([10, 8, 31, 24], label=0), box_pixels(10, 8, 31, 24)),
    "skeleton": (Skeleton([10, 8, 0, 0, 31, 24], [2, 0, 1], label=0), box_pixels(10, 8, 31, 24)),
    "cuboid_2d": (
        Cuboid2d([10, 8, 20, 8, 20, 20, 10, 20, 15, 12, 31, 12, 31, 24, 15, 24], label=0),
        box_pixels(10, 8, 31, 24),
    ),
}


@pytest.mark.parametrize("method", ["blur", "pixelate", "fill"])
@pytest.mark.parametrize("kind", SHAPES)
def test_the_region_changes_and_the_rest_does_not(kind, method):
    shape, region = SHAPES[kind]
    before = noise()
    made, _ = hidden([shape], before, method=method)
    after = made.media.data
    assert np.array_equal(after[~region], before[~region])
    assert (after[region] != before[region]).any(axis=-1).mean() > 0.95
    assert made.annotations == [shape] or tuple(made.annotations) == (shape,)
    if method == "fill":
        assert not after[region].any()
    else:  # what is left varies much less than noise does
        assert after[region].astype(float).std() < 0.6 * before[region].astype(float).std()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [None, 2, 3, 4])
def test_all_sorts_of_pixels(dtype, channels):
    before = noise((H, W) if channels is None else (H, W, channels), dtype)
    media = Image.from_array(before, "a.png")
    for method in ("blur", "pixelate", "fill"):
        made, _ = hidden([Bbox(5, 5, 20, 20, label=0)], media=media, method=method)
        after = made.media.data
        assert after.shape == before.shape
        assert after.dtype == before.dtype
        assert not np.array_equal(after, before)
        assert np.array_equal(after[25:], before[25:])


def test_pixelate_gives_the_mean_of_blocks():
    before = noise()
    made, _ = hidden([Bbox(0, 0, 20, 20, label=0)], before, method="pixelate", strength=0.25)
    block = made.media.data[:5, :5]
    assert (block == block[0, 0]).all()
    assert np.abs(block[0, 0] - before[:5, :5].mean(axis=(0, 1))).max() <= 0.5


def test_fill_with_a_colour():
    made, _ = hidden([Bbox(0, 0, 9, 9, label=0)], method="fill", color="#ff8001")
    assert made.media.data[4, 4].tolist() == [255, 128, 1]


def test_margin_is_a_share_of_the_longer_side():
    before = noise()
    made, _ = hidden([Bbox(20, 20, 10, 5, label=0)], before, method="fill", margin=0.2)
    changed = (made.media.data != before).any(axis=-1)
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    assert (rows[0], rows[-1], columns[0], columns[-1]) == (18, 26, 18, 31)
    made, _ = hidden(
        [Mask(from_dense(box_pixels(20, 20, 30, 25)), label=0)], before, method="fill", margin=0.2
    )
    assert np.array_equal((made.media.data != before).any(axis=-1), changed)


def test_only_the_labels_and_scores_that_are_asked_for():
    before = noise()
    boxes = [
        Bbox(0, 0, 8, 8, label=0, attributes={"score": 0.3}),
        Bbox(10, 0, 8, 8, label=0, attributes={"score": 0.9}),
        Bbox(20, 0, 8, 8, label=0),
        Bbox(30, 0, 8, 8, label=1, attributes={"score": 0.9}),
        Bbox(40, 0, 8, 8, label=0, attributes={"score": "high"}),
    ]
    made, _ = hidden(boxes, before, method="fill", min_score=0.5)
    changed = (made.media.data != before).any(axis=(0, 2))
    assert [bool(changed[x]) for x in (4, 14, 24, 34, 44)] == [False, True, True, False, True]


def test_boxes_over_the_edge_and_outside():
    before = noise()
    made, _ = hidden(
        [Bbox(-5, -5, 10, 10, label=0), Bbox(100, 100, 5, 5, label=0)], before, method="fill"
    )
    changed = (made.media.data != before).any(axis=-1)
    assert changed[:5, :5].all()
    assert changed.sum() == 25


def test_nothing_is_computed_before_it_is_asked_for_and_it_pickles():
    def never():
        raise AssertionError

    media = Image(path="a.jpg", source=never, size=(H, W))
    made, _ = hidden([Bbox(0, 0, 8, 8, label=0)], media=media)
    assert made.media.path == "a.jpg"
    assert made.media.size == (H, W)
    made, _ = hidden([Bbox(0, 0, 8, 8, label=0)])
    copy = pickle.loads(pickle.dumps(made))
    assert np.array_equal(copy.media.data, made.media.data)


def test_items_without_regions_are_the_same_objects():
    item = DatasetItem("a", media=Image.from_array(noise(), "a.png"), annotations=[Label(label=0)])
    dataset = Dataset.from_iterable([item], ["face"]).transform("anonymize", labels=["face"])
    assert next(iter(dataset)) is item


def test_what_cannot_be_hidden_does_not_pass():
    cloud = PointCloud(path="a.pcd", source=b"x", extra_images=(Image.from_array(noise()),))
    made, ledger = hidden([Bbox(0, 0, 8, 8, label=0)], media=cloud)
    assert made.media is None
    assert ledger.losses()[0].code == "DSK-L016"
    frame = VideoFrame(path="1.png", source=encode(noise(), ".png"), video="v.mp4", index=1)
    made, ledger = hidden([Bbox(0, 0, 8, 8, label=0)], media=frame)
    assert made.media.video is None
    assert ledger.losses()
    made, ledger = hidden([Cuboid3d((0, 0, 9), label=0)])
    assert made.media is None
    made, ledger = hidden([Label(label=0)], media=cloud)
    assert made.media is cloud
    assert ledger.warnings


def test_a_mask_of_another_size_gives_no_image():
    made, _ = hidden([Mask(from_dense(np.ones((3, 3), bool)), label=0)])
    with pytest.raises(MediaError, match="3 × 3"):
        made.media.data  # noqa: B018 - computed when asked for


@pytest.mark.parametrize(
    "options",
    [
        {"labels": []},
        {"method": "smear"},
        {"strength": 0},
        {"strength": 2},
        {"margin": -1},
        {"min_score": float("nan")},
        {"color": "black"},
        {"labels": ["fase"]},
    ],
)
def test_options_that_make_no_sense(options):
    with pytest.raises(OptionError) as caught:
        hidden([], **options)
    assert "fase" not in str(options) or "did you mean 'face'" in str(caught.value)


def test_export_in_two_processes(tmp_path):
    pytest.importorskip("dsk_datumaro", reason="a format package; here in env all")
    items = [
        DatasetItem(
            f"{n}",
            media=Image(path=f"{n}.png", source=encode(noise(), ".png")),
            annotations=[Bbox(2 * n, 3, 20, 20, label=0)],
        )
        for n in range(4)
    ]
    dataset = Dataset.from_iterable(items, ["face"]).transform("anonymize", labels=["face"])
    for jobs in (1, 2):
        dataset.export(tmp_path / f"{jobs}", "datumaro", save_media=True, jobs=jobs)
    files = sorted(p.relative_to(tmp_path / "1") for p in (tmp_path / "1").rglob("*.png"))
    assert len(files) == 4
    for name in files:
        data = (tmp_path / "1" / name).read_bytes()
        assert data == (tmp_path / "2" / name).read_bytes()
        assert data != items[0].media.source
