"""What every format must be able to do, for each name of this package."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from dsk.testing import FormatSuite, samples

if TYPE_CHECKING:
    from pathlib import Path


class TestMarket1501(FormatSuite):
    format = "market1501"
    expected_losses = frozenset({"DSK-L001", "DSK-L010"})  # it holds no annotations, no labels
    item_attributes: ClassVar = {}


class TestMars(FormatSuite):
    format = "mars"

    def make(self, folder: Path) -> None:
        for number, person in enumerate(("0001", "0002")):
            place = folder / "bbox_train" / person
            place.mkdir(parents=True)
            image = samples.encoded_image(number, ".jpg")
            (place / f"{person}C1T0001F001.jpg").write_bytes(image)
