"""Folders of clouds and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from dsk.annotations import Cuboid3d
from dsk.dataset import Dataset
from dsk.detect import detect
from dsk.errors import InputError, OptionError
from dsk.files import open_root
from dsk.item import DatasetItem
from dsk.media import Image, PointCloud

POINTS = np.arange(8, dtype="<f4")


def folder(base, *names):
    for name in names:
        path = base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(POINTS.tobytes())
    return base


def read(base, **options):
    return Dataset.import_from(base, "cloud_dir", **options)


def test_every_cloud_is_an_item(tmp_path):
    data = read(folder(tmp_path, "a/1.bin", "2.pcd.bin", "._2.bin", "x.txt"), subset="train")
    assert sorted((i.id, i.subset, i.media.path) for i in data) == [
        ("2", "train", "2.pcd.bin"),
        ("a/1", "train", "a/1.bin"),
    ]
    with pytest.raises(InputError, match="no point clouds"):
        read(folder(tmp_path / "b", "x.txt"))


def test_clouds_of_one_name_stay_apart(tmp_path):
    data = read(folder(tmp_path / "in", "a.bin", "a.ply"))
    assert sorted(i.media.path for i in data) == ["a.bin", "a.ply"]
    assert len({i.id for i in data}) == 2
    assert "keep their endings" in " ".join(data.opening_ledger.warnings)
    data.export(tmp_path / "out", "cloud_dir")
    assert len(list(read(tmp_path / "out"))) == 2


def test_detection(tmp_path):
    found = detect(open_root(folder(tmp_path, "a/1.bin", "2.pcd")))[0]
    assert (found.format, found.score) == ("cloud_dir", 10)
    assert detect(open_root(folder(tmp_path, "x.txt")))[0].score == 2


def test_detection_says_only_what_it_saw(tmp_path, monkeypatch):
    from dsk_pointcloud import detect as detectors

    monkeypatch.setattr(detectors, "_ENOUGH", 2)
    folder(tmp_path, "a/1.bin", "a/2.pcd")
    found = detect(open_root(tmp_path), "cloud_dir")[0]
    assert (found.score, found.reason) == (10, "nothing but point clouds")
    folder(tmp_path, "b/3.json")
    found = detect(open_root(tmp_path), "cloud_dir")[0]
    told = "nothing but point clouds among the first 2 files"
    assert (found.score, found.reason) == (5, told)
    folder(tmp_path, "0.json")
    assert detect(open_root(tmp_path), "cloud_dir")[0].score == 2


def test_files_beside_the_clouds_are_counted(tmp_path):
    data = read(folder(tmp_path, "1.bin", "a.json", "b/c.csv", "README.md", ".hidden"))
    told = ["2 files are no point clouds and are not read, for instance a.json"]
    assert list(data.opening_ledger.warnings) == told
    assert not read(folder(tmp_path / "in", "1.bin", "LICENSE")).opening_ledger.warnings


def test_clouds_change_their_kind_of_file(tmp_path):
    data = read(folder(tmp_path / "in", "a/1.bin"))
    report = data.export(tmp_path / "out", "pcd", cloud_ext="pcd", pcd_encoding="ascii")
    assert [e.what for e in report.losses] == ["point cloud re-encoded .bin→.pcd"]
    text = (tmp_path / "out/a/1.pcd").read_text()
    assert "FIELDS x y z intensity" in text
    assert text.splitlines()[-1] == "4 5 6 7"
    read(tmp_path / "out").export(tmp_path / "back", "cloud_dir", cloud_ext="bin")
    assert (tmp_path / "back/a/1.bin").read_bytes() == POINTS.tobytes()


def test_what_is_no_cloud_is_reported(tmp_path):
    box = Cuboid3d((1.0, 2.0, 3.0), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), label=0)
    cloud = PointCloud("a.bin", POINTS.tobytes(), None, (Image("a.png", b"png"),))
    items = [DatasetItem("a", media=cloud, annotations=[box]), DatasetItem("b")]
    report = Dataset.from_iterable(items, categories=["Car"]).export(tmp_path / "out", "cloud_dir")
    told = {(e.code, e.what) for e in report.losses}
    assert {("DSK-L010", "labels"), ("DSK-L016", "related images")} < told
    assert ("DSK-L008", "item without a point cloud") in told
    assert {code for code, _ in told} == {"DSK-L001", "DSK-L008", "DSK-L010", "DSK-L016"}
    with pytest.raises(OptionError):
        read(tmp_path / "out").export(tmp_path / "x", "cloud_dir", cloud_ext="png")


def wide(base, points=3):
    """Make a ``.bin`` of five columns, as Lyft has them."""
    base.mkdir()
    table = np.arange(5 * points, dtype="<f4").reshape(points, 5)
    (base / "a.bin").write_bytes(table.tobytes())
    return table


def test_bin_files_of_five_columns(tmp_path):
    table = wide(tmp_path / "in")
    (item,) = read(tmp_path / "in")
    assert (item.id, item.media.path) == ("a", "a.pcd.bin")
    read(tmp_path / "in").export(
        tmp_path / "out", "cloud_dir", cloud_ext="pcd", pcd_encoding="ascii"
    )
    text = (tmp_path / "out/a.pcd").read_text()
    assert "FIELDS x y z intensity ring" in text
    assert np.loadtxt(text.splitlines()[-3:]).tolist() == table.tolist()


def test_the_width_of_bin_files_can_be_told(tmp_path):
    table = wide(tmp_path / "in", 4)  # 80 bytes: four columns or five
    assert [i.media.path for i in read(tmp_path / "in")] == ["a.bin"]
    read(tmp_path / "in", bin_columns="5").export(tmp_path / "out", "cloud_dir", cloud_ext="bin")
    kept = np.frombuffer((tmp_path / "out/a.bin").read_bytes(), "<f4").reshape(-1, 4)
    assert kept.tolist() == table[:, :4].tolist()
    wide(tmp_path / "odd", 3)
    assert [i.media.path for i in read(tmp_path / "odd", bin_columns="4")] == ["a.bin"]
    with pytest.raises(OptionError):
        read(tmp_path / "in", bin_columns="6")
