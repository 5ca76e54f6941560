"""KITTI 3D: labels, calibration, layouts, traps."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from dsk.annotations import Bbox, Cuboid3d
from dsk.dataset import Dataset
from dsk.detect import detect
from dsk.errors import InputError, OutputError, RecordError
from dsk.files import open_root
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk.media import Image, PointCloud

CALIB = """P0: 700 0 600 0 0 700 200 0 0 0 1 0
P2: 700 0 600 45 0 700 200 0 0 0 1 0
R0_rect: 1 0 0 0 1 0 0 0 1
Tr_velo_to_cam: 0 -1 0 0 0 0 -1 0 1 0 0 0
"""
CAR = "Car 0.10 1 -1.87 400.00 150.00 500.00 250.00 1.50 1.80 4.00 -2.00 1.75 10.00 -2.07"
DONT_CARE = "DontCare -1 -1 -10 5 6 7 8 -1 -1 -1 -1000 -1000 -1000 -10"


def dataset(folder, labels=None, base="training", calib=CALIB, cloud=True):
    for name, text in (labels or {"000001": CAR}).items():
        for kind, ext, data in (
            ("label_2", "txt", text.encode()),
            ("calib", "txt", calib.encode()),
            ("velodyne", "bin", struct.pack("<4f", 1, 2, 3, 0.5)),
        ):
            if (kind == "velodyne" and not cloud) or (kind == "calib" and not calib):
                continue
            path = folder / base / kind / f"{name}.{ext}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return folder


def read(folder, **options):
    return Dataset.import_from(folder, "kitti3d", **options)


def test_a_label_is_a_flat_and_a_solid_box(tmp_path):
    (item,) = read(dataset(tmp_path))
    assert (item.id, item.subset, item.media.path) == (
        "000001",
        "train",
        "training/velodyne/000001.bin",
    )
    flat, solid = item.annotations
    assert flat.bbox == (400, 150, 100, 100)
    assert flat.group == solid.group == 1
    assert solid.position == pytest.approx((10, 2, -1))
    assert solid.scale == (4, 1.8, 1.5)
    assert solid.rotation == pytest.approx((0, 0, 2.07 - np.pi / 2))
    assert solid.attributes == {
        "truncated": 0.1,
        "occluded": True,
        "occluded_level": 1,
        "alpha": -1.87,
    }


def test_labels_come_back_as_they_were(tmp_path):
    texts = {
        "000001": f"{CAR}\n{DONT_CARE}\n",
        "000002": "",
        "000003": CAR.replace("Car", "Van") + " 0.90 \r\n",
    }
    dataset(tmp_path / "in", texts)
    data = read(tmp_path / "in")
    assert data.header.categories.names == ["Car", "Van", "DontCare"]
    report = data.export(tmp_path / "out", "kitti3d", save_media=True, save_scores=True)
    out = tmp_path / "out/training"
    assert (out / "label_2/000001.txt").read_text().splitlines()[0] == CAR
    assert (
        (out / "label_2/000001.txt")
        .read_text()
        .splitlines()[1]
        .startswith("DontCare -1.00 -1 -10.00 5.00")
    )
    assert (out / "label_2/000002.txt").read_text() == ""
    assert (out / "label_2/000003.txt").read_text() == CAR.replace("Car", "Van") + " 0.90\n"
    assert (out / "calib/000001.txt").read_text() == CALIB
    assert (out / "velodyne/000001.bin").stat().st_size == 16
    assert (tmp_path / "out/ImageSets/train.txt").read_text() == "000001\n000002\n000003\n"
    assert not [e for e in report.events if e.code == "DSK-L007"]


@pytest.mark.parametrize(
    ("occluded", "alpha"),
    [("-1", "-1.87"), ("3", "-1.80"), ("0", "3.00")],
    ids=["as detectors write it", "measured", "other than the box says"],
)
def test_what_labels_state_is_not_computed_anew(tmp_path, occluded, alpha):
    text = CAR.replace(" 1 -1.87", f" {occluded} {alpha}")
    read(dataset(tmp_path / "in", {"000001": text})).export(tmp_path / "out", "kitti3d")
    assert (tmp_path / "out/training/label_2/000001.txt").read_text() == f"{text}\n"


def test_labels_seen_by_an_inclined_camera_are_not_rounded(tmp_path):
    calib = CALIB.replace(
        "R0_rect: 1 0 0 0 1 0 0 0 1", "R0_rect: 1 0 0 0 0.9998 -0.02 0 0.02 0.9998"
    )
    source = read(dataset(tmp_path / "in", {"000001": CAR}, calib=calib))
    report = source.export(tmp_path / "out", "kitti3d")
    assert (tmp_path / "out/training/label_2/000001.txt").read_text() == f"{CAR}\n"
    assert not [e for e in report.losses if "rounded" in e.what]
    turned = boxes(cuboid(rotation=(0, 0, 0.503 - np.pi / 2)))
    report = turned.export(tmp_path / "own", "kitti3d", calib="identity")
    assert [e.count for e in report.losses if "rounded" in e.what] == [1]


def test_scores_are_kept_whole_or_told(tmp_path):
    lines = [f"{CAR} 0.90", f"{CAR} 0.91234", CAR, f"{DONT_CARE} 0.5"]
    data = read(dataset(tmp_path / "in", {"000001": "\n".join(lines)}))
    report = data.export(tmp_path / "out", "kitti3d", save_scores=True)
    written = (tmp_path / "out/training/label_2/000001.txt").read_text().splitlines()
    assert written[:3] == lines[:3]
    assert not report.losses
    report = data.export(tmp_path / "plain", "kitti3d")
    assert [(e.code, e.what, e.count) for e in report.losses] == [("DSK-L004", "score", 2)]


def test_what_labels_do_not_state_is_computed(tmp_path):
    text = CAR.replace(" -1.87", " -10.00")
    read(dataset(tmp_path / "in", {"000001": text})).export(tmp_path / "out", "kitti3d")
    assert (tmp_path / "out/training/label_2/000001.txt").read_text() == f"{CAR}\n"
    hidden = cuboid(attributes={"occluded": True, "occluded_level": -1})
    boxes(hidden).export(tmp_path / "own", "kitti3d", calib="identity")
    assert (tmp_path / "own/training/label_2/a.txt").read_text().split()[2] == "1"


def test_sentinels_are_no_boxes_in_space(tmp_path):
    (item,) = read(dataset(tmp_path, {"000001": DONT_CARE}))
    (flat,) = item.annotations
    assert isinstance(flat, Bbox)
    assert flat.attributes == {"ignore": True}


def test_without_calibration_boxes_are_flat(tmp_path):
    dataset(tmp_path, {"1": CAR}, calib="")
    (tmp_path / "training/calib").mkdir()
    data = read(tmp_path)
    (item,) = data
    assert [a.kind for a in item.annotations] == ["bbox"]
    assert "without calibration" in " ".join(data.opening_ledger.warnings)


def test_lists_and_folders_give_subsets(tmp_path):
    dataset(tmp_path / "a", {"1": CAR, "2": CAR, "3": CAR})
    dataset(tmp_path / "a", {"1": ""}, base="testing")
    (tmp_path / "a/ImageSets").mkdir()
    for name, ids in {"trainval": "1\n2\n3\n", "train": "1\r\n", "val": "2\n"}.items():
        (tmp_path / f"a/ImageSets/{name}.txt").write_text(ids)
    found = sorted((i.subset, i.id) for i in read(tmp_path / "a"))
    assert found == [("test", "1"), ("train", "1"), ("trainval", "3"), ("val", "2")]
    dataset(tmp_path / "b", {"dev/1": CAR}, base=".")
    assert [(i.subset, i.id) for i in read(tmp_path / "b")] == [("dev", "1")]


@pytest.mark.parametrize("place", ["object/training", "object", "."])
def test_lists_of_equal_numbers(tmp_path, place):
    """The numbers of training begin anew in testing, and test.txt comes before val.txt."""
    dataset(tmp_path, {"1": CAR, "2": CAR, "3": CAR}, base="object/training")
    dataset(tmp_path, {"1": "", "2": ""}, base="object/testing")
    folder = tmp_path / place / "ImageSets"
    folder.mkdir()
    lists = {"test": "1\n2\n", "train": "1\n", "trainval": "1\n2\n3\n", "val": "2\n"}
    for name, ids in lists.items():
        (folder / f"{name}.txt").write_text(ids)
    found = sorted((i.subset, i.id) for i in read(tmp_path))
    test, others = found[:2], found[2:]
    assert test == [("test", "1"), ("test", "2")]
    assert others == [("train", "1"), ("trainval", "3"), ("val", "2")]


def test_folders_of_other_names_are_subsets(tmp_path):
    """As nuScenes' tools and many others have them; numbers start anew in each."""
    for base in ("train", "val", "mini_dev"):
        dataset(tmp_path / "a", {"1": CAR}, base=base)
    (tmp_path / "a/ImageSets").mkdir()
    (tmp_path / "a/ImageSets/train.txt").write_text("1\n")
    found = sorted((i.subset, i.id) for i in read(tmp_path / "a"))
    assert found == [("mini_dev", "1"), ("train", "1"), ("val", "1")]
    for base in ("in/training", "in/validation"):
        dataset(tmp_path / "b", {"1": CAR}, base=base)
    assert sorted(i.subset for i in read(tmp_path / "b")) == ["train", "validation"]
    dataset(tmp_path / "c", {"1": CAR}, base="kitti")
    assert [i.subset for i in read(tmp_path / "c")] == ["default"]
    assert detect(open_root(tmp_path / "a"))[0].format == "kitti3d"


def test_images_alone_are_images(tmp_path):
    dataset(tmp_path, cloud=False)
    (tmp_path / "training/image_2").mkdir()
    (tmp_path / "training/image_2/000001.png").write_bytes(b"png")
    (item,) = read(tmp_path)
    assert isinstance(item.media, Image)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 5 " + CAR, "tracking label"),
        (CAR.replace("4.00", "four"), "are numbers"),
        (CAR.replace("4.00", "nan"), "not finite"),
        ("Car 1 2", "15 or 16 fields"),
    ],
)
def test_a_bad_line_does_not_spoil_the_others(tmp_path, line, message):
    dataset(tmp_path, {"1": f"{line}\n{CAR}\n"})
    with pytest.raises(RecordError, match=message) as caught:
        list(read(tmp_path))
    assert caught.value.where.endswith("1.txt:1")
    (item,) = read(tmp_path, on_error="skip")
    assert len(item.annotations) == 2


@pytest.mark.parametrize(
    "calib", ["x", CALIB.replace("Tr_velo", "Tr_lidar"), CALIB.replace("R0_rect: 1", "R0_rect: 0")]
)
def test_damaged_calibration(tmp_path, calib):
    with pytest.raises(RecordError, match="Tr_velo_to_cam"):
        list(read(dataset(tmp_path, calib=calib)))


def test_the_2d_task_is_another_format(tmp_path):
    dataset(tmp_path / "a")
    assert detect(open_root(tmp_path / "a"))[0].format == "kitti3d"
    dataset(tmp_path / "b", calib="", cloud=False)
    assert all(c.format != "kitti3d" for c in detect(open_root(tmp_path / "b")))
    (tmp_path / "c").mkdir()
    with pytest.raises(InputError, match="calib"):
        read(tmp_path / "c")


def test_the_tracking_task_is_refused(tmp_path):
    files = ["calib/0000.txt", "velodyne/0000/000000.bin", "image_02/0000/000000.png"]
    for name in [*files, "label_02/0000.txt"]:
        path = tmp_path / "training" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CALIB if "calib" in name else f"0 5 {CAR}")
    for folder in (tmp_path, tmp_path / "training"):
        assert all(c.format != "kitti3d" for c in detect(open_root(folder)))
        with pytest.raises(InputError, match="tracking task") as caught:
            read(folder)
        assert caught.value.where.endswith("label_02")


def boxes(*annotations, media=None):
    item = DatasetItem("a", subset="train", annotations=annotations, media=media)
    return Dataset.from_iterable([item], categories=["Car"])


def cuboid(x=10.0, rotation=(0.0, 0.0, 0.5), **more):
    return Cuboid3d((x, 2.0, -1.0), rotation, (4.0, 1.8, 1.5), label=0, **more)


def test_exports_need_a_calibration(tmp_path):
    with pytest.raises(OutputError, match="no calibration"):
        boxes(cuboid()).export(tmp_path / "out", "kitti3d")
    data = boxes(cuboid(), cuboid(-10.0), cuboid(rotation=(0.1, 0.0, 0.0)))
    report = data.export(tmp_path / "out", "kitti3d", calib="identity", precision=6)
    kinds = {(e.code, e.what) for e in report.events if e.kind and e.effect != "note"}
    assert kinds == {
        ("DSK-L017", "behind the camera"),
        ("DSK-L007", "rounded to 6 decimals"),
        ("DSK-L007", "roll and pitch left out"),
    }
    (item,) = read(tmp_path / "out")
    solid = [a for a in item.annotations if isinstance(a, Cuboid3d)]
    assert solid[0].position == pytest.approx((10, 2, -1), abs=1e-5)
    assert solid[0].rotation == pytest.approx((0, 0, 0.5), abs=1e-5)


def test_a_cameras_matrices_are_a_calibration(tmp_path):
    camera = {
        "name": "image_02",
        "extrinsics": [0, -1, 0, 0.1, 0, 0, -1, 0, 1, 0, 0, 0],
        "intrinsics": [700, 0, 600, 0, 700, 200, 0, 0, 1],
    }
    media = PointCloud(
        "a.bin", None, None, (Image("a.png", None, {"camera": camera}, (400, 1200)),)
    )
    boxes(cuboid(), media=media).export(tmp_path / "out", "kitti3d", precision=9)
    (item,) = read(tmp_path / "out")
    flat, solid = item.annotations
    assert solid.position == pytest.approx((10, 2, -1), abs=1e-6)
    assert 0 <= flat.x < flat.x + flat.w <= 1199


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("Car 0.10 0 0 400 150 500 190", "easy"),
        ("Car 0.10 0 0 400 150 500 189", "moderate"),
        ("Car 0.30 1 0 400 150 500 190", "moderate"),
        ("Car 0.50 2 0 400 150 500 175", "hard"),
        ("Car 0.50 3 0 400 150 500 175", "none"),
        ("Car 0.51 0 0 400 150 500 250", "none"),
    ],
)
def test_difficulty_of_the_benchmark(tmp_path, text, level):
    dataset(tmp_path, {"000001": f"{text} 1.50 1.80 4.00 -2.00 1.75 10.00 -2.07"})
    (item,) = read(tmp_path, difficulty=True)
    assert [a.attributes["difficulty"] for a in item.annotations] == [level, level]
    (item,) = read(tmp_path)
    assert all("difficulty" not in a.attributes for a in item.annotations)


def image(name, x=0.0, focal=700.0, rotation=(0, -1, 0, 0, 0, -1, 1, 0, 0)):
    r = rotation
    outer = [*r[:3], x, *r[3:6], 0.0, *r[6:], 0.0]
    inner = [focal, 0, 600, 0, focal, 200, 0, 0, 1]
    camera = {"name": name, "extrinsics": outer, "intrinsics": inner}
    return Image(f"{name}.png", name.encode(), {"camera": camera}, (400, 1200))


def projection(folder, number):
    lines = (folder / "training/calib/a.txt").read_text().splitlines()
    (row,) = [line for line in lines if line.startswith(f"P{number}:")]
    return [float(word) for word in row.split()[1:]]


def test_colour_cameras_go_before_grey_ones(tmp_path):
    images = (image("image_00"), image("image_01", -0.5), image("image_02", 0.06, 710.0))
    media = PointCloud("a.bin", b"", None, (*images, image("image_03", -0.47, 720.0)))
    report = boxes(cuboid(), media=media).export(tmp_path, "kitti3d", save_media=True, precision=9)
    for number in (2, 3):
        written = (tmp_path / f"training/image_{number}/a.png").read_bytes()
        assert written == f"image_0{number}".encode()
    assert projection(tmp_path, 2) == [710, 0, 600, 0, 0, 710, 200, 0, 0, 0, 1, 0]
    # the right camera sees a point 0.53 m further to the left
    assert projection(tmp_path, 3) == pytest.approx(
        [720, 0, 600, 720 * -0.53, 0, 720, 200, 0, 0, 0, 1, 0]
    )
    assert [e.count for e in report.events if e.what == "further images left out"] == [2]
    (item,) = read(tmp_path)
    assert item.annotations[1].position == pytest.approx((10, 2, -1), abs=1e-6)
    for stereo, x in zip(item.media.extra_images, (0.06, -0.47), strict=True):
        assert stereo.extra["camera"]["extrinsics"][3] == pytest.approx(x)


def test_the_front_camera_goes_first_and_others_are_no_stereo_pair(tmp_path):
    back = image("CAM_BACK", rotation=(0, 1, 0, 0, 0, -1, -1, 0, 0))
    media = PointCloud("a.bin", b"", None, (back, image("CAM_FRONT")))
    report = boxes(cuboid(), media=media).export(tmp_path, "kitti3d", save_media=True)
    assert (tmp_path / "training/image_2/a.png").read_bytes() == b"CAM_FRONT"
    assert not (tmp_path / "training/image_3").exists()
    assert "further images left out" in [e.what for e in report.events if e.code == "DSK-L016"]
    assert len((tmp_path / "training/label_2/a.txt").read_text().splitlines()) == 1


def test_matrices_that_are_none_are_no_calibration(tmp_path):
    media = PointCloud("a.bin", b"", None, (image("CAM_FRONT", rotation=(0,) * 9),))
    with pytest.raises(OutputError, match="no calibration"):
        boxes(cuboid(), media=media).export(tmp_path, "kitti3d")


def test_words_of_kitti_raw_become_numbers(tmp_path):
    words = (
        {"occluded": True, "occlusion": "FULLY", "truncation": "TRUNCATED"},
        {"occluded": True, "occlusion": "OcclusionStates.PARTLY", "truncation": "IN_IMAGE"},
        {"occlusion": "half"},
    )
    data = boxes(*(cuboid(attributes=attributes) for attributes in words))
    report = data.export(tmp_path, "kitti3d", calib="identity")
    lines = (tmp_path / "training/label_2/a.txt").read_text().splitlines()
    assert [line.split()[1:3] for line in lines] == [["-1.00", "2"], ["0.00", "1"], ["0.00", "3"]]
    told = {(e.code, e.what): e.count for e in report.losses if "rounded" not in e.what}
    assert told == {
        ("DSK-L007", "truncation of unknown share written as -1"): 1,
        ("DSK-L004", "occlusion"): 1,
    }


def test_sizes_of_zero_are_kept_and_told(tmp_path):
    ledger = Ledger()
    line = CAR.replace("1.50 1.80 4.00", "0.00 1.80 4.00")
    (item,) = read(dataset(tmp_path, {"1": line})).read(ledger)
    assert item.annotations[1].scale == (4, 1.8, 0)
    assert any("0 or less" in text for text in ledger.warnings)


@pytest.mark.parametrize("end", ["\r\n\r\n", " ", "   \n", "\n\n"])
def test_ends_of_lines(tmp_path, end):
    """Blanks at the end are no sixteenth field."""
    (item,) = read(dataset(tmp_path, {"1": CAR + end}))
    assert [a.kind for a in item.annotations] == ["bbox", "cuboid_3d"]
    assert "score" not in item.annotations[0].attributes


def test_numbers_of_a_calibration_that_are_none(tmp_path):
    dataset(tmp_path, {"1": CAR}, calib=CALIB.replace("Tr_velo_to_cam: 0", "Tr_velo_to_cam: nan"))
    with pytest.raises(RecordError, match=r"calib/1\.txt.*Tr_velo_to_cam"):
        list(read(tmp_path))
    (item,) = read(tmp_path, on_error="skip")
    assert [a.kind for a in item.annotations] == ["bbox"]


def test_a_cut_off_cloud_is_reported(tmp_path):
    dataset(tmp_path / "in", {"1": CAR})
    (tmp_path / "in/training/velodyne/1.bin").write_bytes(b"x" * 17)
    report = read(tmp_path / "in").export(
        tmp_path / "out", "cloud_dir", cloud_ext="pcd", save_media=True
    )
    assert "point cloud not saved: 17 bytes are no whole number of points of 16" in {
        e.what for e in report.losses
    }


def test_folders_of_waymo_are_told(tmp_path):
    dataset(tmp_path, {"1": CAR})
    (tmp_path / "training/label_all").mkdir()
    (tmp_path / "training/planes").mkdir()
    told = " ".join(read(tmp_path).opening_ledger.warnings)
    assert "training/label_all: not read" in told
    assert "planes" not in told


@pytest.mark.parametrize(("labels", "images"), [("label", "image2"), ("labels", "image")])
def test_folders_that_others_have_made(tmp_path, labels, images):
    dataset(tmp_path, {"1": CAR}, base="")
    (tmp_path / images).mkdir()
    (tmp_path / images / "1.jpg").write_bytes(b"")
    (tmp_path / "label_2").rename(tmp_path / labels)
    found = detect(open_root(tmp_path))[0]
    assert (found.format, labels in found.reason) == ("kitti3d", True)
    data = read(tmp_path)
    (item,) = data
    assert not data.opening_ledger.warnings
    assert len(item.annotations) == 2
    assert [image.path for image in item.media.extra_images] == [f"{images}/1.jpg"]


def test_labels_that_are_not_kittis_are_told(tmp_path):
    dataset(tmp_path, {"1": CAR})
    (tmp_path / "training/label").mkdir()
    (tmp_path / "training/label/1.txt").write_text("1 2 3 4 5 6 0.5 Car\n")
    assert "training/label: not read" in " ".join(read(tmp_path).opening_ledger.warnings)
    for file in (tmp_path / "training/label_2").iterdir():
        file.unlink()
    (tmp_path / "training/label_2").rmdir()
    data = read(tmp_path)
    assert "training/label: not read" in " ".join(data.opening_ledger.warnings)
    assert [item.annotations for item in data] == [[]]


def test_the_hint_asks_for_more_decimals_than_there_are(tmp_path):
    data = boxes(cuboid(rotation=(0.0, 0.0, 1 / 3)))
    for digits, hint in ((2, "precision=6 "), (6, "precision=17 "), (17, "")):
        report = data.export(tmp_path / str(digits), "kitti3d", calib="identity", precision=digits)
        (told,) = [e.hint for e in report.events if "rounded" in e.what] or [""]
        assert hint in told
        assert bool(told) == bool(hint)


def test_test_items_without_media_come_back(tmp_path):
    items = [DatasetItem("1", "test"), DatasetItem("1", "train"), DatasetItem("2", "test")]
    Dataset.from_iterable(items, ["Car"]).export(tmp_path, "kitti3d")
    found = {(item.subset, item.id) for item in read(tmp_path)}
    assert found == {("test", "1"), ("train", "1"), ("test", "2")}


def test_test_items_with_media_have_no_labels(tmp_path):
    cloud = PointCloud("a.bin", struct.pack("<4f", 1, 2, 3, 4))
    data = Dataset.from_iterable([DatasetItem("1", "test", cloud)], ["Car"])
    data.export(tmp_path, "kitti3d", save_media=True)
    assert not (tmp_path / "testing/label_2").exists()


def test_names_of_lists_without_files_are_told(tmp_path):
    dataset(tmp_path, {"1": CAR})
    (tmp_path / "training/calib/7.txt").write_text(CALIB)
    (tmp_path / "ImageSets").mkdir()
    (tmp_path / "ImageSets/val.txt").write_text("1\n7\n8\n9\n")
    data = read(tmp_path)
    assert "3 names of ImageSets have no label, cloud or image" in " ".join(
        data.opening_ledger.warnings
    )
    assert [(item.subset, item.id) for item in data] == [("val", "1")]


def test_an_item_of_several_lists_is_told(tmp_path):
    dataset(tmp_path, {"1": CAR, "2": CAR})
    (tmp_path / "ImageSets").mkdir()
    for name in ("train", "trainval", "test"):
        (tmp_path / f"ImageSets/{name}.txt").write_text("1\n2\n")
    assert not read(tmp_path).opening_ledger.warnings
    (tmp_path / "ImageSets/mini.txt").write_text("2\n")
    told = "1 items are in several lists of ImageSets"
    assert told in " ".join(read(tmp_path).opening_ledger.warnings)


def test_an_item_of_no_list_is_told(tmp_path):
    dataset(tmp_path, {"1": CAR, "2": CAR})
    (tmp_path / "ImageSets").mkdir()
    (tmp_path / "ImageSets/val.txt").write_text("1\n")
    assert not read(tmp_path).opening_ledger.warnings  # whatever is not in val is for training
    (tmp_path / "ImageSets/train.txt").write_text("\n")
    assert not read(tmp_path).opening_ledger.warnings
    (tmp_path / "ImageSets/train.txt").write_text("1\n")
    told = "1 items are in no list of ImageSets, such as '2'; they have the subset of their folder"
    assert told in " ".join(read(tmp_path).opening_ledger.warnings)


def test_one_of_several_datasets_has_to_be_named(tmp_path):
    for name in ("a", "b"):
        dataset(tmp_path / name)
    with pytest.raises(InputError, match="several datasets: a, b"):
        read(tmp_path)
    assert len(list(read(tmp_path / "b"))) == 1


def test_the_tracking_task_beside_is_passed_over(tmp_path):
    dataset(tmp_path / "object")
    dataset(tmp_path / "tracking")
    (tmp_path / "tracking/training/label_2").rename(tmp_path / "tracking/training/label_02")
    assert [item.id for item in read(tmp_path)] == ["000001"]
