"""Downloads whose files are not where the layout's description has them."""

import pytest
from wild import BOX, NAMES, PNG, make, read

from dsk.detect import choose
from dsk.errors import InputError
from dsk.files import open_root

PAIR = {"images/train/a.png": PNG, "labels/train/a.txt": BOX}

SAME = {
    "a yaml in a folder beside the images": {
        "cfg/mine.yaml": f"path: /home/me/set\ntrain: images/train\n{NAMES}",
        **PAIR,
    },
    "a folder of images and of rows": {
        "data.yaml": f"train: train\n{NAMES}",
        "train/images/a.png": PNG,
        "train/labels/a.txt": BOX,
    },
    "keys that are no subsets": {
        "data.yaml": f"root: ./\nlabels_dir: labels/train\ntrain: images/train\n{NAMES}",
        **PAIR,
    },
    "darknet's cfg and data folders": {
        "cfg/my.data": "train = data/train.txt\nnames = data/my.names\n",
        "data/my.names": "cat\ndog\n",
        "data/train.txt": "data/obj/a.png\n",
        "data/obj/a.png": PNG,
        "data/obj/a.txt": BOX,
    },
    "endings in capitals": {
        "Obj.Data": "train = train.txt\nnames = obj.names\n",
        "obj.names": "cat\ndog\n",
        "train.txt": "obj_train_data/a.PNG\n",
        "obj_train_data/a.PNG": PNG,
        "obj_train_data/a.TXT": BOX,
    },
    "class names in capitals": {"Classes.TXT": "cat\ndog\n", **PAIR},
}


@pytest.mark.parametrize("layout", SAME)
def test_what_lies_elsewhere_is_found(layout, tmp_path):
    dataset, items, _ = read(make(tmp_path, SAME[layout]))
    assert list(items) == [("train", "a")]
    assert len(items["train", "a"].annotations) == 1
    assert dataset.header.categories.names == ["cat", "dog"]
    assert dataset.header.subsets == ("train",)


@pytest.mark.parametrize(
    ("stated", "there"),
    [("valid", "val"), ("val", "valid"), ("validation", "val"), ("Valid", "val")],
)
def test_a_subset_under_another_name_than_the_stated_one(stated, there, tmp_path):
    files = {
        "data.yaml": f"train: ../train/images\nval: ../{stated}/images\n{NAMES}",
        "train/images/a.png": PNG,
        "train/labels/a.txt": BOX,
        f"{there}/images/b.png": PNG,
        f"{there}/labels/b.txt": BOX,
    }
    _, items, told = read(make(tmp_path, files))
    assert list(items) == [("train", "a"), ("val", "b")]
    assert len(items["val", "b"].annotations) == 1
    assert [t for t in told if f"no ../{stated}/images; {there}/images is read" in t]


def test_a_folder_of_another_key_stands_for_no_missing_one(tmp_path):
    files = {
        "data.yaml": f"train: training/images\nval: valid/images\ntest: val/images\n{NAMES}",
        "train/images/a.png": PNG,
        "train/labels/a.txt": BOX,
        "val/images/b.png": PNG,
    }
    _, items, told = read(make(tmp_path, files))
    assert list(items) == [("train", "a"), ("test", "b")]
    assert [t for t in told if "val: there is no valid/images" in t]


def test_each_folder_has_its_own_rule_for_rows(tmp_path):
    files = {
        "data.yaml": f"train: [one/images, two/JPEGImages, three, list.txt]\n{NAMES}",
        "one/images/a.png": PNG,
        "one/labels/a.txt": BOX,
        "two/JPEGImages/b.png": PNG,
        "two/labels/b.txt": BOX,
        "three/c.png": PNG,
        "three/c.txt": BOX,
        "list.txt": "four/Images/d.png\nfive/images/e.png\n",
        "four/Images/d.png": PNG,
        "four/labels/d.txt": BOX,
        "five/images/e.png": PNG,
        "five/images/e.txt": BOX,
    }
    _, items, told = read(make(tmp_path, files))
    assert len(items) == 5
    assert [len(item.annotations) for item in items.values()] == [1] * 5
    assert told == []


def test_a_subset_without_any_rows_is_told(tmp_path):
    files = {"data.yaml": f"train: pics\n{NAMES}", "pics/a.png": PNG, "rows/a.txt": BOX}
    _, items, told = read(make(tmp_path, files))
    assert items["train", "a"].annotations == []
    (message,) = told
    assert message.startswith("train: there is no labels folder")


def test_a_folder_of_other_subsets_is_no_subset(tmp_path):
    files = {"data.yaml": f"everything: images\ntrain: images/train\n{NAMES}", **PAIR}
    _, items, told = read(make(tmp_path, files))
    assert list(items) == [("train", "a")]
    assert told == ["data.yaml: everything is the folder of other subsets, not one itself"]


def test_folders_of_subsets_in_capitals(tmp_path):
    files = {f"{s}/{f}": c for s in ("Train", "Valid") for f, c in {
        "images/a.png": PNG, "labels/a.txt": BOX}.items()}  # fmt: skip
    _, items, _ = read(make(tmp_path, files))
    assert list(items) == [("Train", "a"), ("Valid", "a")]
    assert all(len(item.annotations) == 1 for item in items.values())


def test_a_yaml_given_by_itself_is_told_nothing_wrong(tmp_path):
    files = {"cfg/data.yaml": f"train: ../images/train\n{NAMES}", **PAIR}
    _, items, told = read(make(tmp_path, files) / "cfg/data.yaml")
    assert (list(items), told) == ([("train", "a")], [])


def test_class_folders_below_the_only_folder(tmp_path):
    files = {"set/set/train/cat/a.png": PNG, "set/set/val/dog/b.png": PNG, "set/readme.txt": "x"}
    dataset, items, _ = read(make(tmp_path, files), "yolov8_classification")
    assert list(items) == [("train", "cat/a"), ("val", "dog/b")]
    assert dataset.header.categories.names == ["cat", "dog"]
    assert items["val", "dog/b"].media.read_bytes() == PNG


def test_ids_with_a_folder_named_images_stay(tmp_path):
    files = {
        "data.yaml": f"train: images/train\n{NAMES}",
        "images/train/images/a.png": PNG,
        "images/train/labels/a.txt": BOX,
    }
    assert list(read(make(tmp_path, files))[1]) == [("train", "images/a")]


def test_a_damaged_yaml_of_any_name_is_an_error(tmp_path):
    files = {"mine.yaml": "train: images/train\n\tnames: [cat]\n", "other.yaml": "a: [", **PAIR}
    with pytest.raises(InputError, match="no valid YAML") as caught:
        read(make(tmp_path, files))
    assert caught.value.where.endswith("mine.yaml:2")


ROWS_BESIDE = {"a.png": PNG, "a.txt": BOX, "day/b.png": PNG, "day/b.txt": BOX, "notes.txt": "-"}


def test_images_and_rows_without_anything_else(tmp_path):
    assert choose(open_root(make(tmp_path, ROWS_BESIDE))).format == "yolo"
    _, items, told = read(tmp_path)
    assert list(items) == [("default", "a"), ("day", "b")]
    assert all(len(item.annotations) == 1 for item in items.values())
    assert told == ["there are no class names; classes are named by their numbers"]


def test_words_beside_images_are_no_rows(tmp_path):
    files = {"train/cat/a.png": PNG, "train/cat/a.txt": "a cat on a mat\n"}
    dataset, items, _ = read(make(tmp_path, files))
    assert dataset.header.categories.names == ["cat"]
    assert list(items) == [("train", "cat/a")]


@pytest.mark.parametrize("folders", [("images", "labels"), ("obj", "obj"), ("", "")])
def test_lists_name_the_subsets_where_folders_do_not(folders, tmp_path):
    images, labels = (f"{f}/" if f else "" for f in folders)
    files = {
        "classes.txt": "cat\ndog\n",
        "train.txt": f"/content/set/{images}a.png\r\n",
        "val.txt": f"./{images}b.png\n",
        **{f"{images}{n}.png": PNG for n in "abc"},
        **{f"{labels}{n}.txt": BOX for n in "abc"},
    }
    _, items, _ = read(make(tmp_path, files))
    assert set(items) >= {("train", "a"), ("val", "b")}
    assert len(items) == 3
    assert all(len(item.annotations) == 1 for item in items.values())


def test_class_names_in_a_file_of_another_name(tmp_path):
    dataset, _, _ = read(make(tmp_path, {"labels.txt": "cat\ndog\n", **PAIR}))
    assert dataset.header.categories.names == ["cat", "dog"]


def test_folders_without_images_are_no_subsets(tmp_path):
    files = {"train/cat/a.png": PNG, "runs/weights/best.pt": "x"}
    dataset, _, _ = read(make(tmp_path, files), "yolov8_classification")
    assert dataset.header.subsets == ("train",)


def test_names_that_are_keys(tmp_path):
    files = {"data.yaml": "train: images/train\nnames: {dog: 1, cat: 0}", **PAIR}
    dataset, _, _ = read(make(tmp_path, files))
    assert dataset.header.categories.names == ["cat", "dog"]
    (tmp_path / "data.yaml").write_text("train: images/train\nnames: {dog: 1, cat: 1}")
    with pytest.raises(InputError, match="not a class id"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("head", "row", "kind"),
    [
        ("", "0 0.5 0.5 0.2 0.2", "of boxes: yolov8_detection"),
        ("", "0 0.1 0.1 0.4 0.1 0.4 0.3", "of outlines: yolov8_segmentation"),
        ("", "0 0.1 0.1 0.4 0.1 0.4 0.3 0.1 0.3", "of oriented boxes: yolov8_oriented_boxes"),
        ("", "10 10 40 10 40 30 10 30 a 0", "of oriented boxes: roboflow_yolo_obb"),
        ("", "0 0.5 0.5 0.2 0.2\n0 0.1 0.1 0.4 0.1 0.4 0.3", "of boxes and outlines"),
        ("kpt_shape: [1, 3]", "0 0.5 0.5 0.2 0.2 0.5 0.5 2", "of keypoints: yolov8_pose"),
        ("", "", "classes and images"),
    ],
)
@pytest.mark.parametrize("place", ["labels/train", "train/labels", "labels"])
def test_detection_says_what_the_rows_hold(head, row, kind, place, tmp_path):
    text = f"train: {place.replace('labels', 'images')}\nnames: [a]\n{head}\n"
    make(tmp_path, {"data.yaml": text, f"{place}/x.txt": row})
    assert choose(open_root(tmp_path)).reason.endswith(kind)


def test_a_yaml_whose_images_are_not_there_is_a_weak_sign(tmp_path):
    make(tmp_path, {"set.yaml": f"train: set/images\n{NAMES}"})
    found = choose(open_root(tmp_path))
    assert (found.format, found.score) == ("yolo", 40)


def test_folders_in_place_of_darknets_lists(tmp_path):
    make(
        tmp_path,
        {
            "obj.data": "classes=2\ntrain=/content/set/train\nvalid=/content/set/test\n"
            "names=/content/obj.names\nbackup=https://example.org/x.git",
            "obj.names": "cat\ndog\n",
            "train/images/a.png": PNG,
            "train/labels/a.txt": BOX,
            "test/images/b.png": PNG,
            "test/Labels/b.txt": BOX,
        },
    )
    _, items, told = read(tmp_path)
    assert {k: len(i.annotations) for k, i in items.items()} == {
        ("train", "a"): 1,
        ("valid", "b"): 1,
    }
    assert any("train is a folder, not a list" in note for note in told)


def test_listed_images_that_are_not_there_are_told(tmp_path):
    files = {"obj.data": "train = train.txt\nnames = obj.names\n", "obj.names": "cat\n"}
    make(tmp_path, {**files, "train.txt": "/home/me/a.jpg\n/home/me/b.jpg\n"})
    _, items, told = read(tmp_path)
    assert len(items) == 2
    assert any("train: no label file was found for 2 of 2 images" in note for note in told)


@pytest.mark.parametrize("home", ["", "dataset/"])
def test_roboflows_export_without_subsets(home, tmp_path):
    yaml = f"train: ../train/images\nval: ../valid/images\n{NAMES}"
    files = {"data.yaml": yaml, "export/images/a.png": PNG, "export/labels/a.txt": BOX}
    make(tmp_path, {home + name: content for name, content in files.items()})
    assert choose(open_root(tmp_path)).score >= 60
    _, items, told = read(tmp_path)
    assert {k: len(i.annotations) for k, i in items.items()} == {("default", "a"): 1}
    assert any("export/images is read" in note for note in told)


@pytest.mark.parametrize(
    ("stated", "images", "labels"),
    [
        ("train/img", "train/img", "train/labels"),
        ("images/train", "images/train", "label/train"),
        ("../train/images", "train/image", "train/labels"),
    ],
)
def test_folders_with_other_names_for_images_and_labels(stated, images, labels, tmp_path):
    files = {
        "data.yaml": f"train: {stated}\n{NAMES}",
        f"{images}/a.png": PNG,
        f"{labels}/a.txt": BOX,
    }
    _, items, told = read(make(tmp_path, files))
    assert [(key, len(item.annotations)) for key, item in items.items()] == [(("train", "a"), 1)]
    assert not told


def test_a_folder_without_labels_beside_it_stands_for_no_missing_one(tmp_path):
    files = {"data.yaml": f"train: ../train/images\n{NAMES}", "img/logo.png": PNG}
    with pytest.raises(InputError, match="none of the image folders"):
        read(make(tmp_path, files))


@pytest.mark.parametrize(
    ("images", "labels"),
    [("img", "labels"), ("pictures", "labels"), ("images", "label"), ("frames", "txt")],
)
@pytest.mark.parametrize("names", ["classes.txt", "{labels}/classes.txt"])
def test_loose_folders_of_any_name(images, labels, names, tmp_path):
    if labels == "txt" and "{" in names:
        names = "classes.txt"  # nothing but the content tells such folders
    files = {
        names.format(labels=labels): "cat\ndog\n",
        f"{images}/a.png": PNG,
        f"{labels}/a.txt": BOX,
        "notes/readme.txt": "one two\n",
    }
    _, items, told = read(make(tmp_path, files))
    assert [(key, len(item.annotations)) for key, item in items.items()] == [(("default", "a"), 1)]
    assert not told


def test_folders_of_labels_that_are_named_like_those_of_images(tmp_path):
    files = {
        "classes.txt": "cat\ndog\n",
        "labels/train/a.txt": BOX,
        "train/a.png": PNG,
    }
    _, items, _ = read(make(tmp_path, files))
    assert [(key, len(item.annotations)) for key, item in items.items()] == [(("train", "a"), 1)]


def test_darknets_lists_that_are_the_same_are_read_once(tmp_path):
    files = {
        "obj.data": "train = train.txt\nvalid = data/train.txt\nnames = obj.names\n",
        "obj.names": "cat\ndog\n",
        "train.txt": "data/obj/a.png\n",
        "obj/a.png": PNG,
        "obj/a.txt": BOX,
    }
    _, items, told = read(make(tmp_path, files))
    assert list(items) == [("train", "a")]
    assert told == ["obj.data: train and valid are the same; read once, as train"]


def test_an_obj_data_without_its_lists(tmp_path):
    files = {
        "obj.data": "train = data/train.txt\nvalid = data/test.txt\nnames = data/obj.names\n",
        "obj.names": "cat\ndog\n",
        "obj/a.png": PNG,
        "obj/a.txt": BOX,
        "obj/b.png": PNG,
        "chart.png": PNG,
        "readme.txt": "one two\n",
    }
    dataset, items, told = read(make(tmp_path, files))
    assert [(key, len(item.annotations)) for key, item in items.items()] == [(("default", "a"), 1)]
    assert dataset.header.categories.names == ["cat", "dog"]
    assert any("none of the lists it names is there; images with label files" in w for w in told)


@pytest.mark.parametrize("head", [f"train: images/train\n{NAMES}", None])
def test_copies_in_hidden_folders_are_no_items(head, tmp_path):
    copy = ".ipynb_checkpoints/a-checkpoint"
    files = {**PAIR, f"images/train/{copy}.png": PNG, f"labels/train/{copy}.txt": BOX}
    files["data.yaml" if head else "classes.txt"] = head or "cat\ndog\n"
    _, items, told = read(make(tmp_path, files))
    assert list(items) == [("train", "a")]
    assert told == ["images in hidden folders are passed over: 1"]
