"""What we write, read by the rules of the Robust Reading Competition's evaluation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from dsk import Dataset
from dsk.annotations import Polygon
from dsk.item import DatasetItem

if TYPE_CHECKING:
    from pathlib import Path

LINE = re.compile(r"\s*" + r"(-?[0-9]+)\s*,\s*" * 8 + r"(.*)")
QUOTED = re.compile(r'\s*"(.*)"\s*')
CORNERS = [10.0, 10.0, 30.0, 12.0, 28.0, 30.0, 9.0, 25.0]


def evaluated(file: Path) -> list[tuple[list[float], str]]:
    """Return corners and text of each line as ``get_tl_line_values`` does."""
    found = []
    for line in file.read_text(encoding="utf-8-sig").split("\n"):
        if not line.strip("\r"):
            continue
        match = LINE.fullmatch(line.strip("\r"))
        assert match is not None, line
        text = match[9]
        quoted = QUOTED.fullmatch(text)
        if quoted is not None:
            text = quoted[1].replace("\\\\", "\\").replace('\\"', '"')
        found.append(([float(match[n]) for n in range(1, 9)], text))
    return found


@pytest.mark.parametrize("text", ["###", "two words", "a, b", 'He said "hi"', "back\\slash", "路"])
def test_outlines_of_four_corners(tmp_path: Path, text: str) -> None:
    outline = Polygon(CORNERS, attributes={"text": text})
    items = [DatasetItem("img_1", "test", None, [outline])]
    Dataset.from_iterable(items).export(tmp_path / "o", "icdar_text_localization")
    (file,) = (tmp_path / "o").rglob("gt_img_1.txt")
    assert evaluated(file) == [(CORNERS, text)]
