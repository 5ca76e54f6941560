"""Traps of plain images: names that clash, names that lie, archives that bite."""

from __future__ import annotations

import io
import os
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image as PilImage

from dsk.annotations import Bbox
from dsk.dataset import Dataset
from dsk.detect import choose, detect
from dsk.errors import InputError, MediaError, OptionError, OutputError, UnsafePathError
from dsk.files import open_root
from dsk.item import DatasetItem
from dsk.media import Image

if TYPE_CHECKING:
    from pathlib import Path


def png(value: int = 0) -> bytes:
    buffer = io.BytesIO()
    PilImage.fromarray(np.full((3, 4, 3), value, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def put(folder: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(number))
    return folder


def pack(path: Path, *names: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for number, name in enumerate(names):
            archive.writestr(name, png(number))
    return path


def ids(path: Path, name: str, **options: str) -> list[str]:
    return [item.id for item in Dataset.import_from(path, name, **options)]


def test_folder_is_read_recursively_with_endings_of_any_case(tmp_path: Path):
    put(tmp_path, "b.PNG", "sub/deep/a.Jpg", "._b.PNG", "notes.txt", "noending")
    dataset = Dataset.import_from(tmp_path, "image_dir", subset="val")
    assert [(i.id, i.subset) for i in dataset] == [("b", "val"), ("sub/deep/a", "val")]
    assert [i.media.path for i in dataset] == ["b.PNG", "sub/deep/a.Jpg"]
    assert next(iter(dataset)).media.get_size() == (3, 4)


def test_one_image_is_a_dataset(tmp_path: Path):
    put(tmp_path, "a.png", "b.png")
    assert ids(tmp_path / "b.png", "image_dir") == ["b"]


@pytest.mark.filterwarnings("ignore::dsk.errors.DskWarning")
def test_of_two_endings_the_last_is_read_and_a_warning_says_so(tmp_path: Path):
    put(tmp_path, "a.jpg", "a.png", "b.png")
    dataset = Dataset.import_from(tmp_path, "image_dir")
    assert [(i.id, i.media.path) for i in dataset] == [("a", "a.png"), ("b", "b.png")]
    (warning,) = dataset.opening_ledger.warnings
    assert "1 images are left out" in warning
    assert "a.jpg" in warning


def test_truncated_and_empty_images_stay_items(tmp_path: Path):
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "cut.png").write_bytes(png()[:30])
    dataset = Dataset.import_from(tmp_path, "image_dir")
    assert [i.id for i in dataset] == ["cut", "empty"]
    with pytest.raises(InputError):
        _ = next(iter(dataset)).media.data


def test_name_that_is_not_utf8_is_shown_as_latin1_and_can_be_exported(tmp_path: Path):
    name = os.fsencode(tmp_path) + b"/in/\xe9.png"
    (tmp_path / "in").mkdir()
    with open(name, "wb") as file:
        file.write(png(7))
    dataset = Dataset.import_from(tmp_path / "in", "image_dir")
    assert [i.id for i in dataset] == ["é"]
    assert list(dataset.opening_ledger.warnings) == [
        "1 file names are no UTF-8; they are taken for Latin-1"
    ]
    dataset.export(tmp_path / "out", "image_dir")
    assert (tmp_path / "out" / "é.png").read_bytes() == png(7)


def test_loops_of_links_end(tmp_path: Path):
    put(tmp_path, "a/x.png")
    (tmp_path / "a" / "again").symlink_to(tmp_path, target_is_directory=True)
    assert ids(tmp_path, "image_dir") == ["a/x"]


def test_no_images_is_an_error(tmp_path: Path):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(InputError, match="no images"):
        Dataset.import_from(tmp_path, "image_dir")
    with pytest.raises(InputError, match="no zip"):
        Dataset.import_from(tmp_path, "image_zip")


def test_detection_loses_to_everything_else(tmp_path: Path):
    put(tmp_path / "only", "a.png", "b/c.jpg")
    answer = choose(open_root(tmp_path / "only"))
    assert (answer.format, answer.score) == ("image_dir", 10)
    put(tmp_path / "more", "a.png")
    (tmp_path / "more" / "labels.csv").write_text("a,b")
    (near,) = [c for c in detect(open_root(tmp_path / "more")) if c.format == "image_dir"]
    assert near.score < 5
    assert "labels.csv" in near.reason
    pack(tmp_path / "zips" / "1.zip", "a.png")
    assert choose(open_root(tmp_path / "zips")).format == "image_zip"
    assert choose(open_root(tmp_path / "zips" / "1.zip")).format == "image_zip"


def test_archives_of_a_folder(tmp_path: Path):
    pack(tmp_path / "1.zip", "a/b.png", "__MACOSX/a/._b.png", "notes.txt", "inner.zip")
    pack(tmp_path / "deep" / "2.ZIP", "c.JPG")
    dataset = Dataset.import_from(tmp_path, "image_zip")
    assert [i.id for i in dataset] == ["a/b", "c"]
    assert next(iter(dataset)).media.read_bytes() == png(0)


def test_files_that_are_no_images_are_warned_of(tmp_path: Path):
    pack(tmp_path / "images.zip", "a.png", "README.md", ".hidden")
    assert not Dataset.import_from(tmp_path, "image_zip").opening_ledger.warnings
    pack(tmp_path / "more.zip", "annotations/train.json", "annotations/val.json")
    (warning,) = Dataset.import_from(tmp_path, "image_zip").opening_ledger.warnings
    assert warning.startswith("2 files are no images and are not read, for instance ")
    assert warning.endswith("archives of one dataset are unpacked into one folder")


def test_backslashes_are_separators(tmp_path: Path):
    pack(tmp_path / "w.zip", "a\\b.png")
    assert ids(tmp_path / "w.zip", "image_zip") == ["a/b"]


@pytest.mark.parametrize("name", ["../x.png", "/x.png", "C:/x.png", "a/../../x.png"])
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str):
    pack(tmp_path / "slip.zip", name)
    with pytest.raises(UnsafePathError):
        Dataset.import_from(tmp_path / "slip.zip", "image_zip")
    with pytest.raises(UnsafePathError):
        Dataset.import_from(tmp_path, "image_zip")


def test_encrypted_members_are_unreadable_and_reported(tmp_path: Path):
    path = pack(tmp_path / "e.zip", "a.png")
    data = bytearray(path.read_bytes())
    data[6] |= 1  # flags of the local header
    data[data.index(b"PK\1\2") + 8] |= 1  # and of the directory
    path.write_bytes(data)
    dataset = Dataset.import_from(path, "image_zip")
    with pytest.raises(MediaError, match="encrypted"):
        next(iter(dataset)).media.read_bytes()
    report = dataset.export(tmp_path / "out", "image_dir")
    assert [(e.code, e.count) for e in report.events] == [("DSK-L016", 1)]
    assert os.listdir(tmp_path / "out") == []


def test_damaged_archive_is_an_error(tmp_path: Path):
    (tmp_path / "bad.zip").write_bytes(b"PK\3\4 this is no archive")
    with pytest.raises(InputError, match="archive"):
        Dataset.import_from(tmp_path, "image_zip")


def items(*names: str, subset: str = "default") -> list[DatasetItem]:
    return [
        DatasetItem(name, subset, Image.from_bytes(png(n), f"src/{n}.png"))
        for n, name in enumerate(names)
    ]


@pytest.mark.parametrize("name", ["image_dir", "image_zip"])
def test_images_are_saved_without_being_asked_and_copied_exactly(tmp_path: Path, name: str):
    put(tmp_path / "in", "a/b.png", "c.PNG")
    dataset = Dataset.import_from(tmp_path / "in", "image_dir")
    report = dataset.export(tmp_path / "out", name, save_media=False)
    assert report.media_saved == 2
    back = list(Dataset.import_from(tmp_path / "out", name))
    assert [(i.id, i.media.path) for i in back] == [("c", "c.PNG"), ("a/b", "a/b.png")]
    assert [i.media.read_bytes() for i in back] == [png(1), png(0)]


def test_what_is_lost_is_counted(tmp_path: Path):
    boxes = [Bbox(0, 0, 1, 1, label=0), Bbox(0, 0, 2, 2, label=0)]
    given = [item.replace(annotations=boxes) for item in items("a", "b", subset="train")]
    given += [DatasetItem("c"), DatasetItem("d", media=Image("d.png"))]
    report = Dataset.from_iterable(given, ["cat"]).export(tmp_path / "out", "image_dir")
    counts = {e.code: e.count for e in report.events}
    assert counts == {
        "DSK-L001": 4,
        "DSK-L008": 1,
        "DSK-L010": 1,
        "DSK-L012": 2,
        "DSK-L016": 1,
    }
    assert sorted(os.listdir(tmp_path / "out")) == ["a.png", "b.png"]


@pytest.mark.parametrize("name", ["image_dir", "image_zip"])
def test_two_items_that_want_one_file_are_refused(tmp_path: Path, name: str):
    given = [*items("a", subset="train"), *items("b", "a", subset="val")]
    dataset = Dataset.from_iterable(given)
    for dry in (False, True):
        with pytest.raises(OutputError, match="want the same"):
            dataset.export(tmp_path / "out", name, dry_run=dry)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("name", ["image_dir", "image_zip"])
def test_one_image_of_several_subsets_is_saved_once(tmp_path: Path, name: str, jobs: int):
    put(tmp_path / "in", "a.png", "b.png")
    own = {n: Image.from_file(tmp_path / "in" / f"{n}.png") for n in "ab"}
    given = [DatasetItem(n, subset, own[n]) for subset in ("train", "trainval") for n in "ab"]
    out = Dataset.from_iterable(
        [*given, DatasetItem("c", "val", Image.from_bytes(png(2), "c.png"))]
    )
    for place in ("out", "out.zip"):
        report = out.export(tmp_path / place, name, jobs=jobs)
        assert report.media_saved == 3
        what = [(e.count, e.what) for e in report.events if "once" in e.what]
        assert what == [(2, "image of several subsets, saved once")]
        assert not report.warnings
        assert ids(tmp_path / place, name if place == "out" else "image_zip") == ["a", "b", "c"]
    dry = out.export(tmp_path / "dry", name, jobs=jobs, dry_run=True)
    assert (dry.media_saved, dry.events) == (report.media_saved, report.events)


@pytest.mark.parametrize("name", ["image_dir", "image_zip"])
def test_items_that_readers_take_for_one_are_warned_of(tmp_path: Path, name: str):
    twins = [
        DatasetItem("a", "train", Image.from_bytes(png(1), "a.png")),
        DatasetItem("a", "val", Image.from_bytes(png(2), "a.bmp")),
    ]
    report = Dataset.from_iterable(twins).export(tmp_path / "out", name)
    assert len(report.warnings) == 1


def test_archive_options(tmp_path: Path):
    dataset = Dataset.from_iterable(items("a", "ü/b"))
    dataset.export(tmp_path / "out", "image_zip", name="x.zip", compression="ZIP_DEFLATED")
    with zipfile.ZipFile(tmp_path / "out" / "x.zip") as archive:
        assert [i.filename for i in archive.infolist()] == ["a.png", "ü/b.png"]
        assert {i.compress_type for i in archive.infolist()} == {zipfile.ZIP_DEFLATED}
        assert archive.testzip() is None
    assert os.listdir(tmp_path / "out") == ["x.zip"]
    with pytest.raises(OptionError):
        dataset.export(tmp_path / "other", "image_zip", name="x.tar")


def test_archive_is_stored_by_default_and_can_be_reencoded(tmp_path: Path):
    dataset = Dataset.from_iterable(items("a"))
    report = dataset.export(tmp_path / "out", "image_zip", image_ext=".bmp")
    assert [e.code for e in report.events] == ["DSK-L016"]
    with zipfile.ZipFile(tmp_path / "out" / "default.zip") as archive:
        (info,) = archive.infolist()
        assert (info.filename, info.compress_type) == ("a.bmp", zipfile.ZIP_STORED)
        assert archive.read(info)[:2] == b"BM"


def test_destination_that_ends_in_zip_is_the_archive(tmp_path: Path):
    Dataset.from_iterable(items("a")).export(tmp_path / "x.zip", "image_zip")
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        assert archive.namelist() == ["a.png"]


@pytest.mark.parametrize("name", ["../x.zip", "a/x.zip", "a\\x.zip", "x.tar"])
def test_the_archive_lies_in_the_destination(tmp_path: Path, name: str):
    dataset = Dataset.from_iterable(items("a"))
    with pytest.raises(OptionError, match="file name"):
        dataset.export(tmp_path / "out", "image_zip", name=name)
    assert list(tmp_path.iterdir()) == []
