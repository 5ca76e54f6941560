"""What is written, and what is reported."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dsk.rle as rle_module
from dsk import Dataset, Image
from dsk.annotations import Bbox, Label, Mask, Points, Skeleton
from dsk.categories import Categories, LabelCategory, PointsCategory
from dsk.errors import OutputError
from dsk.item import DatasetItem
from dsk.rle import from_dense
from dsk_cvat.cvatmask import CroppedMask, crop_runs


def export(tmp_path, items, categories=("car",), **options):
    dataset = Dataset.from_iterable(items, categories=categories)
    report = dataset.export(tmp_path / "out", "cvat", **options)
    return report, tmp_path / "out"


def codes(report):
    return {(e.code, e.what, e.count) for e in report.events}


def test_numbers_of_images(tmp_path):
    items = [DatasetItem("a"), DatasetItem("b", attributes={"frame": 9}), DatasetItem("c")]
    _, out = export(tmp_path, items)
    root = ET.parse(out / "default.xml").getroot()
    assert [(i.get("id"), i.get("name")) for i in root.iter("image")] == [
        ("0", "a.jpg"),
        ("9", "b.jpg"),
        ("2", "c.jpg"),
    ]
    assert root.findtext("meta/task/size") == "3"


@pytest.mark.parametrize(
    ("frames", "numbers", "moved"),
    [
        ([1, None, None], [1, 3, 2], 1),  # number 1 is taken; 2 is the third one's rank
        ([None, None, 0], [3, 1, 0], 1),
        ([7, 7, None, 7], [7, 8, 2, 9], 2),
        ([0, 1, 2], [0, 1, 2], 0),
        ([100, 5, 100], [100, 5, 101], 1),
    ],
)
def test_numbers_of_images_are_unique(tmp_path, frames, numbers, moved):
    items = [
        DatasetItem(
            f"i{n}",
            annotations=[Label(label=0)],
            attributes={} if frame is None else {"frame": frame},
        )
        for n, frame in enumerate(frames)
    ]
    report, out = export(tmp_path, items)
    root = ET.parse(out / "default.xml").getroot()
    assert [int(i.get("id")) for i in root.iter("image")] == numbers
    assert [(i.get("name"), len(i)) for i in root.iter("image")] == [
        (f"i{n}.jpg", 1) for n in range(len(frames))
    ]
    what = "numbers of images that another image has"
    assert codes(report) == ({("DSK-L015", what, moved)} if moved else set())


def test_reindex(tmp_path):
    items = [DatasetItem("a", attributes={"frame": 9})]
    report, out = export(tmp_path, items, reindex=True)
    assert 'id="0"' in (out / "default.xml").read_text()
    assert ("DSK-L009", "item attribute frame", 1) in codes(report)


def test_undeclared_attributes(tmp_path):
    items = [DatasetItem("a", annotations=[Bbox(1, 1, 1, 1, label=0, attributes={"x": 1})])]
    report, out = export(tmp_path, items)
    assert ("DSK-L004", "undeclared attribute x", 1) in codes(report)
    assert "attribute name" not in (out / "default.xml").read_text()
    report, out = export(tmp_path, items, allow_undeclared_attrs=True, overwrite=True)
    assert not codes(report)
    (item,) = Dataset.import_from(out, "cvat")
    assert item.annotations[0].attributes == {"x": 1, "occluded": False}


def test_types_follow_the_values(tmp_path):
    label = LabelCategory("car", attributes=("n", "b", "s", "mixed"))
    annotations = [
        Bbox(1, 1, 1, 1, label=0, attributes={"n": 3, "b": True, "s": "x", "mixed": 1}),
        Bbox(1, 1, 1, 1, label=0, attributes={"n": 2.5, "b": False, "s": "7", "mixed": "one"}),
    ]
    items = [DatasetItem("a", annotations=annotations)]
    report, out = export(tmp_path, items, Categories((label,)))
    assert codes(report) == {("DSK-L004", "type of mixed", 1)}
    text = (out / "default.xml").read_text()
    assert text.count("<input_type>number<") == 1
    assert text.count("<input_type>checkbox<") == 1
    first, second = next(iter(Dataset.import_from(out, "cvat"))).annotations
    assert first.attributes == {"n": 3, "b": True, "s": "x", "mixed": "1", "occluded": False}
    assert second.attributes["s"] == "7"


def test_facts_of_tracks_are_reported(tmp_path):
    a = Bbox(1, 1, 1, 1, label=0, attributes={"outside": False, "occluded": "yes"})
    report, _ = export(tmp_path, [DatasetItem("a", annotations=[a])])
    assert {what for _, what, _ in codes(report)} == {
        "outside",
        "value of occluded, which becomes 0 or 1",
    }


def test_equal_ids_in_two_subsets(tmp_path):
    pixels = np.zeros((4, 4, 3), np.uint8)
    items = [DatasetItem("a", s, media=Image.from_array(pixels, "a.png")) for s in ("x", "y")]
    with pytest.raises(OutputError, match="subset_folders"):
        export(tmp_path, items, save_media=True, subset_folders=False)
    _, out = export(tmp_path, items, save_media=True)
    assert (out / "images/x/a.png").is_file()
    assert all(item.media.exists for item in Dataset.import_from(out, "cvat"))


def test_skeletons_name_their_points(tmp_path):
    points = PointsCategory(('left "eye"', "a<b"), ((1, 2),))
    categories = Categories((LabelCategory("man"),), points={0: points})
    a = Skeleton([1, 2, 3, 4], [2, 1], label=0)
    _, out = export(tmp_path, [DatasetItem("a", annotations=[a])], categories)
    back = Dataset.import_from(out, "cvat")
    assert back.categories().points[0] == points
    assert back.categories().names == ["man", 'left "eye"', "a<b"]
    (item,) = back
    assert item.annotations[0].points == [1, 2, 3, 4]


def test_names_are_escaped(tmp_path):
    items = [DatasetItem('a&"b', annotations=[Label(label=0)])]
    _, out = export(tmp_path, items, ['<x> & "y"'])
    (item,) = Dataset.import_from(out, "cvat")
    assert item.id == 'a&"b'
    assert item.annotations[0].label == 0


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # of a busy machine
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 1 << 32))
def test_masks_survive(height, width, seed):
    dense = np.random.default_rng(seed).random((height, width)) < 0.5
    rle = from_dense(dense)
    (left, top, w, h), runs = crop_runs(rle)
    if not dense.any():
        assert w == 0
        return
    assert sum(runs) == w * h
    source = CroppedMask(np.array(runs, np.int64), (left, top, w, h), (height, width))
    assert (rle_module.dense(source.rle()) == dense).all()


def test_masks_of_cvat_stay_as_they_are(tmp_path, read):
    """Their runs are written as read, rows without pixels and all; empty masks are told."""
    rows = 'left="2" top="1" width="3" height="4"'
    body = (
        '<image id="0" name="a.jpg" width="9" height="8">'
        f'<mask label="car" rle="4, 2, 6" {rows}/><mask label="car" rle="12" {rows}/></image>'
    )
    report = read(body).export(tmp_path / "out", "cvat")
    (mask,) = ET.parse(tmp_path / "out/annotations.xml").getroot().iter("mask")
    assert (mask.get("rle"), mask.get("height")) == ("4, 2, 6", "4")
    assert report.annotations["dropped"] == 1


def test_images_have_no_shapes_of_objects_that_have_left_the_view(tmp_path):
    boxes = [Bbox(n, 0, 1, 1, label=0, attributes={"outside": n == 1}) for n in range(3)]
    boxes.append(Bbox(3, 0, 1, 1, label=0, attributes={"outside": "False"}))  # all text, as in VOC
    boxes.append(Label(label=0, attributes={"outside": "true"}))
    report, out = export(tmp_path, [DatasetItem("a", annotations=boxes)])
    (image,) = ET.parse(out / "default.xml").getroot().iter("image")
    assert [b.get("xtl") for b in image] == ["0", "2", "3"]
    assert ("DSK-L017", "outside the view", 1) in codes(report)
    assert report.annotations["dropped"] == 2


@pytest.mark.parametrize("video", [False, True])
def test_ids_of_the_source_are_reported(tmp_path, video):
    categories = Categories((LabelCategory("car", source_id=3), LabelCategory("cat")))
    boxes = [
        Bbox(1, 1, 1, 1, label=0, id=82445),
        Bbox(1, 1, 1, 1, label=0),
        Bbox(1, 1, 1, 1, label=0, id=7, object_id=7, attributes={"track_id": 7}),
    ]
    item = DatasetItem("frame_000001", annotations=boxes, attributes={"id": 397133})
    report, _ = export(tmp_path, [item], categories, use_track=video)
    ids = {entry for entry in codes(report) if entry[0] == "DSK-L015"}
    names = ("category ids", "image ids", "annotation ids")
    assert ids == {("DSK-L015", name, 1) for name in names}


def test_attributes_that_the_model_does_not_know(tmp_path, read):
    shapes = (
        '<box label="car" source="consensus" score="0.75" xtl="1" ytl="1" xbr="2" ybr="2"/>'
        '<tag label="cat" votes="&quot;2"/>'
        '<polygon label="car" points="1,1;2,1;2,2" made-by="me"><attribute name="age">3'
        "</attribute></polygon>"
    )
    body = (
        f'<image id="3" name="a.jpg" width="9" height="9" subset="s" task_id="7" k="v">{shapes}'
        "</image>"
    )
    dataset = read(body)
    (item,) = dataset
    assert item.extra == {"cvat": {"task_id": "7", "k": "v"}}
    box, tag, polygon = item.annotations
    assert box.extra == {"cvat": {"source": "consensus", "score": "0.75"}}
    assert tag.extra == {"cvat": {"votes": '"2'}}
    assert polygon.extra == {"cvat": {"made-by": "me"}}
    dataset.export(tmp_path / "out", "cvat")
    (back,) = Dataset.import_from(tmp_path / "out", "cvat")
    assert (back.extra, list(back.annotations)) == (item.extra, list(item.annotations))
    report = dataset.export(tmp_path / "video", "cvat", use_track=True)
    assert ("DSK-L011", "cvat field task_id, which images have", 1) in codes(report)
    text = (tmp_path / "video" / "s.xml").read_text()
    assert 'source="consensus" score="0.75"' in text


def test_names_of_fields_that_are_none_of_xml(tmp_path):
    extra = {"cvat": {"a b": "1", "xtl": "9", "score": 0.5, "source": "auto", "fine": "<"}}
    box = Bbox(1, 1, 1, 1, label=0, extra=extra)
    _, out = export(tmp_path, [DatasetItem("a", annotations=[box])])
    (shape,) = ET.parse(out / "default.xml").getroot().find("image")
    assert (shape.get("xtl"), shape.get("source"), shape.get("fine")) == ("1", "auto", "<")
    assert shape.get("score") == "0.5"


def test_visibility_of_loose_points_is_reported(tmp_path):
    points = [Points([1.0, 2.0], [v], label=0) for v in (2, 1, 0)] + [Points([1.0, 2.0], label=0)]
    report, _ = export(tmp_path, [DatasetItem("a", annotations=points)])
    assert codes(report) == {("DSK-L005", "visibility of points", 2)}


@pytest.mark.parametrize("video", [False, True])
def test_attributes_of_points_keep_their_type(tmp_path, video):
    labels = (LabelCategory("man"), LabelCategory("nose", parent="man", attributes=("age", "who")))
    categories = Categories(labels=labels, points={0: PointsCategory(("nose",))})
    given = {"age": 4.0, "who": "x", "new": True}
    a = Skeleton([1.0, 2.0], [2], [given], label=0, object_id=0)
    item = DatasetItem("frame_000000", annotations=[a])
    dataset = Dataset.from_iterable([item], categories=categories)
    dataset.export(tmp_path / "out", "cvat", use_track=video)
    (back,) = Dataset.import_from(tmp_path / "out", "cvat")
    found = back.annotations[0].point_attributes[0]
    assert {name: found[name] for name in given} == given


def test_values_are_spelled_as_declared(tmp_path, read):
    """CVAT knows the values of a choice by their text."""
    spec = (
        "<attribute><name>{}</name><input_type>{}</input_type><values>{}</values></attribute>"
    ).format
    labels = (
        "<label><name>car</name><attributes>"
        + spec("a", "select", "01\n02")
        + spec("b", "radio", "1.0\n2.0")
        + spec("c", "number", "0\n9\n1")
        + "</attributes></label>"
    )
    values = "".join(
        f'<attribute name="{name}">{text}</attribute>'
        for name, text in (("a", "02"), ("b", "1.0"), ("c", "3.0"))
    )
    shape = f'<box label="car" xtl="1" ytl="1" xbr="2" ybr="2">{values}</box>'
    body = f'<image id="0" name="a.jpg" width="9" height="9">{shape}</image>'
    dataset = read(body, labels=labels)
    (item,) = dataset
    assert item.annotations[0].attributes == {"a": 2.0, "b": 1.0, "c": 3.0, "occluded": False}
    dataset.export(tmp_path / "out", "cvat")
    root = ET.parse(tmp_path / "out/annotations.xml").getroot()
    assert [a.text for a in root.find("image").iter("attribute")] == ["02", "1.0", "3"]


@pytest.mark.parametrize("video", [False, True])
@pytest.mark.parametrize("odd", ["x", ["a"], 3, {"attributes": "x", "svg": 7}])
def test_fields_of_cvat_that_are_none(tmp_path, video, odd):
    extra = {"cvat": odd}
    labels = Categories((LabelCategory("car", extra=extra),))
    box = Bbox(1, 1, 1, 1, label=0, extra=extra)
    _, out = export(
        tmp_path,
        [DatasetItem("frame_000001", annotations=[box], extra=extra)],
        labels,
        use_track=video,
    )
    assert 'source="manual"' in (out / "default.xml").read_text()


@pytest.mark.parametrize("use_track", [False, True])
def test_masks_of_another_size_than_the_image_are_told(tmp_path, use_track):
    """Readers refuse what leaves the image."""
    media = Image("frame_000000.png", size=(2, 3))
    solids = [np.ones(size, bool) for size in ((3, 2), (2, 3))]
    masks = [Mask(from_dense(solid), label=0, object_id=n) for n, solid in enumerate(solids)]
    given = [DatasetItem("frame_000000", media=media, annotations=masks)]
    report, out = export(tmp_path, given, use_track=use_track)
    assert ("DSK-L018", "mask: a mask of (3, 2) in an image of (2, 3)", 1) in codes(report)
    (item,) = Dataset.import_from(out, "cvat")
    (mask,) = item.annotations
    assert mask.image.shape == (2, 3)


@pytest.mark.parametrize(
    ("points", "lost"),
    [
        (PointsCategory((), ((0, 1), (1, 2))), 2),
        (PointsCategory(("a", "b"), ((1, 2), (2, 3))), 1),
        (PointsCategory(("a", "b"), ((1, 2),)), 0),
    ],
)
def test_joints_of_points_without_names_are_told(tmp_path, points, lost):
    labels = Categories(labels=(LabelCategory("person"),), points={0: points})
    report, _ = export(tmp_path, [DatasetItem("a")], labels)
    found = {("DSK-L010", "joints of keypoints without names", lost)} if lost else set()
    assert codes(report) == found
