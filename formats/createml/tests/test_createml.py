"""Create ML's JSON: layouts, spellings, oddities, what is written."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsk import Dataset
from dsk.annotations import Bbox, Label
from dsk.detect import detect
from dsk.errors import InputError, RecordError
from dsk.files import open_root
from dsk.item import DatasetItem
from dsk.media import Image

NAME = "_annotations.createml.json"
PLACE = {"x": 30, "y": 20.5, "width": 10, "height": 8}


def box(label="dog", **more):
    return {"label": label, "coordinates": PLACE} | more


def put(path, *records):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(list(records)), encoding="utf-8")


def record(image, *entries, **more):
    return {"image": image, "annotations": list(entries)} | more


def read(root, **options):
    return Dataset.import_from(root, "create_ml", **options)


def best(root):
    return detect(open_root(root))[0].format


def test_roboflow(tmp_path):
    for subset in ("train", "valid"):
        put(
            tmp_path / subset / NAME, record(f"{subset}1.jpg", box("zebra"), box()), record("e.jpg")
        )
        (tmp_path / subset / f"{subset}1.jpg").write_bytes(b"")
    dataset = read(tmp_path)
    assert dataset.categories().names == ["dog", "zebra"]
    items = {(i.subset, i.id): i for i in dataset}
    assert set(items) == {(s, n) for s in ("train", "valid") for n in (f"{s}1", "e")}
    found = items["train", "train1"]
    assert [(a.bbox, a.label) for a in found.annotations] == [
        ((25.0, 16.5, 10.0, 8.0), 1),
        ((25.0, 16.5, 10.0, 8.0), 0),
    ]
    assert found.media.source == str(tmp_path / "train" / "train1.jpg")
    assert items["valid", "e"].annotations == []
    assert best(tmp_path) == "create_ml"


def test_corner_as_anchor(tmp_path):
    put(tmp_path / NAME, record("a.jpg", box()))
    (item,) = read(tmp_path, anchor="top_left")
    assert item.annotations[0].bbox == (30.0, 20.5, 10.0, 8.0)


@pytest.mark.parametrize("name", ["annotations.json", "pets.json", NAME])
def test_one_file_beside_images(tmp_path, name):
    put(tmp_path / name, record("a.jpg", box()))
    (item,) = read(tmp_path)
    assert (item.id, item.subset) == ("a", "default")
    assert best(tmp_path) == "create_ml"


def test_subsets_of_files_and_folders(tmp_path):
    put(tmp_path / "one" / "train.json", record("a.jpg", box()))
    put(tmp_path / "one" / "val.json", record("b.jpg"))
    assert [(i.subset, i.id) for i in read(tmp_path)] == [("train", "a"), ("val", "b")]
    put(tmp_path / "two" / "train.json", record("a.jpg", box()))
    subsets = [i.subset for i in read(tmp_path)]
    assert subsets == ["one-train", "val", "two-train"]


def test_one_given_file_or_split(tmp_path):
    put(tmp_path / "train" / NAME, record("a.jpg", box()))
    put(tmp_path / "valid" / NAME, record("b.jpg", box()))
    for path in (tmp_path / "valid", tmp_path / "valid" / NAME):
        assert [(i.subset, i.id) for i in read(path)] == [("valid", "b")]


def test_apples_spelling(tmp_path):
    """Apple's page has "imagefilename" and "annotation"; LabelImg adds "verified"."""
    put(
        tmp_path / "a.json",
        {"imagefilename": "cat and dog.png", "annotation": [box("cat", uniqueIdentifier="4E")]},
        record("b.jpg", box(), verified=False),
    )
    first, second = read(tmp_path)
    assert first.id == "cat and dog"
    assert first.annotations[0].extra == {"create_ml": {"uniqueIdentifier": "4E"}}
    assert second.extra == {"create_ml": {"verified": False}}
    read(tmp_path).export(tmp_path / "out", "create_ml")
    written = json.loads((tmp_path / "out" / "default" / NAME).read_text())
    assert written[0]["annotations"][0]["uniqueIdentifier"] == "4E"
    assert written[1] == record("b.jpg", box(), verified=False)


def test_labels_of_whole_images(tmp_path):
    records = [record("a.jpg", "dog", "cat"), {"image": "b.jpg", "annotations": "cat"}]
    put(tmp_path / "a.json", *records)
    assert best(tmp_path) == "create_ml"
    put(tmp_path / "a.json", *records, record("c.jpg", {"label": 7}))
    dataset = read(tmp_path)
    assert dataset.categories().names == ["7", "cat", "dog"]
    found = [[(type(a), a.label) for a in i.annotations] for i in dataset]
    assert found == [[(Label, 2), (Label, 1)], [(Label, 1)], [(Label, 0)]]


def test_images_are_found_in_folders_and_without_endings(tmp_path):
    put(tmp_path / "train" / NAME, record("v1.a", box()), record("b.PNG"), record("x/c.jpg"))
    for place in ("images/v1.a.jpg", "b.PNG", "x/c.jpg"):
        path = tmp_path / "train" / place
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    found = [(i.id, i.media.exists) for i in read(tmp_path)]
    assert found == [("v1.a", True), ("b", True), ("x/c", True)]


def test_byte_order_mark_and_numbers_as_text(tmp_path):
    entry = {"label": "a", "coordinates": {"x": "3", "y": "4", "width": "2", "height": "2.0"}}
    text = json.dumps([record("a.jpg", entry)])
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf" + text.encode())
    (item,) = read(tmp_path)
    assert item.annotations == [Bbox(2.0, 3.0, 2.0, 2.0, label=0)]


def test_image_listed_twice(tmp_path):
    put(tmp_path / "a.json", record("a.jpg", box("x")), record("b.jpg"), record("a.jpg", box("y")))
    first, second = read(tmp_path)
    assert [a.label for a in first.annotations] == [0, 1]
    assert second.id == "b"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (box(coordinates=PLACE | {"width": -1}), "negative"),
        (box(coordinates={"x": 1, "y": 1, "width": 1}), "no number height"),
        (box(coordinates=PLACE | {"x": True}), "no number x"),
        (box(coordinates=[1, 2, 3, 4]), "no object"),
        ({"confidence": 1}, "neither a label nor coordinates"),
        (None, "neither an object nor"),
    ],
)
def test_bad_annotations(tmp_path, entry, message):
    put(tmp_path / NAME, record("a.jpg", box(), entry))
    with pytest.raises(RecordError, match=message) as caught:
        list(read(tmp_path))
    assert caught.value.where.endswith(f"{NAME}#/0/annotations/1")
    report = read(tmp_path, on_error="skip").export(tmp_path / "out", "create_ml")
    assert (report.errors, report.annotations["out"]) == (1, 1)


def test_box_without_a_label(tmp_path):
    put(tmp_path / NAME, record("a.jpg", box(""), {"coordinates": PLACE}))
    dataset = read(tmp_path)
    assert dataset.categories().names == []
    assert [a.label for a in next(iter(dataset)).annotations] == [None, None]


def test_bad_records(tmp_path):
    put(tmp_path / NAME, record("../../a.jpg"), {"annotations": []}, record("b.jpg", box()))
    with pytest.raises(RecordError, match="leads out"):
        list(read(tmp_path))
    assert [i.id for i in read(tmp_path, on_error="skip")] == ["b"]


def test_nan_spoils_its_own_record_only(tmp_path):
    bad = box(coordinates=PLACE | {"x": float("nan")})
    put(tmp_path / NAME, record("a.jpg", bad), record("b.jpg", box()))
    with pytest.raises(RecordError, match="NaN"):
        list(read(tmp_path))
    assert [i.id for i in read(tmp_path, on_error="skip")] == ["b"]


@pytest.mark.parametrize("text", ["", "{}", '[{"image": "a.jpg", "annotations": [', "[1, 2]"])
def test_no_dataset(tmp_path, text):
    (tmp_path / NAME).write_text(text)
    with pytest.raises(InputError, match=r"JSON|no "):
        list(read(tmp_path, on_error="skip"))


def test_other_lists_are_not_claimed(tmp_path):
    (tmp_path / "tasks.json").write_text(
        json.dumps([{"id": 1, "image": "a.jpg", "annotations": [{"result": []}]}])
    )
    assert "create_ml" not in [match.format for match in detect(open_root(tmp_path))]


@pytest.mark.parametrize(("anchor", "x"), [("center", 2.5), ("top_left", 1)])
def test_what_is_written(tmp_path, anchor, x):
    items = [DatasetItem("a/b", "train", Image(path="a/b.jpg"), [Bbox(1, 2, 3, 4, label=1)])]
    dataset = Dataset.from_iterable(items, ["cat", "dog"])
    dataset.export(tmp_path / "o", "create_ml", anchor=anchor, save_dataset_meta=True)
    (written,) = json.loads((tmp_path / "o" / "train" / NAME).read_text())
    assert written["image"] == "a/b.jpg"
    assert written["annotations"][0]["label"] == "dog"
    assert written["annotations"][0]["coordinates"]["x"] == x
    back = read(tmp_path / "o", anchor=anchor)
    assert back.categories().names == ["cat", "dog"]
    assert next(iter(back)).annotations[0].bbox == (1, 2, 3, 4)


def test_images_that_differ_in_their_ending_stay_apart(tmp_path):
    first, second = record("a.jpg", box()), record("a.png", box("cat"))
    put(tmp_path / NAME, first, second, second, record("v1.b"), record("v1.b"))
    dataset = read(tmp_path)
    found = {i.id: (i.media.path, [a.label for a in i.annotations]) for i in dataset}
    assert found == {"a": ("a.jpg", [1]), "a.png": ("a.png", [0, 0]), "v1.b": ("v1.b", [])}
    joined, apart = sorted(dataset.opening_ledger.warnings.items(), key=lambda w: -w[1])
    assert (joined[1], apart) == (
        2,
        ("images differ in their ending only; their whole names are their ids", 1),
    )


@pytest.mark.parametrize("name", ["/home/me/x/a.jpg", "C:\\x\\a.jpg"])
def test_paths_of_other_machines(name, tmp_path):
    put(tmp_path / NAME, record(name, box()))
    (tmp_path / "a.jpg").write_bytes(b"pixels")
    (item,) = read(tmp_path)
    assert (item.id, item.media.read_bytes()) == ("a", b"pixels")


def test_a_path_that_climbs_stays_an_error(tmp_path):
    put(tmp_path / NAME, record("../a.jpg", box()))
    with pytest.raises(RecordError, match="leads out"):
        read(tmp_path)


def test_annotations_in_a_folder_beside_the_images(tmp_path):
    for subset in ("train", "val"):
        put(tmp_path / f"annotations/{subset}.json", record("a.jpg", box()))
        (tmp_path / "images" / subset).mkdir(parents=True)
        (tmp_path / "images" / subset / "a.jpg").write_text(subset)
    assert {i.subset: i.media.read_bytes() for i in read(tmp_path)} == {
        "train": b"train",
        "val": b"val",
    }


@pytest.mark.parametrize(
    ("text", "said"), [("", "file is empty"), ("{}", "no list of records"), ('"a"', "no list")]
)
def test_what_is_no_list_is_named(text, said, tmp_path):
    (tmp_path / NAME).write_text(text)
    with pytest.raises(InputError, match=said):
        read(tmp_path)


def test_boxes_that_are_not_finite_are_reported(tmp_path):
    boxes = [Bbox(float("nan"), 1, 2, 3, label=0), Bbox(1, 1, 2, 2, label=0)]
    dataset = Dataset.from_iterable([DatasetItem("a", annotations=boxes)], ["dog"])
    report = dataset.export(tmp_path / "out", "create_ml")
    assert (report.annotations["out"], report.annotations["dropped"]) == (1, 1)
    (item,) = read(tmp_path / "out")
    assert [a.bbox for a in item.annotations] == [(1.0, 1.0, 2.0, 2.0)]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(*[st.decimals(0, 2000, places=n) for n in (3, 2, 2, 1)]), max_size=5))
def test_numbers_come_back_as_they_were_written(boxes):
    places = [dict(zip(("x", "y", "width", "height"), map(float, b), strict=True)) for b in boxes]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        put(root / "in" / NAME, record("a.jpg", *({**box(), "coordinates": p} for p in places)))
        read(root / "in").export(root / "out", "create_ml")
        (written,) = json.loads((root / "out" / "default" / NAME).read_text())
    assert [entry["coordinates"] for entry in written["annotations"]] == places


@pytest.mark.parametrize("meta", [False, True])
def test_labels_that_files_do_not_tell_are_reported(meta, tmp_path):
    items = [DatasetItem("a", annotations=[Bbox(1, 1, 2, 2, label=n) for n in (0, 2)])]
    dataset = Dataset.from_iterable(items, ["zebra", "ant", "dog"])
    report = dataset.export(tmp_path / "out", "create_ml", save_dataset_meta=meta)
    found = {(event.code, event.what, event.count) for event in report.events}
    lost = {("DSK-L010", "labels that no box has", 1), ("DSK-L015", "labels by name", 1)}
    assert found == (set() if meta else lost)
    names = read(tmp_path / "out").categories().names
    assert names == (["zebra", "ant", "dog"] if meta else ["dog", "zebra"])


@pytest.mark.parametrize(("name", "subset"), [("train.json", "train"), (NAME, "default")])
def test_a_file_given_by_itself_finds_its_images(name, subset, tmp_path):
    put(tmp_path / "Annotations" / name, record("a.jpg", box()))
    (tmp_path / "images").mkdir()
    (tmp_path / "images/a.jpg").write_bytes(b"pixels")
    for path in (tmp_path / "Annotations" / name, tmp_path):
        (item,) = read(path)
        assert (item.subset, item.media.read_bytes()) == (subset, b"pixels")


def test_further_fields_of_coordinates_are_written_back(tmp_path):
    put(tmp_path / NAME, record("a.jpg", box(coordinates=PLACE | {"angle": 3}, score=0.5)))
    dataset = read(tmp_path)
    (item,) = dataset
    assert item.annotations[0].extra == {"create_ml": {"score": 0.5, "coordinates": {"angle": 3}}}
    dataset.export(tmp_path / "out", "create_ml")
    (written,) = json.loads((tmp_path / "out" / "default" / NAME).read_text())
    assert written["annotations"] == [box(coordinates=PLACE | {"angle": 3}, score=0.5)]


def test_boxes_with_swapped_corners_can_be_read_again(tmp_path):
    item = DatasetItem("a", annotations=[Bbox(8, 9, -6, -4, label=0)])
    Dataset.from_iterable([item], ["dog"]).export(tmp_path / "out", "create_ml")
    (back,) = read(tmp_path / "out")
    assert [a.bbox for a in back.annotations] == [(2.0, 5.0, 6.0, 4.0)]


@pytest.mark.parametrize("wrong", [7, 1.5, True])
@pytest.mark.parametrize("key", ["annotations", "annotation"])
def test_annotations_of_another_type_are_a_bad_record(wrong, key, tmp_path):
    put(tmp_path / NAME, {"image": "a.jpg", key: wrong}, record("b.jpg", box()))
    with pytest.raises(RecordError, match=f"{key}: neither a list") as caught:
        list(read(tmp_path))
    assert (caught.value.where.endswith(f"{NAME}#/0"), caught.value.item) == (True, "a")
    dataset = read(tmp_path, on_error="skip")
    assert dataset.categories().names == ["dog"]
    assert [len(item.annotations) for item in dataset] == [0, 1]


@pytest.mark.parametrize("wrong", [7, 1.5, True, "", [1]])
def test_entries_that_are_no_names_of_labels_are_bad(wrong, tmp_path):
    put(tmp_path / NAME, record("a.jpg", wrong, box()))
    with pytest.raises(RecordError, match="neither an object nor"):
        list(read(tmp_path))
    dataset = read(tmp_path, on_error="skip")
    assert dataset.categories().names == ["dog"]
    assert [len(item.annotations) for item in dataset] == [1]


def test_no_annotations(tmp_path):
    put(tmp_path / NAME, {"image": "a.jpg", "annotations": None}, {"image": "b.jpg"})
    assert [(item.id, item.annotations) for item in read(tmp_path)] == [("a", []), ("b", [])]
