"""Lines, layouts and what is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image as PilImage

from dsk import Dataset
from dsk.annotations import Bbox, Polygon, RotatedBbox
from dsk.categories import Categories
from dsk.detect import detect
from dsk.errors import DskWarning, OptionError, RecordError
from dsk.files import open_root
from dsk.item import DatasetItem
from dsk_dota.rows import parse_row

if TYPE_CHECKING:
    from pathlib import Path

QUAD = "10 10 30 10 30 20 10 20"
NUMBERS = [10.0, 10.0, 30.0, 10.0, 30.0, 20.0, 10.0, 20.0]


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def save(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    PilImage.fromarray(np.zeros((3, 4), np.uint8)).save(path)


@pytest.mark.parametrize(
    ("line", "category", "difficulty"),
    [
        (f"{QUAD} plane 1", "plane", 1),
        (f"{QUAD} plane", "plane", 0),
        (f"{QUAD} plane 2", "plane", 2),
        (f"{QUAD} small vehicle 1", "small vehicle", 1),
        (f"{QUAD} small vehicle", "small vehicle", 0),
        (",".join([*QUAD.split(), "plane", "1"]), "plane", 1),
        (", ".join([*QUAD.split(), "small vehicle", "1"]), "small vehicle", 1),
        (f"{QUAD} fish, fried 1", "fish, fried", 1),
        (f"{QUAD} 7 1", "7", 1),
        (f"{QUAD} plane 1.0", "plane", 1),
        (f"{QUAD} type 1.5", "type 1.5", 0),
    ],
)
def test_lines(line: str, category: str, difficulty: int) -> None:
    row = parse_row(line)
    assert (row.corners, row.category, row.difficulty) == (NUMBERS, category, difficulty)


@pytest.mark.parametrize(
    "line",
    [f"{QUAD} ship 0 {QUAD} ship 0", f"x{QUAD} plane 1", f"nan{QUAD[2:]} plane 1"],
)
def test_bad_lines(tmp_path: Path, line: str) -> None:
    write(tmp_path / "train/labelTxt/P1.txt", f"gsd:0.1\n{line}\n{QUAD} ship 0\n")
    with pytest.raises(RecordError, match=r"P1\.txt:2"):
        list(Dataset.import_from(tmp_path, "dota"))
    (item,) = Dataset.import_from(tmp_path, "dota", on_error="skip")
    assert len(item.annotations) == 1


@pytest.mark.parametrize("line", [QUAD, "1 2 3", "1 2 3 4 plane 0"])
def test_short_lines_are_passed_over(tmp_path: Path, line: str) -> None:
    """As the official tools do it; who converts is told."""
    write(tmp_path / "train/labelTxt/P1.txt", f"gsd:0.1\n{line}\n{QUAD} ship 0\n")
    with pytest.warns(DskWarning, match="fewer than nine fields"):
        (item,) = Dataset.import_from(tmp_path)
    assert len(item.annotations) == 1


def test_a_bad_line_is_no_reason_not_to_detect(tmp_path: Path) -> None:
    write(tmp_path / "train/labelTxt/P1.txt", f"{QUAD} ship 0\nx{QUAD} ship 0\n{QUAD} ship 0\n")
    (item,) = Dataset.import_from(tmp_path, on_error="skip")
    assert len(item.annotations) == 2
    write(tmp_path / "train/labelTxt/P1.txt", f"x{QUAD} ship 0\nx{QUAD} ship 0\n{QUAD} ship 0\n")
    assert all(found.format != "dota" for found in detect(open_root(tmp_path)))


@pytest.mark.parametrize("folder", ["train/labelTxt", "labelTxt-v1.5", "annfiles"])
def test_one_text_that_is_given(tmp_path: Path, folder: str) -> None:
    write(tmp_path / folder / "P 1.x.txt", f"{QUAD} ship 0\n")
    write(tmp_path / folder / "P2.txt", f"{QUAD} plane 0\n")
    save((tmp_path / folder).parent / "images/P 1.x.png")
    dataset = Dataset.import_from(tmp_path / folder / "P 1.x.txt")
    (item,) = dataset
    assert dataset.format == "dota"
    assert (item.id, item.media.get_size()) == ("P 1.x", (3, 4))
    assert dataset.categories().names == ["ship"]


def test_one_text_elsewhere_is_told_by_its_header(tmp_path: Path) -> None:
    write(tmp_path / "P1.txt", f"imagesource:GoogleEarth\ngsd:null\n{QUAD} ship 0\n")
    (item,) = Dataset.import_from(tmp_path / "P1.txt", "dota")
    assert next(iter(detect(open_root(tmp_path / "P1.txt")))).format == "dota"
    assert (item.id, len(item.annotations)) == ("P1", 1)


def test_rotations_are_those_of_atan2(tmp_path: Path) -> None:
    write(
        tmp_path / "train/labelTxt/P1.txt",
        "30 20 10 20 10 10 30 10 a 0\n10 30 10 10 20 10 20 30 a\n",
    )
    (item,) = Dataset.import_from(tmp_path)
    assert [a.r for a in item.annotations] == [180, -90]


def test_versions_in_folders_of_annotations(tmp_path: Path) -> None:
    """The layout of torchgeo's copies; the newest version is read."""
    for version, label in (("1.0", "plane"), ("1.5", "crane"), ("2.0", "ship")):
        for subset in ("train", "val") if version != "2.0" else ("train",):
            folder = tmp_path / subset / "annotations" / f"version{version}"
            write(folder / "P1.txt", f"imagesource:GoogleEarth\n{QUAD} {label} 0\n")
            save(tmp_path / subset / "images/P1.png")
    save(tmp_path / "test/images/P2.png")
    assert next(iter(detect(open_root(tmp_path)))).format == "dota"
    dataset = Dataset.import_from(tmp_path, "dota")
    names = dataset.categories().names
    assert [
        (i.subset, i.id, i.media.path, [names[a.label] for a in i.annotations]) for i in dataset
    ] == [
        ("train", "P1", "train/images/P1.png", ["ship"]),
        ("val", "P1", "val/images/P1.png", ["crane"]),
        ("test", "P2", "test/images/P2.png", []),
    ]


def test_annotations_without_versions_are_others(tmp_path: Path) -> None:
    write(tmp_path / "annotations/P1.txt", f"{QUAD} plane 0\n")
    write(tmp_path / "annotations/versions/P1.txt", f"{QUAD} plane 0\n")
    assert all(found.format != "dota" for found in detect(open_root(tmp_path)))


def test_rectangles(tmp_path: Path) -> None:
    text = (
        f"imagesource:GoogleEarth\r\ngsd:null\r\n{QUAD} plane 1\r\n30 10 30 30 20 30 20 10 a-b\r\n"
    )
    write(tmp_path / "train/labelTxt/P0001.txt", text)
    dataset = Dataset.import_from(tmp_path, "dota")
    assert dataset.categories().names == ["a-b", "plane"]
    (item,) = dataset
    assert item.extra == {"dota": {"imagesource": "GoogleEarth", "gsd": "null"}}
    first, second = item.annotations
    assert (first.cx, first.cy, first.w, first.h, first.r) == (20, 15, 20, 10, 0)
    assert first.attributes == {"difficulty": 1}
    assert (second.w, second.h, second.r) == (20, 10, 90)
    (item,) = Dataset.import_from(tmp_path, "dota", shapes="polygon")
    assert list(item.annotations[0].rings[0]) == NUMBERS


def test_official_folders(tmp_path: Path) -> None:
    write(tmp_path / "train/labelTxt-v1.0/labelTxt/P1.txt", f"{QUAD} old 0\n")
    write(tmp_path / "train/labelTxt-v1.5/DOTA-v1.5_train/P1.txt", f"{QUAD} new 0\n")
    write(tmp_path / "train/labelTxt-v1.5/DOTA-v1.5_train_hbb/P1.txt", f"{QUAD} upright 0\n")
    for name in ("train/images/P1", "train/images/P2"):
        save(tmp_path / f"{name}.png")
    dataset = Dataset.import_from(tmp_path, "dota")
    assert dataset.categories().names == ["new"]
    assert [(i.subset, i.id, len(i.annotations), i.media is not None) for i in dataset] == [
        ("train", "P1", 1, True),
        ("train", "P2", 0, True),
    ]


def test_upright_boxes_beside_the_archive_are_left_out(tmp_path: Path) -> None:
    versions = tmp_path / "train/labelTxt-v1.0"
    write(versions / "labelTxt/P1.txt", f"{QUAD} plane 0\n")
    write(versions / "Train_Task2_gt/trainset_reclabelTxt/P1.txt", f"{QUAD} upright 0\n")
    save(tmp_path / "train/images/P1.png")
    (item,) = Dataset.import_from(tmp_path, "dota")
    assert (item.id, len(item.annotations), item.media.exists) == ("P1", 1, True)


def test_images_in_folders_of_archives(tmp_path: Path) -> None:
    """Texts lie together, images in parts; names that fit exactly come first."""
    for name in ("P1", "P2", "part2/P3"):
        write(tmp_path / f"train/labelTxt/{name}.txt", f"{QUAD} plane 0\n")
    places = ("part1/images/P1", "part1/P2", "P2", "part2/P3", "part2/images/P4", "own/P5")
    for place in places:
        save(tmp_path / f"train/images/{place}.png")
    found = {item.id: item for item in Dataset.import_from(tmp_path, "dota")}
    assert {name: item.media.path for name, item in found.items()} == {
        "P1": "train/images/part1/images/P1.png",
        "P2": "train/images/P2.png",
        "P4": "train/images/part2/images/P4.png",
        "own/P5": "train/images/own/P5.png",
        "part1/P2": "train/images/part1/P2.png",
        "part2/P3": "train/images/part2/P3.png",
    }
    assert [len(item.annotations) for item in found.values()] == [1, 1, 0, 0, 0, 1]


@pytest.mark.parametrize("subset", ["", "train/"])
def test_images_beside_the_folder_of_texts(tmp_path: Path, subset: str) -> None:
    write(tmp_path / f"{subset}labelTxt/P1.txt", f"{QUAD} plane 0\n")
    for name in ("P1", "P2", "other/P3"):
        save(tmp_path / f"{subset}{name}.png")
    found = [(item.id, item.media.path) for item in Dataset.import_from(tmp_path, "dota")]
    assert found == [(name, f"{subset}{name}.png") for name in ("P1", "P2")]


def test_subsets_without_texts(tmp_path: Path) -> None:
    write(tmp_path / "DOTA/train/labelTxt/P1.txt", f"{QUAD} plane 0\n")
    save(tmp_path / "DOTA/test/images/part1/P6.png")
    save(tmp_path / "DOTA/more/test/images/P7.png")
    dataset = Dataset.import_from(tmp_path, "dota")
    assert dataset.header.subsets == ("train", "test")
    assert [(i.subset, i.id, len(i.annotations), i.media is not None) for i in dataset] == [
        ("train", "P1", 1, False),
        ("test", "P6", 0, True),
    ]


def test_detection(tmp_path: Path) -> None:
    write(tmp_path / "train/labelTxt/P1.txt", f"{QUAD} plane 0\n")
    assert detect(open_root(tmp_path))[0].format == "dota"
    write(tmp_path / "train/labelTxt/P1.txt", "0 0.5 0.5 0.1 0.1\n")
    assert all(found.format != "dota" for found in detect(open_root(tmp_path)))


def test_what_is_written(tmp_path: Path) -> None:
    annotations = [
        RotatedBbox(20, 15, 20, 10, 90, label=0, attributes={"difficulty": 1}),
        Bbox(1, 2, 3, 4, label=1),
        Polygon([0, 0, 4, 1, 4, 4, 0, 3], label=1, attributes={"difficulty": "2"}),
        Polygon([0, 0, 4, 0, 4, 2, 2, 2, 0, 2], label=1),
    ]
    items = [DatasetItem("x/P1", "train", None, annotations, extra={"dota": {"gsd": "0.1"}})]
    dataset = Dataset.from_iterable(items, Categories.from_names(["plane", "small vehicle"]))
    report = dataset.export(tmp_path / "out", "dota", precision=1)
    assert (tmp_path / "out/train/labelTxt/x/P1.txt").read_text().splitlines() == [
        "gsd:0.1",
        "25.0 5.0 25.0 25.0 15.0 25.0 15.0 5.0 plane 1",
        "1.0 2.0 4.0 2.0 4.0 6.0 1.0 6.0 small-vehicle 0",
        "0.0 0.0 4.0 1.0 4.0 4.0 0.0 3.0 small-vehicle 2",
        "0.0 0.0 4.0 0.0 4.0 2.0 0.0 2.0 small-vehicle 0",
    ]
    assert {(e.code, e.kind) for e in report.events} == {
        ("DSK-L003", "bbox"),
        ("DSK-L003", "polygon"),
        ("DSK-L004", "polygon"),
        ("DSK-L010", ""),
    }


def test_labels_keep_their_order_in_dataset_meta(tmp_path: Path) -> None:
    box = RotatedBbox(5, 5, 2, 2, 0, label=1)
    dataset = Dataset.from_iterable(
        [DatasetItem("a", "train", None, [box])], Categories.from_names(["z", "a b"])
    )
    dataset.export(tmp_path / "out", "dota", save_dataset_meta=True)
    back = Dataset.import_from(tmp_path / "out", "dota")
    assert back.categories().names == ["z", "a-b"]
    assert [a.label for item in back for a in item.annotations] == [1]


def test_only_facts_that_are_known_lines_are_written(tmp_path: Path) -> None:
    facts = {"gsd": 0.5, "acquisition dates": "2016-05-04", "own": 1, "gsd2": "1\n2"}
    item = DatasetItem("a", extra={"dota": facts})
    report = Dataset.from_iterable([item], ["x"]).export(tmp_path / "out", "dota")
    lines = (tmp_path / "out/default/labelTxt/a.txt").read_text().splitlines()
    assert lines == ["gsd:0.5", "acquisition dates:2016-05-04"]
    lost = {e.what for e in report.events if e.code == "DSK-L011"}
    assert lost == {"dota field own", "dota field gsd2"}


@pytest.mark.parametrize("digits", [-1, 18])
def test_digits_that_there_are_not(tmp_path: Path, digits: int) -> None:
    dataset = Dataset.from_iterable([DatasetItem("a")], ["x"])
    with pytest.raises(OptionError, match="0 to 17"):
        dataset.export(tmp_path / "out", "dota", precision=digits)


def test_lines_like_others_are_looked_at_all_the_same(tmp_path: Path) -> None:
    bad = (f"1 1 x{QUAD[5:]} plane 1", f"1 1 nan{QUAD[5:]} plane 1")
    for line in bad:
        write(tmp_path / "train/labelTxt/P1.txt", f"{QUAD} plane 1\n{line}\n{QUAD} plane 1 \n")
        with pytest.raises(RecordError, match=r"P1\.txt:2"):
            list(Dataset.import_from(tmp_path, "dota"))
        dataset = Dataset.import_from(tmp_path, "dota", on_error="skip")
        assert dataset.categories().names == ["plane"]
        (item,) = dataset
        assert [a.attributes["difficulty"] for a in item.annotations] == [1, 1]


def test_labels_are_words(tmp_path: Path) -> None:
    names = ["a b", "a-b", "7", "", " a  b "]
    boxes = [RotatedBbox(5, 5, 4, 2, 0, label=n, id=n) for n in range(len(names))]
    dataset = Dataset.from_iterable([DatasetItem("a", annotations=boxes)], names)
    report = dataset.export(tmp_path / "out", "dota")
    lines = (tmp_path / "out/default/labelTxt/a.txt").read_text().splitlines()
    wanted = ["a-b_2", "a-b", "7", "_", "a-b_3"]
    assert [line.split()[8:] for line in lines] == [[name, "0"] for name in wanted]
    told = {e.what for e in report.events if e.code == "DSK-L010"}
    pairs = zip(names, wanted, strict=True)
    assert told == {f"label name {a!r} becomes {b!r}" for a, b in pairs if a != b}
    (item,) = Dataset.import_from(tmp_path / "out", "dota")
    assert len({a.label for a in item.annotations}) == len(names)


@pytest.mark.parametrize(
    ("value", "written", "lost"),
    [(2.0, 2, False), (True, 1, False), ("2", 2, True), (None, 0, True), (0.5, 1, True)],
)
def test_difficulty_is_a_number(tmp_path: Path, value: object, written: int, lost: bool) -> None:
    box = RotatedBbox(5, 5, 4, 2, 0, label=0, attributes={"difficulty": value})
    dataset = Dataset.from_iterable([DatasetItem("a", annotations=[box])], ["x"])
    report = dataset.export(tmp_path / "out", "dota")
    assert (tmp_path / "out/default/labelTxt/a.txt").read_text().endswith(f" x {written}\n")
    assert ("DSK-L004" in {e.code for e in report.events}) == lost


def test_labels_that_no_object_has(tmp_path: Path) -> None:
    items = [
        DatasetItem(str(n), annotations=[RotatedBbox(5, 5, 4, 2, 0, label=n)]) for n in range(2)
    ]
    dataset = Dataset.from_iterable(items, ["plane", "ship", "tank", "car"])
    report = dataset.export(tmp_path / "out", "dota")
    told = {(e.code, e.what): e.count for e in report.events}
    assert told["DSK-L010", "labels that no object has"] == 2
    report = dataset.export(tmp_path / "meta", "dota", save_dataset_meta=True)
    assert not [e for e in report.events if e.code == "DSK-L010"]
    read = Dataset.import_from(tmp_path / "meta", "dota")
    assert read.categories().names == ["plane", "ship", "tank", "car"]


def test_tiles_for_mmrotate(tmp_path: Path) -> None:
    write(tmp_path / "trainval/annfiles/P0000__1024__0___824.txt", f"{QUAD} plane 0\n")
    save(tmp_path / "trainval/images/P0000__1024__0___824.png")
    found = detect(open_root(tmp_path))
    assert [(c.format, c.score) for c in found][:1] == [("dota", 80)]
    (item,) = Dataset.import_from(tmp_path, "dota")
    assert (item.subset, item.id) == ("trainval", "P0000__1024__0___824")
    assert item.media is not None
    assert len(item.annotations) == 1
    write(tmp_path / "trainval/labelTxt/P0000__1024__0___824.txt", "")  # goes first
    (item,) = Dataset.import_from(tmp_path, "dota")
    assert not item.annotations


def test_outlines_that_are_no_rectangles(tmp_path: Path) -> None:
    write(tmp_path / "labelTxt/a.txt", "10 10 30 10 30 20 12.5 20 plane 0\n")
    with pytest.warns(DskWarning, match="shapes=polygon"):
        list(Dataset.import_from(tmp_path, "dota"))
    (item,) = Dataset.import_from(tmp_path, "dota", shapes="polygon")
    assert list(item.annotations[0].rings[0]) == [10, 10, 30, 10, 30, 20, 12.5, 20]
    near, other_way = "10 10 30 10 30 20 10.3 20", "10 10 10 20 30 20 30 10"
    write(tmp_path / "labelTxt/a.txt", f"{near} plane 0\n{other_way} plane 0\n")
    (item,) = Dataset.import_from(tmp_path, "dota")
    assert len(item.annotations) == 2


def test_texts_that_were_not_fetched_are_told(tmp_path: Path) -> None:
    write(tmp_path / "train" / "labelTxt" / "a.txt", f"{QUAD} plane 1\n")
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    write(tmp_path / "train" / "labelTxt" / "b.txt", pointer)
    with pytest.raises(RecordError, match="Git LFS pointer"):
        list(Dataset.import_from(tmp_path, "dota"))
