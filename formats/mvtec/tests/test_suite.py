"""What every format must be able to do, for each name of this package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk import Dataset
from dsk.testing import FormatSuite
from dsk.testing.samples import SmallParts

if TYPE_CHECKING:
    from dsk.item import DatasetItem


class _MvtecSuite(FormatSuite):
    ignore = frozenset({"label_order", "labels"})  # without dataset_meta.json, those that occur
    expected_losses = frozenset({"DSK-L010"})
    unheld_labels = frozenset({"punctuation"})
    grid = 1.0
    detected = False
    most = 1000

    def prepare(self, dataset: Dataset) -> Dataset:
        """One label for an image, whose folder is named by it."""
        names = dataset.categories().names

        def fit(item: DatasetItem) -> DatasetItem:
            fits = [a for a in item.annotations if a.kind in self.kinds and a.label is not None]
            if not fits:
                return item.replace(annotations=())
            kept = [a for a in fits if a.label == fits[0].label][: self.most]
            return item.replace(id=f"{names[kept[0].label]}/{item.id}", annotations=kept)

        return Dataset(SmallParts([fit(item) for item in dataset], dataset.header))


class TestMvtec(_MvtecSuite):
    format = "mvtec"
    kinds = ("label",)
    most = 1
    detected = True


class TestMvtecClassification(_MvtecSuite):
    format = "mvtec_classification"
    kinds = ("label",)
    most = 1


class TestMvtecSegmentation(_MvtecSuite):
    format = "mvtec_segmentation"
    kinds = ("mask",)
    most = 1


class TestMvtecDetection(_MvtecSuite):
    format = "mvtec_detection"
    kinds = ("bbox",)
