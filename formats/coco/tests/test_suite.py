"""The checks that every format has to pass, for ``coco`` and for single tasks."""

from __future__ import annotations

from typing import Any, ClassVar

from dsk.dataset import Dataset
from dsk.item import DatasetItem
from dsk.testing import FormatSuite
from dsk.testing.samples import Recipe
from msgspec.structs import replace


def ungrouped(dataset: Dataset) -> Dataset:
    """The samples group boxes of different labels, which COCO cannot hold."""

    def apply(item: DatasetItem) -> DatasetItem:
        return item.replace(annotations=[replace(a, group=0) for a in item.annotations])

    return dataset.transform(apply)


class CocoSuite(FormatSuite):
    added_attributes: ClassVar[dict[str, Any]] = {"is_crowd": False}
    ignore: ClassVar[frozenset[str]] = frozenset({"stated", "extra", "item_extra"})

    def recipe(self, *kinds: str, **changes: Any) -> Recipe:
        """Holes are kept as masks, which is a change."""
        return super().recipe(*kinds, **{"holes": False, **changes})

    def prepare(self, dataset: Dataset) -> Dataset:
        return ungrouped(dataset)


class TestCoco(CocoSuite):
    format = "coco"


class TestInstances(CocoSuite):
    format = "coco_instances"
    detected = False


class TestCaptions(CocoSuite):
    format = "coco_captions"
    detected = False
    kinds = ("caption",)


class TestLabels(CocoSuite):
    format = "coco_labels"
    detected = False
    kinds = ("label",)


class TestStuff(CocoSuite):
    format = "coco_stuff"
    detected = False
    kinds = ("bbox", "mask")


class TestPanoptic(CocoSuite):
    format = "coco_panoptic"
    detected = False
    kinds = ("mask",)
