"""What every format must be able to do, for each name of this package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsk.media import Image
from dsk.pixels import encode
from dsk.testing import FormatSuite
from dsk_depth.attached import Attached

if TYPE_CHECKING:
    from pathlib import Path

    from dsk import Dataset
    from dsk.item import DatasetItem


class TestCommonSuperResolution(FormatSuite):
    format = "common_super_resolution"
    ignore = frozenset({"item_extra"})  # see test_superres.py

    def prepare(self, dataset: Dataset) -> Dataset:
        """Give every item a sharper version: what has none is another dataset to detectors."""
        return dataset.transform(_sharpened)


class TestNyuDepthV2(FormatSuite):
    format = "nyu_depth_v2"
    ignore = frozenset({"item_extra"})  # see test_nyu.py

    def prepare(self, dataset: Dataset) -> Dataset:
        """Give every item a depth map: nothing else is held."""
        return dataset.transform(_measured)

    def test_media_are_copied_exactly(self, tmp_path: Path) -> None:
        """Pixels go into HDF5, files do not: they are the same pixels."""
        dataset = self.sample(media="array")
        self.write(dataset, tmp_path / "out")
        found = {(item.id, item.subset): item.media for item in self.read(tmp_path / "out")}
        for item in dataset:
            media = found[item.id, item.subset]
            assert isinstance(item.media, Image)
            assert isinstance(media, Image)
            assert np.array_equal(media.data, item.media.data)


def _sharpened(item: DatasetItem) -> DatasetItem:
    pixels = np.full((8, 6, 3), len(item.id), np.uint8)
    image = Image.from_bytes(encode(pixels, ".png"), f"{item.id}.png")
    return item.replace(extra={"common_super_resolution": {"hr": Attached(image)}})


def _measured(item: DatasetItem) -> DatasetItem:
    if not isinstance(item.media, Image):
        return item
    size = item.media.get_size() or (4, 3)
    depth = np.full(size, 1.5, np.float32)
    extra = {"nyu_depth_v2": {"depth": Attached(Image.from_array(depth))}}
    return item.replace(extra=extra)
