"""Rows and images as they are met in the wild."""

import os

import pytest
from wild import BOX, FOLDER, NAMES, PNG, make, one, read

from dsk.annotations import Bbox, Polygon, RotatedBbox, Skeleton
from dsk.dataset import Dataset
from dsk.errors import InputError, LimitError, RecordError


def test_gaps_in_class_ids_are_closed(tmp_path):
    found, told = one(tmp_path, "7 0.5 0.5 0.5 0.5", "names: {3: cat, 7: dog}\n")
    assert [a.label for a in found] == [1]
    assert any("gaps" in w for w in told)


def test_names_are_read_as_they_are_written(tmp_path):
    make(
        tmp_path, {"data.yaml": "train: images\nnames: [no, 007, null, 1.50]", "images/a.png": PNG}
    )
    assert read(tmp_path)[0].categories().names == ["no", "007", "null", "1.50"]


@pytest.mark.parametrize(
    "row", ["0.0 0.5 0.5 0.25 0.5", "\t0  0.5\t0.5 0.25 0.5  ", "\ufeff0 .5 .5 .25 .5\r\n\r\n"]
)
def test_odd_but_good_rows(row, tmp_path):
    assert one(tmp_path, row)[0] == [Bbox(24, 12, 16, 24, label=0)]


def test_predictions_and_tracks(tmp_path):
    found, _ = one(tmp_path, "0 0.5 0.5 0.25 0.5 0.75\n1 0.5 0.5 0.25 0.5 12\n")
    assert [a.attributes for a in found] == [{"score": 0.75}, {"track_id": 12}]


@pytest.mark.parametrize(
    ("last", "found"),
    [
        ("1", [{"track_id": 1}]),
        ("1 0", [{"track_id": 1}, {"track_id": 0}]),
        ("1 1", [{"score": 1.0}, {"score": 1.0}]),
        ("0.5 1", [{"score": 0.5}, {"score": 1.0}]),
        ("1 7 7", [{"track_id": 1}, {"track_id": 7}, {"track_id": 7}]),
    ],
)
def test_whole_values_behind_rows_are_scores_where_they_cannot_be_tracks(last, found, tmp_path):
    rows = "".join(f"0 0.5 0.5 0.25 0.5 {value}\n" for value in last.split())
    assert [a.attributes for a in one(tmp_path, rows)[0]] == found


def test_a_whole_score_is_told_by_the_other_files(tmp_path):
    box = "0 0.5 0.5 0.25 0.5"
    files = {"data.yaml": "train: images\nnames: [a]", "images/a.png": PNG, "images/b.png": PNG}
    make(tmp_path, {**files, "labels/a.txt": f"{box} 1\n", "labels/b.txt": f"{box} 0.25\n"})
    found = [a.attributes for item in read(tmp_path)[0] for a in item.annotations]
    assert found == [{"score": 1.0}, {"score": 0.25}]


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
        ("0 0.5 0.5 1e308 0.5", "'1e308' is no possible coordinate"),
        ("0 0.5 0.5 1e12 0.5 0.5 0.5", "'1e12' is no possible coordinate"),
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


def test_roboflow_rows_may_end_with_the_name(tmp_path):
    files = {
        "data.yaml": "train: ../train/images\nnames: [cat, dog]\n",
        "train/images/a.png": PNG,
        "train/labelTxt/a.txt": "10 10 30 10 30 20 10 20 dog\n10 10 30 10 30 20 10 20 cat 1\n",
    }
    _, items, told = read(make(tmp_path, files))
    assert [a.label for a in items["train", "a"].annotations] == [1, 0]
    assert not told


def test_oriented_boxes_that_are_no_rectangles_are_told(tmp_path):
    _, told = one(tmp_path, "0 0.1 0.1 0.5 0.1 0.7 0.8 0.3 0.8\n", task="obb")
    assert [t for t in told if "no rectangles" in t and "task=segment" in t]
    _, told = one(tmp_path, "0 0.25 0.25 0.5 0.25 0.5 0.5 0.25 0.5\n", task="obb")
    assert not [t for t in told if "no rectangles" in t]


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


def test_no_keypoints_are_boxes(tmp_path):
    """Datumaro writes a pose dataset without skeletons so."""
    found, _ = one(tmp_path, "0 0.5 0.5 0.25 0.5", f"{NAMES}kpt_shape: [0, 3]\n")
    assert [type(a) for a in found] == [Bbox]


def test_images_that_are_not_there_need_their_size(tmp_path):
    files = {"data.yaml": f"train: images/train\n{NAMES}", "labels/train/a b.txt": BOX}
    make(tmp_path, files)
    with pytest.raises(RecordError, match=r"images\.meta"):
        read(tmp_path)
    make(tmp_path, {"images.meta": "# sizes\n'a b' 48 64 more\n"})
    _, items, _ = read(tmp_path)
    assert items["train", "a b"].annotations == [Bbox(24, 12, 16, 24, label=0)]


@pytest.mark.parametrize("kind", ["link", "pipe", "missing"])
def test_label_files_that_cannot_be_read_are_told(kind, tmp_path):
    files = {"data.yaml": "train: images\nnames: [a]", "images/a.png": PNG, "images/b.png": PNG}
    make(tmp_path, {**files, "labels/a.txt": BOX})
    if kind == "link":
        os.symlink("gone.txt", tmp_path / "labels/b.txt")
    elif kind == "pipe":
        os.mkfifo(tmp_path / "labels/b.txt")
    _, items, told = read(tmp_path)
    assert [len(item.annotations) for item in items.values()] == [1, 0]
    assert any("links to nothing" in words for words in told) == (kind != "missing")


def test_label_files_without_images_are_left_out_when_there_are_images(tmp_path):
    make(tmp_path, {**FOLDER, "labels/train/b.txt": BOX, "labels/train/classes.txt": "x"})
    _, items, told = read(tmp_path)
    assert list(items) == [("train", "a")]
    assert any("1 label files without an image" in w for w in told)


def test_poses_without_a_shape_say_which_dataset_lacks_it(tmp_path):
    make(tmp_path, {"images/train/a.png": PNG, "labels/train/a.txt": BOX})
    with pytest.raises(InputError, match="pose needs kpt_shape") as caught:
        read(tmp_path, "yolov8_pose")
    assert caught.value.where.startswith(str(tmp_path))


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
