"""What is lost or refused is told, never passed over."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from dsk.annotations import Cuboid3d
from dsk.categories import Categories, LabelCategory
from dsk.dataset import Dataset
from dsk.errors import DskError, InputError, MediaError, OutputError, RecordError
from dsk.item import DatasetItem
from dsk.media import PointCloud
from dsk_pointcloud.clouds.cloud import Cloud, cloud_of
from dsk_pointcloud.clouds.files import decode, encode
from dsk_pointcloud.clouds.losses import lost_in
from dsk_pointcloud.clouds.pcd import read_pcd, write_pcd

needs_las = pytest.mark.skipif(not importlib.util.find_spec("laspy"), reason="laspy is an extra")


WRITTEN = "frame voxel: numbers are written as the lidar's"


def box(**attributes):
    return Cuboid3d(
        (10.0, 2.0, -1.0), (0.0, 0.0, 0.5), (4.0, 1.8, 1.5), label=0, attributes=attributes
    )


def dataset(*boxes, **attributes):
    labels = Categories(labels=(LabelCategory("car", attributes=("colour",)),))
    return Dataset.from_iterable(
        [DatasetItem("a", "default", None, list(boxes), attributes)], labels
    )


def told(data, folder: Path, name: str, **options):
    report = data.export(folder, name, **options)
    return {(e.code, e.what): e.count for e in report.events if e.code in ("DSK-L004", "DSK-L009")}


def test_supervisely_has_no_place_for_some_attributes(tmp_path):
    data = dataset(
        box(track_id="left", colour="red"),
        box(track_id=1.5),
        box(track_id=2, description="x", frame=3, createdAt="2020"),
        box(track_id=None),
        track_id=7,
        description="kept",
    )
    lost = told(data, tmp_path / "out", "sly_pointcloud", allow_undeclared_attrs=True)
    assert lost == {
        ("DSK-L004", "track_id"): 2,
        ("DSK-L004", "description"): 1,
        ("DSK-L004", "frame"): 1,
        ("DSK-L009", "item attribute track_id"): 1,
    }


def test_tracks_that_are_no_whole_numbers(tmp_path):
    with pytest.raises(OutputError, match="integer attribute track_id"):
        dataset(box(track_id=1.5)).export(tmp_path / "a", "kitti_raw")
    dataset(box(track_id=2.0), box(track_id="3")).export(tmp_path / "b", "kitti_raw")
    (item,) = Dataset.import_from(tmp_path / "b", "kitti_raw")
    assert [a.attributes["track_id"] for a in item.annotations] == [1, 2]


def test_nuscenes_has_no_place_for_other_words(tmp_path):
    data = dataset(box(track_id="left", visibility="bad"), box(track_id="5", visibility="v40-60"))
    assert told(data, tmp_path / "out", "nuscenes") == {
        ("DSK-L004", "track_id"): 1,
        ("DSK-L004", "visibility"): 1,
    }
    (item,) = Dataset.import_from(tmp_path / "out", "nuscenes")
    first, second = item.annotations
    assert "track_id" not in first.attributes
    assert second.attributes["track_id"] == 5


def episode(folder: Path, frames, places):
    one = {"key": "o", "classTitle": "car", "tags": []}
    texts = {
        "meta.json": {"classes": [{"title": "car"}], "projectType": "point_cloud_episodes"},
        "ep/annotation.json": {"objects": [one], "frames": frames, "tags": []},
        "ep/frame_pointcloud_map.json": places,
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(text))
    for name in ("a.pcd", "b.pcd"):
        (folder / "ep/pointcloud").mkdir(exist_ok=True)
        (folder / "ep/pointcloud" / name).write_bytes(b"")
    return folder


def figure(x=1):
    zero = {"x": 0, "y": 0, "z": 0}
    geometry = {
        "position": zero | {"x": x},
        "rotation": zero,
        "dimensions": {"x": 1, "y": 1, "z": 1},
    }
    return {"key": "", "objectKey": "o", "geometryType": "cuboid_3d", "geometry": geometry}


def test_frames_of_an_episode_are_joined_or_refused(tmp_path):
    frames = [{"index": 0, "figures": [figure(1)]}, {"index": 0, "figures": [figure(2)]}]
    data = Dataset.import_from(episode(tmp_path / "a", frames, {"0": "a.pcd"}), "sly_pointcloud")
    (item,) = data
    assert [a.position[0] for a in item.annotations] == [1, 2]
    assert any("1 clouds are of no frame" in text for text in data.opening_ledger.warnings)
    for name, rows, places in (
        ("b", [{"figures": [figure()]}], {"0": "a.pcd"}),
        ("c", [{"index": 0, "figures": {}}, 7], {"0": "a.pcd"}),
        ("d", frames, {"0": "a.pcd", "1": "a.pcd"}),
        ("e", [{"index": -1, "figures": []}], {"0": "a.pcd"}),
    ):
        folder = episode(tmp_path / name, rows, places)
        with pytest.raises(RecordError, match=r"a frame has an index|a file of its own"):
            Dataset.import_from(folder, "sly_pointcloud")


@pytest.mark.parametrize("digits", [400, 5000])
def test_integers_beyond_all_numbers(tmp_path, digits):
    frames = [{"index": 0, "figures": [figure(123)]}]
    folder = episode(tmp_path, frames, {"0": "a.pcd"})
    file = folder / "ep/annotation.json"
    file.write_text(file.read_text().replace("123", "1" * digits))
    with pytest.raises(DskError):
        list(Dataset.import_from(folder, "sly_pointcloud"))


GRID = Cloud(
    cloud_of(x=np.arange(4.0), y=np.arange(4.0), z=np.arange(4.0) / 3, n=np.eye(4)).points,
    2,
    2,
    (1, 0, 0, 1, 0, 0, 0),
)


def test_what_kinds_of_files_lack():
    assert lost_in(GRID, ".pcd") == []
    assert lost_in(GRID, ".ply") == ["n as one column", "organization", "viewpoint"]
    assert lost_in(GRID, ".laz") == ["precision of x, y, z", "organization", "viewpoint"]
    assert lost_in(GRID, ".bin")[0] == "n"
    assert lost_in(cloud_of(x=[0.001], y=[1.5], z=[-7.25]), ".las") == []


def test_a_conversion_says_so(tmp_path):
    item = DatasetItem("a", media=PointCloud("a.pcd", write_pcd(GRID)))
    report = Dataset.from_iterable([item]).export(
        tmp_path / "out", "cloud_dir", save_media=True, cloud_ext="ply"
    )
    assert {".ply holds no organization", ".ply holds no viewpoint"} <= {
        e.what for e in report.events
    }


@needs_las
@pytest.mark.parametrize(
    "columns",
    [
        {"x": np.array([0.0, 1e8])},
        {"return_number": np.array([1, 99], dtype="u1")},
        {"intensity": np.array([1, 70000], dtype="u4")},
        {"c" * 40: np.zeros(2), "c" * 39 + "d": np.zeros(2)},
        {"x": np.array([0.0, np.nan])},
        {"complex": np.zeros(2, dtype="c8")},
    ],
)
def test_what_a_las_file_cannot_hold(columns):
    cloud = cloud_of(**({n: np.array([1.0, 2.0]) for n in "xyz"} | columns))
    with pytest.raises(MediaError, match="LAS file"):
        encode(cloud, ".las")


@needs_las
def test_las_columns_come_back():
    columns = {
        "intensity": np.array([0.25, 0.5], dtype="f4"),
        "classification": np.array([3, 200], dtype="u1"),
        "c" * 40: np.array([np.nan, 1.0]),
        "n": np.arange(6.0, dtype="f4").reshape(2, 3),
    }
    cloud = cloud_of(**({n: np.array([1.0, 2.0]) for n in "xyz"} | columns))
    back = decode(encode(cloud, ".laz"), "a.laz")
    assert back.points["intensity_"].tolist() == [0.25, 0.5]
    assert back.points["classification"].tolist() == [3, 200]
    assert back.points["c" * 32][1] == 1.0
    assert back.points["n"].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_integers_that_do_not_fit_their_columns():
    most = 2**64 - 1
    cloud = cloud_of(stamp=np.array([most, 5], dtype="u8"), n=np.array([1, 2], dtype="i2"))
    assert read_pcd(write_pcd(cloud, "ascii")).points["stamp"].tolist() == [most, 5]
    ply = b"ply\nformat ascii 1.0\nelement vertex 1\nproperty uchar r\nend_header\n300\n"
    with pytest.raises(MediaError, match="does not fit"):
        decode(ply, "a.ply")


def test_one_of_several_projects_has_to_be_named(tmp_path):
    for name in ("one", "two"):
        dataset(box(track_id=1)).export(tmp_path / name, "sly_pointcloud")
    with pytest.raises(InputError, match="several projects: one, two"):
        Dataset.import_from(tmp_path, "sly_pointcloud")
    assert len(list(Dataset.import_from(tmp_path / "one", "sly_pointcloud"))) == 1


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("kitti_raw", {}),
        ("sly_pointcloud", {}),
        ("kitti3d", {"calib": "identity"}),
        ("nuscenes", {}),
        ("openpcdet", {}),
        ("mmdet3d", {}),
    ],
)
def test_boxes_of_other_frames_are_told(tmp_path, name, options):
    for frame in ("lidar", "voxel"):
        data = dataset(replace(box(track_id=1), frame=frame))
        report = data.export(tmp_path / frame, name, **options)
        told = [e.what for e in report.losses if e.code == "DSK-L005"]
        assert told == ([] if frame == "lidar" else [WRITTEN])


@pytest.mark.parametrize("name", ["kitti3d", "nuscenes"])
def test_turned_boxes_are_told(tmp_path, name):
    data = dataset(replace(box(track_id=1), forward="+y"))
    options = {"calib": "identity"} if name == "kitti3d" else {}
    report = data.export(tmp_path, name, **options)
    assert "boxes turned: +x ahead instead of +y" in {e.what for e in report.events}


def test_losses_name_their_subsets(tmp_path):
    boxes = [replace(box(track_id=1), rotation=(0.1, 0.0, 0.5)), box(track_id=2)]
    item = DatasetItem("a", "val", None, boxes, {"track_id": 7})
    labels = Categories(labels=(LabelCategory("car"),))
    for name, options in (
        ("kitti3d", {"calib": "identity"}),
        ("openpcdet", {}),
        ("sly_pointcloud", {}),
    ):
        data = Dataset.from_iterable([item], labels)
        report = data.export(tmp_path / name, name, **options)
        assert report.losses
        assert {s.subset for e in report.losses for s in e.samples} == {"val"}


@pytest.mark.parametrize(("rows", "told"), [(2, False), (3, True)])
def test_rows_that_a_pcd_file_does_not_declare_are_told(tmp_path, rows, told):
    head = write_pcd(cloud_of(**{n: np.ones(2, "<f4") for n in "xyz"}), "ascii")
    data = head[: head.rindex(b"1 1 1") - 6] + b"1 1 1\n" * rows
    cloud = PointCloud("a.pcd", data)
    assert len(decode(data, "a.pcd").points) == 2
    made = Dataset.from_iterable([DatasetItem("a", media=cloud)])
    report = made.export(tmp_path, "cloud_dir", cloud_ext="bin")
    assert bool(report.warnings) == told
