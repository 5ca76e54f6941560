"""Reading: layouts, odd files, tasks that meet."""

from __future__ import annotations

import json
import random
import warnings
import zipfile

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from dsk.annotations import Bbox, Caption, Label, Mask, Polygon, Skeleton
from dsk.dataset import Dataset
from dsk.detect import choose
from dsk.errors import DskWarning, InputError, RecordError
from dsk.files import open_root
from dsk.loss import Ledger
from dsk.opening import open_dataset
from dsk.pixels import encode

PNG = encode(np.zeros((10, 20, 3), np.uint8), ".png")


def items(path, format="coco", **options):  # noqa: A002 - the field's word
    return {(i.subset, i.id): i for i in Dataset.import_from(path, format, **options)}


def only(path, **options):
    (item,) = items(path, **options).values()
    (annotation,) = item.annotations
    return annotation


@pytest.mark.parametrize(
    ("name", "picture", "subset"),
    [
        ("annotations/instances_train_2017.json", "images/train_2017/a.png", "train_2017"),
        ("annotations/instances_val.json", "images/a.png", "val"),
        ("annotations/instances_train2017.json", "train2017/a.png", "train2017"),
        ("annotations/instances.json", "images/a.png", "default"),
        ("valid/_annotations.coco.json", "valid/a.png", "valid"),
        ("annotations.json", "a.png", "default"),
        ("labels.json", "data/a.png", "default"),
        ("deep/set/annotations/instances_x.json", "deep/set/images/x/a.png", "x"),
        ("annotations/lvis_v1_val.json", "val2017/a.png", "val"),
    ],
)
def test_layouts(folder, make, name, picture, subset):
    folder.put(name, make.document([make.image(1, "a.png")], [make.obj(5, 1)]))
    folder.put(picture, PNG)
    assert choose(open_root(folder.path)).format == "coco"
    found = items(folder.path)
    assert list(found) == [(subset, "a")]
    item = found[subset, "a"]
    assert item.media.read_bytes() == PNG
    assert item.attributes == {"id": 1}
    assert item.annotations[0].id == 5


@pytest.mark.parametrize(
    ("name", "picture", "subset"),
    [
        ("annotations/val_annotations.json", "images/val/a.png", "val"),
        ("annotations/train_instances.json", "train/a.png", "train"),
        ("annotations/coco_test.json", "test/images/a.png", "test"),
        ("annotations/train/instances.json", "images/train/a.png", "train"),
        ("annotations_val.json", "val/a.png", "val"),
        ("train.coco.json", "train/a.png", "train"),
        ("Annotations/instances_train.json", "Images/train/a.png", "train"),
        ("annotations/instances_Train.JSON", "train/a.png", "Train"),
        ("val/labels.json", "val/data/a.png", "val"),
        ("test/annotations/instances_default.json", "test/images/a.png", "default"),
        ("annotations/instances_a.json", "JPEGImages/a.png", "a"),
        ("annotations/lvis_v1_image_info_test_dev.json", "test2017/a.png", "test_dev"),
    ],
)
def test_layouts_of_other_tools(folder, make, name, picture, subset):
    folder.put(name, make.document([make.image(1, "a.png")], [make.obj(5, 1)]))
    folder.put(picture, PNG)
    assert choose(open_root(folder.path)).format == "coco"
    found = items(folder.path)
    assert [(key, len(item.annotations)) for key, item in found.items()] == [((subset, "a"), 1)]
    assert found[subset, "a"].media.read_bytes() == PNG


@pytest.mark.parametrize(
    ("file", "subsets"),
    [
        ("{}/annotations.json", ["train", "val"]),
        ("{}/annotations/instances_default.json", ["train", "val"]),
        ("annotations/{}/instances.json", ["train", "val"]),
        ("set/{}/labels.json", ["a", "b"]),
        ("{}/annotations/instances_x.json", ["2014_x", "2017_x"]),
        ("annotations/{}.json", ["annotations_coco", "labels"]),
    ],
)
def test_equal_names_in_several_folders_are_several_subsets(folder, make, file, subsets):
    for number, subset in enumerate(subsets):
        place = file.format(subset.removesuffix("_x"))
        document = make.document([make.image(1, "a.png")], [make.obj(5, 1, area=number)])
        folder.put(place, document)
    found = items(folder.path)
    assert sorted(found) == sorted((subset, "a") for subset in subsets)
    areas = {subset: item.annotations[0].area for (subset, _), item in found.items()}
    assert areas == {subset: number for number, subset in enumerate(subsets)}


def test_the_folder_of_most_images_counts(folder, make):
    names = [f"{n}.png" for n in range(30)]
    images = [make.image(n, name) for n, name in enumerate(names)]
    folder.put("annotations/instances_train.json", make.document(images, []))
    folder.put("images/0.png", PNG)
    for name in names[1:]:
        folder.put(f"train/{name}", PNG)
    found = items(folder.path)
    assert sum(item.media.exists for item in found.values()) == 29


def test_files_that_are_passed_over_for_their_names_are_told(folder, make):
    folder.put("annotations/instances_train.json", make.document([make.image(1, "a.png")], []))
    folder.put("annotations/val.json", make.document([make.image(1, "a.png")], []))
    folder.put("annotations/other.json", {"x": 1})
    dataset = Dataset.import_from(folder.path)
    assert [item.subset for item in dataset] == ["train"]
    (note,) = dataset.opening_ledger.warnings
    assert note.startswith("annotations/val.json is not read")


def test_files_in_other_folders_are_told(folder, make):
    folder.put("annotations/instances_train.json", make.document([make.image(1, "a.png")], []))
    document = make.document([make.image(1, "a.png")], [])
    for name in ("more/deep/instances_val.json", "more/deep/x.json", "other.json"):
        folder.put(name, document)
    folder.put("more/deep/y.json", {"x": 1})
    dataset = Dataset.import_from(folder.path)
    assert [item.subset for item in dataset] == ["train"]
    (note,) = dataset.opening_ledger.warnings
    assert note.startswith("other.json and 2 more in other folders look like COCO")
    alone = open_dataset(folder.path / "more" / "deep" / "x.json", "coco", {})
    assert not alone.opening_ledger.warnings


def _videos(folder, make, names):
    for number, (name, images) in enumerate(names.items()):
        found = [make.image(10 * number + n, image) for n, image in enumerate(images)]
        folder.put(name, make.document(found, [make.obj(5, 10 * number)]))


def test_files_of_one_video_each_are_one_subset(folder, make):
    """PoseTrack's: those of its validation set are called test."""
    videos = {
        "annotations/train/01_bonn_train.json": ["images/train/01_bonn_train/0.jpg"],
        "annotations/train/02_bonn_train.json": [
            f"images/train/02_bonn_train/{n}.jpg" for n in (0, 1)
        ],
        "annotations/val/03_mpii_test.json": ["images/val/03_mpii_test/0.jpg"],
    }
    _videos(folder, make, videos)
    dataset = Dataset.import_from(folder.path)
    assert dataset.header.subsets == ("train", "val")
    assert dataset.header.items == 4
    found = {(item.subset, item.id): len(item.annotations) for item in dataset}
    assert found == {
        ("train", "images/train/01_bonn_train/0"): 1,
        ("train", "images/train/02_bonn_train/0"): 1,
        ("train", "images/train/02_bonn_train/1"): 0,
        ("val", "images/val/03_mpii_test/0"): 1,
    }


@pytest.mark.parametrize("lead", ["", "images/"])
def test_other_files_of_a_subsets_folder_stay_subsets(folder, make, lead):
    videos = {
        "annotations/train/a.json": [f"{lead}0.jpg"],
        "annotations/train/b.json": [f"{lead}0.jpg"],
    }
    _videos(folder, make, videos)
    assert sorted(item.subset for item in Dataset.import_from(folder.path)) == ["a", "b"]


def test_files_beside_that_of_roboflow_are_told(folder, make):
    folder.put("train/_annotations.coco.json", make.document([make.image(1, "a.png")], []))
    folder.put("train/other.json", make.document([make.image(1, "a.png")], []))
    (note,) = Dataset.import_from(folder.path).opening_ledger.warnings
    assert note.startswith("train/other.json is not read")


def test_a_thousand_categories_may_come_before_the_images(folder, make):
    document = make.document([make.image(1, "a.png")], [make.obj(5, 1)])
    categories = [*document["categories"]]
    categories += [{"id": 100 + n, "name": f"c{n}", "def": "x" * 200} for n in range(1000)]
    del document["categories"]
    folder.put("set.json", {"categories": categories, **document})
    assert len(items(folder.path)) == 1


def test_images_that_hold_their_annotations_are_not_coco(folder):
    image = {"id": 1, "file_name": "a.png", "annotations": [{"bbox": [1, 2, 3, 4]}]}
    folder.put("set.json", {"images": [image]})
    with pytest.raises(InputError, match="no COCO JSON is here"):
        Dataset.import_from(folder.path, "coco")


def test_a_file_without_images_is_named(folder, make):
    document = make.document([], [make.obj(5, 1)])
    del document["images"]
    folder.put("set.json", document)
    with pytest.raises(InputError, match=r"set\.json: it has no list of images"):
        Dataset.import_from(folder.path, "coco")


def test_a_class_whose_supercategory_differs_between_files_is_one(folder, make):
    for subset, parent in (("train", "a-b"), ("val", "a-b-c")):
        document = make.document([make.image(1, "a.png")], [make.obj(5, 1)])
        for category in document["categories"]:
            category["supercategory"] = parent
        folder.put(f"annotations/instances_{subset}.json", document)
    dataset = Dataset.import_from(folder.path)
    assert len(set(dataset.categories().names)) == len(dataset.categories().labels)
    assert len({item.annotations[0].label for item in dataset}) == 1
    (note,) = dataset.opening_ledger.warnings
    assert "supercategory" in note


def test_equal_names_with_other_ids_and_supercategories_are_two(folder, make):
    for number, subset in enumerate(("train", "val"), 1):
        document = make.document([make.image(1, "a.png")], [make.obj(5, 1)])
        document["categories"] = [{"id": number, "name": "other", "supercategory": subset}]
        document["annotations"][0]["category_id"] = number
        folder.put(f"annotations/instances_{subset}.json", document)
    assert len(Dataset.import_from(folder.path).categories().labels) == 2


def test_labels_of_one_name_keep_their_own_keypoints(folder, make):
    for subset, names in (("a", ["nose", "tail"]), ("b", ["head", "foot"]), ("c", [])):
        document = make.document([make.image(1, "a.png")], [])
        person = {"id": 1, "name": "person", "keypoints": names}
        document["categories"] = [person if names else {"id": 1, "name": "person"}]
        folder.put(f"annotations/person_keypoints_{subset}.json", document)
    dataset = Dataset.import_from(folder.path)
    found = dataset.categories()
    assert found.names == ["person", "person (person_keypoints_b)"]
    names = [found.points[number].labels for number in range(2)]
    assert names == [("nose", "tail"), ("head", "foot")]
    (note,) = dataset.opening_ledger.warnings
    assert "keypoints of 'person'" in note


def test_the_annotations_folder_alone_finds_the_images_beside_it(folder, make):
    folder.put("set/annotations/instances_b.json", make.document([make.image(1, "b.png")], []))
    folder.put("set/images/b/b.png", PNG)
    found = items(folder.path / "set" / "annotations")
    assert found["b", "b"].media.read_bytes() == PNG


@pytest.mark.parametrize("place", ["annotations/panoptic_v/a.png", "panoptic_v/a.png"])
@pytest.mark.parametrize("height", [10, 12])
def test_places_of_panoptic_maps(folder, make, place, height):
    segment = {"id": 5, "category_id": 3, "area": 1, "bbox": [0, 0, 1, 1], "iscrowd": 0}
    record = {"image_id": 1, "file_name": "a.png", "segments_info": [segment]}
    folder.put("annotations/panoptic_v.json", make.document([make.image(1, "a.jpg")], [record]))
    with pytest.raises(RecordError, match="unpacked in the folder of the file's name"):
        items(folder.path)
    ids = np.zeros((height, 20, 3), np.uint8)
    ids[2, 3, 0] = 5
    folder.put(place, encode(ids, ".png"))
    dataset = Dataset.import_from(folder.path)
    report = dataset.export(folder.path / "out", "coco")
    assert (list(report.warnings) == ["panoptic maps have another size than their images"]) == (
        height == 12
    )
    assert np.argwhere(only(folder.path).image).tolist() == [[2, 3]]


@pytest.mark.parametrize("inside", ["", "panoptic_v/"])
def test_panoptic_maps_stay_in_their_archive(folder, make, inside):
    segment = {"id": 5, "category_id": 3, "area": 1, "bbox": [0, 0, 1, 1], "iscrowd": 0}
    record = {"image_id": 1, "file_name": "a.png", "segments_info": [segment]}
    folder.put("annotations/panoptic_v.json", make.document([make.image(1, "a.jpg")], [record]))
    ids = np.zeros((10, 20, 3), np.uint8)
    ids[2, 3, 0] = 5
    with zipfile.ZipFile(folder.path / "annotations/panoptic_v.zip", "w") as packed:
        packed.writestr(f"{inside}a.png", encode(ids, ".png"))
    mask = only(folder.path)
    assert np.argwhere(mask.image).tolist() == [[2, 3]]


def test_single_file_is_read_alone(folder, make):
    folder.put("annotations/instances_a.json", make.document([make.image(1, "a.png")], []))
    path = folder.put("annotations/instances_b.json", make.document([make.image(1, "b.png")], []))
    folder.put("images/b.png", PNG)
    found = items(path)
    assert list(found) == [("b", "b")]
    assert found["b", "b"].media.exists


@pytest.mark.parametrize("format", ["coco_labels", "coco_stuff", "coco_image_info"])
def test_a_single_file_named_after_another_task(folder, make, format):  # noqa: A002 - as above
    name = "annotations/instances_val.json"
    file = folder.put(name, make.document([make.image(1, "a.png")], [make.obj(1, 1)]))
    dataset = Dataset.import_from(file, format)
    (item,) = dataset
    assert (item.subset, [type(a) for a in item.annotations]) == ("val", [Polygon])
    (told,) = dataset.opening_ledger.warnings
    assert f"{name} is named like a file of instances, not of {format[5:]}" in told


@pytest.mark.parametrize(
    ("name", "subset"),
    [
        ("annotations/aa_bbbb_cccc.json", "default"),
        ("annotations/train.json", "train"),
        ("aa_bbbb_cccc.json", "default"),
        ("val/aa_bbbb_cccc.json", "val"),
    ],
)
def test_the_subset_of_a_single_file_of_any_name(folder, make, name, subset):
    file = folder.put(name, make.document([make.image(1, "a.png")], [make.obj(1, 1)]))
    for form in ("coco", "coco_instances"):
        assert list(items(file, form)) == [(subset, "a")]


@pytest.mark.parametrize(
    ("home", "name", "subset"),
    [
        ("train", "_annotations.coco.json", "train"),
        ("valid", "anything.json", "valid"),
        ("valid", "instances_default.json", "default"),
        ("valid", "annotations/instances.json", "default"),
        ("cats", "_annotations.coco.json", "default"),
    ],
)
def test_one_subsets_folder_alone(folder, make, home, name, subset):
    folder.put(f"{home}/{name}", make.document([make.image(1, "a.png")], [make.obj(1, 1)]))
    assert list(items(folder.path / home)) == [(subset, "a")]


def test_lvis_names_images_by_url(folder, make):
    image = make.image(1, "")
    del image["file_name"]
    image["coco_url"] = "http://images.cocodataset.org/train2017/000000391895.jpg"
    annotation = make.obj(1, 1)
    del annotation["iscrowd"]
    folder.put("lvis_v1_train.json", make.document([image], [annotation]))
    (item,) = items(folder.path).values()
    assert (item.id, item.subset) == ("000000391895", "train")
    assert item.annotations[0].attributes == {"is_crowd": False}


def test_categories_by_ascending_id(folder, make):
    document = make.document([make.image(1, "a.png")], [make.obj(1, 1, category_id=7)])
    document["categories"].reverse()
    folder.put("annotations/instances_x.json", document)
    dataset = Dataset.import_from(folder.path, "coco")
    labels = dataset.categories().labels
    assert [(c.name, c.parent, c.source_id) for c in labels] == [
        ("cat", "animal", 3),
        ("dog", "", 7),
    ]
    assert next(iter(dataset)).annotations[0].label == 1
    kept = Dataset.import_from(folder.path, "coco", keep_original_category_ids=True)
    assert kept.categories().names == [
        "class-0", "class-1", "class-2", "cat", "class-4", "class-5", "class-6", "dog",
    ]  # fmt: skip
    assert next(iter(kept)).annotations[0].label == 7


def test_declared_category_zero_is_a_label(folder, make):
    document = make.document([make.image(1, "a.png")], [make.obj(1, 1, category_id=0)])
    folder.put("a.json", document)
    assert only(folder.path).label is None
    document["categories"].append({"id": 0, "name": "root"})
    folder.put("a.json", document)
    assert only(folder.path).label == 0


@pytest.mark.parametrize("value", [[], None, [[]], "missing"])
def test_object_without_outline_is_a_box(folder, make, value):
    annotation = make.obj(1, 1, segmentation=value)
    if value == "missing":
        del annotation["segmentation"]
    folder.put("a.json", make.document([make.image(1, "a.png")], [annotation]))
    found = only(folder.path)
    assert isinstance(found, Bbox)
    assert found.bbox == (1, 1, 4, 4)


def test_odd_but_clear_values(folder, make):
    odd = make.obj(
        "9", "1", category_id=3.0, iscrowd=True, area=None, segmentation=make.square, ignore=1,
        attributes={"colour": "red"}, score=0.5,
    )  # fmt: skip
    folder.put("a.json", make.document([make.image("1", "./dir\\a.png")], [odd]))
    (item,) = items(folder.path).values()
    assert item.id == "dir/a"
    (found,) = item.annotations
    assert isinstance(found, Polygon)
    assert found.rings == [make.square]
    assert (found.id, found.label, found.area) == (9, 0, None)
    assert found.attributes == {"colour": "red", "score": 0.5, "is_crowd": True}
    assert found.extra == {"coco": {"ignore": 1}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"segmentation": [[1, 2, 3, 4]]}, "2 points"),
        ({"segmentation": [[1, 2, 3, 4, 5, 6, 7]]}, "odd number"),
        ({"segmentation": [["1", 2, 3, 4, 5, 6]]}, "neither outlines"),
        ({"segmentation": [[[1, 2], [3, 4], [5, 6]]]}, "neither outlines"),
        ({"segmentation": {"size": [10, 20], "counts": [1, 2]}}, "do not fill"),
        ({"segmentation": {"size": [20, 10], "counts": [200]}}, "in an image of 10 x 20"),
        ({"segmentation": {"size": [10, 20], "counts": "4"}}, "add up"),
        ({"category_id": 99}, "there is no category 99"),
        ({"image_id": 99}, "there is no image 99"),
        ({"bbox": [1, 2, 3]}, "bbox"),
        ({"segmentation": [], "bbox": None}, "no outline and no box"),
        ({"keypoints": [1, 2], "num_keypoints": 1}, "triplets"),
        ({"keypoints": [1, 2, 5]}, "visibility"),
    ],
)
def test_bad_annotation_is_named_and_can_be_skipped(folder, make, changes, message):
    records = [make.obj(1, 1), make.obj(2, 1, **changes), make.obj(3, 1)]
    folder.put("annotations/instances_x.json", make.document([make.image(1, "a.png")], records))
    with pytest.raises(RecordError, match=message) as raised:
        items(folder.path)
    assert "instances_x.json#/annotations/1" in raised.value.where
    (item,) = items(folder.path, on_error="skip").values()
    assert [a.id for a in item.annotations] == [1, 3]


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ({"id": 2, "file_name": "../b.png"}, "leads out"),
        ({"id": 2, "file_name": "/etc/b.png"}, "absolute"),
        ({"id": 2}, "no file_name"),
        ({"id": 1, "file_name": "b.png"}, "twice"),
        ({"file_name": "b.png"}, "no id"),
        ({"id": "uuid-1", "file_name": "b.png"}, "int"),
    ],
)
def test_bad_image_is_named_and_can_be_skipped(folder, make, image, message):
    folder.put("a.json", make.document([make.image(1, "a.png"), image], [make.obj(1, 1)]))
    with pytest.raises(RecordError, match=message) as raised:
        items(folder.path)
    assert "#/images/1" in raised.value.where
    assert list(items(folder.path, on_error="skip")) == [("default", "a")]


def test_nan_is_refused(folder, make):
    text = '{"images": [{"id": 1, "file_name": "a.png"}], "annotations": [{"id": 1, "area": NaN}]}'
    folder.put("a.json", text)
    with pytest.raises(RecordError, match=r"NaN.* one is in its area"):
        items(folder.path)


def test_what_is_wrong_within_a_record_is_told(folder, make):
    start = '{"images": [{"id": 1, "file_name": "a.png"}], "annotations": [{"id": 1, "image_id": '
    more = json.dumps(make.obj(2, 1))
    folder.put("a.json", f'{start}1, "area": -Infinity}}, {more}]}}')
    with pytest.raises(RecordError, match="NaN and Infinity are no JSON numbers") as raised:
        items(folder.path)
    assert raised.value.where.endswith("#/annotations/0")
    assert [len(i.annotations) for i in items(folder.path, on_error="skip").values()] == [1]
    for image in (1, 77):  # one that is there, and one that is not
        folder.put("a.json", f'{start}{image},, "area": 2}}, {more}]}}')
        for policy in ("raise", "skip"):
            with pytest.raises(InputError, match="not valid JSON"):
                items(folder.path, on_error=policy)


def test_infinity_costs_one_record(folder, make):
    endless = [float("inf"), float("inf"), float("-inf"), float("-inf")]
    bad = make.obj(2, 1, bbox=endless, segmentation=[])  # as in TACO's unofficial annotations
    records = [make.obj(1, 1), bad, make.obj(3, 1)]
    folder.put("u.json", make.document([make.image(1, "a.png")], records))
    with pytest.raises(RecordError, match=r"u\.json#/annotations/1\b"):
        items(folder.path)
    dataset = Dataset.import_from(folder.path, "coco", on_error="skip")
    (item,) = dataset
    assert [a.id for a in item.annotations] == [1, 3]


def test_unknown_sizes(folder, make):
    images = [make.image(n, f"{n}.png", width=w) for n, w in enumerate([0, -1, None], 1)]
    folder.put("a.json", make.document(images, []))
    assert [i.media.size for i in items(folder.path).values()] == [None] * 3


def test_keypoints_and_outline_are_one_object(folder, make):
    category = {"id": 3, "name": "cat", "keypoints": ["nose", "tail"], "skeleton": [[1, 2]]}
    record = make.obj(8, 1, keypoints=[1, 2, 2, 0, 0, 0], num_keypoints=1)
    lone = make.obj(
        9, 1, segmentation=[], keypoints=[1, 2, 2, 4, 4, 1], num_keypoints=2, bbox=[1, 2, 3, 2]
    )
    document = make.document([make.image(1, "a.png")], [record, lone], categories=[category])
    folder.put("annotations/person_keypoints_x.json", document)
    dataset = Dataset.import_from(folder.path, "coco_person_keypoints")
    points = dataset.categories().points[0]
    assert (points.labels, points.joints) == (("nose", "tail"), ((1, 2),))
    skeleton, outline, alone = next(iter(dataset)).annotations
    assert isinstance(skeleton, Skeleton)
    assert isinstance(outline, Polygon)
    assert skeleton.group == outline.group == 8
    assert (skeleton.points, skeleton.visibility) == ([1, 2, 0, 0], [2, 0])
    assert isinstance(alone, Skeleton)
    assert alone.group == 0


def test_tasks_of_one_label_list_are_joined(folder, make):
    image = make.image(1, "a.png")
    folder.put("annotations/instances_x.json", make.document([image], [make.obj(1, 1)]))
    points = make.obj(1, 1, keypoints=[1, 2, 2], num_keypoints=1)
    folder.put("annotations/person_keypoints_x.json", make.document([image], [points]))
    caption = {"id": 1, "image_id": 4, "caption": "hello"}
    folder.put(
        "annotations/captions_x.json",
        {"images": [make.image(4, "a.png")], "annotations": [caption]},
    )
    folder.put("annotations/image_info_x.json", {"images": [image, make.image(2, "b.png")]})
    label = {"id": 1, "image_id": 1, "category_id": 7}
    folder.put("annotations/labels_x.json", make.document([image], [label]))
    found = items(folder.path)
    assert list(found) == [("x", "a"), ("x", "b")]
    annotations = found["x", "a"].annotations
    kinds = {type(a): a for a in annotations}
    assert set(kinds) == {Polygon, Skeleton, Caption, Label}
    assert len(annotations) == 4
    assert kinds[Polygon].group == kinds[Skeleton].group == 1
    assert kinds[Caption].group == 0
    grouped = items(folder.path, group_by_id=True)["x", "a"].annotations
    assert {a.group for a in grouped} == {1}


def test_other_label_lists_are_left_out_with_a_word(folder, make):
    image = make.image(1, "a.png")
    folder.put("annotations/instances_x.json", make.document([image], [make.obj(1, 1)]))
    other = make.document([image], [make.obj(9, 1, keypoints=[1, 2, 2])])
    del other["categories"][1]
    folder.put("annotations/person_keypoints_x.json", other)
    dataset = Dataset.import_from(folder.path, "coco")
    assert any("person_keypoints files are not read" in w for w in dataset.opening_ledger.warnings)
    assert [a.kind for a in next(iter(dataset)).annotations] == ["polygon"]
    both = items(folder.path, tasks=["instances", "person_keypoints"])["x", "a"].annotations
    assert sorted(a.kind for a in both) == ["polygon", "polygon", "skeleton"]


def test_images_of_one_name_become_one_item(folder, make):
    images = [make.image(1, "a.png"), make.image(2, "a.png")]
    folder.put("a.json", make.document(images, [make.obj(1, 1), make.obj(2, 2)]))
    dataset = Dataset.import_from(folder.path, "coco")
    assert any("one file_name" in w for w in dataset.opening_ledger.warnings)
    (item,) = list(dataset)
    assert [a.id for a in item.annotations] == [1, 2]


def test_panoptic_map(folder, make):
    ids = np.zeros((10, 20), np.uint32)
    ids[2:5, 3:9] = 70000
    ids[6:, :4] = 5
    rgb = np.stack([ids & 255, ids >> 8 & 255, ids >> 16], -1).astype(np.uint8)
    segments = [
        {"id": 70000, "category_id": 3, "area": 18, "bbox": [3, 2, 6, 3], "iscrowd": 1},
        {"id": 5, "category_id": 7, "area": 16, "bbox": [0, 6, 4, 4], "iscrowd": 0, "note": "x"},
        {"id": 6, "category_id": 7, "area": 0, "bbox": [0, 0, 0, 0], "iscrowd": 0},
    ]
    record = {"image_id": 1, "file_name": "a.png", "segments_info": segments}
    folder.put("annotations/panoptic_x.json", make.document([make.image(1, "a.jpg")], [record]))
    folder.put("annotations/panoptic_x/a.png", encode(rgb, ".png"))
    dataset = Dataset.import_from(folder.path, "coco_panoptic")
    first, second, absent = next(iter(dataset)).annotations
    assert isinstance(first, Mask)
    assert (first.image == (ids == 70000)).all()
    assert (second.image == (ids == 5)).all()
    assert not absent.image.any()
    assert (first.id, first.area, first.bbox) == (70000, 18, (3, 2, 6, 3))
    assert first.attributes == {"is_crowd": True}
    assert second.extra == {"coco": {"note": "x"}}


def test_missing_panoptic_map(folder, make):
    record = {"image_id": 1, "file_name": "a.png", "segments_info": []}
    folder.put("annotations/panoptic_x.json", make.document([make.image(1, "a.jpg")], [record]))
    with pytest.raises(RecordError, match="there is no panoptic map"):
        items(folder.path)


def test_results_take_the_place_of_the_truth(folder, make):
    truth = make.document([make.image(1, "a.png"), make.image(2, "b.png")], [make.obj(1, 1)])
    path = folder.put("annotations/instances_val.json", truth)
    rle = coco_mask.encode(np.asfortranarray(np.eye(10, 20, dtype=np.uint8)))
    outline = {"size": [10, 20], "counts": rle["counts"].decode()}
    results = [
        {"image_id": 2, "category_id": 3, "score": 0.9, "segmentation": outline},
        {"image_id": 1, "category_id": 7, "score": 0.25, "segmentation": outline},
    ]
    name = folder.put("annotations/results_val.json", results)
    found = items(folder.path, results="results_val.json")
    (other,) = found["val", "b"].annotations
    (mask,) = found["val", "a"].annotations
    oracle = COCO(str(path)).loadRes(str(name))
    assert (oracle.annToMask(oracle.anns[2]) == mask.image).all()
    assert (other.id, mask.id) == (1, 2)
    assert other.attributes == {"score": 0.9, "is_crowd": False}
    assert (mask.image == coco_mask.decode(rle)).all()


def test_masks_equal_those_of_pycocotools(folder, make):
    dense = np.zeros((10, 20), np.uint8)
    dense[3:7, 2:15] = 1
    compressed = coco_mask.encode(np.asfortranarray(dense))["counts"].decode()
    records = [
        make.obj(1, 1, segmentation={"size": [10, 20], "counts": [5, 10, 185]}, iscrowd=1),
        make.obj(2, 1, segmentation={"size": [10, 20], "counts": compressed}),
        make.obj(3, 1, segmentation=[[0.5, 0.5, 9.5, 1.25, 7, 8.75], make.square]),
    ]
    path = folder.put("a.json", make.document([make.image(1, "a.png")], records))
    oracle = COCO(str(path))
    (item,) = items(folder.path, merge_instance_polygons=True).values()
    for annotation in item.annotations:
        assert isinstance(annotation, Mask)
        assert (annotation.image == oracle.annToMask(oracle.anns[annotation.id])).all()


def test_nothing_to_read(folder):
    folder.put("readme.txt", "none")
    with pytest.raises(InputError, match="no COCO JSON"):
        items(folder.path)


def test_datumaro_json_is_not_taken_for_coco(folder):
    folder.put("annotations/train.json", {"categories": {"label": {"labels": []}}, "items": []})
    from dsk_coco.detect import detect

    assert detect(open_root(folder.path)) is None


def test_no_warning_for_good_files(folder, make):
    folder.put(
        "annotations/instances_x.json", make.document([make.image(1, "a.png")], [make.obj(1, 1)])
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", DskWarning)
        assert len(items(folder.path)) == 1


def test_outlines_are_told_from_others_even_with_the_mark_between_them_inside():
    from msgspec import Raw

    from dsk_coco.records import good_outlines

    triangle, line, rle = b"[[1,2,3,4,5,6]]", b"[[1,2,3,4]]", b'{"size":[2,2],"counts":"a|b"}'
    two = b"[[1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5.5, 6]]"
    assert good_outlines([Raw(t) for t in (triangle, line, two, b"[]")]).tolist() == [
        True,
        False,
        True,
        False,
    ]
    assert good_outlines([Raw(t) for t in (triangle, rle, two)]).tolist() == [True, False, True]
    assert not len(good_outlines([]))


def ring(count, number=b"1.5"):
    return b"[" + b",".join([number] * count) + b"]"


OUTLINES = [
    *(b"[" + ring(n) + b"]" for n in (6, 254, 256, 258, 262, 1030)),
    b"[" + ring(6, b"1e2") + b", " + ring(8, b" -1E+2 ") + b"]",
]
OTHERS = [
    *(b"[" + ring(n) + b"]" for n in (0, 1, 2, 4, 5, 7, 255, 257, 259)),
    *(b"[" + ring(n) + b"," + ring(6) + b"]" for n in (1, 4, 7)),
    *(b"null", b"[]", b"{}", b'""', b"[[],[]]", b"5", b"true", b'{"counts":[1,2,3],"size":[3,4]}'),
    ring(6),
    b"[1," + ring(6) + b"]",
    b"[" + ring(6) + b",1]",
    b"[" + ring(6) + b",1," + ring(6) + b"]",
    b"[[" + ring(6) + b"]]",
    b'[["1,2,3,4,5,6"]]',
    b"[" + ring(6) + b',"a,b"]',
    b"[[1,2,3,4,5,null]]",
    b"[{}," + ring(6) + b"]",
    b'{"counts":"ab]c[,`~|}\xff","size":[3,4]}',
]


@pytest.mark.parametrize("seed", range(20))
def test_outlines_are_told_from_others_in_any_company(seed):
    from msgspec import Raw

    from dsk_coco.records import good_outlines

    texts = random.Random(seed).choices(OUTLINES + OTHERS, k=200)
    assert good_outlines([Raw(t) for t in texts]).tolist() == [t in OUTLINES for t in texts]


def test_ids_as_text_with_leading_zeros(folder, make):
    image = make.image("000000397133", "a.png")
    objects = [make.obj("07", "000000397133", category_id="3"), make.obj(8, 397133)]
    folder.put("annotations/instances_x.json", make.document([image], objects))
    dataset = Dataset.import_from(folder.path, "coco")
    (item,) = dataset
    assert item.attributes == {"id": 397133}
    assert [(a.id, a.label) for a in item.annotations] == [(7, 0), (8, 0)]
    assert any("ids written as text" in note for note in dataset.opening_ledger.warnings)


def test_keypoints_may_be_lists_of_their_own(folder, make):
    lists = [[2, 3, 2], [4.5, 5, 1]]
    records = [
        make.obj(1, 1, keypoints=lists, num_keypoints=2),
        make.obj(2, 1, keypoints=[[1, 2]], num_keypoints=1),
    ]
    folder.put("annotations/person_keypoints_x.json", make.document([make.image(1, "a")], records))
    with pytest.raises(RecordError, match="annotations/1: keypoints: Expected"):
        items(folder.path)
    found = items(folder.path, on_error="skip")["x", "a"].annotations
    (skeleton,) = (a for a in found if isinstance(a, Skeleton))
    assert (list(skeleton.points), list(skeleton.visibility)) == ([2, 3, 4.5, 5], [2, 1])


def test_an_empty_list_of_keypoints_is_none(folder, make, out):
    objects = [make.obj(1, 1, keypoints=[], num_keypoints=0, category_id=3)]
    document = make.document([make.image(1, "a.png")], objects)
    document["categories"][0] |= {"keypoints": ["a", "b"], "skeleton": [[1, 2]]}
    folder.put("annotations/instances_x.json", document)
    assert isinstance(only(folder.path), Polygon)
    Dataset.import_from(folder.path, "coco").export(out.path, "coco")
    (written,) = out.load("annotations/instances_x.json")["annotations"]
    assert (written["keypoints"], written["num_keypoints"]) == ([], 0)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("http://images.x.org/a/b%20c.jpg", "a/b%20c"),
        ("s3://bucket/b.png?x=1#y", "b"),
    ],
)
def test_a_url_for_a_file_name(folder, make, out, name, wanted):
    folder.put("annotations/instances_x.json", make.document([make.image(1, name)], []))
    (item,) = items(folder.path).values()
    assert item.id == wanted
    Dataset.import_from(folder.path, "coco").export(out.path, "coco")
    (written,) = out.load("annotations/instances_x.json")["images"]
    assert written["coco_url"] == name


@pytest.mark.parametrize(
    ("names", "lead"),
    [
        (["/home/me/set/a.png", "/home/me/set/b/c.png"], "/home/me/set/"),
        (["C:\\me\\a.png", "C:\\me\\b\\c.png"], "C:/me/"),
        (["/a.png", "/b/c.png"], "/"),
    ],
)
def test_names_of_another_machine_lose_what_they_have_in_common(folder, make, names, lead):
    images = [make.image(n, name) for n, name in enumerate(names, 1)]
    folder.put("annotations/instances_x.json", make.document(images, [make.obj(1, 2)]))
    folder.put("images/a.png", PNG)
    dataset = Dataset.import_from(folder.path, "coco")
    (told,) = dataset.opening_ledger.warnings
    assert f"names of images begin with {lead}, which is left off" in told
    found = list(dataset)
    assert [(item.id, item.media.path) for item in found] == [("a", "a.png"), ("b/c", "b/c.png")]
    assert (found[0].media.exists, found[1].media.exists) == (True, False)
    assert len(found[1].annotations) == 1


@pytest.mark.parametrize("names", [("a.jpg", "/d/b.jpg"), ("/d/b.jpg", "a.jpg"), ("C:/a", "D:/b")])
def test_an_absolute_file_name_among_others_says_what_is_expected(folder, make, names):
    images = [make.image(n, name) for n, name in enumerate(names, 1)]
    folder.put("annotations/instances_x.json", make.document(images, []))
    with pytest.raises(RecordError, match="relative to the folder of the images"):
        items(folder.path)


def test_keypoints_with_scores(folder, make):
    points = [1, 2, 0.93, 3, 4, 1.5, 0, 0, 0]
    document = make.document([make.image(1, "a.png")], [make.obj(1, 1, keypoints=points)])
    document["categories"][0]["keypoints"] = ["a", "b", "c"]
    folder.put("annotations/person_keypoints_x.json", document)
    with pytest.warns(DskWarning, match="those above 0 count as visible"):
        (item,) = items(folder.path).values()
    skeleton = item.annotations[0]
    assert (list(skeleton.points), list(skeleton.visibility)) == ([1, 2, 3, 4, 0, 0], [2, 2, 0])
    assert skeleton.extra["coco"]["keypoint_scores"] == [0.93, 1.5, 0]


def test_names_of_categories_that_are_numbers(folder, make):
    document = make.document([make.image(1, "a.png")], [make.obj(1, 1)])
    document["categories"][0]["name"] = 7
    folder.put("annotations/instances_x.json", document)
    data = Dataset.import_from(folder.path, "coco")
    assert data.categories().names[0] == "7"


def test_no_list_of_annotations(folder, make):
    document = make.document([make.image(1, "a.png")], annotations=None) | {"annotations": None}
    folder.put("annotations/instances_x.json", document)
    (item,) = items(folder.path).values()
    assert item.annotations == []


def test_a_category_that_is_there_twice(folder, make):
    document = make.document([make.image(1, "a.png")], [make.obj(1, 1)])
    document["categories"].append(document["categories"][0])
    folder.put("annotations/instances_x.json", document)
    dataset = Dataset.import_from(folder.path, "coco")
    assert dataset.categories().names == ["cat", "dog"]
    assert list(dataset.opening_ledger.warnings) == ["category 3 is there twice"]
    document["categories"][-1] = {"id": 3, "name": "other"}
    folder.put("annotations/instances_x.json", document)
    with pytest.raises(InputError, match=r"#/categories: category id 3 is there twice"):
        items(folder.path)


RESULT = {"image_id": 2, "category_id": 3, "bbox": [1, 2, 3, 4], "score": 0.5}


@pytest.mark.parametrize("place", ["annotations/found.json", "found.json"])
def test_a_results_file_as_the_input(folder, make, place):
    folder.put("annotations/instances_a.json", make.document([make.image(1, "a.png")], []))
    folder.put("annotations/instances_b.json", make.document([make.image(2, "b.png")], []))
    path = folder.put(place, [RESULT])
    assert choose(open_root(path)).format == "coco"
    found = items(path)
    assert {key: len(item.annotations) for key, item in found.items()} == {("b", "b"): 1}
    assert found["b", "b"].annotations[0].attributes["score"] == 0.5
    assert items(folder.path, results=place) == found


def test_results_beside_the_truth_are_not_taken_for_it(folder, make):
    folder.put("annotations/instances_a.json", make.document([make.image(1, "a.png")], []))
    folder.put("annotations/instances_a_results.json", [RESULT])
    dataset = Dataset.import_from(folder.path)
    assert [item.id for item in dataset] == ["a"]
    (note,) = dataset.opening_ledger.warnings
    assert note.endswith("-I results=annotations/instances_a_results.json reads it")


def test_results_without_truth_and_cut_off_results(folder, make):
    path = folder.put("found.json", [RESULT])
    with pytest.raises(InputError, match="put it beside the ground truth"):
        items(path)
    folder.put("annotations/instances_a.json", make.document([make.image(2, "a.png")], []))
    folder.put("found.json", '[{"image_id": 2, "category_id": 3, "bbox": [1, 2')
    with pytest.raises(InputError, match=r"found\.json: .*truncated"):
        items(folder.path, results="found.json")


def test_other_objects_of_equal_ids_in_files_of_two_tasks_are_all_read(folder, make):
    image = make.image(1, "a.png")
    folder.put("annotations/instances_t.json", make.document([image], [make.obj(1, 1)]))
    more = [make.obj(1, 1, category_id=7, bbox=[0, 0, 9, 9]), make.obj(2, 1)]
    folder.put("annotations/stuff_t.json", make.document([image], more))
    (item,) = items(folder.path, tasks="instances,stuff").values()
    assert [(a.id, a.label) for a in item.annotations] == [(1, 0), (1, 1), (2, 0)]


def test_tasks_that_are_not_there_are_told(folder, make):
    folder.put("annotations/instances_x.json", make.document([make.image(1, "a.png")], []))
    with pytest.raises(InputError, match=r"nothing of the tasks captions.*instances_x\.json"):
        items(folder.path, tasks="captions")


def test_images_of_one_name_and_several_endings_stay_apart(folder, make, out):
    images = [make.image(1, "x/a.jpg"), make.image(2, "b.jpg"), make.image(3, "x/a.png")]
    images += [make.image(4, "x/a.png"), make.image(5, "x/a.jpg")]
    objects = [make.obj(n, n) for n in (1, 2, 3, 4, 5)]
    folder.put("annotations/instances_x.json", make.document(images, objects))
    dataset = Dataset.import_from(folder.path, "coco")
    found = [(i.id, i.media.path, [a.id for a in i.annotations]) for i in dataset]
    assert found == [
        ("x/a", "x/a.jpg", [1, 5]),
        ("b", "b.jpg", [2]),
        ("x/a.png", "x/a.png", [3, 4]),
    ]
    assert len(dataset.opening_ledger.warnings) == 2
    dataset.export(out.path, "coco")
    assert [(i.id, len(i.annotations)) for i in Dataset.import_from(out.path)] == [
        ("x/a", 2),
        ("b", 1),
        ("x/a.png", 2),
    ]


IMAGES = "1f0c2a44-7d0e-4a53-9b51-6a1f5c3f0d01", "e3b0c442-98fc-4c14-9afb-f4c8996fb924"


def test_ids_that_are_no_numbers(folder, make):
    first, second = IMAGES
    records = [
        make.obj("ann-a", second, category_id="cat-x"),
        make.obj("ann-b", first, category_id="cat-w", attributes={"colour": "red"}),
        make.obj("ann-c", second, category_id="cat-w"),
    ]
    categories = [{"id": "cat-x", "name": "zebra"}, {"id": "cat-w", "name": "ape"}]
    whole = make.document([make.image(first, "a.png"), make.image(second, "b.png")], records)
    folder.put("instances_x.json", {**whole, "categories": categories})
    dataset = Dataset.import_from(folder.path, "coco")
    notes = dataset.opening_ledger.warnings
    assert any("ids that are no numbers get numbers" in note for note in notes)
    found = {(i.subset, i.id): i for i in dataset}
    a, b = found["x", "a"], found["x", "b"]
    assert (a.attributes, b.attributes) == ({"id": 1}, {"id": 2})
    assert (a.extra["coco"]["source_id"], b.extra["coco"]["source_id"]) == IMAGES
    assert [n.label for n in a.annotations + b.annotations] == [1, 0, 1]
    assert a.annotations[0].attributes["colour"] == "red"
    ids = [n.id for n in a.annotations + b.annotations]
    assert len(set(ids)) == 3
    assert all(0 < i < 1 << 53 for i in ids)
    assert [n.extra["coco"]["source_id"] for n in b.annotations] == ["ann-a", "ann-c"]


def test_text_ids_behind_many_annotations(folder, make):
    records = [make.obj(n, IMAGES[0], note="x" * 99) for n in range(1, 6000)]
    whole = make.document([make.image(IMAGES[0], "a.png")], records)
    whole["licenses"] = [{"id": "cc-by"}]
    folder.put("instances_x.json", {"annotations": whole["annotations"], **whole})
    (item,) = items(folder.path).values()
    assert len(item.annotations) == 5999


def test_texts_as_ids_of_licenses_change_nothing(folder, make):
    whole = make.document([make.image(41, "a.png")], [make.obj(5, 41)])
    folder.put("instances_x.json", {**whole, "licenses": [{"id": "cc-by"}]})
    (item,) = items(folder.path).values()
    assert item.attributes == {"id": 41}


def test_written_after_ids_that_are_no_numbers(folder, make, tmp_path):
    first, second = IMAGES
    whole = make.document(
        [make.image(first, "a.png"), make.image(second, "b.png")],
        [make.obj("x", second), make.obj("y", first)],
    )
    folder.put("instances_x.json", whole)
    Dataset.import_from(folder.path, "coco").export(tmp_path / "out", "coco")
    oracle = COCO(str(tmp_path / "out/annotations/instances_x.json"))
    assert {i["file_name"]: i["source_id"] for i in oracle.imgs.values()} == {
        "a.png": first,
        "b.png": second,
    }
    owners = {a["source_id"]: oracle.imgs[a["image_id"]]["file_name"] for a in oracle.anns.values()}
    assert owners == {"x": "b.png", "y": "a.png"}
    again = items(tmp_path / "out")
    assert [len(i.annotations) for i in again.values()] == [1, 1]


def test_text_ids_join_objects_of_two_files(folder, make):
    image = make.image(IMAGES[0], "a.png")
    points = {"keypoints": [2, 2, 2, 4, 4, 2], "num_keypoints": 2}
    folder.put(
        "annotations/instances_x.json",
        make.document([image], [make.obj("one", IMAGES[0]), make.obj("two", IMAGES[0])]),
    )
    folder.put(
        "annotations/person_keypoints_x.json",
        make.document([image], [make.obj("two", IMAGES[0], **points)]),
    )
    (item,) = items(folder.path).values()
    kinds = [(type(a), bool(a.group)) for a in item.annotations]
    assert kinds == [(Polygon, False), (Polygon, True), (Skeleton, True)]


def test_text_ids_of_no_image_are_said(folder, make):
    whole = make.document([make.image(IMAGES[0], "a.png")], [make.obj(1, "gone")])
    folder.put("instances_x.json", whole)
    with pytest.raises(RecordError, match="there is no image gone"):
        items(folder.path)


@pytest.mark.parametrize(
    "content",
    [
        {"version": "2.0", "item": {"name": "a.png"}, "annotations": [{"bounding_box": {"h": 1}}]},
        {"version": "2.0", "item": {"name": "a.png"}, "annotations": []},
        {"videos": [{"id": 0}], "annotations": [{"video_id": 0, "category_id": 1}]},
        {"images": {"file_name": "a.png"}, "annotations": [{"poly": [1], "category_id": 1}]},
        {"image": {"image_id": 1}, "annotations": [{"segmentation": {"size": [1, 1]}}]},
    ],
    ids=["darwin", "darwin-empty", "videos", "soda", "segment-anything"],
)
def test_other_json_with_annotations_is_not_taken_for_coco(folder, content):
    folder.put("a.json", content)
    from dsk_coco.detect import detect

    assert detect(open_root(folder.path)) is None


def test_annotations_may_come_first(folder, make):
    whole = make.document([make.image(1, "a.png")], [make.obj(n, 1) for n in range(1, 900)])
    folder.put("a.json", {"annotations": whole["annotations"], **whole})
    assert choose(open_root(folder.path)).format == "coco"


def test_fewer_keypoints_than_the_category_names(folder, make):
    category = {"id": 3, "name": "person", "keypoints": ["a", "b", "c"], "skeleton": []}
    record = make.obj(1, 1, keypoints=[2, 3, 2, 4, 5, 1], num_keypoints=2)
    whole = make.document([make.image(1, "a.png")], [record], categories=[category])
    folder.put("person_keypoints_x.json", whole)
    with pytest.warns(DskWarning, match="fewer keypoints"):
        (item,) = items(folder.path).values()
    skeleton = next(a for a in item.annotations if isinstance(a, Skeleton))
    assert list(skeleton.points) == [2, 3, 4, 5, 0, 0]
    assert list(skeleton.visibility) == [2, 1, 0]


def test_a_list_of_images_does_not_hide_panoptic_maps(folder, make):
    images = [make.image(1, "a.png")]
    panoptic = {"image_id": 1, "file_name": "a.png", "segments_info": []}
    folder.put("images_info_x.json", make.document(images))
    folder.put("panoptic_x.json", make.document(images, [panoptic]))
    folder.put("panoptic_x/a.png", PNG)
    dataset = Dataset.import_from(folder.path, "coco")
    assert set(dataset.header.info["coco"]["tasks"]) == {"panoptic", "image_info"}
    assert not dataset.opening_ledger.warnings
    assert [(i.subset, i.id) for i in dataset] == [("x", "a")]


def test_panoptic_objects_as_run_lengths(folder, make):
    mask = {"size": [10, 20], "counts": [5, 10, 185]}
    record = make.obj(1, 1, segmentation=mask, iscrowd=0)
    folder.put("panoptic_detection.json", make.document([make.image(1, "a.png")], [record]))
    assert isinstance(only(folder.path), Mask)


def test_files_without_categories(folder, make):
    records = [make.obj(n, 1, category_id=c) for n, c in enumerate([7, 2, 7, None, 0], 1)]
    whole = make.document([make.image(1, "a.png")], records)
    del whole["categories"]
    folder.put("instances_x.json", whole)
    dataset = Dataset.import_from(folder.path, "coco")
    assert any("there are no categories" in note for note in dataset.opening_ledger.warnings)
    names = dataset.categories().names
    (item,) = dataset
    labels = [None if a.label is None else names[a.label] for a in item.annotations]
    assert labels == ["class_7", "class_2", "class_7", None, "class_0"]


def test_objects_without_any_category(folder, make):
    whole = make.document([make.image(1, "a.png")], [make.obj(1, 1, category_id=0)])
    folder.put("instances_x.json", {**whole, "categories": []})
    dataset = Dataset.import_from(folder.path, "coco")
    assert not dataset.categories().names
    assert [a.label for i in dataset for a in i.annotations] == [None]


def test_images_far_from_the_annotations(folder, make):
    whole = make.document([make.image(n, f"{n}.png") for n in range(1, 4)], [make.obj(1, 1)])
    folder.put("annotations/annotations.json", whole)
    for n in range(1, 4):
        folder.put(f"data/all_masks/{n}.png", b"")
        folder.put(f"data/train_images/{n}.png", PNG)
    folder.put("dataset/one/1.png", b"")
    found = items(folder.path)
    assert [i.media.read_bytes() == PNG for i in found.values()] == [True] * 3


@pytest.mark.parametrize("only_columns", [False, True])
@pytest.mark.parametrize(
    "edit",
    [
        (b'"note": "ok"', b'"note": "\xff"', 1),
        (b'"note": "ok"', b'"no\xffte": "ok"', 1),
        (b'"mark": "ok"', b'"mark": "\xb6"', 1),
        (b'"mark": "ok"', b'"\xb6": "ok"', 1),
        (b'"name": "dog"', b'"name": "\xff"', None),
        (b'"year": 1', b'"year": "\xff"', None),
    ],
)
def test_bytes_that_are_no_text(folder, make, edit, only_columns):
    """One line says so; skipping loses the field or the record, not the rest."""
    old, new, bad = edit
    images = [make.image(1, "a.png", note="ok"), make.image(2, "b.png")]
    objects = [make.obj(5, 1, mark="ok"), make.obj(6, 2)]
    text = json.dumps(make.document(images, objects, info={"year": 1})).encode()
    assert old in text
    folder.put("annotations/instances_x.json", "{}")
    (folder.path / "annotations/instances_x.json").write_bytes(text.replace(old, new))

    def read(on_error):
        ledger = Ledger(on_error)
        dataset = open_dataset(folder.path, "coco", {}, on_error, only_columns=only_columns)
        for partition in dataset.source.partitions():
            list(dataset.source.read(partition, ledger))
        return dataset.opening_ledger.bad_count + ledger.bad_count

    with pytest.raises((InputError, RecordError)):
        read("raise")
    if bad is None:
        with pytest.raises(InputError):
            read("skip")
    else:
        assert read("skip") == bad


def test_objects_that_have_a_caption_stay_objects(folder, make, out):
    boxed = make.obj(2, 1, segmentation=[], caption="a cat")
    folder.put(
        "annotations/instances_x.json",
        make.document([make.image(1, "a.jpg")], [make.obj(1, 1, caption="its cat"), boxed]),
    )
    place = {"bbox": [1, 1, 4, 4], "segmentation": [make.square]}
    caption = {"id": 5, "image_id": 1, "caption": "a garden", **place}
    folder.put(
        "annotations/captions_x.json",
        {"images": [make.image(1, "a.jpg")], "annotations": [caption]},
    )
    dataset = Dataset.import_from(folder.path, "coco")
    (item,) = dataset
    assert [a.kind for a in item.annotations] == ["polygon", "bbox", "caption"]
    dataset.export(out.path, "coco")
    records = out.load("annotations/instances_x.json")["annotations"]
    assert [(r["bbox"], r["caption"]) for r in records] == [
        ([1, 1, 4, 4], "its cat"),
        ([1, 1, 4, 4], "a cat"),
    ]
    assert out.load("annotations/captions_x.json")["annotations"] == [caption]


@pytest.mark.parametrize("name", ["Instances_Train.json", "INSTANCES_Train.json"])
def test_tasks_in_names_of_any_case(name, folder, make):
    folder.put(f"annotations/{name}", make.document([make.image(1, "a.jpg")], [make.obj(1, 1)]))
    assert list(items(folder.path)) == [("Train", "a")]


def test_outlines_without_values_are_called_so(folder, make):
    bad = make.obj(1, 1, segmentation=[make.square, []])
    folder.put("annotations/instances_x.json", make.document([make.image(1, "a.jpg")], [bad]))
    with pytest.raises(RecordError, match="an outline has 0 or 1 values"):
        items(folder.path)


def test_labels_of_files_without_categories_are_those_of_the_meta_file(folder, make):
    captions = [{"id": 1, "image_id": 1, "caption": "a cat"}]
    folder.put(
        "annotations/captions_x.json",
        {"images": [make.image(1, "a.jpg")], "annotations": captions, "categories": []},
    )
    folder.put("dataset_meta.json", {"labels": ["cat", "dog"]})
    assert Dataset.import_from(folder.path, "coco").categories().names == ["cat", "dog"]
