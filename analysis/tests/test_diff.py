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
    Label,
    Mask3d,
    Polygon,
)
from dsk.cli.app import run
from dsk.descriptors import ImporterInfo
from dsk.errors import InputError, OptionError, OutputExistsError, UsageError
from dsk.flow import Detection, Header, Importer, ListSource
from dsk.item import DatasetItem
from dsk.media import Volume
from dsk_analysis.comparison import compare

LABELS = ("cat", "dog")


def data(labels=LABELS, subset="default", **items):
    made = [DatasetItem(name, subset, annotations=found) for name, found in items.items()]
    return Dataset.from_iterable(made, labels)


def box(x, label=0, w=10.0, **more):
    return Bbox(x, 0, w, 10, label=label, **more)


def counts(found):
    names = ("matched", "other label", "other kind", "only in first", "only in second")
    return [found["annotations"][name] for name in names]


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


def test_masks_of_volumes_are_compared_by_their_voxels():
    here = np.zeros((4, 5, 6), np.uint8)
    here[:2, 1:], here[2:, :3] = 1, 2
    there = np.flip(here, 0).copy()
    there[0, 3:] = 2
    right, left = ((n, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1) for n in (1, -1))
    sides = []
    for voxels, affine in ((here, right), (there, left), (there, right)):
        media = Volume("a.nii", shape=voxels.shape, affine=affine)
        solids = [Mask3d(voxels, n, label=n - 1) for n in (1, 2)]
        sides.append(
            Dataset.from_iterable([DatasetItem("a", media=media, annotations=solids)], LABELS)
        )
    turned = compare(sides[0], sides[1])
    assert counts(turned)[0] == 2
    assert turned["annotations"]["mean IoU"] == pytest.approx((1 + 36 / 48) / 2)
    assert counts(compare(sides[0], sides[2]))[0] < 2


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
