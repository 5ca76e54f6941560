"""What differs between two datasets: ``compare``, and ``dsk diff``."""

from __future__ import annotations

import json
from types import ModuleType

import numpy as np
import pytest

from dsk import Dataset
from dsk.annotations import (
    Bbox,
    Caption,
    Cuboid3d,
    Ellipse,
    Label,
    Mask,
    Points,
    Polygon,
    Rle,
)
from dsk.cli.app import run
from dsk.descriptors import ImporterInfo
from dsk.errors import InputError, OptionError, OutputExistsError, UsageError
from dsk.flow import Detection, Header, Importer, ListSource
from dsk.item import DatasetItem
from dsk.rle import from_dense
from dsk_analysis.comparison import compare
from dsk_analysis.comparison.matching import matched

LABELS = ("cat", "dog")


def data(labels=LABELS, subset="default", **items):
    made = [DatasetItem(name, subset, annotations=found) for name, found in items.items()]
    return Dataset.from_iterable(made, labels)


def box(x, label=0, w=10.0, **more):
    return Bbox(x, 0, w, 10, label=label, **more)


def counts(found):
    names = ("matched", "other label", "other kind", "only in first", "only in second")
    return [found["annotations"][name] for name in names]


def pairs(first, second, least=0.5):
    sides = [[(str(a.label), a) for a in side] for side in (first, second)]
    return [(n, m, round(share, 3)) for n, m, share in matched(*sides, least)]


def test_equal_datasets():
    items = {"b": [box(0), Label(label=1), Caption("x")], "a": [], "c": [box(3, label=1)]}
    found = compare(data(**items), data(**dict(reversed(items.items()))))
    assert counts(found) == [4, 0, 0, 0, 0]
    assert found["annotations"]["mean IoU"] == 1
    assert found["items"] == {
        "first": 3,
        "second": 3,
        "in both": 3,
        "only in first": [],
        "only in second": [],
    }
    assert found["differences"] == []


def test_items_and_labels_of_one_only():
    first = data(a=[box(0)], b=[box(0, label=1)], z=[])
    second = data(("dog", "bird"), b=[box(0, label=0)], c=[box(1, label=1), box(2)])
    found = compare(first, second)
    assert found["labels"] == {"only in first": ["cat"], "only in second": ["bird"]}
    assert found["items"]["only in first"] == [["a", "default"], ["z", "default"]]
    assert found["items"]["only in second"] == [["c", "default"]]
    assert counts(found) == [1, 0, 0, 1, 2]
    assert found["by label"] == {
        "bird": {"only in second": 1},
        "cat": {"only in first": 1},
        "dog": {"matched": 1, "only in second": 1},
    }
    other = compare(data(a=[]), data(subset="train", a=[]))
    assert other["items"]["in both"] == 0


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
    assert pairs([solid], [Cuboid3d((1.0, 2.0, 3.1))]) == []


def test_differences_are_listed():
    first = data(a=[box(0, id=1, attributes={"occluded": True, "by": "me"}), box(50, id=2)])
    second = data(a=[box(0, label=1, id=7, attributes={"occluded": "True"})])
    found = compare(first, second)
    place = {"item_id": "a", "subset": "default"}
    ids = {"first id": 1, "second id": 7}
    assert found["differences"] == [
        {**place, "what": "other label", "first": "cat", "second": "dog", **ids},
        {**place, "what": "other attributes", "first": {"by": "me"}, "second": {}, **ids},
        {
            **place,
            "what": "only in first",
            "first": {"kind": "bbox", "label": "cat"},
            "first id": 2,
        },
    ]
    assert found["confusion"] == {"cat": {"dog": 1}}
    assert compare(first, second, ignore_attrs=["by"])["annotations"]["other attributes"] == 0


def test_other_kinds_of_one_thing_are_told():
    found = compare(data(a=[box(0)]), data(a=[Polygon([0, 0, 10, 0, 10, 10, 0, 10], label=0)]))
    assert counts(found) == [1, 0, 1, 0, 0]
    assert found["differences"][0]["second"] == "polygon"


def test_annotations_without_a_label():
    found = compare(data(a=[Bbox(0, 0, 1, 1)]), data(a=[Bbox(0, 0, 1, 1)]))
    assert found["by label"] == {"": {"matched": 1}}


def test_thresholds_make_sense():
    for wrong in (0, -1, 1.1, float("nan")):
        with pytest.raises(OptionError, match="0 to 1"):
            compare(data(), data(), iou_thresh=wrong)
    json.dumps(compare(data(), data()), allow_nan=False)


class BoxesImporter(Importer):
    """``boxes.txt``: the x of boxes in item a."""

    def open(self, root, ledger):
        boxes = [box(float(x)) for x in root.text("boxes.txt").split()]
        return ListSource([DatasetItem("a", annotations=boxes)], Header())


@pytest.fixture
def boxes(only_plugins, tmp_path, monkeypatch):
    module = ModuleType("boxes_format")
    module.DSK_API = (1, 0)
    module.BoxesImporter = BoxesImporter
    module.detect = lambda root: Detection(70, "x") if root.is_file("boxes.txt") else None
    module.dsk_importers = lambda: [
        ImporterInfo(
            name="boxes", target="boxes_format:BoxesImporter", detector="boxes_format:detect"
        )
    ]
    only_plugins(boxes=module, analysis="dsk_analysis.plugin")
    monkeypatch.chdir(tmp_path)
    for name, text in (("one", "0 50"), ("two", "1 90 120")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "boxes.txt").write_text(text)


def test_the_command(boxes, capsys):
    assert run(["diff", "one", "one"]) == 0
    assert capsys.readouterr().out.endswith("no differences\n")
    assert run(["diff", "one", "two"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        "first       boxes: 1 item, 2 annotations",
        "second      boxes: 1 item, 3 annotations",
        "items       1 in both",
        "annotations 1 matched, mean IoU 0.818",
    ]
    assert run(["diff", "one", "two", "--iou-thresh", "0.9", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["annotations"]["matched"] == 0


def test_the_file_holds_what_json_prints(boxes, tmp_path, capsys):
    assert run(["diff", "one", "two", "-o", "found"]) == 1
    assert run(["diff", "one", "two", "--json"]) == 1
    printed = capsys.readouterr().out.partition("{")[2]
    assert json.loads((tmp_path / "found").read_text()) == json.loads("{" + printed)
    with pytest.raises(OutputExistsError):
        run(["diff", "one", "two", "-o", "found"])


def test_usage(boxes):
    with pytest.raises(UsageError, match="nothing to read"):
        run(["diff", "one"])
    with pytest.raises(UsageError, match="two datasets"):
        run(["diff", "one", "two", "one"])
    with pytest.raises(UsageError, match="FIRST and -p"):
        run(["diff", "one", "two", "-p", "x"])
    with pytest.raises(InputError):
        run(["diff", "one", "absent"])
    with pytest.raises(UsageError, match="behind --"):
        run(["diff", "one", "two", "--", "x"])
    assert run(["diff"]) == 2
