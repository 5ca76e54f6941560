"""Flags without a value are not false: that they are left out is reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from dsk import Bbox, Dataset, DatasetItem, Image

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("value", "lost"), [("", True), ("no", False), (1, False)])
def test_flags_without_a_value(tmp_path: Path, value: object, lost: bool) -> None:
    box = Bbox(1, 2, 3, 4, label=0, attributes={"occluded": value})
    image = Image.from_array(np.zeros((8, 8, 3), np.uint8), "a.png")
    item = DatasetItem("a", media=image, annotations=[box])
    report = Dataset.from_iterable([item], categories=["c"]).export(
        tmp_path / "out", "open_images", save_media=True
    )
    found = [loss.what for loss in report.losses if loss.code == "DSK-L004"]
    assert found == ["occluded"] * lost
