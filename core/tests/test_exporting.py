from __future__ import annotations

import errno
import os

import numpy as np
import pytest

from dsk.annotations import Bbox, Polygon
from dsk.dataset import Dataset
from dsk.errors import (
    LossError,
    OptionError,
    OutputError,
    OutputExistsError,
    PluginError,
    UnknownNameError,
    UsageError,
)
from dsk.exporting import ExportSettings, split_settings
from dsk.item import DatasetItem
from dsk.media import Image, PointCloud, Volume


@pytest.fixture
def export(toy, tmp_path):
    """A function that exports items in the toy format."""

    def run(items, **settings):
        settings.setdefault("format", "toy")
        return Dataset.from_iterable(items, ["cat", "dog"]).export(tmp_path / "out", **settings)

    return run


def test_an_export_writes_all_and_reports(export, boxed, tmp_path, tree):
    report = export(boxed)
    files = tree(tmp_path / "out")
    assert files["labels.txt"] == b"cat\ndog"
    assert files["train/dir/item1.txt"] == b"bbox (1, 2, 3, 4) 1\nbbox (1, 5, 6, 7) 0\n"
    assert len(files) == 9
    assert report.items == {"in": 7, "out": 7}
    assert (report.annotations["in"], report.annotations["out"]) == (10, 10)
    assert (report.events, report.losses, report.output) == ([], [], str(tmp_path / "out"))


@pytest.mark.parametrize("jobs", [1, 2])
def test_subsets_that_are_no_name_of_a_folder(export, tmp_path, tree, jobs):
    subsets = ["a/b", "a_b", ".c", ""]
    report = export([DatasetItem("i", subset) for subset in subsets], jobs=jobs)
    assert {name for name in tree(tmp_path / "out") if name.endswith("/i.txt")} == {
        "a_b/i.txt",
        "a_b_2/i.txt",
        "_c/i.txt",
        "default/i.txt",
    }
    told = {e.what: [(s.item, s.subset) for s in e.samples] for e in report.events}
    assert told == {
        "subset 'a/b' is called 'a_b_2'": [("i", "a/b")],
        "subset '.c' is called '_c'": [("i", ".c")],
    }


def test_what_the_target_cannot_hold_is_reported(export, labelled):
    report = export(
        [
            *labelled,
            DatasetItem("b", annotations=[Polygon([0, 0, 1, 0, 1, 1], label=0), Bbox(1, 2, 3, 4)]),
        ]
    )
    assert [(e.code, e.count) for e in report.losses] == [
        ("DSK-L001", 1),
        ("DSK-L002", 1),
        ("DSK-L003", 1),
    ]
    assert report.annotations == {
        "in": 4,
        "out": 2,
        "changed": 1,
        "dropped": 2,
        "merged": 0,
        "split": 0,
        "removed": 0,
    }


def test_strict_refuses_losses_and_leaves_nothing(export, labelled, tmp_path):
    with pytest.raises(LossError, match=r"label not held \(DSK-L001, 1\)") as caught:
        export(labelled, strict=True)
    assert caught.value.exit_code == 1
    assert os.listdir(tmp_path) == []


def test_strict_takes_what_fits(export, boxed):
    assert export(boxed, strict=True).losses == []


def test_strict_takes_what_was_removed_on_request(toy, tmp_path, boxed):
    report = (
        Dataset.from_iterable(boxed).get_subset("val").export(tmp_path / "out", "toy", strict=True)
    )
    assert report.items == {"in": 7, "out": 3}
    assert report.annotations["out"] == 4


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_dry_run_forecasts_the_report_and_writes_nothing(export, boxed, labelled, tmp_path, jobs):
    forecast = export([*boxed, *labelled], dry_run=True, jobs=jobs).to_dict()
    assert os.listdir(tmp_path) == []
    report = export([*boxed, *labelled], jobs=jobs).to_dict()
    for facts in (forecast, report):
        del facts["seconds"], facts["output"]
    assert forecast == report


def test_what_is_there_is_refused_before_any_item_is_read(toy, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.toy").write_text("0 0 1 1 0")
    dataset = Dataset.import_from(tmp_path / "in", "toy").transform("halve")
    with pytest.raises(OutputExistsError):
        dataset.export(tmp_path / "out", "toy")
    assert dataset.source.reads == 0


def test_overwrite_leaves_no_stale_file(export, boxed, tmp_path, tree):
    export(boxed)
    export(boxed[:1], overwrite=True)
    assert sorted(tree(tmp_path / "out")) == ["labels.txt", "list.txt", "train/dir/item0.txt"]


def test_exporting_twice_reports_the_same(toy, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.toy").write_text("bad\n")
    (tmp_path / "in" / "oddity").write_text("")
    dataset = Dataset.import_from(tmp_path / "in", "toy", on_error="skip")
    reports = [dataset.export(tmp_path / "out", "toy", overwrite=True).to_dict() for _ in range(3)]
    for facts in reports:
        del facts["seconds"]
    assert reports[0] == reports[1] == reports[2]
    assert reports[0]["warnings"] == {"there is an oddity": 1}
    assert reports[0]["errors"] == 1


# --- options and settings ------------------------------------------------------------------------


def test_options_and_aliases_reach_the_exporter(export, boxed, tmp_path, tree):
    export(boxed[:1], mark="#")
    assert tree(tmp_path / "out")["train/dir/item0.txt"].startswith(b"#bbox")
    export(boxed[:1], format="toy_marked", overwrite=True)
    assert tree(tmp_path / "out")["train/dir/item0.txt"].startswith(b"*bbox")


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"mrak": "x"}, OptionError),
        ({"die_how": "never"}, OptionError),
        ({"media": "move"}, OptionError),
        ({"jobs": 0}, OptionError),
        ({"overwrite": "perhaps"}, OptionError),
        ({"save-media": "treu"}, OptionError),
        ({"engine": "dask"}, UnknownNameError),
        ({"format": "coco"}, PluginError),
        ({"format": "nothing"}, UnknownNameError),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_made(
    export, boxed, tmp_path, settings, error
):
    with pytest.raises(error):
        export(boxed, **settings)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("given", "settings", "rest"),
    [
        ({}, ExportSettings(), {}),
        ({"save-media": True, "x": 1}, ExportSettings(save_media=True), {"x": 1}),
        ({"save_images": True}, ExportSettings(save_media=True), {}),
        ({"save_media": "no", "strict": "1"}, ExportSettings(strict=True), {}),
        ({"image_ext": "png"}, ExportSettings(image_ext=".png"), {}),
        ({"image-ext": ".png"}, ExportSettings(image_ext=".png"), {}),
        ({"dry_run": "True", "overwrite": False}, ExportSettings(dry_run=True), {}),
    ],
)
def test_settings_are_parted_from_options(given, settings, rest):
    assert split_settings(given) == (settings, rest)


# --- media ---------------------------------------------------------------------------------------


def test_media_are_saved_on_request(export, tmp_path, tree, encoded):
    items = [DatasetItem("a/b", media=Image("x.png", encoded("PNG")))]
    assert "default/a/b.png" not in tree_of(export(items, overwrite=True), tree, tmp_path)
    report = export(items, save_media=True, overwrite=True)
    assert tree(tmp_path / "out")["default/a/b.png"] == encoded("PNG")
    assert report.media_saved == 1
    export(items, save_media=True, image_ext="jpg", overwrite=True)
    assert tree(tmp_path / "out")["default/a/b.jpg"][:2] == b"\xff\xd8"


def tree_of(report, tree, tmp_path):
    assert report.output == str(tmp_path / "out")
    return tree(tmp_path / "out")


class Untouchable:
    shape = (4, 5, 6)
    dtype = np.dtype("int16")

    def __getitem__(self, key):
        raise AssertionError("the volume was read")

    __array__ = __getitem__


def test_volumes_and_clouds_are_not_read_by_core(export):
    cloud = PointCloud("b.pcd", "/no/such/cloud", None, (Image("i.png", "/no/such/image"),))
    items = [DatasetItem("a", media=Volume("a.nii", Untouchable())), DatasetItem("b", media=cloud)]
    report = export(items, save_media=True)
    assert [(e.code, e.what) for e in report.losses] == [
        ("DSK-L016", "point_cloud left out"),
        ("DSK-L016", "volume left out"),
    ]


# --- ids -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["日本/é", "a b", "...", "x" * 200, "-rf", "new\nline", "a.b.c"])
def test_any_id_that_a_file_can_have(export, tmp_path, name):
    export([DatasetItem(name, annotations=[Bbox(1, 2, 3, 4, label=0)])])
    assert (tmp_path / "out" / "default" / f"{name}.txt").is_file()


def test_an_id_that_no_text_file_can_hold_is_refused_and_leaves_nothing(export, tmp_path):
    with pytest.raises(OutputError, match="is no Unicode text"):
        export([DatasetItem("caf\udce9")])
    assert os.listdir(tmp_path) == []


def test_only_the_part_of_a_text_that_is_none_is_shown(export, monkeypatch):
    def fails(*args, **kwargs):
        ("first line\n" * 1000 + "caf\udce9").encode()

    monkeypatch.setattr("dsk.exporting.adapt_header", fails)
    with pytest.raises(OutputError, match=r"caf.udce9' is no Unicode text") as caught:
        export([DatasetItem("a")])
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("name", ["../../x", "a/../../x", "a\0b", "x" * 300])
def test_ids_that_no_file_can_have_are_refused_and_leave_nothing(export, tmp_path, name):
    with pytest.raises(OutputError):
        export([DatasetItem(name)])
    assert os.listdir(tmp_path) == []


def test_two_ids_that_want_one_file_are_refused(export, tmp_path):
    with pytest.raises(OutputError, match="two items want the same file"):
        export([DatasetItem("a"), DatasetItem("./a")])
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("up", [False, True])
def test_the_input_is_never_replaced(tmp_path, toy, up):
    folder = tmp_path / "data" / "in"
    Dataset.from_iterable([DatasetItem("a")]).export(folder, "toy")
    before = sorted(p.name for p in folder.iterdir())
    dataset = Dataset.from_iterable([DatasetItem("b")])
    dataset.places = (str(folder),)
    with pytest.raises(OutputExistsError, match="would replace the input"):
        dataset.export(folder.parent if up else folder, "toy", overwrite=True)
    assert sorted(p.name for p in folder.iterdir()) == before


def test_strict_says_all_that_would_be_lost(export, tmp_path):
    items = [DatasetItem("b", annotations=[Polygon([0, 0, 1, 0, 1, 1], label=0), Bbox(1, 2, 3, 4)])]
    with pytest.raises(LossError) as caught:
        export(items, strict=True)
    report = caught.value.report
    assert [(e.code, e.count) for e in report.losses] == [("DSK-L002", 1), ("DSK-L003", 1)]
    assert report.output == ""


@pytest.mark.parametrize("ext", ["xyz", ".exr", "", ".jpg.gz"])
def test_an_ending_that_images_cannot_have_is_refused(ext):
    with pytest.raises(OptionError, match=r"cannot be written as .*one of: \.bmp"):
        ExportSettings(image_ext=ext)


@pytest.mark.parametrize("place", ["", ".", "..", "here"])
def test_the_folder_one_is_in_is_not_replaced(export, boxed, tmp_path, monkeypatch, place):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    target = str(here) if place == "here" else place
    with pytest.raises((OutputError, UsageError), match=r"the folder you are in|no name"):
        Dataset.from_iterable(boxed, ["cat", "dog"]).export(target, "toy", overwrite=True)
    assert here.is_dir()
    assert os.listdir(tmp_path) == ["here"]


@pytest.mark.parametrize("history", [".git", ".dvc"])
def test_a_repository_is_never_replaced(export, boxed, tmp_path, history):
    (tmp_path / "repo" / history).mkdir(parents=True)
    data = Dataset.from_iterable(boxed, ["cat", "dog"])
    with pytest.raises(OutputExistsError, match=f"repository with its history .{history}"):
        data.export(tmp_path / "repo", "toy", overwrite=True)
    data.export(tmp_path / "repo/new", "toy")
    assert sorted(os.listdir(tmp_path / "repo")) == [history, "new"]


@pytest.mark.parametrize("place", ["", "..", "sub/.."])
def test_the_home_folder_is_never_replaced(export, boxed, tmp_path, monkeypatch, place):
    home = tmp_path / "home" / "me"
    (home / "sub").mkdir(parents=True)
    (home / "kept.txt").write_text("kept")
    monkeypatch.setenv("HOME", str(home))
    with pytest.raises(OutputError, match="your home folder"):
        Dataset.from_iterable(boxed, ["cat", "dog"]).export(home / place, "toy", overwrite=True)
    assert (home / "kept.txt").read_text() == "kept"


def test_a_full_disk_is_worded_alike_wherever_it_is_met(export, boxed, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("dsk.exporting.Progress.close", full)
    with pytest.raises(OutputError, match=r"the disk is full \(nothing was left behind\)"):
        export(boxed)
