"""What all transforms of pixels share, by the suite of dsk."""

from __future__ import annotations

from typing import ClassVar

from dsk.dataset import Dataset
from dsk.loss import Ledger
from dsk.testing import samples
from dsk.testing.transforms import TransformSuite


class TestResize(TransformSuite):
    name = "resize"
    options: ClassVar = {"width": 40, "height": 30}


class TestEnlarge(TransformSuite):
    name = "resize"
    options: ClassVar = {"scale": 2.5}


class TestCrop(TransformSuite):
    name = "crop"
    options: ClassVar = {"x": 8, "y": 6, "width": 30, "height": 24}
    multiplies = True  # a line that leaves the window and comes back is two


class TestCropObjects(TransformSuite):
    name = "crop"
    options: ClassVar = {"labels": ["*"], "margin": 2}
    multiplies = True


class TestTile(TransformSuite):
    name = "tile"
    options: ClassVar = {"grid_size": ["2", "3"], "overlap": ["0.2", "0.1"]}
    multiplies = True


class TestMergeTile(TransformSuite):
    name = "merge_tile"

    def sample(self, **changes):
        tiled = super().sample(**changes).transform("tile", grid_size=[2, 2], threshold_drop_ann=0)
        items = list(tiled.read(Ledger()))
        return Dataset(samples.SmallParts(items, tiled.header))


class TestFlip(TransformSuite):
    name = "flip"


class TestRotate(TransformSuite):
    name = "rotate"
    options: ClassVar = {"angle": 270}


class TestConvertImage(TransformSuite):
    name = "convert_image"
    options: ClassVar = {"mode": "grey", "depth": 16}
