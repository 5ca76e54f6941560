"""What we write, read by the rules of torchvision's ``WIDERFace``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsk import Dataset
from dsk.annotations import Bbox, Label
from dsk.item import DatasetItem
from dsk.media import Image

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = ("blur", "expression", "illumination", "invalid", "occluded", "pose")
"""As the official readme.txt names them; torchvision calls the last three otherwise."""


def official(file: Path) -> list[tuple[str, list[list[int]]]]:
    """Return images and their rows: whole numbers, parted by single spaces, ten of them."""
    found: list[tuple[str, list[list[int]]]] = []
    lines = [line.rstrip() for line in file.read_text().splitlines()]
    while lines:
        name, count = lines.pop(0), int(lines.pop(0))
        rows = [[int(word) for word in lines.pop(0).split(" ")] for _ in range(max(count, 1))]
        found.append((name, rows))
    return found


def test_wider_face(tmp_path: Path) -> None:
    boxes = [
        Bbox(10 + n, 20, 30, 40 + n, label=0, attributes={c: f"{k % 2}" for k, c in columns})
        for n, columns in enumerate([enumerate(COLUMNS), enumerate(COLUMNS, 1)])
    ]
    items = [
        DatasetItem("a", "train", None, [Label(label=1), *boxes]),
        DatasetItem("none", "train", None, [Label(label=1)]),
        DatasetItem("b", "train", None, boxes[:1]),
    ]
    Dataset.from_iterable(items, ["face", "Parade"]).export(tmp_path / "o", "wider_face")
    read = official(tmp_path / "o/wider_face_split/wider_face_train_bbx_gt.txt")
    rows = [
        [*(int(v) for v in a.bbox), *(int(a.attributes[name]) for name in COLUMNS)] for a in boxes
    ]
    folder, names = "1--Parade", [name for name, _ in read]
    assert names == [f"{folder}/a.jpg", f"{folder}/none.jpg", "no_label/b.jpg"]
    assert [found for _, found in read] == [rows, [[0] * 10], rows[:1]]


def file_list(file: Path) -> list[str]:
    """Return images: each line is a path, whatever it says."""
    return [line.rstrip() for line in file.read_text().splitlines()]


def test_wider_face_of_the_subset_test(tmp_path: Path) -> None:
    """torchvision reads the list of files and opens each; those who wrote faces get them back."""
    box = Bbox(10, 20, 30, 40, label=0)
    image = Image.from_array(np.zeros((4, 6, 3), np.uint8), "x.jpg")
    items = [
        DatasetItem("a", "test", image, [Label(label=1), box]),
        DatasetItem("b c", "test", image),
        DatasetItem("a", "train", image, [box]),
        DatasetItem("d/e", "test", image),
    ]
    dataset = Dataset.from_iterable(items, ["face", "Parade"])
    dataset.export(tmp_path / "o", "wider_face", save_media=True)
    lists = sorted(file.name for file in (tmp_path / "o/wider_face_split").iterdir())
    assert lists == [
        "wider_face_test_bbx_gt.txt",
        "wider_face_test_filelist.txt",
        "wider_face_train_bbx_gt.txt",
    ]
    names = file_list(tmp_path / "o/wider_face_split/wider_face_test_filelist.txt")
    assert names == ["1--Parade/a.jpg", "no_label/b c.jpg", "no_label/d/e.jpg"]
    assert all((tmp_path / "o/WIDER_test/images" / name).is_file() for name in names)
    back = Dataset.import_from(tmp_path / "o")
    assert (back.format, len(list(back))) == ("wider_face", 4)
    assert [a.kind for a in back.get("a", "test").annotations] == ["label", "bbox"]
