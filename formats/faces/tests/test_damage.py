"""Damaged and hostile files of CelebA, which is read only: there is no output of ours to damage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
        assert all(item.annotations for item in items)


class TestCeleba(_ReadOnly):
    __test__ = True

    format = "celeba"
    landmarks = "list_landmarks_celeba"

    def make(self, folder: Path) -> None:
        five = " ".join(f"{n}" for n in range(10))
        for name, text in {
            "Anno/identity_CelebA": "000001.jpg 2\n000002.jpg 0\n",
            "Anno/list_attr_celeba": "2\nBald Young\n000001.jpg -1  1\n000002.jpg  1  1\n",
            f"Anno/{self.landmarks}": f"1\n{'p ' * 10}\n000002.jpg {five}\n",
            "Anno/list_bbox_celeba": "1\nimage_id x_1 y_1 width height\n000001.jpg 1 2 3 4\n",
            "Eval/list_eval_partition": "000001.jpg 2\n000002.jpg 0\n",
        }.items():
            path = folder / f"{name}.txt"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)


class TestAlignCeleba(TestCeleba):
    format = "align_celeba"
    landmarks = "list_landmarks_align_celeba"
