"""Super-resolution folders as they are met, and what becomes of the pictures beside the images."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dsk import Dataset
from dsk.detect import choose, detect
from dsk.errors import InputError, MediaError
from dsk.files import open_root
from dsk.item import DatasetItem
from dsk.media import Image
from dsk.pixels import encode
from dsk_depth.attached import Attached, attached

if TYPE_CHECKING:
    from pathlib import Path

NAME = "common_super_resolution"


def picture(path: Path, value: int = 0, size: tuple[int, int] = (3, 4)) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = encode(np.full((*size, 3), value, np.uint8), path.suffix)
    path.write_bytes(data)
    return data


def test_pictures_belong_to_the_image(tmp_path):
    picture(tmp_path / "LR/1.png", 1)
    picture(tmp_path / "HR/1.png", 2, (10, 20))
    picture(tmp_path / "upsampled/1.png", 3, (10, 20))
    (item,) = Dataset.import_from(tmp_path)
    assert (item.id, item.subset) == ("1", "default")
    assert item.media.get_size() == (3, 4)
    assert attached(item, NAME, "hr").get_size() == (10, 20)
    assert (attached(item, NAME, "upsampled").data == 3).all()


def test_incomplete_items(tmp_path):
    picture(tmp_path / "LR/a/low.png")
    picture(tmp_path / "HR/a/high.PNG")
    picture(tmp_path / "upsampled/a/big.png")
    items = {item.id: item for item in Dataset.import_from(tmp_path, NAME)}
    assert sorted(items) == ["a/big", "a/high", "a/low"]
    assert items["a/low"].extra is None
    assert items["a/high"].media is None
    assert attached(items["a/high"], NAME, "hr").exists
    assert attached(items["a/big"], NAME, "upsampled").exists


@pytest.mark.parametrize(
    ("homes", "subsets"),
    [
        (("", "val"), {"default", "val"}),
        (("train", "val"), {"train", "val"}),
        (("set/train", "set/val"), {"train", "val"}),
        (("set",), {"default"}),
        (("set/test",), {"test"}),
    ],
)
def test_folders_of_subsets(tmp_path, homes, subsets):
    for number, home in enumerate(homes):
        for folder in ("LR", "HR"):
            picture(tmp_path / home / folder / f"{number}.png")
    dataset = Dataset.import_from(tmp_path)
    assert set(dataset.header.subsets) == subsets
    assert {item.subset for item in dataset} == subsets
    assert {item.id for item in dataset} == {str(n) for n in range(len(homes))}


def test_option_names_the_subset(tmp_path):
    picture(tmp_path / "LR/1.png")
    picture(tmp_path / "HR/1.png")
    (item,) = Dataset.import_from(tmp_path, NAME, subset="mine")
    assert item.subset == "mine"


def test_written_as_read(tmp_path):
    given = {
        name: picture(tmp_path / "in" / name, number)
        for number, name in enumerate(("LR/x/1.jpg", "HR/x/1.png", "upsampled/x/1.bmp"))
    }
    report = Dataset.import_from(tmp_path / "in").export(tmp_path / "out", NAME, strict=True)
    assert report.media_saved == 3
    for name, data in given.items():
        assert (tmp_path / "out" / name).read_bytes() == data


def test_plain_values_keep_the_picture(tmp_path):
    data = encode(np.full((5, 6, 3), 9, np.uint8), ".png")
    plain = Attached(Image.from_bytes(data, "HR/1.png")).tolist()
    item = DatasetItem("1", extra={NAME: {"hr": plain}})
    assert attached(item, NAME, "hr").read_bytes() == data


def test_items_without_pictures_are_reported(tmp_path):
    dataset = Dataset.from_iterable([DatasetItem("1"), DatasetItem("2", media=Image("2.png"))])
    report = dataset.export(tmp_path / "out", NAME)
    assert {(e.code, e.what) for e in report.events} == {
        ("DSK-L008", "item without an image"),
        ("DSK-L016", "image not found"),
    }


def test_lost_name_of_the_only_subset_is_reported(tmp_path):
    image = Image.from_array(np.zeros((2, 2, 3), np.uint8), "1.png")
    dataset = Dataset.from_iterable([DatasetItem("1", "mine", image)])
    report = dataset.export(tmp_path / "out", NAME)
    assert [e.code for e in report.events] == ["DSK-L012"]


@pytest.mark.parametrize(
    "value",
    [
        3,
        {"file": "%"},
        {"shape": [2, 2], "dtype": "O", "zlib": ""},
        {"shape": [1 << 20, 1 << 20], "dtype": "<f4", "zlib": ""},
        {"shape": [2, 2], "dtype": "<f4", "zlib": "eJw="},
    ],
)
def test_malformed_pictures(tmp_path, value):
    item = DatasetItem("1", extra={NAME: {"hr": value}})
    with pytest.raises(InputError, match=r"1: the field common_super_resolution\.hr is no picture"):
        Dataset.from_iterable([item]).export(tmp_path / "out", NAME)
    assert list(tmp_path.iterdir()) == []


def test_damaged_and_odd_files(tmp_path):
    picture(tmp_path / "in/LR/ночь 🌙.png", 1)
    (tmp_path / "in/HR").mkdir()
    (tmp_path / "in/HR/ночь 🌙.png").write_bytes(b"")
    (tmp_path / "in/HR/x.png").mkdir()  # a folder where a file should be
    picture(tmp_path / "in/HR/x.png/deep.png")
    items = {item.id: item for item in Dataset.import_from(tmp_path / "in", NAME)}
    assert sorted(items) == ["x.png/deep", "ночь 🌙"]
    assert items["ночь 🌙"].media.get_size() == (3, 4)
    with pytest.raises(MediaError, match="ночь 🌙"):
        attached(items["ночь 🌙"], NAME, "hr").data  # noqa: B018 - decodes it
    with pytest.raises(InputError, match="there is no such file or folder"):
        Dataset.import_from(tmp_path / "absent", NAME)


def test_a_file_where_a_folder_should_be(tmp_path):
    (tmp_path / "LR").write_text("no folder")
    (tmp_path / "HR").write_text("no folder")
    with pytest.raises(InputError, match="no folders HR and LR"):
        Dataset.import_from(tmp_path, NAME)


def test_archives(tmp_path):
    data = picture(tmp_path / "1.png", 7)
    with zipfile.ZipFile(tmp_path / "good.zip", "w") as archive:
        for folder in ("LR", "HR"):
            archive.writestr(f"set/{folder}/1.png", data)
    (item,) = Dataset.import_from(tmp_path / "good.zip")
    assert (item.id, item.subset) == ("1", "default")
    assert (attached(item, NAME, "hr").data == 7).all()
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("LR/1.png", data)
        archive.writestr("LR/../../1.png", data)
    with pytest.raises(InputError, match="leads out of its folder"):
        list(Dataset.import_from(tmp_path / "evil.zip", NAME))


@pytest.mark.parametrize("subsets", [("default",), ("train", "val"), ("test",)])
def test_own_output_is_detected(tmp_path, subsets):
    given = tmp_path / "in"
    for number, subset in enumerate(subsets):
        for folder in ("LR", "HR", "upsampled"):
            home = given if subset == "default" else given / subset
            picture(home / folder / f"{number}.png")
    Dataset.import_from(given, NAME).export(tmp_path / "out", NAME, strict=True)
    found = detect(open_root(tmp_path / "out"))
    assert found[0].format == NAME
    assert [f.format for f in found[1:] if f.score >= found[0].score] == []
    assert {item.subset for item in Dataset.import_from(tmp_path / "out")} == set(subsets)


def test_nothing_here(tmp_path):
    (tmp_path / "HD").mkdir()
    with pytest.raises(InputError, match="no folders HR and LR"):
        Dataset.import_from(tmp_path, NAME)


def test_detection_wants_images_in_both(tmp_path):
    picture(tmp_path / "LR/1.png")
    (tmp_path / "HR").mkdir()
    (tmp_path / "HR/readme.txt").write_text("soon")
    with pytest.raises(InputError, match="no installed format"):
        choose(open_root(tmp_path / "HR"))
    assert Dataset.import_from(tmp_path, NAME).header.items == 1


def test_folders_in_another_case(tmp_path):
    picture(tmp_path / "Train/lr/1.png", 1)
    picture(tmp_path / "Train/Hr/1.png", 2, (10, 20))
    picture(tmp_path / "Train/Upsampled/1.png", 3, (10, 20))
    assert choose(open_root(tmp_path)).format == NAME
    (item,) = Dataset.import_from(tmp_path)
    assert (item.id, item.subset, item.media.get_size()) == ("1", "Train", (3, 4))
    assert set(item.extra[NAME]) == {"hr", "upsampled"}


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("Train/a/1", "val2017/2"), {("Train", "a/1"), ("val2017", "2")}),
        (("train/1", "scene/2"), {("default", "train/1"), ("default", "scene/2")}),
        (("train/1", "2"), {("default", "train/1"), ("default", "2")}),
    ],
)
def test_subsets_within_the_folders(tmp_path, names, found):
    for name in names:
        picture(tmp_path / f"in/set/LR/{name}.png")
        picture(tmp_path / f"in/set/HR/{name}.png")
    dataset = Dataset.import_from(tmp_path / "in")
    assert {(item.subset, item.id) for item in dataset} == found
    assert dataset.opening_ledger.warnings == {}
    dataset.export(tmp_path / "out", NAME, strict=True)
    assert {(i.subset, i.id) for i in Dataset.import_from(tmp_path / "out")} == found


def test_ids_that_begin_like_subsets_keep_theirs(tmp_path):
    image = Image.from_array(np.zeros((2, 2, 3), np.uint8), "1.png")
    items = [DatasetItem("val/1", subset, image) for subset in ("default", "train")]
    for given in (items, items[:1]):
        out = tmp_path / str(len(given))
        Dataset.from_iterable(given).export(out, NAME, strict=True)
        assert [(i.subset, i.id) for i in Dataset.import_from(out, NAME)] == [
            (i.subset, i.id) for i in given
        ]
    dataset = Dataset.from_iterable([DatasetItem("val/1", "mine", image)])
    (event,) = dataset.export(tmp_path / "out", NAME).events
    assert (event.code, "ids begin with" in event.hint) == ("DSK-L012", True)


def test_images_in_other_folders_are_told(tmp_path):
    for folder in ("LR", "HR", "hr-mask/train", "hr-mask/val"):
        picture(tmp_path / f"set/{folder}/1.png")
    picture(tmp_path / "shown.png")
    for number in range(7):
        picture(tmp_path / f"set/m{number}/1.png")
    first, second, *_, last = Dataset.import_from(tmp_path).opening_ledger.warnings
    assert first == "set/hr-mask: 2 images are not read"
    assert second.endswith(": 1 image is not read")
    assert last == "4 images in 4 further folders are not read"
