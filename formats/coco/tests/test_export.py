"""Writing: ids, objects, modes, what comes back unchanged."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO

from dsk.annotations import (
    Bbox,
    Caption,
    Label,
    Mask,
    Points,
    Polygon,
    Rle,
    Skeleton,
)
from dsk.categories import Categories, LabelCategory, PointsCategory
from dsk.dataset import Dataset
from dsk.errors import OutputError
from dsk.item import DatasetItem
from dsk.masks import encode_counts
from dsk.media import Image
from dsk.rle import from_dense
from dsk.testing.samples import SmallParts
from dsk_coco.numbering import assign_ids, renumber

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""No test depends on how busy the machine is."""

SIZE = (10, 20)
LABELS = Categories(labels=(LabelCategory("cat", "animal"), LabelCategory("dog")))
COMPRESSED = encode_counts([5, 10, 185]).decode()
SQUARE = [1.0, 1.0, 5.0, 1.0, 5.0, 5.0, 1.0, 5.0]


def dataset(*annotations, categories=LABELS, subset="x", **more):
    item = DatasetItem("a", subset, Image("a.png", size=SIZE), list(annotations), **more)
    return Dataset.from_iterable([item], categories)


def export(data, out, format="coco", **options):  # noqa: A002 - the field's word
    return data.export(out.path, format, **options)


def codes(report):
    return {event.code: event.count for event in report.events}


def by_id(records):
    return {record["id"]: record for record in records}


# unchanged data


def full_document(make):
    objects = [
        make.obj(11, 5, bbox=[1, 2.5, 3, 4.25], area=7),
        make.obj(4, 5, segmentation={"size": [10, 20], "counts": [5, 10, 185]}, iscrowd=1),
        make.obj(6, 9, segmentation={"counts": COMPRESSED, "size": [10, 20]}, iscrowd=0),
        make.obj(7, 9, segmentation=[make.square, [6, 6, 9, 6, 9, 9.125]], iscrowd=1),
        make.obj(8, 9, segmentation=[], area=3.25, attributes={"a": "b", "n": None}, score=0.125),
        make.obj(9, 9, segmentation=[], area=16, category_id=7, ignore=1, deep={"x": [1, "2"]}),
    ]
    images = [make.image(9, "s/b.jpg", license=3), make.image(5, "a.png", neg_category_ids=[7])]
    return make.document(
        images, objects, info={"year": 2020}, licenses=[{"id": 3, "name": "x"}], custom={"k": [1]}
    )


@pytest.mark.parametrize("jobs", [1, 2])
def test_unchanged_data_come_back_as_they_were(folder, out, make, jobs):
    before = full_document(make)
    folder.put("annotations/instances_x.json", before)
    report = export(Dataset.import_from(folder.path, "coco"), out, jobs=jobs)
    assert not report.events
    after = out.load("annotations/instances_x.json")
    for key in ("images", "annotations"):
        assert by_id(after[key]) == by_id(before[key])
    assert after["categories"] == [
        {"supercategory": "", **category} for category in before["categories"]
    ]
    for key in ("info", "licenses", "custom"):
        assert after[key] == before[key]
    assert sorted(p.name for p in (out.path / "annotations").iterdir()) == ["instances_x.json"]


def test_numbers_keep_their_form(folder, out, make):
    text = '{"id": 1, "file_name": "a.png", "width": 20, "height": 10}'
    shape = "[[1, 2.50,\n 3e0, 4, 5, 6]]"
    record = (
        '{"id": 1, "image_id": 1, "category_id": 3, "iscrowd": 0, "area": 7, '
        f'"bbox": [1, 2, 3.0, 4.125], "segmentation": {shape}}}'
    )
    categories = '[{"id": 3, "name": "cat"}]'
    folder.put(
        "a.json", f'{{"images":[{text}],"annotations":[{record}],"categories":{categories}}}'
    )
    export(Dataset.import_from(folder.path, "coco"), out)
    written = (out.path / "annotations/instances_default.json").read_text()
    assert shape in written
    assert '"area":7,' in written
    assert '"bbox":[1,2,3.0,4.125]' in written


def test_keypoints_and_captions_come_back(folder, out, make):
    category = {"id": 3, "name": "cat", "supercategory": "", "keypoints": ["n"], "skeleton": []}
    record = make.obj(8, 1, keypoints=[1, 2, 2], num_keypoints=0)
    lone = make.obj(
        9, 1, segmentation=[], bbox=[0, 0, 7, 7], keypoints=[1, 2.5, 1], num_keypoints=1
    )
    document = make.document([make.image(1, "a.png")], [record, lone], categories=[category])
    folder.put("annotations/person_keypoints_x.json", document)
    captions = {
        "images": [make.image(1, "a.png")],
        "annotations": [{"id": 3, "image_id": 1, "caption": "é"}],
    }
    folder.put("annotations/captions_x.json", captions)
    assert not export(Dataset.import_from(folder.path, "coco"), out).events
    assert out.load("annotations/person_keypoints_x.json")["annotations"] == [record, lone]
    after = out.load("annotations/captions_x.json")
    assert after["annotations"] == captions["annotations"]
    assert "categories" not in after
    assert not (out.path / "annotations/instances_x.json").exists()


def test_facts_that_differ_between_files(folder, out, make):
    for subset, year in (("x", 1), ("y", 2)):
        document = make.document(
            [make.image(1, f"{subset}.png")], [make.obj(1, 1)], info={"y": year}
        )
        folder.put(f"annotations/instances_{subset}.json", document)
    export(Dataset.import_from(folder.path, "coco"), out)
    assert out.load("annotations/instances_x.json")["info"] == {"y": 1}
    assert out.load("annotations/instances_y.json")["info"] == {"y": 2}


# ids


def test_unset_and_doubled_ids_get_the_next_numbers(out):
    boxes = [Bbox(n, 0, 1, 1, label=0, id=i) for n, i in enumerate([7, 0, 7, 0])]
    report = export(dataset(*boxes), out)
    written = out.load("annotations/instances_x.json")["annotations"]
    assert [(r["id"], r["bbox"][0]) for r in written] == [(7, 0), (8, 1), (9, 2), (10, 3)]
    assert codes(report) == {"DSK-L015": 1}


def test_ids_over_partitions(out):
    items = [
        DatasetItem(
            str(n),
            "x" if n < 4 else "y",
            Image(f"{n}.png", size=SIZE),
            [Bbox(n, 0, 1, 1, label=0), Label(label=1, id=n)],
            {"id": 2} if n in (1, 5) else {},
        )
        for n in range(8)
    ]
    header = Dataset.from_iterable([], LABELS).header
    report = Dataset(SmallParts(items, header, 1)).export(out.path, "coco", jobs=2)
    assert not report.losses
    seen: list[int] = []
    for subset in "xy":
        data = out.load(f"annotations/instances_{subset}.json")
        names = {image["id"]: image["file_name"] for image in data["images"]}
        assert len(names) == 4
        seen += [i for i in names if i != 2]
        assert [r["id"] for r in data["annotations"]] == [1, 2, 3, 4]
        for record in data["annotations"]:
            assert names[record["image_id"]] == f"{record['bbox'][0]}.png"
        labels = out.load(f"annotations/labels_{subset}.json")["annotations"]
        assert len({r["id"] for r in labels}) == 4
    assert len(set(seen)) == len(seen) == 6


def test_reindex_numbers_everything_from_one(folder, out, make):
    folder.put("annotations/instances_x.json", full_document(make))
    report = export(Dataset.import_from(folder.path, "coco"), out, reindex=True)
    data = out.load("annotations/instances_x.json")
    assert [r["id"] for r in data["images"]] == [1, 2]
    assert [r["id"] for r in data["annotations"]] == [1, 2, 3, 4, 5, 6]
    assert [r["id"] for r in data["categories"]] == [1, 2]
    assert data["annotations"][-1]["image_id"] == 2
    assert "DSK-L015" in codes(report)


@PATIENT
@given(st.lists(st.integers(-3, 12), max_size=20))
def test_assigned_ids_are_unique_and_keep_first_ones(given_ids):
    ids = assign_ids(np.array(given_ids, np.int64), 0).tolist()
    assert len(set(ids)) == len(ids)
    seen = set()
    for old, new in zip(given_ids, ids, strict=True):
        if old and old not in seen:
            assert new == old
        else:
            assert new > max([0, *[i for i in given_ids if i]])
        seen.add(old)


def test_renumbering_changes_only_the_ids():
    text = b'{"id":0,"image_id":5,"caption":"a,\\"id\\":0"},{"id":3,"image_id":-1,"x":[1,2]}'
    expected = b'{"id":1,"image_id":5,"caption":"a,\\"id\\":0"},{"id":3,"image_id":9,"x":[1,2]}'
    assert renumber(text, np.array([1, 3]), np.array([5, 9])) == expected
    assert renumber(b'{"id":-1,"width":1}', np.array([4])) == b'{"id":4,"width":1}'


def test_attributes_that_look_like_a_record_without_ids_are_none(tmp_path):
    image = Image("a.jpg", size=(9, 9))
    alike = {"id": 0, "image_id": -1, "b": 1}
    first = Bbox(1, 1, 2, 2, label=0, attributes=alike)
    second = Bbox(3, 3, 2, 2, label=0, id=7)
    items = [
        DatasetItem("a", media=image, annotations=[first]),
        DatasetItem("b", media=image, annotations=[second], attributes={"id": 2}),
    ]
    Dataset.from_iterable(items, categories=["x"]).export(tmp_path / "out", "coco")
    (file,) = (tmp_path / "out/annotations").iterdir()
    found = json.loads(file.read_bytes())["annotations"]
    assert [(a["id"], a["image_id"]) for a in found] == [(8, 3), (7, 2)]
    assert found[0]["attributes"] == alike


def test_new_ids_leave_percent_signs_alone():
    text = b'{"id":0,"image_id":-1,"name":"5%"},{"id":0,"image_id":-1,"name":"%d"}'
    expected = b'{"id":1,"image_id":5,"name":"5%"},{"id":3,"image_id":9,"name":"%d"}'
    ids, images = np.array([1, 3]), np.array([5, 9])
    assert renumber(text, ids, images, unset=True) == expected
    assert renumber(text, ids, images) == expected


@pytest.mark.parametrize("unset", [True, False])
def test_new_ids_leave_alone_what_looks_like_a_record_in_one(unset):
    text = b'{"id":-1,"file_name":"a","meta":{"id":-1,"b":1}},{"id":-1,"file_name":"5%"}'
    expected = b'{"id":4,"file_name":"a","meta":{"id":-1,"b":1}},{"id":6,"file_name":"5%"}'
    assert renumber(text, np.array([4, 6]), unset=unset) == expected


# objects


def test_outlines_of_a_group_are_one_object(out):
    other = [10.0, 1.0, 14.0, 1.0, 14.0, 3.0]
    parts = [
        Polygon(SQUARE, label=0, id=5, group=2, attributes={"is_crowd": False, "big": True}),
        Polygon(other, label=0, id=6, group=2),
        Bbox(0, 0, 19, 9, label=0, id=5, group=2, attributes={"is_crowd": False, "big": True}),
    ]
    report = export(dataset(*parts), out)
    (record,) = out.load("annotations/instances_x.json")["annotations"]
    assert record["segmentation"] == [SQUARE, other]
    assert record["bbox"] == [0, 0, 19, 9]
    assert record["area"] == 16 + 4
    assert (record["id"], record["attributes"]) == (5, {"big": True})
    assert codes(report) == {"DSK-L014": 2}
    assert report.annotations["out"] == 1


def test_attributes_of_all_parts_of_an_object_are_written(out):
    """VOC says what it knows of an object beside its box, not beside its mask."""
    _, mask = masks()
    told = {"difficult": True, "pose": "Left", "is_crowd": True}
    parts = [
        Bbox(3, 2, 6, 6, label=0, id=1, group=1, attributes=told),
        Mask(mask.source, label=0, id=1, group=1, attributes={"pose": "Right", "shade": 3}),
    ]
    report = export(dataset(*parts), out)
    (record,) = out.load("annotations/instances_x.json")["annotations"]
    assert record["attributes"] == {"pose": "Right", "shade": 3, "difficult": True}
    assert record["iscrowd"] == 1
    assert codes(report) == {"DSK-L004": 1, "DSK-L014": 1}


def test_groups_of_captions_and_labels_are_told(out):
    group = [Caption("cats", group=3), Label(label=0, group=3), Bbox(0, 0, 2, 2, label=0, group=3)]
    report = export(dataset(*group, Caption("alone", group=4)), out)
    lost = {(e.code, e.what): e.count for e in report.events if e.code == "DSK-L005"}
    assert lost == {("DSK-L005", "group of captions or labels"): 2}


def test_other_labels_of_a_group_stay_objects(out):
    parts = [Bbox(0, 0, 9, 9, label=0, id=1, group=4), Bbox(1, 1, 2, 2, label=1, id=2, group=4)]
    report = export(dataset(*parts), out)
    assert len(out.load("annotations/instances_x.json")["annotations"]) == 2
    assert codes(report) == {"DSK-L005": 2}


def test_holes_are_kept_as_a_mask(out):
    hole = [2.0, 2.0, 3.0, 2.0, 3.0, 3.0, 2.0, 3.0]
    report = export(dataset(Polygon([SQUARE, hole], (1,), label=0)), out)
    (record,) = out.load("annotations/instances_x.json")["annotations"]
    assert sum(record["segmentation"]["counts"][1::2]) == 15
    assert record["iscrowd"] == 0
    assert record["area"] == 15
    assert codes(report) == {"DSK-L003": 1}


def masks():
    dense = np.zeros(SIZE, bool)
    dense[2:8, 3:9] = True
    return dense, Mask(from_dense(dense), label=0, id=1)


def test_masks_are_written_as_lists_and_crowds_only_by_name(out):
    dense, mask = masks()
    crowd = Mask(mask.source, label=1, id=2, attributes={"is_crowd": True})
    export(dataset(mask, crowd), out)
    records = by_id(out.load("annotations/instances_x.json")["annotations"])
    assert [records[n]["iscrowd"] for n in (1, 2)] == [0, 1]
    assert isinstance(records[1]["segmentation"]["counts"], list)
    assert records[1]["bbox"] == [3, 2, 6, 6]
    oracle = COCO(str(out.path / "annotations/instances_x.json"))
    assert (oracle.annToMask(oracle.anns[1]) == dense).all()


@pytest.mark.parametrize("masks_mode", ["mask", "masks"])
def test_segmentation_modes(out, masks_mode):
    dense, mask = masks()
    data = dataset(mask, Polygon(SQUARE, label=1, id=2))
    export(data, out, segmentation_mode="polygons")
    records = by_id(out.load("annotations/instances_x.json")["annotations"])
    assert records[1]["segmentation"] == [[3, 2, 9, 2, 9, 8, 3, 8]]
    assert records[2]["segmentation"] == [SQUARE]
    export(data, out, segmentation_mode=masks_mode, overwrite=True)
    path = out.path / "annotations/instances_x.json"
    oracle = COCO(str(path))
    assert (oracle.annToMask(oracle.anns[1]) == dense).all()
    assert oracle.annToMask(oracle.anns[2]).sum() == 16
    assert isinstance(oracle.anns[2]["segmentation"], dict)


def test_covered_parts_are_cut_off(out):
    _, mask = masks()
    above = Polygon([3.0, 2.0, 9.0, 2.0, 9.0, 4.0, 3.0, 4.0], label=1, id=2, z_order=1)
    hidden = Polygon([4.0, 2.0, 6.0, 2.0, 6.0, 3.0, 4.0, 3.0], label=1, id=3)
    report = export(dataset(mask, above, hidden), out, crop_covered=True)
    records = by_id(out.load("annotations/instances_x.json")["annotations"])
    assert set(records) == {1, 2}
    assert records[1]["area"] == 6 * 4
    assert records[1]["bbox"] == [3, 4, 6, 4]
    assert codes(report)["DSK-L017"] == 1
    assert codes(report)["DSK-L006"] == 1
    assert report.annotations["out"] == 2


def test_parts_of_an_object_that_is_cut_count_as_merged(out):
    parts = [
        Bbox(1, 1, 4, 4, label=0, id=1, group=1),
        Polygon(SQUARE, label=0, id=1, group=1),
        Polygon([3.0, 1.0, 9.0, 1.0, 9.0, 9.0, 3.0, 9.0], label=1, id=2, z_order=1),
    ]
    report = export(dataset(*parts), out, crop_covered=True)
    assert len(out.load("annotations/instances_x.json")["annotations"]) == 2
    assert codes(report)["DSK-L014"] == 1
    assert report.annotations["out"] == 2


def test_attributes_can_be_left_out(out):
    box = Bbox(0, 0, 1, 1, label=0, id=1, attributes={"colour": "red", "score": 0.5})
    report = export(dataset(box), out, allow_attributes=False)
    (record,) = out.load("annotations/instances_x.json")["annotations"]
    assert record["score"] == 0.5
    assert "attributes" not in record
    assert codes(report) == {"DSK-L004": 1}


def test_numbers_json_cannot_say(out):
    boxes = [Bbox(math.nan, 0, 1, 1, label=0, id=1), Bbox(0, 0, 1, 1, label=0, id=2)]
    report = export(dataset(*boxes), out)
    assert [r["id"] for r in out.load("annotations/instances_x.json")["annotations"]] == [2]
    assert codes(report) == {"DSK-L018": 1}


def test_no_label_is_category_zero(out):
    export(dataset(Bbox(0, 0, 1, 1, id=1)), out)
    assert out.load("annotations/instances_x.json")["annotations"][0]["category_id"] == 0
    (item,) = Dataset.import_from(out.path, "coco")
    assert item.annotations[0].label is None


# tasks

POINTS = Categories(
    labels=(LabelCategory("cat"), LabelCategory("dog")),
    points={0: PointsCategory(("nose", "tail"), ((1, 2),))},
)


def test_skeletons_with_other_objects_are_in_both_files(out):
    skeleton = Skeleton([1, 2, 3, 4], [2, 1], label=0, group=1)
    data = dataset(
        skeleton, Polygon(SQUARE, label=0, group=1), Bbox(0, 0, 1, 1, label=1), categories=POINTS
    )
    export(data, out)
    instances = out.load("annotations/instances_x.json")["annotations"]
    (person,) = out.load("annotations/person_keypoints_x.json")["annotations"]
    twin = by_id(instances)[person["id"]]
    assert len(instances) == 2
    assert twin["segmentation"] == person["segmentation"] == [SQUARE]
    assert person["keypoints"] == [1, 2, 2, 3, 4, 1]
    (item,) = Dataset.import_from(out.path, "coco")
    assert sorted(a.kind for a in item.annotations) == ["bbox", "polygon", "skeleton"]


def test_points_of_named_keypoints_are_skeletons(out):
    named = Points([1, 2, 3, 4], [2, 0], label=0, id=1)
    loose = Points([1, 2], label=1, id=2)
    report = export(dataset(named, loose, categories=POINTS), out)
    data = out.load("annotations/person_keypoints_x.json")
    assert data["annotations"][0]["keypoints"] == [1, 2, 2, 3, 4, 0]
    assert data["annotations"][0]["num_keypoints"] == 1
    assert codes(report) == {"DSK-L001": 1, "DSK-L003": 1}


def test_objects_without_keypoints_are_left_out_of_their_file(out):
    data = dataset(Bbox(0, 0, 1, 1, label=1), categories=POINTS)
    report = export(data, out, "coco_person_keypoints")
    assert out.load("annotations/person_keypoints_x.json")["annotations"] == []
    assert codes(report) == {"DSK-L017": 1}


def test_tasks_are_written_even_if_empty(out):
    export(dataset(Caption("c", id=1)), out, tasks=["captions", "labels", "image_info"])
    names = sorted(p.name for p in (out.path / "annotations").iterdir())
    assert names == ["captions_x.json", "image_info_x.json", "labels_x.json"]
    assert len(out.load("annotations/labels_x.json")["images"]) == 1


def test_panoptic_ids_and_overlap(out):
    dense, first = masks()
    below = Mask(from_dense(np.ones(SIZE, bool)), label=1, id=1)
    wide = Mask(Rle(SIZE, [0, 10, 190]), label=1, id=1 << 24, z_order=1)
    report = export(dataset(below, first, wide), out, "coco_panoptic")
    (record,) = out.load("annotations/panoptic_x.json")["annotations"]
    ids = [s["id"] for s in record["segments_info"]]
    assert len(set(ids)) == 3
    assert max(ids) < 1 << 24
    assert codes(report) == {"DSK-L005": 1, "DSK-L006": 1, "DSK-L015": 2}
    (item,) = Dataset.import_from(out.path, "coco_panoptic")
    assert (item.annotations[1].image == dense).all()
    assert item.annotations[0].image.sum() == 200 - 36 - 10


def test_isthing_and_colour_come_back(folder, out, make):
    from dsk.pixels import encode

    category = {"id": 3, "name": "cat", "supercategory": "s", "isthing": 1, "color": [1, 2, 3]}
    segment = {"id": 9, "category_id": 3, "area": 5, "bbox": [0, 0, 1, 5], "iscrowd": 0}
    record = {"image_id": 1, "file_name": "a.png", "segments_info": [segment]}
    pixels = np.zeros((*SIZE, 3), np.uint8)
    pixels[:5, 0, 0] = 9
    document = make.document([make.image(1, "a.jpg")], [record], categories=[category])
    folder.put("annotations/panoptic_x.json", document)
    folder.put("annotations/panoptic_x/a.png", encode(pixels, ".png"))
    assert not export(
        Dataset.import_from(folder.path, "coco_panoptic"), out, "coco_panoptic"
    ).events
    after = out.load("annotations/panoptic_x.json")
    assert after["categories"] == [category]
    assert after["annotations"] == [record]


# files


def test_images_of_subsets_can_share_a_folder(out, tmp_path):
    from dsk.pixels import encode

    png = encode(np.zeros((2, 3, 3), np.uint8), ".png")
    items = [
        DatasetItem(n, s, Image.from_bytes(png, f"{n}.png")) for n, s in (("a", "x"), ("b", "y"))
    ]
    data = Dataset.from_iterable(items, LABELS)
    data.export(out.path, "coco", save_media=True, merge_images=True, save_dataset_meta=True)
    assert sorted(p.name for p in (out.path / "images").iterdir()) == ["a.png", "b.png"]
    assert out.load("dataset_meta.json")["labels"] == ["cat", "dog"]
    assert out.load("annotations/instances_x.json")["images"][0]["height"] == 2
    assert all(i.media.exists for i in Dataset.import_from(out.path, "coco"))
    same = Dataset.from_iterable([DatasetItem("a", s, items[0].media) for s in "xy"], LABELS)
    with pytest.raises(OutputError):
        same.export(out.path, "coco", save_media=True, merge_images=True, overwrite=True)


def test_subsets_that_want_one_file_are_kept_apart(out):
    items = [DatasetItem("a", "x/y"), DatasetItem("a", "x_y")]
    report = Dataset.from_iterable(items, LABELS).export(out.path, "coco")
    assert [e.what for e in report.events if e.code == "DSK-L012"] == [
        "subset 'x/y' is called 'x_y_2'"
    ]
    assert {i.subset for i in Dataset.import_from(out.path, "coco")} == {"x_y", "x_y_2"}


def test_a_dry_run_reports_the_same(folder, out, make):
    boxes = [Bbox(n, 0, 1, 1, label=0, id=7) for n in range(3)]
    dry = export(dataset(*boxes), out, dry_run=True)
    assert not out.path.exists()
    assert codes(dry) == codes(export(dataset(*boxes), out)) == {"DSK-L015": 2}


def test_category_ids_that_change_are_told(folder, make, out):
    document = make.document([make.image(1, "a.png")], [make.obj(1, 1)])
    folder.put("annotations/instances_a.json", document)
    kept = Dataset.import_from(folder.path, "coco").export(out.path, "coco")
    assert kept.events == []
    anew = Dataset.import_from(folder.path, "coco").export(
        out.path, "coco", overwrite=True, reindex=True
    )
    assert ("DSK-L015", "category ids", 2) in [(e.code, e.what, e.count) for e in anew.events]
    document["categories"] = [{"id": 3, "name": "cow"}]
    folder.put("annotations/instances_b.json", document)
    mixed = Dataset.import_from(folder.path, "coco").export(out.path, "coco", overwrite=True)
    assert ("DSK-L015", "category ids", 2) in [(e.code, e.what, e.count) for e in mixed.events]
    back = Dataset.import_from(out.path, "coco")
    names = back.categories().names
    assert [[names[a.label] for a in i.annotations] for i in back] == [["cat"], ["cow"]]


def test_a_mask_of_another_size_than_its_image_is_not_written(out):
    fits, other = np.zeros(SIZE, bool), np.ones((5, 5), bool)
    fits[2:4] = True
    data = dataset(Mask(from_dense(other), label=0, id=3), Mask(from_dense(fits), label=0, id=4))
    report = export(data, out)
    assert [(e.code, e.count, e.what) for e in report.events] == [
        ("DSK-L018", 1, "mask: a mask of (5, 5) in an image of (10, 20)")
    ]
    assert [a["id"] for a in out.load("annotations/instances_x.json")["annotations"]] == [4]
    (item,) = Dataset.import_from(out.path)
    assert len(item.annotations) == 1
