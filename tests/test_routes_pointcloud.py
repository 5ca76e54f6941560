"""Routes between the formats of point clouds, as the command line takes them."""

from __future__ import annotations

import json
import struct
from math import cos, sin

import pytest

from dsk.annotations import Cuboid3d
from dsk.cli.app import run as dsk
from dsk.dataset import Dataset
from dsk.item import DatasetItem
from dsk.media import Image, PointCloud


@pytest.fixture
def drive(tmp_path):
    """A recording: a car seen twice, missing between, and a cyclist; clouds and images."""
    car = {"track_id": 1, "colour": "red"}
    poses = {0: [(10.0, 0.5, car)], 1: [], 2: [(12.0, 3.1, car | {"occluded": True})]}
    items = []
    for frame, cars in poses.items():
        boxes = [
            Cuboid3d(
                (x, 2.0, -1.0),
                (0.0, 0.0, yaw),
                (4.0, 1.8, 1.5),
                label=0,
                attributes={"occluded": False} | more,
            )
            for x, yaw, more in cars
        ]
        boxes.append(
            Cuboid3d(
                (5.0 + frame, -2.0, -0.8),
                (0.0, 0.0, -2.0),
                (1.7, 0.6, 1.75),
                label=1,
                attributes={"track_id": 2, "occluded": False, "truncation": "TRUNCATED"},
            )
        )
        cloud = struct.pack("<8f", *range(8))
        media = PointCloud(f"{frame}.bin", cloud, None, (Image("front.png", b"image"),))
        items.append(
            DatasetItem(
                f"{frame:010d}", media=media, annotations=boxes, attributes={"frame": frame}
            )
        )
    data = Dataset.from_iterable(items, categories=["Car", "Cyclist"])
    data.export(tmp_path / "kitti", "kitti_raw", save_media=True, allow_attrs=True)
    return tmp_path / "kitti"


def run(*words):
    return dsk([str(word) for word in words])


def facts(folder, name, **options):
    found = []
    for item in Dataset.import_from(folder, name, **options):
        for a in item.annotations:
            rx, ry, rz = a.rotation
            numbers = (*a.position, *a.scale, rx, ry, cos(rz), sin(rz))
            label = a.label
            found.append(
                (item.id, label, a.forward, a.attributes, pytest.approx(numbers, abs=1e-9))
            )
    return found


def values(folder, name):
    return [
        (i, label, forward, attributes, tuple(numbers.expected))
        for i, label, forward, attributes, numbers in facts(folder, name)
    ]


def test_kitti_to_supervisely_and_back(drive, tmp_path):
    """The seed's examples: solid boxes, headings, tracks and attributes stay."""
    there, back = tmp_path / "sly", tmp_path / "back"
    assert (
        run(
            "convert",
            "-if",
            "kitti_raw",
            "-i",
            drive,
            "-f",
            "sly_pointcloud",
            "-o",
            there,
            "--",
            "--save-images",
            "--allow-undeclared-attrs",
        )
        == 0
    )
    assert (
        run(
            "convert",
            "-if",
            "sly_pointcloud",
            "-i",
            there,
            "-f",
            "kitti_raw",
            "-o",
            back,
            "--",
            "--save-images",
            "--allow-attrs",
        )
        == 0
    )
    assert values(drive, "kitti_raw") == facts(back, "kitti_raw")
    name = "velodyne_points/data/0000000001.pcd"
    cloud = (drive / name.replace(".pcd", ".bin")).read_bytes()
    assert (back / name).read_bytes().endswith(cloud)
    assert (back / "image_00/data/0000000002.png").read_bytes() == b"image"


def test_reindexing_examples(drive, tmp_path):
    there = tmp_path / "sly"
    assert (
        run(
            "convert",
            "-if",
            "kitti_raw",
            "-i",
            drive,
            "-f",
            "sly_pointcloud",
            "-o",
            there,
            "--",
            "--save-images",
        )
        == 0
    )
    for number, flags in enumerate((["--reindex"], ["--reindex", "--allow-attrs"])):
        out = tmp_path / str(number)
        assert (
            run(
                "convert",
                "-if",
                "sly_pointcloud",
                "-i",
                there,
                "-f",
                "kitti_raw",
                "-o",
                out,
                "--",
                "--save-images",
                *flags,
            )
            == 0
        )
        assert len(values(out, "kitti_raw")) == 5


def test_a_box_keeps_its_corners_through_every_format(drive, tmp_path):
    from dsk.rotations import corners

    start = Dataset.import_from(drive, "kitti_raw")
    first = start
    for number, (name, options) in enumerate(
        [
            ("nuscenes", {}),
            ("sly_pointcloud", {}),
            ("kitti3d", {"calib": "identity", "precision": 12}),
            ("datumaro", {}),
            ("sly_pointcloud", {"cuboid_convention": "supervisely"}),
            ("kitti_raw", {"reindex": True}),
        ]
    ):
        start.export(tmp_path / str(number), name, **options)
        start = Dataset.import_from(tmp_path / str(number), name)

    def solids(data):
        boxes = [a for i in data for a in i.annotations if isinstance(a, Cuboid3d)]
        return sorted(tuple(corners(a)[0].round(5) + 0.0) for a in boxes)

    expected, found = solids(first), solids(start)
    assert len(found) == len(expected)
    for a, b in zip(expected, found, strict=True):
        assert a == pytest.approx(b, abs=1e-4)


@pytest.mark.parametrize("name", ["kitti_raw", "sly_pointcloud"])
def test_a_project_and_its_statistics(drive, tmp_path, name, monkeypatch, capsys):
    """Datumaro's manual: import a dataset, compute statistics."""
    source = drive
    if name == "sly_pointcloud":
        source = tmp_path / "sly"
        run("convert", "-i", drive, "-f", name, "-o", source, "--save-media")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert run("create", "-o", "project") == 0
    assert run("add", "path", "-p", "project", "-f", name, f"../{source.name}/") == 0
    capsys.readouterr()
    assert run("stats", "-p", "project", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["annotations count"] == 5
    labels = facts["annotations"]["labels"]["distribution"]
    assert {label: count for label, (count, _) in labels.items()} == {"Car": 2, "Cyclist": 3}
    assert run("export", "-p", "project", "-f", "kitti_raw", "-o", "out", "--", "--reindex") == 0
