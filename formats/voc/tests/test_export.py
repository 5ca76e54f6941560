"""What is written: lists, boxes, groups, options, and what other readers expect."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image as PilImage

from dsk import Dataset
from dsk.annotations import Bbox, Label, Mask, Polygon
from dsk.errors import OutputError
from dsk.flow import ListSource
from dsk.item import DatasetItem
from dsk.media import Image
from dsk.rle import from_dense
from dsk.testing import assert_same_dataset
from dsk.testing.columns import ColumnSource
from dsk_voc.labelmap import default_map, to_categories

PERSON, CAT = 15, 8
CATEGORIES = to_categories(default_map())
PIXELS = np.zeros((10, 20, 3), np.uint8)


def item(name, annotations=(), subset="train", **fields):
    return DatasetItem(name, subset, Image.from_array(PIXELS, "x.jpg"), annotations, **fields)


def export(tmp_path, items, name="voc", labels=CATEGORIES, **options):
    report = Dataset.from_iterable(items, labels).export(tmp_path / "out", name, **options)
    return report, tmp_path / "out"


def lines(path):
    return path.read_text().splitlines()


def rich():
    mask = np.zeros((10, 20), bool)
    mask[2:5, 2:5] = True
    person = Bbox(
        1,
        2,
        8,
        7,
        label=PERSON,
        group=5,
        attributes={
            "difficult": True,
            "truncated": False,
            "occluded": False,
            "pose": "Left",
            "point": (2.5, 3.0),
            "phoning": True,
            **{a: False for a in default_map()[PERSON].actions if a != "phoning"},
            "age": "7",
        },
        extra={"voc": {"confidence": "0.5"}},
    )
    flags = dict.fromkeys(("difficult", "truncated", "occluded"), False)
    return [
        item(
            "2007_1",
            [
                Label(label=PERSON),
                Bbox(0, 0, 1, 1, label=CAT, attributes=flags),
                Bbox(1, 1, 2, 2, label=24, group=5),
                person,
                Mask(from_dense(mask), label=PERSON, group=5),
            ],
            extra={"voc": {"source": {"database": "X"}, "owner": {"name": "me"}}},
        ),
        item("plain one", [Label(label=CAT)], "val"),
        item("bare", (), "val"),
    ]


def test_everything_survives(tmp_path):
    report, out = export(tmp_path, rich(), save_media=True)
    assert not report.losses
    again = Dataset.import_from(out, "voc")
    source = Dataset.from_iterable(rich(), CATEGORIES)
    assert_same_dataset(source, again, ignore={"id", "media", "item_extra"})
    first = next(iter(again))
    kept = first.extra["voc"]
    assert kept["source"]["database"] == "X"
    assert kept["owner"] == {"name": "me"}


def test_lists(tmp_path):
    _, out = export(tmp_path, rich())
    sets = out / "ImageSets"
    assert lines(sets / "Main/train.txt") == ["2007_1"]
    assert lines(sets / "Main/val.txt") == ["plain one", "bare"]
    assert lines(sets / "Main/person_train.txt") == ["2007_1  1"]
    assert lines(sets / "Main/person_val.txt") == ["plain one -1"]
    assert lines(sets / "Segmentation/train.txt") == ["2007_1"]
    assert lines(sets / "Segmentation/val.txt") == ["bare"]
    assert lines(sets / "Layout/train.txt") == ["2007_1  2"]
    assert lines(sets / "Action/phoning_train.txt") == ["2007_1 2  1"]
    assert lines(sets / "Action/running_train.txt") == ["2007_1 2 -1"]
    assert not (sets / "Main/person_test.txt").exists()


def test_empty_lists_on_request(tmp_path):
    _, out = export(tmp_path, [item("a", [Bbox(0, 0, 1, 1, label=CAT)])], keep_empty=True)
    assert (out / "ImageSets/Segmentation/train.txt").read_text() == ""
    assert (out / "ImageSets/Main/cat_train.txt").read_text() == ""


def test_xml(tmp_path):
    _, out = export(tmp_path, rich())
    root = ET.parse(out / "Annotations/2007_1.xml").getroot()
    assert root.findtext("folder") == "2007"
    assert root.findtext("filename") == "2007_1.jpg"
    assert [root.findtext(f"size/{n}") for n in ("width", "height", "depth")] == ["20", "10", "3"]
    assert root.findtext("segmented") == "1"
    tags = [e.tag for e in root.findall("object")[1]]
    assert tags == [
        "name",
        "pose",
        "truncated",
        "occluded",
        "difficult",
        "bndbox",
        "part",
        "point",
        "actions",
        "attributes",
        "confidence",
    ]
    assert [e.text for e in root.find("object/bndbox")] == ["0", "0", "1", "1"]


def test_one_based(tmp_path):
    _, out = export(tmp_path, [item("a", [Bbox(0, 1, 4, 5, label=CAT)])], one_based=True)
    root = ET.parse(out / "Annotations/a.xml").getroot()
    assert [e.text for e in root.find("object/bndbox")] == ["1", "2", "4", "6"]
    (back,) = Dataset.import_from(out, "voc", coordinate_mode="voc-one-based")
    assert back.annotations[0].bbox == (0, 1, 4, 5)


def test_text_is_escaped(tmp_path):
    box = Bbox(0, 0, 1, 1, label=0, attributes={"a<b": "x & \x01y\r"})
    _, out = export(tmp_path, [item("i&<", [box])], labels=["<&>"])
    (back,) = Dataset.import_from(out, "voc")
    assert back.id == "i&<"
    assert back.annotations[0].attributes["a<b"] == "x & \ufffdy\r"
    assert Dataset.import_from(out, "voc").categories().names[1] == "<&>"


def test_values_of_attributes(tmp_path):
    values = {"truncated": 0.4, "occluded": 3, "difficult": "1", "n": 7, "b": True}
    report, out = export(tmp_path, [item("a", [Bbox(0, 0, 1, 1, label=CAT, attributes=values)])])
    (back,) = Dataset.import_from(out, "voc")
    flags = {"truncated": True, "occluded": True, "difficult": True}
    assert back.annotations[0].attributes == {**flags, "n": "7", "b": "True"}
    assert {e.what.split()[-1] for e in report.losses} == {"1", "text"}
    same = [Bbox(n, 0, 1, 1, label=CAT, attributes={"v": v}) for n, v in enumerate([1, True, 1.0])]
    _, out = export(tmp_path / "2", [item("a", same)])
    (back,) = Dataset.import_from(out, "voc")
    assert [a.attributes["v"] for a in back.annotations] == ["1", "True", "1.0"]


def test_attributes_that_xml_cannot_hold_are_told(tmp_path):
    box = Bbox(1, 2, 3, 4, label=CAT, attributes={"": "no name", "bell": "ding\x07"})
    report, out = export(tmp_path, [item("a", [box])])
    (found,) = next(iter(Dataset.import_from(out, "voc"))).annotations
    assert found.attributes["bell"] == "ding\ufffd"
    lost = {(e["code"], e["what"]) for e in report.to_dict()["events"]}
    assert lost == {("DSK-L004", ""), ("DSK-L007", "characters of 'bell' that XML cannot hold")}


def test_attributes_of_a_box_that_is_given_twice_are_kept(tmp_path):
    told = {"difficult": False, "pose": "Left"}
    boxes = [
        Bbox(1, 2, 8, 7, label=CAT, group=1, attributes={"pose": "Right"}),
        Bbox(1, 2, 8, 7.5, label=CAT, group=1, attributes={"difficult": True, "age": "7"}),
        Bbox(1, 2, 8, 7, label=CAT, group=1, attributes=told),
    ]
    report, out = export(tmp_path, [item("a", boxes)], "voc_detection")
    (found,) = next(iter(Dataset.import_from(out, "voc"))).annotations
    expected = {"difficult": True, "truncated": False, "occluded": False}
    assert found.attributes == {**expected, "pose": "Right", "age": "7"}
    events = {e["what"]: e["count"] for e in report.to_dict()["events"]}
    assert events == {
        "box given twice": 2,
        "difficult of a box given twice": 1,
        "pose of a box given twice": 1,
    }


def test_attributes_on_request_only(tmp_path):
    box = Bbox(0, 0, 1, 1, label=CAT, attributes={"age": "7", "pose": "Left"})
    report, out = export(tmp_path, [item("a", [box])], allow_attributes=False)
    (back,) = Dataset.import_from(out, "voc")
    assert "age" not in back.annotations[0].attributes
    assert back.annotations[0].attributes["pose"] == "Left"
    assert [(e.code, e.what) for e in report.losses] == [("DSK-L004", "age")]


def test_groups_that_cannot_be_held(tmp_path):
    boxes = [Bbox(n * 4, 0, 2, 2, label=CAT, group=3) for n in range(3)]
    report, _ = export(tmp_path, [item("a", boxes)])
    assert [(e.code, e.what, e.count) for e in report.losses] == [("DSK-L005", "group", 3)]


def test_outlines_become_boxes_once(tmp_path):
    outline = Polygon([1, 1, 5, 1, 5, 5, 1, 5], label=CAT, group=2)
    report, out = export(tmp_path, [item("a", [Bbox(1, 1, 4, 4, label=CAT, group=2), outline])])
    (back,) = Dataset.import_from(out, "voc")
    assert [a.bbox for a in back.annotations] == [(1, 1, 4, 4)]
    assert report.annotations["merged"] == 1


@pytest.mark.parametrize(("name", "count"), [("voc_layout", 2), ("voc_action", 1)])
def test_tasks_leave_out_what_is_not_theirs(name, count, tmp_path):
    report, out = export(tmp_path, rich(), name)
    assert sum(len(i.annotations) for i in Dataset.import_from(out, name)) == count
    assert report.annotations["out"] == (2 if name == "voc_layout" else 2 if count == 2 else 1)
    assert len(list(Dataset.import_from(out, name))) == 3


def test_chosen_tasks(tmp_path):
    _, out = export(tmp_path, rich(), tasks=["detection"])
    assert sorted(p.name for p in out.iterdir()) == ["Annotations", "ImageSets", "labelmap.txt"]
    assert [p.name for p in (out / "ImageSets").iterdir()] == ["Main"]


def test_subset_names(tmp_path):
    items = [item("a", (), "my_set"), item("b", (), "my-set"), item("c", (), "x/y")]
    report, out = export(tmp_path, items)
    assert {i.subset: i.id for i in Dataset.import_from(out, "voc")} == {
        "my-set": "b",
        "my-set-2": "a",
        "x-y": "c",
    }
    assert sum(e.count for e in report.losses if e.code == "DSK-L012") == 2


def test_equal_items_of_several_subsets_share_files(tmp_path):
    box = Bbox(0, 0, 1, 1, label=CAT)
    items = [item("a", [box], "train"), item("a", [box], "trainval")]
    _, out = export(tmp_path, items)
    assert [(i.subset, i.id) for i in Dataset.import_from(out, "voc")] == [
        ("train", "a"),
        ("trainval", "a"),
    ]


def test_different_items_of_one_id(tmp_path):
    items = [item("a", [Bbox(n, 0, 1, 1, label=CAT)], s) for n, s in enumerate(("train", "val"))]
    with pytest.raises(OutputError, match="'train' and 'val' both have an item 'a'"):
        export(tmp_path, items)
    assert not (tmp_path / "out").exists()
    _, out = export(tmp_path, items, subset_folders=True)
    assert [i.id for i in Dataset.import_from(out, "voc")] == ["train/a", "val/a"]


@pytest.mark.parametrize("name", ["#a", "a\nb", " a", "caf\udce9"])
def test_ids_that_no_list_can_hold(name, tmp_path):
    with pytest.raises(OutputError, match="cannot hold the id"):
        export(tmp_path, [item(name)])


def test_labels_that_cannot_name_a_list(tmp_path):
    report, out = export(tmp_path, [item("a", [Label(label=0)])], labels=["../../up"])
    assert [e.code for e in report.losses] == ["DSK-L018"]
    assert not (tmp_path / "up_train.txt").exists()
    assert len(list((out / "ImageSets/Main").iterdir())) == 2


def picture(path):
    with PilImage.open(path) as image:
        image.load()
    return image


def torchvision_targets(root, folder, targets, ending, image_set):
    """Find files by the published rules of torchvision's VOCDetection and VOCSegmentation."""
    names = [s.strip() for s in lines(root / f"ImageSets/{folder}/{image_set}.txt")]
    images = [root / "JPEGImages" / f"{name}.jpg" for name in names]
    return images, [root / targets / f"{name}{ending}" for name in names]


def test_torchvision_detection(tmp_path):
    _, out = export(tmp_path, rich(), "voc_detection", save_media=True)
    for subset, count in (("train", 1), ("val", 2)):
        images, targets = torchvision_targets(out, "Main", "Annotations", ".xml", subset)
        assert len(images) == count
        for image, target in zip(images, targets, strict=True):
            assert picture(image).size == (20, 10)
            assert ET.parse(target).getroot().tag == "annotation"


@pytest.mark.parametrize("name", ["voc_segmentation", "voc_instance_segmentation"])
def test_torchvision_segmentation(name, tmp_path):
    _, out = export(tmp_path, rich(), name, save_media=True)
    for subset, values in (("train", {0, PERSON}), ("val", {0})):
        images, targets = torchvision_targets(
            out, "Segmentation", "SegmentationClass", ".png", subset
        )
        for image, target in zip(images, targets, strict=True):
            assert picture(image).size == picture(target).size
            assert set(np.unique(np.asarray(picture(target)))) == values
    assert [len(i.annotations) for i in Dataset.import_from(out, "voc_segmentation")] == [1, 0, 0]


@pytest.mark.parametrize("source", [ListSource, ColumnSource])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_boxes_that_are_no_numbers_are_left_out(tmp_path, source, bad):
    boxes = [
        Bbox(1.0, 2.0, bad, 3.0, label=CAT, attributes={"pose": "Left", "tail": "long"}),
        Bbox(1.0, 2.0, 4.0, 3.0, label=CAT, attributes={"pose": "Left", "tail": "long"}),
    ]
    items = [item("a", boxes), item("b", boxes[1:])]
    report = Dataset(source(items, Dataset.from_iterable(items, CATEGORIES).header)).export(
        tmp_path / "out", "voc_detection"
    )
    text = (tmp_path / "out/Annotations/a.xml").read_text()
    assert text.count("<object>") == 1
    assert "<xmax>5</xmax>" in text
    assert report.annotations["out"] == 2
    (lost,) = [e for e in report.events if e.code == "DSK-L018"]
    assert (lost.count, lost.samples[0].item) == (1, "a")


@pytest.mark.parametrize("group", [0, 4])
def test_boxes_that_are_no_numbers_are_not_written(tmp_path, group):
    boxes = [
        Bbox(float("nan"), 1, 2, 3, label=1, group=group),
        Bbox(1, 1, float("inf"), 3, label=1, group=group),
        Bbox(1, 1, 2, 3, label=1),
    ]
    report, _ = export(tmp_path, [item("a", boxes)])
    found = [(e.code, e.what, e.count) for e in report.events]
    assert ("DSK-L018", "bbox: NaN or infinite coordinates", 2) in found
    (back,) = Dataset.import_from(tmp_path / "out", "voc")
    assert [box.bbox for box in back.annotations] == [(1, 1, 2, 3)]


@pytest.mark.parametrize("name", ["voc_layout", "voc_action"])
def test_ids_whose_quotes_lists_of_objects_cannot_hold(name, tmp_path):
    items = [item('a"b', [Bbox(0, 0, 1, 1, label=CAT)])]
    with pytest.raises(OutputError, match="cannot hold the id"):
        export(tmp_path, items, name)


def test_parts_that_are_objects_of_their_own_become_labels(tmp_path):
    """Readers of boxes and masks together know no parts, but those that the label map has."""
    head = CATEGORIES.names.index("head")
    boxes = [Bbox(1, 1, 5, 5, label=PERSON), Bbox(1, 1, 2, 2, label=head)]
    name = "voc_instance_segmentation"
    report, out = export(tmp_path, [item("a", boxes), item("b", boxes[:1])], name)
    assert [(e.code, e.what, e.count) for e in report.events] == [
        ("DSK-L010", "part 'head', which becomes a label: objects are called so", 1)
    ]
    written = lines(out / "labelmap.txt")
    assert [line.partition(":")[0] for line in written[-2:]] == ["ignored", "head"]
    colors = [line.split(":")[1] for line in written[1:]]
    assert len(set(colors)) == len(colors)
    back = Dataset.import_from(out, name)
    names = back.categories().names
    found = {i.id: [names[a.label] for a in i.annotations] for i in back}
    assert found == {"a": ["person", "head"], "b": ["person"]}


def test_parts_that_no_object_is_stay_parts(tmp_path):
    given = [item("a", [Bbox(1, 1, 5, 5, label=PERSON)])]
    report, out = export(tmp_path, given, "voc_instance_segmentation")
    assert report.events == []
    assert lines(out / "labelmap.txt")[-1].startswith("ignored:")
