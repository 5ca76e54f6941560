"""Damaged and hostile files of MARS, which is read only: there is no output of ours to damage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dsk.testing import samples
from dsk.testing.damage import DamageChecks

if TYPE_CHECKING:
    from pathlib import Path

    from dsk import Dataset


class _ReadOnly(DamageChecks):
    """Damages a dataset that ``make`` writes, and reads it; it is converted to nothing."""

    __test__ = False

    @classmethod
    def needs(cls, *, reading: bool = True, writing: bool = True) -> None:
        super().needs(reading=reading, writing=False)

    def write(self, dataset: Dataset, folder: Path, **settings: Any) -> Any:
        if not dataset.places:
            folder.mkdir()
            self.make(folder)

    def make(self, folder: Path) -> None:
        raise NotImplementedError

    def test_the_sample_is_read(self, tmp_path: Path) -> None:
        """What is damaged is a dataset in the first place."""
        items = self.consume(self._good(tmp_path), tmp_path / "out", "raise")
        assert len(items) == 2
        assert all(item.attributes for item in items)


class TestMars(_ReadOnly):
    __test__ = True

    format = "mars"

    def make(self, folder: Path) -> None:
        for number, person in enumerate(("0001", "0002")):
            place = folder / "bbox_train" / person
            place.mkdir(parents=True)
            image = samples.encoded_image(number, ".jpg")
            (place / f"{person}C1T0001F001.jpg").write_bytes(image)
