"""What is odd about annotations: ``validate``, and ``dsk validate``."""

from __future__ import annotations

import json
from collections import Counter
from types import ModuleType

import pytest

from dsk import Dataset
from dsk.annotations import Bbox, Caption, Ellipse, Label, Mask, Polygon
from dsk.categories import Categories, LabelCategory
from dsk.cli.app import run
from dsk.descriptors import ImporterInfo
from dsk.errors import OptionError, OutputExistsError, UnknownNameError, UsageError
from dsk.flow import Detection, Header, Importer, ListSource
from dsk.item import DatasetItem
from dsk.rle import Rle
from dsk_analysis.validation import validate

LABELS = (LabelCategory("cat", attributes=("color",)), LabelCategory("dog"))


def data(*items, labels=LABELS, **more):
    """Return a dataset: an item of subset train, called a, b …, for each list of annotations."""
    made = [
        DatasetItem(chr(97 + number), "train", annotations=list(annotations))
        for number, annotations in enumerate(items)
    ]
    return Dataset.from_iterable(made, Categories(labels=labels, **more))


def box(w, h, label=0, **more):
    return Bbox(1, 2, w, h, label=label, **more)


def kinds(found):
    return Counter(report["anomaly_type"] for report in found["validation_reports"])


def told(found, kind):
    return [r["description"] for r in found["validation_reports"] if r["anomaly_type"] == kind]


def where(found, kind):
    reports = [r for r in found["validation_reports"] if r["anomaly_type"] == kind]
    return [(r["item_id"], r["subset"], r["severity"]) for r in reports]


def test_classification():
    red = {"color": "red"}
    items = [[Label(label=0, attributes=red)]] * 4 + [[Label(label=0), Label(label=1)], []]
    found = validate(data(*items), "classification")
    assert found["statistics"] == {
        "label_distribution": {
            "defined_labels": {"cat": 5, "dog": 1},
            "undefined_labels": {},
        },
        "attribute_distribution": {
            "defined_attributes": {
                "cat": {
                    "color": {
                        "distribution": {"red": 4},
                        "items_missing_attribute": [("e", "train")],
                    }
                },
                "dog": {},
            },
            "undefined_attributes": {},
        },
        "total_ann_count": 6,
        "items_missing_annotation": [("f", "train")],
        "items_with_multiple_labels": [("e", "train")],
    }
    assert kinds(found) == {
        "FewSamplesInLabel": 1,
        "OnlyOneAttributeValue": 1,
        "MissingAttribute": 1,
        "MissingAnnotation": 1,
        "MultiLabelAnnotations": 1,
    }
    assert where(found, "MultiLabelAnnotations") == [("e", "train", "error")]
    assert where(found, "MissingAttribute") == [("e", "train", "warning")]
    assert found["summary"] == {"errors": 1, "warnings": 4}


def test_labels_and_values_that_are_rare_or_missing():
    items = [[Label(label=0, attributes={"color": "red"})]] * 6
    items += [[Label(label=0, attributes={"color": "blue"})]]
    found = validate(data(*items), "classification")
    assert told(found, "LabelDefinedButNotFound") == ["nothing has the label 'dog'"]
    assert told(found, "OnlyOneLabel") == ["all annotations have the label 'cat'"]
    assert kinds(found)["ImbalancedLabels"] == 1  # a label that is missing is out of balance
    assert kinds(found)["ImbalancedAttribute"] == 0
    assert kinds(found)["FewSamplesInAttribute"] == 1
    found = validate(data(*items), "classification", imbalance_ratio_thr=6, few_samples_thr=0)
    assert told(found, "ImbalancedAttribute") == [
        "values of attribute 'color' of label 'cat' are out of balance: 'red' 6, but 'blue' 1"
    ]
    assert kinds(found)["FewSamplesInAttribute"] == 0
    missing = validate(data([Label(label=0)]), "classification")
    assert kinds(missing)["AttributeDefinedButNotFound"] == 1


def test_what_is_not_defined():
    odd = [Label(label=1, attributes={"size": 3}), Label(label=7), Label(attributes={"size": 4})]
    found = validate(data(*([a] for a in odd)), "classification")
    assert found["statistics"]["label_distribution"]["undefined_labels"] == {
        "7": {"count": 1, "items_with_undefined_label": [("b", "train")]},
        "None": {"count": 1, "items_with_undefined_label": [("c", "train")]},
    }
    assert where(found, "UndefinedLabel") == [("b", "train", "error"), ("c", "train", "error")]
    assert told(found, "UndefinedAttribute") == [
        "the attribute 'size' is not defined for label 'dog'",
        "the attribute 'size' is not defined for what has no label",
    ]
    assert found["statistics"]["attribute_distribution"]["undefined_attributes"]["dog"] == {
        "size": {"distribution": {"3": 1}, "items_with_undefined_attr": [("a", "train")]}
    }
    unlabelled = validate(data([Label()], labels=()), "classification")
    assert kinds(unlabelled)["MissingLabelCategories"] == 1


def test_attributes_are_undefined_only_where_some_are_defined():
    item = [Label(label=0, attributes={"size": 3})]
    plain = (LabelCategory("cat"),)
    assert "UndefinedAttribute" not in kinds(validate(data(item, labels=plain), "classification"))
    common = data(item, labels=plain, attributes=("weight",))
    assert kinds(validate(common, "classification"))["UndefinedAttribute"] == 1
    assert kinds(validate(common, "classification"))["MissingAttribute"] == 1


def test_sizes_of_boxes():
    found = validate(data([box(2, 4), box(4, 2, id=9)], [box(3, 9)], []), "detection")
    sizes = found["statistics"]["bbox_distribution_in_label"]["cat"]
    assert {name: described["mean"] for name, described in sizes.items()} == {
        "width": 3.0,
        "height": 5.0,
        "area(wxh)": pytest.approx(43 / 3),
        "ratio(w/h)": pytest.approx((0.5 + 2 + 1 / 3) / 3),
        "short": pytest.approx(7 / 3),
        "long": pytest.approx(17 / 3),
    }
    width = sizes["width"]
    assert (width["min"], width["max"], width["median"]) == (2.0, 4.0, 3.0)
    assert width["stdev"] == pytest.approx((2 / 3) ** 0.5)
    assert width["histogram"]["counts"] == [1, 0, 0, 0, 0, 1, 0, 0, 0, 1]
    assert len(width["histogram"]["bins"]) == 11
    assert found["statistics"]["bbox_distribution_in_dataset_item"] == {
        "('a', 'train')": 2,
        "('b', 'train')": 1,
        "('c', 'train')": 0,
    }
    assert found["statistics"]["bbox_distribution_in_attribute"] == {}


def test_sizes_by_the_value_of_a_defined_attribute():
    boxes = [box(2, 4, attributes={"color": "red", "other": 1}), box(4, 4, attributes={"color": 5})]
    found = validate(data(boxes), "detection")["statistics"]["bbox_distribution_in_attribute"]
    assert list(found) == ["cat"]
    assert list(found["cat"]) == ["color"]
    assert found["cat"]["color"]["red"]["width"]["mean"] == 2
    assert found["cat"]["color"]["5"]["width"]["mean"] == 4


def test_boxes_that_cannot_be_are_told_and_left_out():
    found = validate(data([box(2, 4), box(-3, 4, id=5), box(3, 0), box(1e308, 1e308)]), "detection")
    statistics = found["statistics"]
    assert statistics["items_with_negative_length"] == {"('a', 'train')": {5: {"width": -3}}}
    assert statistics["items_with_invalid_value"] == {
        "('a', 'train')": {3: ["ratio(w/h)"], 4: ["area(wxh)"]}
    }
    assert statistics["bbox_distribution_in_label"]["cat"]["width"]["max"] == 2
    assert statistics["total_ann_count"] == 4
    assert where(found, "NegativeLength") == [("a", "train", "error")]
    assert told(found, "InvalidValue") == [
        "annotation 3 has no ratio(w/h) that is a number",
        "annotation 4 has no area(wxh) that is a number",
    ]


def test_boxes_of_other_shapes_count():
    shapes = [
        Polygon([0, 0, 4, 0, 4, 6], label=0),
        Polygon([0, 0, 4, 0, 4, 6], bbox=(0, 0, 8, 9), label=0),
        Ellipse(0, 0, 3, 5, label=0),
        Caption("no box"),
    ]
    found = validate(data(shapes), "detection")
    assert found["statistics"]["total_ann_count"] == 3
    assert found["statistics"]["bbox_distribution_in_label"]["cat"]["width"]["mean"] == 5


def test_segmentation():
    mask = Mask(Rle((10, 10), b":n0l1"), label=1)  # 10 and 60 pixels without, 30 with
    items = [[Polygon([0, 0, 4, 0, 4, 6, 0, 6], label=0)], [mask], [box(1, 1)]]
    found = validate(data(*items), "segmentation")
    sizes = found["statistics"]["mask_distribution_in_label"]
    assert [sizes["cat"][name]["mean"] for name in ("area", "width", "height")] == [24, 4, 6]
    assert [sizes["dog"][name]["mean"] for name in ("area", "width", "height")] == [30, 3, 10]
    assert found["statistics"]["items_missing_annotation"] == [("c", "train")]
    assert "items_with_negative_length" not in found["statistics"]


def test_what_is_far_from_the_mean():
    boxes = [box(10, 10) for _ in range(40)] + [box(90, 10, id=77)]
    found = validate(data(boxes), "detection")
    width = found["statistics"]["bbox_distribution_in_label"]["cat"]["width"]
    assert width["items_far_from_mean"] == {"('a', 'train')": {77: 90.0}}
    assert "width of annotation 77 is 90" in told(found, "FarFromLabelMean")[0]
    assert "FarFromLabelMean" not in kinds(validate(data(boxes), "detection", far_from_mean_thr=7))


def test_what_is_unevenly_distributed():
    boxes = [box(10, n) for n in range(1, 11)]
    found = told(validate(data(boxes), "detection"), "ImbalancedDistInLabel")
    assert "width of label 'cat' is unevenly distributed" in found
    assert "height of label 'cat' is unevenly distributed" not in found
    strict = validate(data(boxes), "detection", dominance_ratio_thr=0.5, topk_bins=0.5)
    assert "height of label 'cat' is unevenly distributed" in told(strict, "ImbalancedDistInLabel")
    assert "ImbalancedDistInLabel" not in kinds(validate(data([box(1, 2)]), "detection"))


def test_huge_sizes():
    found = validate(data([box(1e200, 1), box(1e-200, 1)]), "detection")
    assert found["statistics"]["bbox_distribution_in_label"]["cat"]["width"]["stdev"] is None
    near = validate(data([box(1e300, 1), box(1.0000000000000002e300, 1)]), "detection")
    width = near["statistics"]["bbox_distribution_in_label"]["cat"]["width"]
    assert sum(width["histogram"]["counts"]) == 2
    json.dumps(near, allow_nan=False)


def test_wrong_words():
    with pytest.raises(OptionError, match="no task 'x'"):
        validate(data(), "x")
    with pytest.raises(OptionError, match="no option 'few'"):
        validate(data(), "detection", few=1)
    assert validate(data(), "detection")["statistics"]["total_ann_count"] == 0


class MemoryImporter(Importer):
    def open(self, root, ledger):
        items = [
            DatasetItem("a", "train", annotations=[box(1, 2), box(2, 3)]),
            DatasetItem("b", "val", annotations=[box(3, 4, label=1)]),
        ]
        return ListSource(items, Header(Categories.from_names(["cat", "dog"])))


@pytest.fixture
def memory(only_plugins, tmp_path, monkeypatch):
    module = ModuleType("memory_format")
    module.DSK_API = (1, 0)
    module.MemoryImporter = MemoryImporter
    module.detect = lambda root: Detection(70, "x")
    module.dsk_importers = lambda: [
        ImporterInfo(
            name="memory",
            target="memory_format:MemoryImporter",
            detector="memory_format:detect",
        )
    ]
    only_plugins(memory=module, analysis="dsk_analysis.plugin")
    monkeypatch.chdir(tmp_path)


def test_the_command_of_datumaros_manual(memory, capsys):
    assert run(["validate", ".", "-t", "detection", "--", "-fs", "0", "-dr", "2"]) == 0
    out, err = capsys.readouterr()
    assert out == "memory, for detection: 3 annotations, 0 errors, 0 warnings\n"
    assert err == "  next: -o FILE or --json: everything\n"
    strict = ["-dr", "2", "-ir=2", "--topk-bins", "1"]
    assert run(["validate", ".", "-t", "detection", "--", *strict]) == 1
    out = capsys.readouterr().out
    assert "warning  FewSamplesInLabel  1  the label 'dog' has few samples: 1" in out
    assert "warning  ImbalancedLabels   1  labels are out of balance: 'cat' 2, but 'dog' 1" in out


def test_the_file_holds_what_json_prints(memory, tmp_path, capsys):
    assert run(["validate", ".", "-t", "detection", "-o", "found.json"]) == 1
    assert "written to found.json" in capsys.readouterr().err
    assert run(["validate", ".", "-t", "detection", "--json"]) == 1
    assert json.loads((tmp_path / "found.json").read_text()) == json.loads(capsys.readouterr().out)
    with pytest.raises(OutputExistsError):
        run(["validate", ".", "-t", "detection", "-o", "found.json"])


def test_one_subset(memory, capsys):
    assert run(["validate", ".", "-t", "detection", "-s", "val", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["statistics"]["label_distribution"]["defined_labels"] == {"cat": 0, "dog": 1}
    with pytest.raises(UnknownNameError, match="no subset 'vall'"):
        run(["validate", ".", "-t", "detection", "-s", "vall"])


def test_usage(memory, capsys):
    with pytest.raises(OptionError, match="no task 'reid'"):
        run(["validate", ".", "-t", "reid"])
    with pytest.raises(OptionError, match="'-x' is no option"):
        run(["validate", ".", "-t", "detection", "--", "-x", "1"])
    with pytest.raises(UsageError, match="needs -o"):
        run(["validate", ".", "-t", "detection", "--overwrite"])
    assert run(["validate", "."]) == 2
