"""What is lost or refused is told, never passed over."""

from __future__ import annotations

import importlib
import importlib.util
import io
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
from dsk_pointcloud.clouds.cloud import Cloud, cloud_of, quarter_turned
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


def las_of(**columns):
    """Return a cloud of two points, and what laspy reads of the LAS file made of it."""
    laspy = importlib.import_module("laspy")
    cloud = cloud_of(**{n: np.array([1.0, 2.0]) for n in "xyz"}, **columns)
    return cloud, laspy.read(io.BytesIO(encode(cloud, ".las")))


def legacy(**columns):
    """Return columns as those of the point formats 1 and 3."""
    return {
        "intensity": np.array([7, 65535], dtype="u2"),
        "return_number": np.array([1, 2], dtype="u1"),
        "classification": np.array([2, 31], dtype="u1"),
        "key_point": np.array([0, 1], dtype="u1"),
        "scan_angle_rank": np.array([-90, 13], dtype="i1"),
        "point_source_id": np.array([1, 65535], dtype="u2"),
        "gps_time": np.array([245380.78, np.nan]),
        **columns,
    }


COLOURS = {name: np.array([1, 65535], dtype="u2") for name in ("red", "green", "blue")}


@needs_las
@pytest.mark.parametrize(
    ("more", "number"),
    [({}, 6), (COLOURS, 7), (COLOURS | {"nir": np.array([3, 4], dtype="u2")}, 8)],
)
def test_standard_fields_of_las_files_keep_their_places(more, number):
    columns = legacy(**more)
    cloud, las = las_of(**columns)
    assert las.header.point_format.id == number
    assert list(las.point_format.extra_dimension_names) == []
    ranks = columns.pop("scan_angle_rank")
    for name, column in columns.items():
        np.testing.assert_array_equal(np.asarray(las[name]), column)
    assert las["scan_angle"].tolist() == [-15000, 2167]
    assert np.rint(las["scan_angle"] * 0.006).tolist() == ranks.tolist()
    assert lost_in(cloud, ".las") == ["scan_angle_rank but as scan_angle"]


@needs_las
def test_what_standard_fields_of_las_files_cannot_hold_goes_beside_them():
    columns = {
        "return_number": np.array([1, 99], dtype="u1"),
        "intensity": np.array([1, 70000], dtype="u4"),
        "intensity_": np.array([5, 6], dtype="u4"),
        "classification": np.array([-1, 3], dtype="i4"),
        "gps_time": np.array([2**53 + 1, 0], dtype="i8"),
        "scan_angle": np.array([-12.0, 5.0], dtype="f4"),
        "scan_angle_rank": np.array([np.nan, 5.0], dtype="f4"),
        "red": np.array([1, 2], dtype="u2"),
        "wavepacket_index": np.array([1, 2], dtype="u1"),
        "X": np.array([8, 9], dtype="i4"),
        "ring": np.array([3, 4], dtype="u2"),
    }
    cloud, las = las_of(**columns)
    assert las.header.point_format.id == 6
    places = {name: name for name in ("intensity_", "scan_angle_rank", "wavepacket_index", "ring")}
    places |= {name: f"{name}_" for name in columns if name not in places}
    places["intensity"] = "intensity__"
    for name, label in places.items():
        np.testing.assert_array_equal(np.asarray(las[label]), columns[name])
    assert las["intensity"].tolist() == las["gps_time"].tolist() == [0, 0]
    assert np.asarray(las.x).tolist() == [1.0, 2.0]
    assert lost_in(cloud, ".las") == [
        "return_number but as the extra dimension return_number_",
        "intensity but as the extra dimension intensity__",
        "classification but as the extra dimension classification_",
        "gps_time but as the extra dimension gps_time_",
        "scan_angle but as the extra dimension scan_angle_",
        "scan_angle_rank but as an extra dimension",
        "red but as the extra dimension red_",
        "wavepacket_index but as an extra dimension",
    ]


@needs_las
def test_extra_dimensions_called_like_standard_fields_stay_such():
    columns = {
        "Intensity": np.array([0.5, 0.25], dtype="f4"),
        "intensity": np.array([1, 2], dtype="u2"),
        "scan_angle": np.array([5, 6], dtype="i2"),
        "scan_angle_rank": np.array([7, 8], dtype="i1"),
    }
    cloud, las = las_of(**columns)
    for name, column in columns.items():
        assert las[name].tolist() == column.tolist()
    assert lost_in(cloud, ".las") == []


@needs_las
def test_fractions_of_scan_angles_are_told():
    cloud, las = las_of(scan_angle_rank=np.array([1.25, -0.5], dtype="f4"))
    assert las["scan_angle"].tolist() == [208, -83]
    told = ["scan_angle_rank but as scan_angle, in steps of 0.006°"]
    assert lost_in(cloud, ".las") == told


def upper(kind="f8"):
    """Return a cloud whose columns are called as PDAL calls them."""
    return cloud_of(
        **{n: np.array([1.0, 2.0], dtype=kind) for n in "XYZ"},
        Intensity=np.array([7.0, 9.0], dtype="f4"),
        ScanAngleRank=np.array([-3.0, 3.0], dtype="f4"),
        GpsTime=np.array([1.5, 2.5]),
        **{n.title(): column for n, column in COLOURS.items()},
        Infrared=np.array([5, 6], dtype="u2"),
    )


@needs_las
def test_names_of_columns_in_any_case_become_las_fields():
    las = importlib.import_module("laspy").read(io.BytesIO(encode(upper(), ".las")))
    assert las.header.point_format.id == 8
    assert list(las.point_format.extra_dimension_names) == []
    assert np.asarray(las.x).tolist() == np.asarray(las.z).tolist() == [1.0, 2.0]
    assert las["intensity"].tolist() == [7, 9]
    assert las["scan_angle"].tolist() == [-500, 500]
    assert las["gps_time"].tolist() == [1.5, 2.5]
    assert las["blue"].tolist() == [1, 65535]
    assert las["nir"].tolist() == [5, 6]
    assert lost_in(upper(), ".las") == ["ScanAngleRank but as scan_angle"]


def test_names_of_columns_in_any_case_become_bin_files():
    table = np.frombuffer(encode(upper(), ".bin"), "<f4").reshape(-1, 4)
    assert table.tolist() == [[1, 1, 1, 7], [2, 2, 2, 9]]
    told = ["ScanAngleRank", "GpsTime", "Red", "Green", "Blue", "Infrared"]
    assert lost_in(upper("f4"), ".bin") == told
    assert lost_in(upper(), ".bin") == [*told, *(f"precision of {n}" for n in "XYZ")]


def test_clouds_are_turned_whatever_the_case_of_their_columns():
    cloud = quarter_turned(cloud_of(X=[1.0], Y=[0.0], Z=[5.0], x_=[7.0]), 1)
    assert [cloud.points[n][0] for n in cloud.names] == [0.0, 1.0, 5.0, 7.0]
    with pytest.raises(MediaError, match="no x, y, z but"):
        quarter_turned(cloud_of(x_=[1.0], y_=[0.0], z_=[5.0]), 1)


def test_elements_that_bin_files_leave_out_are_told(tmp_path):
    columns = {n: np.array([1.0, 2.0], "<f4") for n in "xyz"}
    columns["intensity"] = np.arange(8, dtype="<f4").reshape(2, 4)
    data = write_pcd(cloud_of(**columns, reflectance=np.ones(2, "<f4")))
    item = DatasetItem("a", media=PointCloud("a.pcd", data))
    report = Dataset.from_iterable([item]).export(tmp_path, "cloud_dir", cloud_ext="bin")
    what = {e.what for e in report.events}
    assert {".bin holds no intensity but its first element", ".bin holds no reflectance"} <= what
    written = np.frombuffer((tmp_path / "a.bin").read_bytes(), "<f4").reshape(-1, 4)
    assert written[:, 3].tolist() == [0, 4]


def test_coordinates_of_several_elements_are_refused():
    cloud = cloud_of(x=np.ones((2, 2)), y=np.ones(2), z=np.ones(2))
    with pytest.raises(MediaError, match="several elements"):
        quarter_turned(cloud, 1)


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
