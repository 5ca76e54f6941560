"""What we write, read by the rules of torchreid's ``Market1501``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dsk import Dataset
from dsk.item import DatasetItem
from dsk.media import Image

if TYPE_CHECKING:
    from pathlib import Path

NAMES = {
    "train": ["0002_c1s1_000451_03", "0007_c3s3_077419_03"],
    "query": ["0003_c2s1_000001_00"],
    "test": ["-1_c1s1_000001_00", "0000_c4s1_000002_00", "0003_c5s1_000001_00"],
}
EXPECTED = {
    "bounding_box_train": [(2, 0), (7, 2)],
    "query": [(3, 1)],
    "bounding_box_test": [(0, 3), (3, 4)],
}


def torchreid(folder: Path) -> list[tuple[int, int]]:
    """Return person and camera of each image as ``process_dir`` does, junk left out."""
    found = []
    for file in sorted(folder.glob("*.jpg")):
        match = re.search(r"([-\d]+)_c(\d)", str(file))
        assert match is not None
        person, camera = map(int, match.groups())
        if person == -1:
            continue
        assert 0 <= person <= 1501
        assert 1 <= camera <= 6
        found.append((person, camera - 1))
    return found


@pytest.mark.parametrize("said", [False, True])
def test_torchreid_finds_persons_and_cameras(tmp_path: Path, *, said: bool) -> None:
    picture = np.zeros((12, 8, 3), np.uint8)
    items = [
        DatasetItem(
            name,
            "test" if said and subset == "query" else subset,
            Image.from_array(picture, f"{name}.jpg"),
            [],
            {"query": subset == "query"} if said else {},
        )
        for subset, names in NAMES.items()
        for name in names
    ]
    Dataset.from_iterable(items).export(
        tmp_path / "o", "market1501", save_media=True, image_ext=".jpg"
    )
    assert {folder: torchreid(tmp_path / "o" / folder) for folder in EXPECTED} == EXPECTED


def test_a_subset_called_query_comes_back(tmp_path: Path) -> None:
    items = [DatasetItem(name, subset) for subset, names in NAMES.items() for name in names]
    Dataset.from_iterable(items).export(tmp_path / "o", "market1501")
    read = Dataset.import_from(tmp_path / "o", "market1501")
    found = {(item.subset, item.id, item.attributes["query"]) for item in read}
    assert found == {(s, name, s == "query") for s, names in NAMES.items() for name in names}
