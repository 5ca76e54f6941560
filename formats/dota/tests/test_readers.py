"""What we write, read by the rules of ``parse_dota_poly`` of the DOTA devkit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dsk import Dataset
from dsk.annotations import Bbox, Polygon, RotatedBbox
from dsk.item import DatasetItem

if TYPE_CHECKING:
    from pathlib import Path

CORNERS = [10.0, 10.0, 30.0, 12.0, 28.0, 30.0, 9.0, 25.0]
TURNED = RotatedBbox(40, 30, 20, 10, 90, label=0, attributes={"difficulty": 1})


def devkit(file: Path) -> list[dict[str, Any]]:
    """Return the objects of a file; lines of less than nine words are passed over."""
    objects = []
    for line in file.read_text().splitlines():
        words = line.strip().split(" ")
        if len(words) < 9:
            continue
        objects.append(
            {
                "name": words[8],
                "difficult": words[9] if len(words) > 9 else "0",
                "poly": [float(word) for word in words[:8]],
            }
        )
    return objects


def test_devkit(tmp_path: Path) -> None:
    shapes = [TURNED, Polygon(CORNERS, label=1), Bbox(5, 6, 7, 8, label=2)]
    items = [DatasetItem("P0000", "train", None, shapes), DatasetItem("P0001", "train")]
    labels = ["plane", "small-vehicle", "ground track field"]
    Dataset.from_iterable(items, labels).export(tmp_path / "o", "dota")
    files = sorted((tmp_path / "o/train/labelTxt").iterdir())
    assert [file.name for file in files] == ["P0000.txt", "P0001.txt"]
    turned, outline, box = devkit(files[0])
    assert devkit(files[1]) == []
    assert sorted(zip(turned["poly"][::2], turned["poly"][1::2], strict=True)) == [
        pytest.approx(corner) for corner in [(35, 20), (35, 40), (45, 20), (45, 40)]
    ]
    assert (turned["name"], turned["difficult"]) == ("plane", "1")
    assert outline == {"name": "small-vehicle", "difficult": "0", "poly": CORNERS}
    assert box["poly"] == [5, 6, 12, 6, 12, 14, 5, 14]
    assert (box["name"], box["difficult"]) == ("ground-track-field", "0")
