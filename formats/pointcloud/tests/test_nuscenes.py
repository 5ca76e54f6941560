"""nuScenes: tables, frames, partial downloads; and the layouts that are only written."""

from __future__ import annotations

import json
from math import cos, pi, sin

import numpy as np
import pytest

from dsk.annotations import Cuboid3d
from dsk.dataset import Dataset
from dsk.detect import detect
from dsk.errors import InputError, RecordError, UnsafePathError
from dsk.files import open_root
from dsk.item import DatasetItem
from dsk.media import PointCloud
from dsk_pointcloud.frames import matrix_of


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
