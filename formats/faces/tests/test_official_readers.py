"""What we write, read by the rules of torchvision's ``WIDERFace``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk import Dataset
from dsk.annotations import Bbox, Label
from dsk.item import DatasetItem

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
