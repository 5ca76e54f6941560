"""Boxes, boxes in space, tracks, image sizes, annotations per item."""

from __future__ import annotations

import math

import pytest

from dsk.annotations import Bbox, Cuboid3d, Label, Mask, Polygon, Rle, RotatedBbox, Skeleton
from dsk.dataset import Dataset
from dsk.item import DatasetItem
from dsk.media import Image, PointCloud
from dsk_analysis.stats import compute


def of(*annotations, labels=("car", "bus")):
    return compute(Dataset.from_iterable([DatasetItem("a", annotations=annotations)], labels))


def even(value):
    """Return the summary of equal values."""
    return dict.fromkeys(("min", "q1", "median", "q3", "max", "mean"), value)


def test_boxes_by_label():
    found = of(*[Bbox(9, 9, w, 2, label=0) for w in (1, 2, 3, 4, 10)], Bbox(0, 0, 6, 3, label=1))
    boxes = found["boxes"]
    assert boxes["count"] == boxes["all"]["count"] == 6
    car, bus = boxes["labels"]["car"], boxes["labels"]["bus"]
    assert car["width"] == {"min": 1, "q1": 2, "median": 3, "q3": 4, "max": 10, "mean": 4}
    assert car["height"] == even(2)
    assert car["area"] == {"min": 2, "q1": 4, "median": 6, "q3": 8, "max": 20, "mean": 8}
    assert car["aspect ratio"]["median"] == 1.5
    assert (bus["count"], bus["area"], bus["aspect ratio"]) == (1, even(18), even(2))
    assert boxes["all"]["width"]["max"] == 10


def test_boxes_of_outlines_masks_and_turned_boxes():
    found = of(
        Polygon([0, 0, 1, 0, 1, 1], bbox=(0, 0, 1, 2), area=0.5, label=0),
        Polygon([0, 0, 1, 0, 1, 1], area=0.5, label=0),
        Mask(Rle((2, 2), [4]), bbox=(0, 0, 3, 2), area=0.0, label=0),
        RotatedBbox(0, 0, 5, 2, 30, label=0),
        Skeleton([1, 1], [2], bbox=(0, 0, 7, 2), label=0),
        Bbox(0, 0, 8, 2),
    )
    assert found["boxes"]["labels"]["car"]["width"] == {
        "min": 1,
        "q1": 2,
        "median": 3,
        "q3": 4,
        "max": 5,
        "mean": 3,
    }
    assert found["boxes"]["count"] == 4 == found["boxes"]["all"]["count"]
    assert list(found["boxes"]["labels"]) == ["car"]


def test_flat_boxes_have_no_aspect():
    box = of(Bbox(0, 0, 3, 0, label=0))["boxes"]["labels"]["car"]
    assert (box["height"], box["area"], box["aspect ratio"]) == (even(0), even(0), None)


def cuboid(x, y, scale, **more):
    return Cuboid3d(position=(x, y, 1), scale=scale, label=0, **more)


def test_boxes_in_space_by_label():
    found = of(
        cuboid(3, 4, (4, 2, 1.5), attributes={"track_id": 5}),
        cuboid(0, 10, (2, 4, 1.5), forward="+y", attributes={"track_id": 5}),
        cuboid(-6, 8, (2, 4, 1.5), forward="", object_id=6),
        Cuboid3d(position=(0, 0, 0), scale=(9, 3, 3), frame="world", label=1),
        Bbox(0, 0, 1, 1, label=0, object_id=7),
    )
    solids = found["boxes 3d"]
    assert (solids["count"], solids["measured"]) == (4, 4)
    assert solids["frames"] == {"lidar": 3, "world": 1}
    assert solids["unlabelled"] is None
    assert solids["labels"]["car"] == {
        "count": 3,
        "length": even(4),
        "width": even(2),
        "height": even(1.5),
        "distance": {
            "min": 5,
            "q1": 7.5,
            "median": 10,
            "q3": 10,
            "max": 10,
            "mean": pytest.approx(25 / 3),
        },
        "annotations with track": 3,
        "tracks": 2,
    }
    assert solids["labels"]["bus"]["distance"] is None
    assert solids["labels"]["bus"]["length"] == even(9)
    assert found["annotations"]["segments"]["count"] == 1


def test_boxes_in_other_units_and_with_nan_are_not_measured():
    found = of(
        cuboid(1, 1, (2, 2, 2), frame="voxel"),
        cuboid(1, math.nan, (2, 2, 2)),
        cuboid(1, 1, (1e200, 2, 2)),
        Cuboid3d(position=(3, 4, 0)),
    )
    solids = found["boxes 3d"]
    assert (solids["count"], solids["measured"], solids["labels"]) == (3, 1, {})
    assert solids["unlabelled"]["distance"] == even(5)
    assert found["not finite"] == {"cuboid_3d": 2}


def test_tracks_are_numbered_in_each_subset():
    def frame(name, subset, *numbers):
        boxes = [Bbox(0, 0, 1, 1, label=n % 2, object_id=n) for n in numbers]
        return DatasetItem(name, subset, annotations=boxes)

    items = [
        frame("1", "a", 1, 2, 0),
        frame("2", "b", 1),
        frame("3", "a", 1, 2, -1),
        frame("4", "b", 1),
    ]
    found = compute(Dataset.from_iterable(items, ["even", "odd"]))
    tracks = found["tracks"]
    assert (tracks["annotations with track"], tracks["count"]) == (7, 4)
    assert tracks["annotations per track"]["max"] == 2
    assert tracks["annotations per track"]["min"] == 1
    assert tracks["labels"] == {
        "even": {"annotations with track": 3, "tracks": 2},
        "odd": {"annotations with track": 4, "tracks": 2},
    }
    assert found["subsets"]["a"]["tracks"]["count"] == 3


def test_tracks_may_be_named_and_large():
    numbers = ["x", "x", "y", "", None, -1, 2**70, 2**70, -(2**70)]
    found = of(*[Label(attributes={"track_id": n}) for n in numbers])
    assert (found["tracks"]["annotations with track"], found["tracks"]["count"]) == (5, 3)


def test_image_sizes():
    sizes = [(10, 20), (30, 40), (10, 20), None, (2**40, 1)]
    items = [DatasetItem(str(n), media=Image(size=size)) for n, size in enumerate(sizes)]
    found = compute(Dataset.from_iterable([*items, DatasetItem("p", media=PointCloud())]))
    assert found["image sizes"] == {
        "known": 3,
        "unknown": 2,
        "distinct": 2,
        "most common": [
            {"width": 20, "height": 10, "count": 2},
            {"width": 40, "height": 30, "count": 1},
        ],
        "width": {
            "min": 20,
            "q1": 20,
            "median": 20,
            "q3": 30,
            "max": 40,
            "mean": pytest.approx(80 / 3),
        },
        "height": {
            "min": 10,
            "q1": 10,
            "median": 10,
            "q3": 20,
            "max": 30,
            "mean": pytest.approx(50 / 3),
        },
    }
    assert found["media"] == {"image": 5, "point_cloud": 1}


def test_annotations_per_item():
    items = [
        DatasetItem(str(n), annotations=[Label(label=0)] * n) for n in (0, 1, 2, 3, 4, 7, 8, 16)
    ]
    each = compute(Dataset.from_iterable(items, ["x"]))["annotations per item"]
    assert each["summary"]["mean"] == 41 / 8
    assert (each["summary"]["min"], each["summary"]["max"]) == (0, 16)
    assert [(row["min"], row["max"], row["count"]) for row in each["histogram"]] == [
        (0, 0, 1),
        (1, 1, 1),
        (2, 3, 2),
        (4, 7, 2),
        (8, 15, 1),
        (16, 31, 1),
    ]
