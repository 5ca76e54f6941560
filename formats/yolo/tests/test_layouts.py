"""Layouts as they are met in the wild."""

import zipfile

import pytest
from wild import BOX, FOLDER, NAMES, PNG, make, read

from dsk.annotations import Bbox
from dsk.errors import InputError, RecordError
from dsk.files import open_root
from dsk.testing.samples import encoded_image
from dsk_yolo.detect import detect

LAYOUTS = {
    "darknet": {
        "obj.data": "classes = 2\ntrain = data/train.txt\nnames = data/obj.names\n",
        "obj.names": "cat\ndog\n",
        "train.txt": "data/obj_train_data/a.png\n",
        "obj_train_data/a.png": PNG,
        "obj_train_data/a.txt": BOX,
    },
    "darknet, own names, comments, absolute paths": {
        "my.data": "# mine\n;also\nclasses=2\ntrain=/home/x/s/list.txt\nnames=/home/x/s/n.txt\n",
        "n.txt": "\ufeffcat\r\ndog\r\n\r\n",
        "list.txt": "/home/x/s/pics/a.png\r\n",
        "pics/a.png": PNG,
        "pics/a.txt": BOX.replace("\n", "\r\n"),
    },
    "darknet with labels beside the images folder": {
        "obj.data": "train = train.txt\nnames = obj.names\n",
        "obj.names": "cat\ndog",
        "train.txt": "images/a.png",
        "images/a.png": PNG,
        "labels/a.txt": BOX,
    },
    "folder": FOLDER,
    "another name, nc only, in a folder": {
        "set/coco128.yml": "path: ../datasets/coco128\ntrain: images/train\nval:\nnc: 2\n",
        "set/images/train/a.png": PNG,
        "set/labels/train/a.txt": BOX,
    },
    "list": {
        "data.yaml": f"path: .\ntrain: train.txt\n{NAMES}",
        "train.txt": "./images/train/a.png\n",
        "images/train/a.png": PNG,
        "labels/train/a.txt": BOX,
    },
    "list of lists and images": {
        "data.yaml": f"train: [l.txt]\n{NAMES}",
        "l.txt": "data/images/train/a.png\n",
        "images/train/a.png": PNG,
        "labels/train/a.txt": BOX,
    },
    "roboflow": {
        "data.yaml": f"train: ../train/images\nval: ../valid/images\n{NAMES}roboflow: {{x: y}}",
        "train/images/a.png": PNG,
        "train/labels/a.txt": BOX,
    },
    "colab": {
        "data.yaml": f"train: /content/set/train/images\n{NAMES}",
        "train/images/a.png": PNG,
        "train/labels/a.txt": BOX,
    },
    "kaggle: in a folder in a folder": {
        "Plates/Plates/data.yaml": f"train: ../train/images\n{NAMES}",
        "Plates/Plates/train/images/a.png": PNG,
        "Plates/Plates/train/labels/a.txt": BOX,
    },
    "a model's yaml beside it": {
        "mine.yaml": f"train: images/train\n{NAMES}",
        "yolov5s.yaml": "nc: 80\ndepth_multiple: 0.33\nanchors: [[10, 13]]\n",
        "images/train/a.png": PNG,
        "labels/train/a.txt": BOX,
    },
    "capital letters": {
        "data.yaml": f"train: Images/train\n{NAMES}",
        "Images/train/a.png": PNG,
        "Labels/train/a.txt": BOX,
    },
    "rows beside images in an images folder": {
        "data.yaml": f"train: images/train\n{NAMES}",
        "images/train/a.png": PNG,
        "images/train/a.txt": BOX,
    },
    "rows beside images": {
        "data.yaml": f"train: train\n{NAMES}",
        "train/a.png": PNG,
        "train/a.txt": BOX,
    },
    "darknet's own folders, one list missing": {
        "data/obj.data": "train = data/train.txt\nvalid = data/test.txt\nnames = data/obj.names\n",
        "data/obj.names": "cat\ndog\n",
        "data/train.txt": "data/obj/a.png\n",
        "data/obj/a.png": PNG,
        "data/obj/a.txt": BOX,
    },
    "roboflow's darknet": {
        "README.roboflow.txt": "hello\n",
        "train/_darknet.labels": "cat\ndog\n",
        "train/a.png": PNG,
        "train/a.txt": BOX,
    },
    "roboflow's folders without a yaml": {
        "classes.txt": "cat\ndog\n",
        "train/images/a.png": PNG,
        "train/labels/a.txt": BOX,
    },
    "class names among the labels": {
        "images/train/a.png": PNG,
        "labels/train/a.txt": BOX,
        "labels/classes.txt": "cat\ndog\n",
    },
    "loose": {
        "obj.names": "cat\ndog\n",
        "images/train/a.png": PNG,
        "labels/train/a.txt": BOX,
    },
    "loose, annotations": {
        "obj.names": "cat\ndog\n",
        "Images/train/a.png": PNG,
        "Annotations/train/a.txt": BOX,
    },
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout, tmp_path):
    make(tmp_path, LAYOUTS[layout])
    dataset, items, _ = read(tmp_path, None)
    assert list(items) == [("train", "a")]
    assert items["train", "a"].annotations == [Bbox(24, 12, 16, 24, label=0)]
    assert len(dataset.categories().labels) == 2
    assert items["train", "a"].media.size == (48, 64)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_in_a_zip(layout, tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for name, content in LAYOUTS[layout].items():
            archive.writestr(name, content)
    _, items, _ = read(tmp_path / "set.zip", None)
    assert items["train", "a"].annotations == [Bbox(24, 12, 16, 24, label=0)]
    assert items["train", "a"].media.read_bytes() == PNG


def test_comments_behind_the_values_of_an_obj_data(tmp_path):
    head = "classes = 2 # optional\nnames = data/#1/obj.names # the classes\n"
    files = {**LAYOUTS["darknet"], "obj.data": f"{head}train = data/train.txt\t#  a list\n"}
    files["#1/obj.names"] = files.pop("obj.names")
    make(tmp_path, files)
    dataset, items, told = read(tmp_path)
    assert dataset.categories().names == ["cat", "dog"]
    assert (list(items), told) == ([("train", "a")], [])


def test_labelimg_has_everything_in_one_folder(tmp_path):
    make(tmp_path, {"classes.txt": "cat\n", "a.png": PNG, "a.txt": BOX, "b.png": PNG})
    _, items, _ = read(tmp_path, None)
    assert {k: len(i.annotations) for k, i in items.items()} == {
        ("default", "a"): 1, ("default", "b"): 0
    }  # fmt: skip


def test_darwin_names_classes_in_a_labels_file(tmp_path):
    make(tmp_path, {"darknet.labels": "cat\n", "a.png": PNG, "a.txt": BOX})
    dataset, items, _ = read(tmp_path, None)
    assert dataset.categories().names == ["cat"]
    assert len(items["default", "a"].annotations) == 1


def test_fiftyone_lists_images_in_a_folder_that_is_no_subset(tmp_path):
    make(
        tmp_path,
        {
            "obj.names": "cat\n", "images.txt": "data/a.png\n",
            "data/a.png": PNG, "data/a.txt": BOX,
        },
    )  # fmt: skip
    _, items, _ = read(tmp_path, None)
    assert {k: len(i.annotations) for k, i in items.items()} == {("default", "a"): 1}


def test_subsets_that_number_classes_differently_are_not_mixed(tmp_path):
    files = {f"{s}/{n}": c for s in ("train", "valid") for n, c in (("a.png", PNG), ("a.txt", BOX))}
    make(
        tmp_path,
        {**files, "train/_darknet.labels": "cat\ndog", "valid/_darknet.labels": "dog\ncat"},
    )
    with pytest.raises(InputError, match="class names differ"):
        read(tmp_path)


def test_several_datasets_in_one_folder_are_not_read_in_part(tmp_path):
    for name in ("one", "two"):
        make(tmp_path / name, FOLDER)
    with pytest.raises(InputError, match=r"several datasets: one/data\.yaml, two/data\.yaml"):
        read(tmp_path)


def test_lists_of_another_machine_need_no_images(tmp_path):
    make(
        tmp_path,
        {
            "obj.data": "train = train.txt\nnames = obj.names\n", "obj.names": "cat\n",
            "train.txt": "C:\\darknet\\data\\obj\\a.png\r\n", "images.meta": "a 48 64\n",
            "obj/a.txt": BOX,
        },
    )  # fmt: skip
    _, items, _ = read(tmp_path)
    assert items["train", "a"].annotations == [Bbox(24, 12, 16, 24, label=0)]


def test_the_end_of_a_path_of_thousands_of_folders_is_found(tmp_path):
    path = "a/" * 5000 + "images/x.png"
    files = {"data.yaml": "train: train.txt\nnames: [a]", "images/x.png": PNG}
    make(tmp_path, {**files, "train.txt": path, "labels/x.txt": BOX})
    _, items, _ = read(tmp_path)
    assert [len(item.annotations) for item in items.values()] == [1]


def test_lists_that_climb_out_are_bad_records(tmp_path):
    files = {**LAYOUTS["darknet"], "train.txt": "data/obj_train_data/a.png\n../../etc/b.png\n"}
    make(tmp_path, files)
    with pytest.raises(RecordError, match=r"leads out of its folder") as caught:
        read(tmp_path)
    assert caught.value.where.endswith("train.txt:2")
    assert list(read(tmp_path, on_error="skip")[1]) == [("train", "a")]


def test_a_listed_image_without_ending_keeps_its_rows(tmp_path):
    files = {**LAYOUTS["darknet"], "train.txt": "data/obj_train_data/a\n", "images.meta": "a 48 64"}
    make(tmp_path, files)
    assert len(read(tmp_path)[1]["train", "a"].annotations) == 1


def test_images_without_a_labels_folder_are_told(tmp_path):
    make(tmp_path, {"data.yaml": f"train: images/train\n{NAMES}", "images/train/a.png": PNG})
    _, items, told = read(tmp_path)
    assert items["train", "a"].annotations == []
    assert any("no labels folder" in w for w in told)


def test_a_file_that_describes_no_dataset_is_refused(tmp_path):
    make(tmp_path, LAYOUTS["darknet"])
    with pytest.raises(InputError, match=r"obj\.data"):
        read(tmp_path / "train.txt")


def test_an_image_beside_class_folders_is_kept(tmp_path):
    make(tmp_path, {"train/cat/a.png": PNG, "train/b.png": PNG, "val/cat/c.png": PNG})
    _, items, told = read(tmp_path, task="classify")
    assert {k: len(i.annotations) for k, i in items.items()} == {
        ("train", "b"): 0, ("train", "cat/a"): 1, ("val", "cat/c"): 1
    }  # fmt: skip
    assert any("no class folder" in w for w in told)


def test_folders_of_images_and_labels_are_no_classes(tmp_path):
    make(tmp_path, {"set/images/a.png": PNG, "other/images/a.png": PNG})
    with pytest.raises(InputError, match="class names"):
        read(tmp_path)


def test_label_studio(tmp_path):
    make(
        tmp_path,
        {"classes.txt": "cat\n", "notes.json": "{}", "images/a.png": PNG, "labels/a.txt": BOX},
    )
    _, items, _ = read(tmp_path, None)
    assert len(items["default", "a"].annotations) == 1


def test_without_any_names_classes_are_numbered(tmp_path):
    make(tmp_path, {"images/a.png": PNG, "labels/a.txt": "3 0.5 0.5 0.1 0.1\n"})
    dataset, _, told = read(tmp_path)
    assert dataset.categories().names == ["class_0", "class_1", "class_2", "class_3"]
    assert any("no class names" in w for w in told)


def test_classes_written_as_floats_are_numbered_too(tmp_path):
    make(tmp_path, {"images/a.png": PNG, "labels/a.txt": "1.0 0.5 0.5 0.1 0.1\n"})
    assert read(tmp_path)[0].categories().names == ["class_0", "class_1"]


def test_a_yaml_given_by_itself_may_name_folders_beside_its_own(tmp_path):
    make(
        tmp_path,
        {
            "cfg/d.yaml": f"train: ../images/train\n{NAMES}",
            "images/train/a.png": PNG,
            "labels/train/a.txt": BOX,
        },
    )
    _, items, _ = read(tmp_path / "cfg" / "d.yaml")
    assert len(items["train", "a"].annotations) == 1


def test_several_yaml_files_need_a_word(tmp_path):
    files = {f"{n}.yaml": f"train: images/{n}\n{NAMES}" for n in ("one", "two")}
    make(tmp_path, {**files, "images/one/a.png": PNG, "images/two/b.png": PNG})
    with pytest.raises(InputError, match="config_file"):
        read(tmp_path)
    _, items, _ = read(tmp_path, config_file="two.yaml")
    assert list(items) == [("train", "b")]


def test_the_same_images_under_two_keys_are_read_once(tmp_path):
    make(
        tmp_path,
        {"data.yaml": f"train: images/val\nval: images/val\n{NAMES}", "images/val/a.png": PNG},
    )
    _, items, told = read(tmp_path)
    assert list(items) == [("val", "a")]
    assert any("read once" in w for w in told)


def test_subsets_may_be_named_by_folders(tmp_path):
    make(
        tmp_path,
        {
            "data.yaml": f"val: ../valid/images\n{NAMES}",
            "valid/images/a.png": PNG,
            "valid/labels/a.txt": BOX,
        },
    )
    assert list(read(tmp_path)[1]) == [("val", "a")]
    assert list(read(tmp_path, "roboflow_yolo")[1]) == [("valid", "a")]


def test_ids_stay_apart(tmp_path):
    make(
        tmp_path,
        {
            "data.yaml": f"train: [images/x, images/y]\n{NAMES}",
            "images/x/a.png": PNG, "images/y/a.png": PNG, "images/x/b.png": PNG,
            "images/x/b.jpg": encoded_image(1, ".jpg"), "labels/x/a.txt": BOX,
        },
    )  # fmt: skip
    _, items, told = read(tmp_path)
    assert {i for _, i in items} == {"a", "y/a", "b", "x/b"} or len(items) == 4
    assert len(items["train", "a"].annotations) == 1
    assert any("share a name" in w for w in told)


def test_dataset_meta_wins_over_names(tmp_path):
    make(
        tmp_path, {**LAYOUTS["darknet"], "dataset_meta.json": '{"label_map": {"0": "x", "1": "y"}}'}
    )
    assert read(tmp_path)[0].categories().names == ["x", "y"]


YAML_WITHOUT_IMAGES = {
    "one pair": ("default", {"images/a.png": PNG, "labels/a.txt": BOX}),
    "subsets inside": ("train", {"images/train/a.png": PNG, "labels/train/a.txt": BOX}),
    "subsets outside": ("train", {"train/images/a.png": PNG, "train/labels/a.txt": BOX}),
}


@pytest.mark.parametrize("file", ["data.yaml", "my.yaml"])
@pytest.mark.parametrize("layout", YAML_WITHOUT_IMAGES)
def test_yaml_of_class_names_only(tmp_path, layout, file):
    subset, files = YAML_WITHOUT_IMAGES[layout]
    make(tmp_path, {file: "nc: 2\nnames: [cat, dog]\n", **files})
    dataset, items, told = read(tmp_path, None)
    assert dataset.format == "yolo"
    assert dataset.categories().names == ["cat", "dog"]
    assert [a.kind for a in items[subset, "a"].annotations] == ["bbox"]
    assert any("names no images" in text for text in told)
    assert list(read(tmp_path / file)[1]) == [(subset, "a")]


def test_yaml_of_class_names_with_keypoints(tmp_path):
    files = {"images/a.png": PNG, "labels/a.txt": "0 .5 .5 .1 .1 .5 .5 2\n"}
    make(tmp_path, {"data.yaml": "names: [cat]\nkpt_shape: [1, 3]\n", **files})
    _, items, _ = read(tmp_path, None)
    assert [a.kind for a in items["default", "a"].annotations] == ["skeleton"]


def test_key_of_any_name_for_a_folder_that_is_there(tmp_path):
    files = {"images/a.png": PNG, "labels/a.txt": BOX}
    make(tmp_path, {"data.yaml": "path: .\ndefault: images\nnames: {1: cat, 0: dog}\n", **files})
    dataset, items, _ = read(tmp_path, None)
    assert dataset.format == "yolo"
    assert list(items) == [("default", "a")]


def test_yaml_of_class_names_without_rows_is_none(tmp_path):
    make(tmp_path, {"data.yaml": NAMES, "images/a.png": PNG, "labels/a.txt": "a cat\n"})
    found = detect(open_root(tmp_path))
    assert found is None or found.score < 10


@pytest.mark.parametrize(
    ("row", "found"), [(".5 .5 1.2 .1", True), ("60.0 27.0 325.0 304.0", False)]
)
def test_numbers_in_pixels_are_no_rows(tmp_path, row, found):
    """Other datasets have lists of boxes beside ``classes.txt``, too."""
    files = {"classes.txt": "cat\n", "a.png": PNG, "a.txt": f"0 {row}\n"}
    make(tmp_path, files)
    assert (detect(open_root(tmp_path)) is not None) == found
