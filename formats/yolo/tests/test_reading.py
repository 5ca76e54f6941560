"""Layouts and rows as they are met in the wild."""

import os
import warnings
import zipfile

import pytest

from dsk.annotations import Bbox, Polygon, RotatedBbox, Skeleton
from dsk.dataset import Dataset
from dsk.errors import DskWarning, InputError, LimitError, RecordError
from dsk.testing.samples import encoded_image

PNG = encoded_image(1, ".png")  # 64 × 48
BOX = "0 0.5 0.5 0.25 0.5\n"
NAMES = "names: [cat, dog]\n"


def make(root, files):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content, "utf-8")
    return root


def read(path, fmt="yolo", **options):
    """Return items by subset and id, and the warnings of opening and reading."""
    dataset = Dataset.import_from(path, fmt, **options)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DskWarning)
        items = {(i.subset, i.id): i for i in dataset}
    told = [*dataset.opening_ledger.warnings, *(str(w.message) for w in caught)]
    return dataset, items, told


def one(tmp_path, row, head=NAMES, **options):
    """Read a dataset of one image with some rows."""
    files = {
        "data.yaml": f"train: images/train\n{head}",
        "images/train/a.png": PNG,
        "labels/train/a.txt": row,
    }
    _, items, told = read(make(tmp_path, files), **options)
    return list(items["train", "a"].annotations), told


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
    "folder": {
        "data.yaml": "train: images/train\nnames: {0: cat, 1: dog}",
        "images/train/a.png": PNG,
        "images/train/.DS_Store": "x",
        "images/train/labels.cache": "x",
        "labels/train/a.txt": BOX,
    },
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


def test_labelimg_has_everything_in_one_folder(tmp_path):
    make(tmp_path, {"classes.txt": "cat\n", "a.png": PNG, "a.txt": BOX, "b.png": PNG})
    _, items, _ = read(tmp_path, None)
    assert {k: len(i.annotations) for k, i in items.items()} == {
        ("default", "a"): 1, ("default", "b"): 0
    }  # fmt: skip


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


def test_gaps_in_class_ids_are_closed(tmp_path):
    found, told = one(tmp_path, "7 0.5 0.5 0.5 0.5", "names: {3: cat, 7: dog}\n")
    assert [a.label for a in found] == [1]
    assert any("gaps" in w for w in told)


def test_names_are_read_as_they_are_written(tmp_path):
    make(
        tmp_path, {"data.yaml": "train: images\nnames: [no, 007, null, 1.50]", "images/a.png": PNG}
    )
    assert read(tmp_path)[0].categories().names == ["no", "007", "null", "1.50"]


def test_dataset_meta_wins_over_names(tmp_path):
    make(
        tmp_path, {**LAYOUTS["darknet"], "dataset_meta.json": '{"label_map": {"0": "x", "1": "y"}}'}
    )
    assert read(tmp_path)[0].categories().names == ["x", "y"]


@pytest.mark.parametrize(
    "row", ["0.0 0.5 0.5 0.25 0.5", "\t0  0.5\t0.5 0.25 0.5  ", "\ufeff0 .5 .5 .25 .5\r\n\r\n"]
)
def test_odd_but_good_rows(row, tmp_path):
    assert one(tmp_path, row)[0] == [Bbox(24, 12, 16, 24, label=0)]


def test_predictions_and_tracks(tmp_path):
    found, _ = one(tmp_path, "0 0.5 0.5 0.25 0.5 0.75\n1 0.5 0.5 0.25 0.5 12\n")
    assert [a.attributes for a in found] == [{"score": 0.75}, {"track_id": 12}]


@pytest.mark.parametrize("row", ["0 0.5 0.5 0 0.5", "0 1.5 0.5 0.25 0.5", "0 -0.1 0.5 0.25 0.5"])
def test_rows_outside_the_image_are_kept_with_a_warning(row, tmp_path):
    found, told = one(tmp_path, row)
    assert len(found) == 1
    assert any("reach out" in w for w in told)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("0 0.5 0.5 0.25", "4 fields"),
        ("2 0.5 0.5 0.25 0.5", "class '2' has no name"),
        ("-1 0.5 0.5 0.25 0.5", "'-1' is no class id"),
        ("0.5 0.5 0.5 0.25 0.5", "'0.5' is no class id"),
        ("cat 0.5 0.5 0.25 0.5", "'cat' is not a number"),
        ("0 0.5 0.5 nan 0.5", "'nan' is not a number"),
        ("0 0.5 0.5 1e999 0.5", "'1e999' is not a number"),
        ("0,0.5,0.5,0.25,0.5", "1 fields"),
    ],
)
def test_bad_rows_are_named_and_can_be_skipped(row, why, tmp_path):
    with pytest.raises(RecordError, match=why) as caught:
        one(tmp_path, BOX + row)
    assert caught.value.where.endswith(f"labels{os.sep}train{os.sep}a.txt:2")
    found, _ = one(tmp_path, BOX + row + "\n" + BOX, on_error="skip")
    assert len(found) == 2


@pytest.mark.parametrize("task", ["segment", "obb"])
def test_boxes_are_no_outlines(task, tmp_path):
    with pytest.raises(RecordError, match="5 fields"):
        one(tmp_path, BOX, task=task)


def test_outlines_and_boxes_may_be_mixed(tmp_path):
    found, _ = one(tmp_path, f"{BOX}1 0 0 0.5 0 0.5 0.5\n0 0 0 0.5 0 0.5 0.5 0 1 0.9\n")
    assert found == [
        Bbox(24, 12, 16, 24, label=0),
        Polygon([0, 0, 32, 0, 32, 24], label=1),
        Polygon([0, 0, 32, 0, 32, 24, 0, 48], label=0, attributes={"score": 0.9}),
    ]


def test_four_corners_of_a_box_are_an_oriented_box(tmp_path):
    corners = "0 0.5 0.25 0.75 0.5 0.5 0.75 0.25 0.5\n"
    (found, _) = one(tmp_path, corners)
    assert isinstance(found[0], RotatedBbox)
    outline = "0 0.1 0.1 0.9 0.2 0.5 0.6 0.2 0.8\n"
    (found, _) = one(tmp_path, outline)
    assert isinstance(found[0], Polygon)
    (found, _) = one(tmp_path, corners, task="segment")
    assert isinstance(found[0], Polygon)


def test_oriented_boxes_as_datumaro_reads_them(tmp_path):
    row = "0 0.146731 0.151795 0.319936 0.301795 0.186603 0.648205 0.013397 0.498205"
    found, _ = one(tmp_path, row, fmt="yolov8_oriented_boxes")
    assert type(found[0]) is Bbox
    assert 0 < found[0].attributes["rotation"] < 90
    upright, _ = one(tmp_path, "0 0.25 0.25 0.5 0.25 0.5 0.5 0.25 0.5", fmt="yolov8_oriented_boxes")
    assert upright[0] == Bbox(16, 12, 16, 12, label=0)


def test_roboflow_oriented_boxes_are_pixels_and_names(tmp_path):
    make(
        tmp_path,
        {
            "data.yaml": "train: ../train/images\nnames: [big cat, dog]\n",
            "train/images/a.png": PNG,
            "train/labelTxt/a.txt": "10 10 30 10 30 20 10 20 dog 0\n"
            "30 10 30 30 20 30 20 10 big cat 1\n",
        },
    )
    _, items, _ = read(tmp_path, "roboflow_yolo_obb")
    found = items["train", "a"].annotations
    assert found[0] == RotatedBbox(20, 15, 20, 10, 0, label=1)
    assert found[1] == RotatedBbox(25, 20, 20, 10, 90, label=0, attributes={"difficult": True})


def test_poses(tmp_path):
    head = f"{NAMES}kpt_shape: [2, 3]\nflip_idx: [1, 0]\n"
    found, _ = one(tmp_path, "1 0.5 0.5 0.25 0.5 0.5 0.5 2 0 0 0", head)
    assert found == [Skeleton([32, 24, 0, 0], [2, 0], bbox=(24, 12, 16, 24), label=1)]
    dataset, _, _ = read(tmp_path)
    assert dataset.header.info == {"yolo": {"flip_idx": [1, 0]}}
    assert dataset.categories().points[1].labels == ("dog_point_0", "dog_point_1")


@pytest.mark.parametrize(
    ("row", "why"),
    [("0 0.5 0.5 0.25 0.5 0.5 0.5 2", "8 fields"), ("0 0.5 0.5 0.25 0.5 0.5 0.5 2 0 0 7", "'7'")],
)
def test_bad_poses(row, why, tmp_path):
    with pytest.raises(RecordError, match=why):
        one(tmp_path, row, f"{NAMES}kpt_shape: [2, 3]\n")


def test_two_values_per_keypoint(tmp_path):
    found, _ = one(tmp_path, "0 0.5 0.5 0.25 0.5 0 0 -1 -1", f"{NAMES}kpt_shape: [2, 2]\n")
    assert list(found[0].visibility) == [2, 0]


def test_images_that_are_not_there_need_their_size(tmp_path):
    files = {"data.yaml": f"train: images/train\n{NAMES}", "labels/train/a b.txt": BOX}
    make(tmp_path, files)
    with pytest.raises(RecordError, match=r"images\.meta"):
        read(tmp_path)
    make(tmp_path, {"images.meta": "# sizes\n'a b' 48 64 more\n"})
    _, items, _ = read(tmp_path)
    assert items["train", "a b"].annotations == [Bbox(24, 12, 16, 24, label=0)]


def test_label_files_without_images_are_left_out_when_there_are_images(tmp_path):
    make(
        tmp_path, {**LAYOUTS["folder"], "labels/train/b.txt": BOX, "labels/train/classes.txt": "x"}
    )
    _, items, told = read(tmp_path)
    assert list(items) == [("train", "a")]
    assert any("1 label files without an image" in w for w in told)


@pytest.mark.parametrize(
    "text",
    ["names: [a", "names: 3\ntrain: x", "- a\n- b", "names: {x: a}\ntrain: i", "nc: x\ntrain: i",
     "names: [[a]]\ntrain: i", "names: [a]\ntrain: nowhere", "names: [a]\ntrain: i\nkpt_shape: 3"],
)  # fmt: skip
def test_bad_yaml_is_said_in_one_line(text, tmp_path):
    make(tmp_path, {"data.yaml": text, "i/a.png": PNG})
    with pytest.raises(InputError) as caught:
        read(tmp_path)
    assert "data.yaml" in caught.value.where
    assert "\n" not in str(caught.value)


def test_yaml_bombs(tmp_path):
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 9))
    for text in (f"l0: &l0 [x]\n{levels}", "names: " + "[" * 5000):
        make(tmp_path, {"data.yaml": text})
        with pytest.raises((LimitError, InputError)):
            read(tmp_path)


def test_paths_do_not_lead_out(tmp_path):
    make(tmp_path, {"secret/a.png": PNG, "secret/a.txt": BOX})
    make(
        tmp_path / "set",
        {
            "data.yaml": f"train: l.txt\n{NAMES}",
            "l.txt": f"../secret/a.png\n{tmp_path}/secret/a.png\n",
            "images/b.png": PNG,
        },
    )
    _, items, _ = read(tmp_path / "set", on_error="skip")
    assert all(not i.annotations and not i.media.exists for i in items.values())


def test_exif_turned_images(tmp_path):
    from io import BytesIO

    from PIL import Image as Pillow

    exif = Pillow.Exif()
    exif[0x0112] = 6
    data = BytesIO()
    Pillow.new("RGB", (64, 48)).save(data, "JPEG", exif=exif)
    make(
        tmp_path,
        {
            "data.yaml": f"train: images/train\n{NAMES}",
            "labels/train/a.txt": "0 0.25 0.1 0.5 0.2\n",
        },
    )
    (tmp_path / "images" / "train").mkdir(parents=True)
    (tmp_path / "images" / "train" / "a.jpg").write_bytes(data.getvalue())
    _, items, _ = read(tmp_path, exif=True)
    # Shown upright the picture is 48 × 64: the box covers x 0…24, y 0…12.8 there.
    (box,) = items["train", "a"].annotations
    assert (box.x, box.y, box.w, box.h) == pytest.approx((0, 24, 12.8, 24), abs=1e-9)
    dataset = Dataset.import_from(tmp_path, "yolo", exif=True)
    dataset.export(tmp_path / "out", "yolo", task="detect", exif=True, save_media=True)
    row = (tmp_path / "out" / "labels" / "train" / "a.txt").read_text()
    assert row == "0 0.250000 0.100000 0.500000 0.200000\n"
