"""The conformance tests that every format inherits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dsk.categories import Categories
from dsk.dataset import Dataset
from dsk.errors import InputError
from dsk.testing import FormatSuite

if TYPE_CHECKING:
    from pathlib import Path


class ImagesOnly(FormatSuite):
    """What a folder and an archive have in common: nothing but images survives."""

    __test__ = False

    subsets = ("default",)
    expected_losses = frozenset({"DSK-L001", "DSK-L010"})

    def expected(self, dataset: Dataset) -> Dataset:
        items = [item.replace(annotations=()) for item in dataset]
        return Dataset.from_iterable(items, Categories())

    def _all_gone(self, dataset: Dataset, code: str, folder: Path) -> None:
        report = self.write(dataset, folder)
        assert sum(e.count for e in report.losses if e.code == code) == report.items["in"]
        with pytest.raises(InputError, match=r"no images|no zip archive"):
            self.read(folder)

    def test_items_without_media(self, tmp_path: Path) -> None:
        """Items without media are lost, every one is reported, and the reader finds no images."""
        self._all_gone(self.sample(media="none"), "DSK-L008", tmp_path / "out")

    def test_media_that_are_only_named(self, tmp_path: Path) -> None:
        """Missing images are lost, every one is reported, and the reader finds no images."""
        self._all_gone(self.sample(media="named"), "DSK-L016", tmp_path / "out")


class TestImageDir(ImagesOnly):
    """A folder of images."""

    __test__ = True

    format = "image_dir"


class TestImageZip(ImagesOnly):
    """An archive of images."""

    __test__ = True

    format = "image_zip"

    def test_export_to_zip(self, tmp_path: Path) -> None:
        """A ``.zip`` as destination is the archive itself, no archive within an archive."""
        dataset = self.sample()
        self.write(dataset, tmp_path / "out")
        self.write(dataset, tmp_path / "packed.zip")
        assert not self.compare(dataset, self.read(tmp_path / "out"))
        assert not self.compare(dataset, self.read(tmp_path / "packed.zip"))

    def _reads_alike(self, tmp_path: Path, suffix: str, pack: object) -> None:
        """An archive within an archive is left alone, and the importer says that it is empty."""
        folder = tmp_path / "out"
        self.write(self.sample(), folder)
        packed = tmp_path / f"packed{suffix}"
        pack(folder, packed)  # type: ignore[operator]
        with pytest.raises(InputError, match=r"no images|no zip archive"):
            self.read(packed)
