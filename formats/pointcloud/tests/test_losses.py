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

from dsk.annotations import Bbox, Cuboid3d
from dsk.categories import Categories, LabelCategory
from dsk.dataset import Dataset
from dsk.errors import DskError, InputError, MediaError, OutputError, RecordError
from dsk.item import DatasetItem
from dsk.media import Image, PointCloud
from dsk_pointcloud.clouds.cloud import Cloud, cloud_of, quarter_turned
from dsk_pointcloud.clouds.files import decode, encode
from dsk_pointcloud.clouds.losses import lost_in
from dsk_pointcloud.clouds.names import is_cloud_name
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


def las_file(point_format=3, version="1.2", scale=1e-7, **columns):
    """Return a LAS file with VLRs, a coordinate reference system among them."""
    laspy = importlib.import_module("laspy")
    header = laspy.LasHeader(version=version, point_format=point_format)
    header.scales, header.offsets = [scale] * 3, [10.0, 20.0, 0.0]
    header.global_encoding.gps_time_type = laspy.header.GpsTimeType.STANDARD
    header.file_source_id = 7
    header.vlrs.append(laspy.VLR("LASF_Projection", 34735, "keys", b"\1\0\1\0\0\0\0\0"))
    header.vlrs.append(laspy.VLR("mine", 5, "", b"text"))
    if version == "1.4":
        header.evlrs = laspy.vlrs.vlrlist.VLRList([laspy.VLR("mine", 6, "", b"more")])
    header.add_extra_dim(
        laspy.ExtraBytesParams("ring", "u1", scales=np.array([0.5]), offsets=np.zeros(1))
    )
    las = laspy.LasData(header)
    las.x, las.y, las.z = np.array([[10.0000001, 10.5], [20.0, 21.0000003], [0.0, 1.0]])
    las.ring = np.array([0.5, 4.0])
    for name, column in columns.items():
        las[name] = column
    out = io.BytesIO()
    las.write(out)
    return out.getvalue()


def records(header):
    return [
        (type(r).__name__, r.user_id, r.record_id, r.record_data_bytes())
        for r in (*header.vlrs, *(header.evlrs or ()))
        if r.record_id != 4
    ]


@needs_las
@pytest.mark.parametrize(("number", "version"), [(3, "1.2"), (1, "1.4"), (7, "1.4")])
def test_las_files_keep_their_header_when_they_are_packed(tmp_path, number, version):
    laspy = importlib.import_module("laspy")
    data = las_file(number, version, gps_time=[1.0, 2.0], intensity=[1, 65535])
    item = DatasetItem("a", media=PointCloud("a.las", data))
    report = Dataset.from_iterable([item]).export(tmp_path, "cloud_dir", cloud_ext="laz")
    assert [e.what for e in report.losses] == ["point cloud re-encoded .las→.laz"]
    old, new = laspy.read(io.BytesIO(data)), laspy.read(tmp_path / "a.laz")
    assert len(records(old.header)) == (3 if version == "1.4" else 2)
    assert records(old.header) == records(new.header)
    assert old.header.global_encoding.gps_time_type == new.header.global_encoding.gps_time_type
    assert new.header.file_source_id == 7
    assert list(new.header.scales) == [1e-7] * 3
    assert new.header.point_format.id == number
    assert new.points.array.tobytes() == old.points.array.tobytes()


@needs_las
def test_turned_las_clouds_keep_their_records():
    turned = quarter_turned(decode(las_file(scale=0.001), "a.las"), 2)
    back = decode(encode(turned, ".las"), "a.las")
    assert back.points["x"].tolist() == [-10.0, -10.5]
    assert len(records(back.las)) == 2
    far = decode(las_file(scale=1e-8), "a.las")
    back = decode(encode(quarter_turned(far, 2), ".las"), "a.las")
    assert np.allclose(back.points["y"], [-20, -21.0000003], atol=1e-8)


@needs_las
def test_las_files_without_steps_get_some():
    data = bytearray(las_file())
    data[131:155] = np.array([0.0, np.nan, 0.001]).tobytes()
    cloud = decode(bytes(data), "a.las")
    cloud.points["y"] = 1.0
    back = decode(encode(cloud, ".las"), "a.las")
    assert list(back.las.scales) == [0.001] * 3
    assert back.points["x"].tolist() == [10.0, 10.0]


@needs_las
@pytest.mark.parametrize(("number", "version", "beside"), [(4, "1.3", 2), (9, "1.4", 3)])
def test_waveforms_are_told_and_other_records_kept(number, version, beside):
    cloud = decode(las_file(number, version), "a.las")
    assert lost_in(cloud, ".laz")[0] == "waveforms"
    back = decode(encode(cloud, ".laz"), "a.laz")
    assert back.las.point_format.id == 6
    assert len(records(back.las)) == beside
    assert back.points["ring"].tolist() == [0.5, 4.0]


@needs_las
@pytest.mark.parametrize("ext", ["pcd", "ply", "bin"])
def test_records_of_las_files_are_told_once_where_they_are_lost(tmp_path, ext):
    item = DatasetItem("a", media=PointCloud("a.las", las_file(version="1.4")))
    report = Dataset.from_iterable([item]).export(tmp_path, "cloud_dir", cloud_ext=ext)
    told = {e.what: e.count for e in report.losses if "VLRs" in e.what}
    assert told == {f".{ext} holds no VLRs, the coordinate reference system among them": 1}


def recoloured(folder, name, data, *exts):
    """Return a cloud after some conversions."""
    for ext in exts:
        item = DatasetItem("a", media=PointCloud(name, data))
        Dataset.from_iterable([item]).export(folder / ext, "cloud_dir", cloud_ext=ext)
        name = f"a.{ext}"
        data = (folder / ext / name).read_bytes()
    return decode(data, name)


@needs_las
@pytest.mark.parametrize("factor", [1, 256, 257])
def test_colours_of_8_bits_are_such_in_all_kinds_of_files(tmp_path, factor):
    bits = np.array([200, 9], dtype="u2")
    data = las_file(red=bits * factor, green=bits[::-1] * factor, blue=[0, 0])
    for ext in ("ply", "pcd"):
        cloud = recoloured(tmp_path / ext, "a.las", data, ext)
        if ext == "pcd":
            assert cloud.points["rgb"].view("<u4").tolist() == [0xC80900, 0x09C800]
            assert "red" not in cloud.names
        else:
            assert cloud.points.dtype["red"] == "u1"
            assert cloud.points["red"].tolist() == [200, 9]
        back = recoloured(tmp_path / ext, f"a.{ext}", encode(cloud, f".{ext}"), "las")
        assert back.points["red"].tolist() == [200 * 256, 9 * 256]
        assert back.points["green"].tolist() == [9 * 256, 200 * 256]
    packed = recoloured(tmp_path / "laz", "a.las", data, "laz")
    assert packed.points["red"].tolist() == (bits * factor).tolist()


@needs_las
def test_colours_of_16_bits_keep_them_all(tmp_path):
    data = las_file(red=[1, 65535], green=[2, 300], blue=[3, 4])
    back = recoloured(tmp_path, "a.las", data, "ply", "pcd", "las")
    assert back.points["red"].tolist() == [1, 65535]
    assert back.points["green"].tolist() == [2, 300]


def test_packed_colours_and_columns_of_them(tmp_path):
    xyz = {n: np.ones(2, "<f4") for n in "xyz"}
    rgba = np.array([0x80010203, 0xFFFFFEFD], "<u4")
    ply = recoloured(tmp_path, "a.pcd", write_pcd(cloud_of(**xyz, rgba=rgba)), "ply")
    assert ply.names == ("x", "y", "z", "red", "green", "blue", "alpha")
    assert ply.points[["red", "green", "blue", "alpha"]].tolist() == [
        (1, 2, 3, 128),
        (255, 254, 253, 255),
    ]
    pcd = recoloured(tmp_path / "b", "a.ply", encode(ply, ".ply"), "pcd")
    assert pcd.names == ("x", "y", "z", "alpha", "rgb")
    both = cloud_of(**xyz, rgb=np.ones(2, "<f4"), red=np.ones(2))
    assert recoloured(tmp_path / "c", "a.pcd", write_pcd(both), "ply").names == both.names


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


CAMERA = {
    "camera": {
        "name": "CAM_FRONT",
        "extrinsics": [0.0, -1, 0, 0, 0, 0, -1, 0, 1, 0, 0, 0],
        "intrinsics": [700.0, 0, 600, 0, 700, 200, 0, 0, 1],
    }
}
TARGETS = [
    ("cloud_dir", {}),
    ("kitti_raw", {}),
    ("sly_pointcloud", {}),
    ("kitti3d", {"calib": "identity"}),
    ("nuscenes", {}),
    ("openpcdet", {}),
    ("mmdet3d", {}),
]


@pytest.mark.parametrize(("name", "options"), TARGETS)
def test_clouds_that_are_missing_beside_their_images_are_told(tmp_path, name, options):
    image = Image("a.png", b"png", CAMERA, (400, 1200))
    for path, told in (("a.bin", 1), ("", 0)):
        media = PointCloud(path, None, None, (image,))
        data = Dataset.from_iterable([DatasetItem("a", "train", media, [box(track_id=1)])], ["car"])
        report = data.export(tmp_path / str(told), name, save_media=True, **options)
        assert sum(e.count for e in report.losses if e.what == "point_cloud not found") == told


@pytest.mark.parametrize(
    ("name", "code"),
    [("cloud_dir", "DSK-L008"), ("openpcdet", "DSK-L016"), ("mmdet3d", "DSK-L016")],
)
def test_items_without_the_cloud_that_a_target_is_about_are_told(tmp_path, name, code):
    for number, media in enumerate((PointCloud("", None), None)):
        data = Dataset.from_iterable([DatasetItem("a", "train", media)], ["car"])
        report = data.export(tmp_path / str(number), name, save_media=True)
        (event,) = [e for e in report.losses if e.what == "item without a point cloud"]
        assert (event.code, event.count) == (code, 1)


@pytest.mark.parametrize("name", ["kitti_raw", "sly_pointcloud", "kitti3d", "nuscenes"])
def test_clouds_of_datasets_that_are_missing_are_told(tmp_path, name):
    image = Image("a.png", b"png", CAMERA, (400, 1200))
    points = np.ones((3, 5), "<f4").tobytes()
    items = [
        DatasetItem(
            i, "default", PointCloud(f"{i}.pcd.bin", points, None, (image,)), [box(track_id=1)]
        )
        for i in ("a", "b")
    ]
    options = {"calib": "identity"} if name == "kitti3d" else {}
    Dataset.from_iterable(items, ["car"]).export(tmp_path / "in", name, save_media=True, **options)
    next(p for p in (tmp_path / "in").rglob("*b.*") if is_cloud_name(p.name)).unlink()
    again = Dataset.import_from(tmp_path / "in", name)
    report = again.export(tmp_path / "out", "sly_pointcloud", save_media=True)
    (event,) = [e for e in report.losses if e.what == "point_cloud not found"]
    assert event.count == 1


@pytest.mark.parametrize(("name", "options"), TARGETS[1:])
def test_labels_of_equal_names_become_one_and_are_told(tmp_path, name, options):
    labels = Categories(
        labels=(LabelCategory("car", "a", ("x",)), LabelCategory("car", "b"), LabelCategory("bus"))
    )
    boxes = [replace(box(track_id=7 + n), label=n, id=n) for n in range(3)]
    data = Dataset.from_iterable([DatasetItem("a", annotations=boxes)], labels)
    report = data.export(tmp_path, name, **options)
    events = [e for e in report.losses if e.what == "labels of equal names and other parents"]
    assert [(e.code, e.count) for e in events] == [("DSK-L010", 1)]
    if name in ("openpcdet", "mmdet3d"):
        return
    back = Dataset.import_from(tmp_path, name)
    names = back.header.categories.names
    assert sorted(names) == ["bus", "car"]
    (item,) = back
    found = [names[a.label] for a in item.annotations if isinstance(a, Cuboid3d)]
    assert sorted(found) == ["bus", "car", "car"]


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({"occluded": True}, []),
        ({"occluded": False}, []),
        ({"occluded": 3}, []),
        ({"occluded": True, "occlusion": "OCCLUSION_UNSET"}, []),
        ({"occluded": "yes"}, ["occluded"]),
        ({"occluded": 1.5}, ["occluded"]),
        ({"occluded": True, "occluded_level": 0}, ["occluded"]),
        ({"occluded": 2, "occlusion": "VISIBLE"}, ["occluded"]),
        ({"occluded_level": "much"}, ["occluded_level"]),
        ({"truncated": "no", "alpha": "x", "ignore": True}, ["alpha", "ignore", "truncated"]),
    ],
)
def test_attributes_that_kitti_labels_do_not_say_are_told(tmp_path, attributes, told):
    data = dataset(box(**attributes))
    report = data.export(tmp_path, "kitti3d", calib="identity")
    assert [e.what for e in report.losses if e.code == "DSK-L004"] == told
    if not told:
        (back,) = Dataset.import_from(tmp_path, "kitti3d")
        level = int(attributes["occluded"])
        for a in back.annotations:
            assert (a.attributes["occluded"], a.attributes["occluded_level"]) == (level == 1, level)


@pytest.mark.parametrize("paired", [False, True])
def test_boxes_in_space_that_nobody_cares_for_are_told(tmp_path, paired):
    solid = replace(box(occluded=True, ignore=True), group=1)
    flat = Bbox(1, 2, 3, 4, label=0, group=1)
    boxes = [solid, flat] if paired else [solid]
    data = Dataset.from_iterable([DatasetItem("a", annotations=boxes)], ["DontCare"])
    report = data.export(tmp_path, "kitti3d", calib="identity")
    told = {(e.code, e.what) for e in report.losses} - {("DSK-L007", "rounded to 2 decimals")}
    code = "DSK-L017" if paired else "DSK-L003"
    assert told == {(code, "DontCare is no box in space"), ("DSK-L004", "occluded")}
    (back,) = Dataset.import_from(tmp_path, "kitti3d")
    assert [a.kind for a in back.annotations] == ["bbox"]
