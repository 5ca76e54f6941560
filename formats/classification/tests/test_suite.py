"""What every format must be able to do, for each name of this package."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from msgspec.structs import replace

from dsk import Dataset
from dsk.annotations import Label
from dsk.media import Image
from dsk.testing import FormatSuite

if TYPE_CHECKING:
    from pathlib import Path

    from dsk.item import DatasetItem


def one_label(dataset: Dataset) -> Dataset:
    """Return a dataset whose items have their first label only."""
    return dataset.transform(lambda item: item.replace(annotations=list(item.annotations)[:1]))


def in_use(dataset: Dataset) -> Dataset:
    """Return a dataset of labels only without the labels that no item has."""
    categories = dataset.categories()
    items = list(dataset)
    used = sorted({a.label for item in items for a in item.annotations if a.label is not None})
    new = {old: n for n, old in enumerate(used)}
    kept = replace(
        categories,
        labels=tuple(categories.labels[old] for old in used),
        colors={new[old]: color for old, color in categories.colors.items() if old in new},
    )

    def renumbered(item: DatasetItem) -> DatasetItem:
        found = [
            replace(a, label=new[a.label]) if a.label is not None else a for a in item.annotations
        ]
        return item.replace(annotations=found)

    return Dataset.from_iterable([renumbered(item) for item in items], kept)


class _Folders(FormatSuite):
    """Ids begin with the label's folder; folders in ids are joined by underscores."""

    __test__ = False

    ignore = frozenset({"label_order"})  # sorted, as the note in the report says
    unheld_labels = frozenset({"punctuation"})  # "a/b" makes a label "a", too

    def prepare(self, dataset: Dataset) -> Dataset:
        return in_use(one_label(dataset)) if self._plain(dataset) else dataset

    @staticmethod
    def _plain(dataset: Dataset) -> bool:
        return all(isinstance(a, Label) for item in dataset for a in item.annotations)

    def expected(self, dataset: Dataset) -> Dataset:
        given = dataset.categories().names
        names = [re.sub(r"\\|^[./]|^$|(?<=^C):", "_", name) for name in given]

        def named(item):  # type: ignore[no-untyped-def]
            labels = [a.label for a in item.annotations if isinstance(a, Label)]
            folder = "no_label" if not labels or labels[0] is None else names[labels[0]]
            return item.replace(id=f"{folder}/{item.id.replace('/', '_')}")

        return Dataset.from_iterable([named(item) for item in dataset], dataset.categories())


class TestImagenet(_Folders):
    __test__ = True

    format = "imagenet"
    subsets = ("default",)


class TestImagenetWithSubsetDirs(_Folders):
    __test__ = True

    format = "imagenet_with_subset_dirs"
    subsets: ClassVar = ("train", "val", "test")


class TestImagenetTxt(FormatSuite):
    format = "imagenet_txt"

    def prepare(self, dataset: Dataset) -> Dataset:
        return one_label(dataset) if _Folders._plain(dataset) else dataset


class _Pixels(FormatSuite):
    """Images are held as plain pixels, one label each."""

    __test__ = False

    def prepare(self, dataset: Dataset) -> Dataset:
        return one_label(dataset) if _Folders._plain(dataset) else dataset

    def test_media_are_copied_exactly(self, tmp_path: Path) -> None:
        """The format holds pixels, not files: they are the same, the bytes cannot be."""
        dataset = self.sample(media="file", folder=tmp_path / "media")
        self.write(dataset, tmp_path / "out")
        back = {(i.id, i.subset): i.media for i in self.read(tmp_path / "out")}
        for item in self.expected(dataset):
            media = back[item.id, item.subset]
            assert np.array_equal(media.data, item.media.data)


class TestCifar(_Pixels):
    __test__ = True

    format = "cifar"


class _Gray(_Pixels):
    """Images are gray."""

    def sample(self, *kinds: str, **changes: Any) -> Dataset:
        def gray(item: DatasetItem) -> DatasetItem:
            media = item.media
            if media is None or not media.exists:
                return item
            pixels = media.data
            pixels = pixels if pixels.ndim == 2 else pixels[:, :, 0]
            return item.replace(media=Image.from_array(pixels, media.path))

        return super().sample(*kinds, **changes).transform(gray)


class TestMnist(_Gray):
    __test__ = True

    format = "mnist"


class TestMnistCsv(_Gray):
    __test__ = True

    format = "mnist_csv"
