"""nuScenes: tables, frames, partial downloads; and the layouts that are only written."""

from __future__ import annotations

import json
import math
from math import cos, pi, sin

import numpy as np
import pytest
from msgspec.structs import replace

from dsk.annotations import Cuboid3d
from dsk.dataset import Dataset
from dsk.detect import detect
from dsk.errors import InputError, OptionError, RecordError, UnsafePathError
from dsk.files import open_root
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk.media import Image, PointCloud
from dsk.rotations import matrix_of
from dsk_pointcloud.clouds.pcd import read_pcd


def q(yaw):
    return [cos(yaw / 2), 0.0, 0.0, sin(yaw / 2)]


def tables(folder, version="v1.0-mini", **changes):
    """Make a scene: the vehicle at (100, 50) heads +y, the lidar is turned −90°."""
    data = {"ego_pose_token": "e1", "is_key_frame": True}
    rows = {
        "category": [{"token": "c", "name": "vehicle.car", "description": ""}],
        "attribute": [{"token": "a", "name": "vehicle.parked"}],
        "visibility": [{"token": "4", "level": "v80-100"}],
        "instance": [{"token": "i", "category_token": "c", "nbr_annotations": 1}],
        "sensor": [
            {"token": "s1", "channel": "LIDAR_TOP", "modality": "lidar"},
            {"token": "s2", "channel": "CAM_FRONT", "modality": "camera"},
        ],
        "calibrated_sensor": [
            {
                "token": "k1",
                "sensor_token": "s1",
                "translation": [1, 0, 2],
                "rotation": q(-pi / 2),
                "camera_intrinsic": [],
            },
            {
                "token": "k2",
                "sensor_token": "s2",
                "translation": [1, 0, 2],
                "rotation": q(0),
                "camera_intrinsic": [[700, 0, 6], [0, 700, 2], [0, 0, 1]],
            },
        ],
        "ego_pose": [
            {"token": "e1", "translation": [100, 50, 0], "rotation": q(pi / 2), "timestamp": 1},
            {"token": "e2", "translation": [100, 51, 0], "rotation": q(pi / 2), "timestamp": 2},
        ],
        "scene": [{"token": "z", "name": "scene-0001", "first_sample_token": "p1"}],
        "sample": [
            {"token": "p1", "scene_token": "z", "timestamp": 1, "next": "p2", "prev": ""},
            {"token": "p2", "scene_token": "z", "timestamp": 2, "next": "", "prev": "p1"},
        ],
        "sample_data": [
            data
            | {
                "token": "d1",
                "sample_token": "p1",
                "calibrated_sensor_token": "k1",
                "filename": "samples/LIDAR_TOP/a.pcd.bin",
            },
            data
            | {
                "token": "d2",
                "sample_token": "p1",
                "calibrated_sensor_token": "k2",
                "filename": "samples/CAM_FRONT/a.jpg",
                "width": 16,
                "height": 9,
                "ego_pose_token": "e2",
            },
            data
            | {
                "token": "d3",
                "sample_token": "p1",
                "calibrated_sensor_token": "k1",
                "filename": "sweeps/LIDAR_TOP/b.pcd.bin",
                "is_key_frame": False,
            },
        ],
        "sample_annotation": [
            {
                "token": "n",
                "sample_token": "p1",
                "instance_token": "i",
                "attribute_tokens": ["a"],
                "visibility_token": "4",
                "translation": [100, 61, 1],
                "size": [1.8, 4.0, 1.5],
                "rotation": q(pi / 2),
                "num_lidar_pts": 25,
                "num_radar_pts": 0,
            },
        ],
    }
    for name, table in (rows | changes).items():
        path = folder / version / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(table if isinstance(table, str) else json.dumps(table))
    cloud = folder / "samples/LIDAR_TOP/a.pcd.bin"
    cloud.parent.mkdir(parents=True, exist_ok=True)
    cloud.write_bytes(np.arange(10, dtype="<f4").tobytes())
    return folder


def read(folder, **options):
    return Dataset.import_from(folder, "nuscenes", **options)


def test_keyframes_and_boxes(tmp_path):
    first, second = read(tables(tmp_path))
    assert [i.id for i in (first, second)] == ["scene-0001/0000", "scene-0001/0001"]
    (box,) = first.annotations
    # 11 m ahead of the vehicle, 1 m of which the lidar sits in front; y is ahead in its frame
    assert box.position == pytest.approx((0, 10, -1), abs=1e-9)
    assert box.scale == (4.0, 1.8, 1.5)
    assert matrix_of(box.rotation)[:, 0] == pytest.approx([0, 1, 0], abs=1e-9)
    assert box.attributes == {
        "track_id": 1,
        "instance_token": "i",
        "vehicle": "parked",
        "visibility": "v80-100",
        "num_lidar_pts": 25,
    }
    assert first.media.path == "samples/LIDAR_TOP/a.pcd.bin"
    assert first.media.exists
    (image,) = first.media.extra_images
    assert (image.source, image.size) == (None, (9, 16))
    outer = np.array(image.extra["camera"]["extrinsics"]).reshape(3, 4)
    # the camera is a metre further on when it looks
    assert outer @ [0, 10, -1, 1] == pytest.approx([9, 0, -1], abs=1e-9)


def test_versions(tmp_path):
    tables(tmp_path)
    tables(tmp_path, "v1.0-test")
    with pytest.raises(InputError, match="several versions"):
        read(tmp_path)
    assert len(list(read(tmp_path, version="v1.0-test"))) == 2
    with pytest.raises(InputError, match=r"v2\.0"):
        read(tmp_path, version="v2.0")


@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"token": 5}]', "[NaN]"])
def test_damaged_tables(tmp_path, text):
    with pytest.raises(InputError, match=r"ego_pose\.json"):
        read(tables(tmp_path, ego_pose=text))


def test_missing_rows(tmp_path):
    with pytest.raises(RecordError, match="pose or sensor"):
        list(read(tables(tmp_path / "a", ego_pose=[])))
    with pytest.raises(RecordError, match="damaged box"):
        list(read(tables(tmp_path / "b", instance=[])))


def test_a_missing_table_of_boxes_is_told(tmp_path):
    (tables(tmp_path) / "v1.0-mini/sample_annotation.json").unlink()
    data = read(tmp_path)
    (told,) = data.opening_ledger.warnings
    assert "no sample_annotation.json" in told
    assert [item.annotations for item in data] == [[], []]


def test_names_that_lead_out_are_refused(tmp_path):
    row = {
        "token": "d1",
        "sample_token": "p1",
        "calibrated_sensor_token": "k1",
        "ego_pose_token": "e1",
        "is_key_frame": True,
        "filename": "../../x.bin",
    }
    with pytest.raises(UnsafePathError):
        list(read(tables(tmp_path, sample_data=[row])))


def test_detection(tmp_path):
    assert detect(open_root(tables(tmp_path)))[0].format == "nuscenes"


@pytest.mark.parametrize(("name", "z"), [("openpcdet", -1.0), ("mmdet3d", -1.75)])
def test_layouts_of_training_tools(tmp_path, name, z):
    box = Cuboid3d((10.0, 2.0, -1.0), (0.0, 0.0, 0.5), (4.0, 1.8, 1.5), label=0)
    points = np.arange(8, dtype="<f4")
    item = DatasetItem("a", "train", PointCloud("a.bin", points.tobytes()), [box])
    data = Dataset.from_iterable([item], categories=["Car"])
    data.export(tmp_path / "out", name, save_media=True)
    line = (tmp_path / "out/labels/a.txt").read_text()
    assert line == f"10.0 2.0 {z} 4.0 1.8 1.5 0.5 Car\n"
    assert (tmp_path / "out/ImageSets/train.txt").read_text() == "a\n"
    if name == "openpcdet":
        found = np.load(tmp_path / "out/points/a.npy", allow_pickle=False)
        assert found.tolist() == points.reshape(2, 4).tolist()
    else:
        assert (tmp_path / "out/points/a.bin").read_bytes() == points.tobytes()


def test_sweeps_are_named_with_their_time(tmp_path):
    (first, _) = read(tables(tmp_path))
    assert first.extra["nuscenes"]["sweeps"] == [("sweeps/LIDAR_TOP/b.pcd.bin", 0)]


def table(folder, name):
    return json.loads(next(folder.glob(f"v1.0-*/{name}.json")).read_text())


def check_links(folder):
    """Whether every token names a row; an empty one means none."""
    names = [path.stem for path in folder.glob("v1.0-*/*.json")]
    owners = {"prev": None, "next": None, "first_sample_token": "sample"}
    owners |= {"last_sample_token": "sample", "first_annotation_token": "sample_annotation"}
    owners |= {"last_annotation_token": "sample_annotation"}
    tokens = {name: [row["token"] for row in table(folder, name)] for name in names}
    assert all(len(set(found)) == len(found) for found in tokens.values())
    for name in names:
        for row in table(folder, name):
            for key, value in row.items():
                if key in owners or key.endswith(("_token", "_tokens")):
                    owner = owners.get(key, key.removesuffix("s").removesuffix("_token")) or name
                    values = value if isinstance(value, list) else [value]
                    assert set(values) <= {*tokens[owner], ""}, (name, key)


def test_a_dataset_comes_back_in_the_global_frame(tmp_path):
    tables(tmp_path / "in")
    read(tmp_path / "in").export(tmp_path / "out", "nuscenes", save_media=True)
    check_links(tmp_path / "out")
    (row,) = table(tmp_path / "out", "sample_annotation")
    assert row["translation"] == pytest.approx([100, 61, 1], abs=1e-9)
    assert row["size"] == [1.8, 4.0, 1.5]
    assert np.abs(np.dot(row["rotation"], q(pi / 2))) == pytest.approx(1, abs=1e-9)
    assert row["num_lidar_pts"] == 25
    assert row["instance_token"] == "i"
    before, after = list(read(tmp_path / "in")), list(read(tmp_path / "out"))
    assert [(i.id, i.attributes) for i in after] == [(i.id, i.attributes) for i in before]
    assert after[0].annotations[0].attributes == before[0].annotations[0].attributes
    assert after[0].annotations[0].position == pytest.approx(before[0].annotations[0].position)
    cloud = next((tmp_path / "out/samples/LIDAR_TOP").glob("*.pcd.bin"))
    assert cloud.read_bytes() == (tmp_path / "in/samples/LIDAR_TOP/a.pcd.bin").read_bytes()


def item_of(frame, *boxes, points=None, images=()):
    cloud = None if points is None else points.astype("<f4").tobytes()
    media = PointCloud("a.bin", cloud, None, images)
    return DatasetItem(f"drive/{frame}", "train", media, boxes, {"frame": frame})


def test_tables_for_boxes_of_other_formats(tmp_path):
    inside = np.random.default_rng(2).uniform(-0.5, 0.5, (25, 3)) * (4, 1.8, 1.5)
    inside = inside @ matrix_of((0, 0, 0.5)).T + (10, 2, -1)
    points = np.zeros((30, 4))
    points[:25, :3] = inside
    points[29] = np.nan
    outer = [0.0, -1, 0, 0.1, 0, 0, -1, 0, 1, 0, 0, 0.2]
    camera = {"name": "image_02", "extrinsics": outer, "intrinsics": [7.0, 0, 6, 0, 7, 2, 0, 0, 1]}
    images = (Image("x.png", b"png", {"camera": camera}), Image("y.png", b"png"))
    box = Cuboid3d((10.0, 2.0, -1.0), (0.0, 0.0, 0.5), (4.0, 1.8, 1.5), label=1)
    colour = replace(box, attributes={"track_id": 7, "colour": "red", "parked": True, "n": 1})
    items = [item_of(1, colour, points=points, images=images), item_of(0, colour, box)]
    data = Dataset.from_iterable(items, categories=["Bus", "Car"])
    report = data.export(tmp_path / "out", "nuscenes", save_media=True)
    lost = {(e.code, e.what): e.count for e in report.losses if e.code != "DSK-L016"}
    assert lost == {("DSK-L004", "n"): 2}
    check_links(tmp_path / "out")
    (scene,) = table(tmp_path / "out", "scene")
    assert scene["nbr_samples"] == 2
    rows = table(tmp_path / "out", "sample_annotation")
    assert [row["num_lidar_pts"] for row in rows] == [0, 0, 25]
    instances = {row["dsk"]["track_id"]: row for row in table(tmp_path / "out", "instance")}
    assert instances[7]["nbr_annotations"] == 2
    first, second = read(tmp_path / "out")
    assert (first.id, second.id, second.subset) == ("drive/0", "drive/1", "train")
    (back,) = second.annotations
    assert back.position == pytest.approx(box.position)
    assert back.rotation == pytest.approx(box.rotation)
    assert back.attributes == {"track_id": 7, "colour": "red", "parked": True, "num_lidar_pts": 25}
    (image,) = second.media.extra_images
    assert image.extra["camera"]["name"] == "CAM_IMAGE_02"
    assert image.extra["camera"]["extrinsics"] == pytest.approx(outer)
    assert np.frombuffer(second.media.read_bytes(), "<f4").reshape(-1, 5)[:25, :3] == pytest.approx(
        inside, abs=1e-5
    )


def test_boxes_with_y_ahead_keep_their_heading(tmp_path):
    box = Cuboid3d((10.0, 2.0, -1.0), (0.0, 0.0, 0.5 - pi / 2), (1.8, 4.0, 1.5), "+y", label=0)
    data = Dataset.from_iterable([item_of(0, box)], categories=["Car"])
    data.export(tmp_path / "out", "nuscenes")
    (row,) = table(tmp_path / "out", "sample_annotation")
    assert row["size"] == [1.8, 4.0, 1.5]
    assert row["rotation"] == pytest.approx([0.968912, 0, 0, 0.247404], abs=1e-6)


def test_lyfts_tables(tmp_path):
    """Times have fractions, sensors without a lens and boxes without visibility say null."""
    tables(tmp_path / "in")
    plain = {name: table(tmp_path / "in", name) for name in ("sample", "sample_data")}
    for rows in plain.values():
        for number, row in enumerate(rows):
            row["timestamp"] = 1557858039302414.8 + number
    sensors, boxes = (table(tmp_path / "in", n) for n in ("calibrated_sensor", "sample_annotation"))
    sensors[0]["camera_intrinsic"] = boxes[0]["visibility_token"] = None
    boxes[0]["num_radar_pts"] = 3
    changed = plain | {"calibrated_sensor": sensors, "sample_annotation": boxes}
    first, _ = read(tables(tmp_path / "in", **changed))
    (box,) = first.annotations
    assert "visibility" not in box.attributes
    assert box.attributes["num_radar_pts"] == 3
    read(tmp_path / "in").export(tmp_path / "out", "nuscenes", save_media=True)
    stamps = [row["timestamp"] for row in table(tmp_path / "out", "sample")]
    assert stamps == [1557858039302414, 1557858039302415]
    (row,) = table(tmp_path / "out", "sample_annotation")
    assert row["num_radar_pts"] == 3


@pytest.mark.parametrize("options", [{"version": "2"}, {"cloud_ext": "ply"}])
def test_bad_options(tmp_path, options):
    data = Dataset.from_iterable([item_of(0)], categories=["Car"])
    with pytest.raises(OptionError):
        data.export(tmp_path / "out", "nuscenes", **options)


@pytest.mark.parametrize(("name", "options"), [("kitti_raw", {}), ("kitti3d", {"precision": 12})])
def test_kitti_gets_its_axes(tmp_path, name, options):
    """The lidar's y is ahead; KITTI's x is."""
    tables(tmp_path / "in")
    sensors = table(tmp_path / "in", "calibrated_sensor")
    sensors[1]["rotation"] = [0.5, -0.5, 0.5, -0.5]  # x right, y down, z ahead
    sensors[1]["camera_intrinsic"] = [[7, 0, 6], [0, 7, 2], [0, 0, 1]]
    tables(tmp_path / "in", calibrated_sensor=sensors)
    image = tmp_path / "in/samples/CAM_FRONT/a.jpg"
    image.parent.mkdir()
    image.write_bytes(b"jpg")
    data = read(tmp_path / "in")
    report = data.export(tmp_path / "out", name, save_media=True, **options)
    told = [e.count for e in report.events if e.what.startswith("boxes and clouds turned")]
    assert told == [1]
    first = next(iter(Dataset.import_from(tmp_path / "out", name)))
    box = next(a for a in first.annotations if isinstance(a, Cuboid3d))
    assert box.position == pytest.approx((10, 0, -1), abs=1e-9)
    assert matrix_of(box.rotation)[:, 0] == pytest.approx([1, 0, 0], abs=1e-9)
    points = np.frombuffer(first.media.read_bytes(), "<f4").reshape(2, 4)
    assert points.tolist() == [[1, 0, 2, 3], [6, -5, 7, 8]]
    (camera,) = (i.extra["camera"] for i in first.media.extra_images)
    outer = np.array(camera["extrinsics"]).reshape(3, 4)
    assert outer @ [10, 0, -1, 1] == pytest.approx([0, 1, 9], abs=1e-9)


def test_frames_with_x_ahead_are_not_turned(tmp_path):
    box = Cuboid3d((10.0, 2.0, -1.0), (0.0, 0.0, 0.5), (4.0, 1.8, 1.5), label=0)
    box = replace(box, attributes={"track_id": 1})
    data = Dataset.from_iterable([item_of(0, box, points=np.ones((1, 4)))], categories=["Car"])
    data.export(tmp_path / "nuscenes", "nuscenes", save_media=True)
    read(tmp_path / "nuscenes").export(tmp_path / "out", "kitti_raw", save_media=True)
    (item,) = Dataset.import_from(tmp_path / "out", "kitti_raw")
    assert item.annotations[0].position == pytest.approx(box.position)
    assert item.annotations[0].rotation == pytest.approx(box.rotation)


def test_sizes_that_went_through_a_table_of_floats(tmp_path):
    """Whole numbers are floats there, and what is not known is no number."""
    rows = table(tables(tmp_path), "sample_data")
    for row in rows:
        known = row["token"] != "d1"
        row.update({"width": 1920.0, "height": 1080.0} if known else {"width": math.nan})
    first, _ = read(tables(tmp_path, sample_data=rows))
    assert [image.size for image in first.media.extra_images] == [(1080, 1920)]
    for row in rows:
        row["width"] = 0.5
    first, _ = read(tables(tmp_path, sample_data=rows))
    assert [image.size for image in first.media.extra_images] == [None]


def test_lyft_as_kaggle_has_it(tmp_path):
    """Folders say which part they are of, file names in the tables do not."""
    tables(tmp_path, "train_data")
    (tmp_path / "samples").rename(tmp_path / "train_samples")
    assert detect(open_root(tmp_path))[0].format == "nuscenes"
    first, _ = read(tmp_path)
    assert first.media.path == "train_samples/LIDAR_TOP/a.pcd.bin"
    assert first.media.exists
    tables(tmp_path, "test_data")
    first, _ = read(tmp_path, version="test_data")
    assert first.media.path == "samples/LIDAR_TOP/a.pcd.bin"


def test_lyfts_clouds_have_five_columns(tmp_path):
    """They end with .bin alone, which means four columns elsewhere."""
    rows = table(tables(tmp_path / "in"), "sample_data")
    rows[0]["filename"] = "lidar/host-a004_lidar1_1.bin"
    tables(tmp_path / "in", sample_data=rows)
    cloud = tmp_path / "in/lidar/host-a004_lidar1_1.bin"
    cloud.parent.mkdir()
    points = np.arange(20, dtype="<f4").reshape(4, 5)
    points[:, 3] = 100
    cloud.write_bytes(points.tobytes())
    first, _ = read(tmp_path / "in")
    assert first.media.path == "lidar/host-a004_lidar1_1.pcd.bin"
    data = read(tmp_path / "in")
    data.export(tmp_path / "out", "sly_pointcloud", save_media=True)
    (written,) = (tmp_path / "out").rglob("*.pcd")
    found = read_pcd(written.read_bytes(), "a").points
    assert found.dtype.names == ("x", "y", "z", "intensity", "ring")
    assert [found[n].tolist() for n in found.dtype.names] == points.T.tolist()


@pytest.mark.parametrize(("name", "z"), [("openpcdet", -1.0), ("mmdet3d", -1.75)])
def test_training_tools_get_x_ahead(tmp_path, name, z):
    """The box is 10 m ahead of the lidar, which nuScenes says along y."""
    data = read(tables(tmp_path / "in"))
    report = data.export(tmp_path / "out", name, save_media=True)
    told = [e.count for e in report.events if e.what.startswith("boxes and clouds turned")]
    assert told == [1]
    (line,) = (tmp_path / "out/labels").rglob("*0000*.txt")
    numbers = [float(text) for text in line.read_text().split()[:7]]
    assert numbers == pytest.approx([10, 0, z, 4.0, 1.8, 1.5, 0], abs=1e-9)
    (file,) = (p for p in (tmp_path / "out/points").rglob("*") if p.is_file())
    points = np.load(file) if name == "openpcdet" else np.fromfile(file, "<f4").reshape(-1, 4)
    assert points.tolist() == [[1, 0, 2, 3], [6, -5, 7, 8]]


@pytest.mark.parametrize("name", ["openpcdet", "mmdet3d"])
def test_training_tools_are_told_of_turned_boxes(tmp_path, name):
    box = Cuboid3d((1.0, 2.0, 3.0), (0.0, 0.0, 0.5), (1.8, 4.0, 1.5), "+y", label=0)
    data = Dataset.from_iterable([DatasetItem("a", annotations=[box])], categories=["Car"])
    report = data.export(tmp_path / "out", name)
    told = {e.what: e.count for e in report.events}
    assert told == {"boxes turned: +x ahead instead of +y": 1}
    assert (tmp_path / "out/labels/a.txt").read_text().split()[3:5] == ["4.0", "1.8"]


def box_row(folder, **changes):
    (row,) = table(tables(folder), "sample_annotation")
    return [row | changes]


def test_sizes_of_zero_are_kept_and_told(tmp_path):
    rows = box_row(tmp_path, size=[0, 4, 1.5])
    ledger = Ledger()
    first, _ = read(tables(tmp_path, sample_annotation=rows)).read(ledger)
    assert first.annotations[0].scale == (4, 0, 1.5)
    assert any("0 or less" in text for text in ledger.warnings)


def test_a_rotation_of_no_length_costs_its_box(tmp_path):
    rows = box_row(tmp_path, rotation=[0, 0, 0, 0])
    folder = tables(tmp_path, sample_annotation=[*rows, *box_row(tmp_path, token="m")])
    with pytest.raises(RecordError, match="quaternion"):
        list(read(folder))
    first, _ = read(folder, on_error="skip")
    assert len(first.annotations) == 1


@pytest.mark.parametrize(
    "change", [{"visibility_token": ""}, {"unknown": 1}, {"rotation": [0, 0, 0, 2]}]
)
def test_empty_links_unknown_keys_and_lengths_do_no_harm(tmp_path, change):
    first, _ = read(tables(tmp_path, sample_annotation=box_row(tmp_path, **change)))
    (box,) = first.annotations
    assert box.position == pytest.approx((0, 10, -1), abs=1e-9)
    assert ("visibility" in box.attributes) == ("visibility_token" not in change)


def test_samples_in_a_circle_end(tmp_path):
    row = {"token": "p1", "scene_token": "z", "timestamp": 1, "next": "p1", "prev": "p1"}
    data = read(tables(tmp_path, sample=[row]))
    assert len(list(data)) == 1
    assert "not in one chain" in " ".join(data.opening_ledger.warnings)


def test_samples_of_cut_tables_are_items(tmp_path):
    """A part of the tables may lack where a scene begins, or the scene."""
    rows = [
        {"token": "p9", "scene_token": "z", "timestamp": 9, "next": "gone"},
        {"token": "p1", "scene_token": "z", "timestamp": 5, "next": "p9"},
        {"token": "q", "scene_token": "other", "timestamp": 1},
    ]
    scene = [{"token": "z", "name": "scene-0001", "first_sample_token": "gone too"}]
    data = read(tables(tmp_path, sample=rows, scene=scene))
    items = {item.id: item for item in data}
    assert list(items) == ["other/0000", "scene-0001/0000", "scene-0001/0001"]
    assert [len(item.annotations) for item in items.values()] == [0, 1, 0]
    told = " ".join(data.opening_ledger.warnings)
    assert "1 scenes of samples are missing" in told
    assert "scene-0001 are missing or not in one chain" in told
    assert not read(tables(tmp_path / "whole")).opening_ledger.warnings


def test_points_of_minus_one_are_not_known(tmp_path):
    folder = tables(tmp_path / "in")
    table = folder / "v1.0-mini/sample_annotation.json"
    table.write_text(table.read_text().replace('"num_lidar_pts": 25', '"num_lidar_pts": -1'))
    (box,) = next(iter(read(folder))).annotations
    assert "num_lidar_pts" not in box.attributes
    read(folder).export(tmp_path / "out", "nuscenes", save_media=True)
    (table,) = (tmp_path / "out").rglob("sample_annotation.json")
    written = json.loads(table.read_text())
    assert written[0]["num_lidar_pts"] >= 0


def test_sensors_that_are_not_read_are_told(tmp_path):
    folder = tables(tmp_path)
    for name, row in (
        ("sensor", {"token": "s3", "channel": "RADAR_FRONT", "modality": "radar"}),
        (
            "calibrated_sensor",
            {"token": "k3", "sensor_token": "s3", "translation": [0, 0, 0], "rotation": q(0)},
        ),
        (
            "sample_data",
            {
                "token": "d4",
                "sample_token": "p1",
                "ego_pose_token": "e1",
                "calibrated_sensor_token": "k3",
                "filename": "samples/RADAR_FRONT/a.pcd",
                "is_key_frame": True,
            },
        ),
    ):
        table = folder / f"v1.0-mini/{name}.json"
        table.write_text(json.dumps([*json.loads(table.read_text()), row]))
    assert "not read: RADAR_FRONT" in " ".join(read(folder).opening_ledger.warnings)


def test_invented_times_differ_between_scenes(tmp_path):
    """Tools sort scenes by the time of their first sample."""
    items = [DatasetItem(f"{n}", subset) for subset in ("a", "b") for n in range(2)]
    Dataset.from_iterable(items, categories=["car"]).export(tmp_path / "out", "nuscenes")
    (folder,) = (tmp_path / "out").glob("v1.0-*")
    times = [row["timestamp"] for row in json.loads((folder / "sample.json").read_text())]
    assert times == sorted(set(times))
    assert len(times) == 4


def test_sweeps_that_are_not_written_are_told(tmp_path):
    row = {"token": "w", "sample_token": "p1", "ego_pose_token": "e1", "is_key_frame": False}
    row |= {"calibrated_sensor_token": "k1", "filename": "sweeps/LIDAR_TOP/b.pcd.bin"}
    rows = [*table(tables(tmp_path / "in"), "sample_data"), row | {"timestamp": 5}]
    data = read(tables(tmp_path / "in", sample_data=rows))
    report = data.export(tmp_path / "out", "nuscenes")
    assert ("DSK-L011", "nuscenes field sweeps") in {(e.code, e.what) for e in report.losses}


def test_classes_of_points_are_told(tmp_path):
    ledger = Ledger()
    folder = tables(tmp_path, lidarseg=[{"token": "l", "filename": "lidarseg/a.bin"}])
    list(read(folder).read(ledger))
    told = " ".join([*read(folder).opening_ledger.warnings, *ledger.warnings])
    assert "lidarseg.json: classes of points are not read" in told


def test_a_missing_row_is_named(tmp_path):
    folder = tables(tmp_path, sample_annotation=box_row(tmp_path, instance_token="gone"))
    with pytest.raises(RecordError, match="no row 'gone'"):
        list(read(folder))
