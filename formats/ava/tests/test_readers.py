"""What we write, read by the rules of ``get_ava_performance.py``, AVA's evaluation."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dsk import Dataset
from dsk.annotations import Bbox
from dsk.item import DatasetItem
from dsk.media import Image

if TYPE_CHECKING:
    from pathlib import Path

Rows = dict[str, list[tuple[list[float], int]]]
ACTIONS = ["bend/bow (at the waist)", "talk to (e.g., self, a person, a group)"]


def evaluated(table: Path, actions: set[int]) -> Rows:
    """Return corners and action of each row by video and second, as ``read_csv`` does."""
    found: Rows = {}
    with table.open() as file:
        for row in csv.reader(file):
            assert len(row) in (2, 7, 8)
            rows = found.setdefault(f"{row[0]},{float(row[1]):.0f}", [])
            if len(row) > 2:
                action = int(row[6])
                assert action in actions
                rows.append(([float(value) for value in row[2:6]], action))
    return found


def label_map(file: Path) -> dict[int, str]:
    """Return the actions' names by number, as ``read_labelmap`` does."""
    names, name = {}, ""
    for line in file.read_text().splitlines():
        if line.startswith("  name:"):
            name = line.split('"')[1]
        elif line.startswith(("  id:", "  label_id:")):
            names[int(line.strip().split(" ")[-1])] = name
    return names


def test_evaluation(tmp_path: Path) -> None:
    picture = np.zeros((80, 90, 3), np.uint8)
    boxes = [Bbox(9, 8, 45, 40, label=n, object_id=1, group=1) for n in (0, 1)]
    items = [
        DatasetItem(f"film/{second}", "val", Image.from_array(picture, f"film/{second}.jpg"), found)
        for second, found in (("0902", boxes), ("0903", boxes[:1]), ("0904", []))
    ]
    Dataset.from_iterable(items, ACTIONS).export(tmp_path / "o", "ava")
    names = label_map(tmp_path / "o/annotations/ava_action_list_v2.2.pbtxt")
    assert names == dict(enumerate(ACTIONS, 1))
    found = evaluated(tmp_path / "o/annotations/ava_val_v2.2.csv", set(names))
    assert {key: [action for _, action in rows] for key, rows in found.items()} == {
        "film,902": [1, 2],
        "film,903": [1],
        "film,904": [],
    }
    for corners, _ in found["film,902"]:
        assert corners == pytest.approx([0.1, 0.1, 0.6, 0.6])
