"""Labels, attributes, areas, subsets: against numbers counted by hand."""

from __future__ import annotations

import json
import math

import msgspec
import numpy as np
import pytest

from dsk.annotations import (
    KINDS,
    Bbox,
    Caption,
    Ellipse,
    Label,
    Mask,
    Points,
    Polygon,
    Rle,
    RotatedBbox,
)
from dsk.categories import Categories, LabelCategory
from dsk.dataset import Dataset
from dsk.errors import RecordError
from dsk.item import DatasetItem
from dsk_analysis.stats import attributes, compute, computing
from dsk_analysis.stats.segments import ring_areas

SQUARE = [0, 0, 10, 0, 10, 10, 0, 10]
HOLE = [2, 2, 4, 2, 4, 4, 2, 4]


def of(*annotations, labels=("cat", "dog")):
    """Return the statistics of one item."""
    return compute(Dataset.from_iterable([DatasetItem("a", annotations=annotations)], labels))


def plain(found):
    """Return statistics as they come out of their JSON, which holds no NaN."""
    return json.loads(json.dumps(found, allow_nan=False))


def test_counts_of_items_annotations_and_kinds():
    items = [
        DatasetItem("a", annotations=[Bbox(0, 0, 1, 1, label=0), Label(label=1)]),
        DatasetItem("b", annotations=[Caption("x")]),
        DatasetItem("c"),
        DatasetItem("d"),
    ]
    found = compute(Dataset.from_iterable(items, ["cat", "dog"]))
    assert found["images count"] == 4
    assert found["annotations count"] == 3
    assert found["unannotated images count"] == 2
    assert found["unannotated images"] == ["c", "d"]
    kinds = found["annotations by type"]
    assert list(kinds) == list(KINDS)
    assert {kind: v["count"] for kind, v in kinds.items() if v["count"]} == {
        "bbox": 1,
        "label": 1,
        "caption": 1,
    }
    assert found["media"] == {"none": 4}
    assert found["bad records"] == 0


def test_shares_of_labels_are_of_the_labelled():
    labels = of(*[Label(label=n) for n in (0, 0, 0, 1)], Caption("x"))["annotations"]["labels"]
    assert labels["count"] == 4
    assert labels["distribution"] == {"cat": [3, 0.75], "dog": [1, 0.25]}
    assert labels["unlabelled count"] == 1


def test_labels_that_nothing_has_are_listed():
    labels = of(labels=("cat", "dog"))["annotations"]["labels"]
    assert labels["distribution"] == {"cat": [0, 0.0], "dog": [0, 0.0]}


def test_labels_without_category_and_labels_of_one_name():
    categories = Categories(
        labels=(LabelCategory("wheel", "car"), LabelCategory("wheel", "bus"), LabelCategory("7"))
    )
    found = of(Label(label=0), Label(label=1), Label(label=7), labels=categories)
    assert found["annotations"]["labels"]["distribution"] == {
        "car/wheel": [1, 1 / 3],
        "bus/wheel": [1, 1 / 3],
        "7": [0, 0.0],
        "undefined label 7": [1, 1 / 3],
    }


def test_attributes_are_counted_as_text():
    shared = {"open": True, "view": "left", "id": 5, "Track_ID": 3, "score": 0.5, "visibility": 1}
    found = of(
        Label(label=0, attributes=shared),
        Label(label=0, attributes=shared),
        Label(label=0, attributes={"open": False, "parts": [1, 2]}),
    )
    attributes = found["annotations"]["labels"]["attributes"]
    assert list(attributes) == ["open", "view", "parts"]
    assert attributes["open"] == {
        "count": 3,
        "values count": 2,
        "values present": ["False", "True"],
        "distribution": {"True": [2, 2 / 3], "False": [1, 1 / 3]},
        "others": [0, 0.0],
    }
    assert attributes["view"]["distribution"] == {"left": [2, 1.0]}
    assert attributes["parts"]["values present"] == ["[1, 2]"]


def test_only_so_many_values_are_told_apart(monkeypatch):
    monkeypatch.setattr(attributes, "MOST_VALUES", 3)
    values = ["a", "b", "c", "d", "e", "a"]
    found = of(*[Label(label=0, attributes={"x": value}) for value in values])
    x = found["annotations"]["labels"]["attributes"]["x"]
    assert x["count"] == 6
    assert x["values count"] == 3
    assert x["distribution"] == {"a": [2, 2 / 6], "b": [1, 1 / 6], "c": [1, 1 / 6]}
    assert x["others"] == [2, 2 / 6]


def test_values_are_capped_over_all_subsets_too(monkeypatch):
    monkeypatch.setattr(attributes, "MOST_VALUES", 2)
    items = [
        DatasetItem("a", subset, annotations=[Label(attributes={"x": x}) for x in text])
        for subset, text in (("train", "abca"), ("val", "bdc"))
    ]
    found = compute(Dataset.from_iterable(items))
    whole = found["annotations"]["labels"]["attributes"]["x"]
    assert whole["distribution"] == {"a": [2, 2 / 7], "b": [2, 2 / 7]}
    assert whole["others"] == [3, 3 / 7]
    val = found["subsets"]["val"]["annotations"]["labels"]["attributes"]["x"]
    assert (val["values present"], val["others"]) == (["b", "d"], [1, 1 / 3])


def test_a_different_float_on_each_of_many_annotations_stays_small():
    boxes = [Bbox(0, 0, 1, 1, attributes={"x": n / 7}) for n in range(10_500)]
    x = of(*boxes)["annotations"]["labels"]["attributes"]["x"]
    assert (x["count"], x["values count"], x["others"][0]) == (10_500, 10_000, 500)


def test_many_names_and_long_values_stay_small(monkeypatch):
    monkeypatch.setattr(attributes, "MOST_NAMES", 2)
    items = [
        DatasetItem("a", "train", annotations=[Label(attributes={"a": "x" * 999, "b": 1, "c": 2})]),
        DatasetItem("a", "val", annotations=[Label(attributes={"c": 1, "d": 1, "e": 1})]),
    ]
    found = compute(Dataset.from_iterable(items))
    labels = found["annotations"]["labels"]
    assert labels["attributes"]["a"]["values present"] == ["x" * 200 + "…"]
    assert list(labels["attributes"]) == ["a", "b"]
    assert labels["values of further attributes"] == 4


def test_segments_are_boxes_polygons_and_masks():
    found = of(
        Bbox(5, 5, 4, 5, label=0),
        Polygon([SQUARE, HOLE], holes=(1,), label=1),
        Mask(Rle((4, 5), [3, 7, 10]), label=1),
        Ellipse(0, 0, 9, 9, label=0),
        RotatedBbox(0, 0, 9, 9, 45, label=0),
        Points([1, 1], label=0),
    )
    segments = found["annotations"]["segments"]
    assert segments["count"] == 3
    assert segments["avg. area"] == (20 + 96 + 7) / 3
    assert segments["pixel distribution"] == {"cat": [20, 20 / 123], "dog": [103, 103 / 123]}
    assert segments["area"] == {
        "min": 7.0,
        "q1": 13.5,
        "median": 20.0,
        "q3": 58.0,
        "max": 96.0,
        "mean": 41.0,
    }
    bins = segments["area distribution"]
    assert len(bins) == 10
    assert (bins[0]["min"], bins[-1]["max"]) == (7.0, 96.0)
    assert [row["count"] for row in bins] == [1, 1, 0, 0, 0, 0, 0, 0, 0, 1]
    assert bins[0]["percent"] == 1 / 3


def test_unlabelled_segments_count_but_their_pixels_are_no_labels():
    segments = of(Bbox(0, 0, 2, 2), Bbox(0, 0, 2, 3, label=1))["annotations"]["segments"]
    assert segments["count"] == 2
    assert segments["pixel distribution"] == {"cat": [0, 0.0], "dog": [6, 1.0]}


def test_sizes_as_coco_names_them():
    boxes = [Bbox(0, 0, w, w) for w in (31, 32, 95, 96, 500)]
    assert of(*boxes)["annotations"]["segments"]["COCO sizes"] == {
        "small": 1,
        "medium": 2,
        "large": 2,
    }


class NeverRead:
    def rle(self):
        raise AssertionError("a stated area needs no pixels")


def test_stated_areas_are_taken_without_looking():
    raw = msgspec.Raw(b"this is no JSON")
    found = of(Polygon(raw, area=12.5, label=0), Mask(NeverRead(), area=3.0, label=0))
    assert found["annotations"]["segments"]["avg. area"] == 7.75


def test_undecoded_outlines_and_compressed_masks_are_measured():
    raw = msgspec.Raw(json.dumps([SQUARE]).encode())
    compressed = Rle((4, 5), b"37:")  # 3, 7, 10
    found = of(Polygon(raw), Mask(compressed))
    assert found["annotations"]["segments"]["avg. area"] == (100 + 7) / 2


def test_rings_of_any_direction_and_number_of_points():
    rings = [SQUARE, SQUARE[::-1], [1, 1], [1, 1, 5, 5], [1e7, 1e7, 1e7 + 1, 1e7, 1e7, 1e7 + 1]]
    flat = np.concatenate(rings).astype(float)
    found = ring_areas(flat, np.array([len(ring) // 2 for ring in rings]))
    assert found.tolist() == [100, 100, 0, 0, 0.5]


def test_polygons_without_points_have_no_area():
    found = of(Polygon([], label=0), Polygon([[]], label=0), Polygon([SQUARE], label=0))
    segments = found["annotations"]["segments"]
    assert (segments["count"], segments["avg. area"]) == (3, 100 / 3)


def test_malformed_outlines_and_masks_are_bad_records():
    bad = [Polygon([0, 0, 1], label=0, id=7), Mask(Rle((4, 5), [3]), label=0, id=8)]
    items = [
        DatasetItem("a", annotations=[Bbox(0, 0, 1, 1)]),
        DatasetItem("b", annotations=[Bbox(0, 0, 3, 1), *bad]),
    ]
    dataset = Dataset.from_iterable(items, ["cat"])
    with pytest.raises(RecordError, match="odd number") as caught:
        compute(dataset)
    assert (caught.value.item, caught.value.annotation) == ("b", 7)
    dataset.on_error = "skip"
    found = compute(dataset)
    assert found["bad records"] == 2
    assert found["annotations count"] == 4
    assert found["annotations"]["segments"]["avg. area"] == 2


def test_nan_and_infinity_are_counted_and_left_out():
    found = of(
        Bbox(0, 0, 2, 3, label=0),
        Bbox(math.nan, 0, 2, 3, label=0),
        Bbox(0, 0, 1e300, 1e300, label=0),
        Polygon([0, 0, math.inf, 0, 1, 1], area=4.0, label=0),
        Polygon(SQUARE, area=math.nan, label=0),
        Mask(Rle((4, 5), [3, 7, 10]), bbox=(0, 0, math.nan, 1), label=0),
        Points([math.nan, 1], label=0),
    )
    assert found["not finite"] == {"bbox": 2, "polygon": 2, "mask": 1, "points": 1}
    assert found["annotations"]["labels"]["count"] == 7
    assert found["annotations"]["segments"]["avg. area"] == 6
    assert found["boxes"]["count"] == 1
    plain(found)


def test_subsets_have_the_same_keys_and_add_up():
    items = [
        DatasetItem("a", "train", annotations=[Bbox(0, 0, 1, 1, label=0)]),
        DatasetItem("b", "val", annotations=[Bbox(0, 0, 3, 1, label=1)]),
        DatasetItem("c", "train", annotations=[Bbox(0, 0, 5, 1, label=0)]),
        DatasetItem("d", "val"),
    ]
    found = compute(Dataset.from_iterable(items, ["cat", "dog"]))
    assert list(found["subsets"]) == ["train", "val"]
    train, val = found["subsets"].values()
    own = {"dataset", "subsets", "format", "bad records"}
    assert train.keys() == val.keys() == found.keys() - own
    assert train["annotations"]["segments"]["avg. area"] == 3
    assert val["annotations"]["segments"]["avg. area"] == 3
    assert train["annotations"]["labels"]["distribution"] == {"cat": [2, 1.0], "dog": [0, 0.0]}
    assert (train["images count"], val["images count"], found["images count"]) == (2, 2, 4)
    assert val["unannotated images"] == found["unannotated images"] == ["d"]
    assert found["annotations"]["segments"]["area"]["median"] == 3
    assert found["annotations"]["labels"]["distribution"] == {
        "cat": [2, 2 / 3],
        "dog": [1, 1 / 3],
    }
    assert found["dataset"] == {
        "images count": 4,
        "image mean": None,
        "image std": None,
        "channel order": "RGB",
    }


def test_the_only_subset_is_the_whole():
    found = compute(Dataset.from_iterable([DatasetItem("a", "train")]))
    part = found["subsets"]["train"]
    assert {key: found[key] for key in part} == part


def test_batches_do_not_show(monkeypatch):
    items = [
        DatasetItem(str(n), ("train", "val")[n % 2], annotations=[box] * (n % 4))
        for n in range(20)
        for box in [Bbox(0, 0, n, 2, label=n % 2, object_id=n % 3, attributes={"n": n})]
    ]
    dataset = Dataset.from_iterable(items, ["cat", "dog"])
    at_once = compute(dataset)
    monkeypatch.setattr(computing, "BATCH", 3)
    assert compute(dataset) == at_once


def test_an_empty_dataset_has_all_keys():
    full = of(Bbox(0, 0, 1, 1, label=0))
    found = plain(compute(Dataset.from_iterable([])))
    assert found.keys() == full.keys()
    assert found["images count"] == 0
    assert found["subsets"] == {}
    assert found["annotations"]["segments"]["area distribution"] == []
    assert found["annotations"]["segments"]["avg. area"] == 0
    assert found["boxes"] == {"count": 0, "all": None, "labels": {}}
    assert found["annotations per item"] == {"summary": None, "histogram": []}
