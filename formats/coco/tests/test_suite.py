"""The checks that every format has to pass; the tasks that share all code make round trips only."""

from __future__ import annotations

from typing import Any, ClassVar

from msgspec.structs import replace

from dsk.dataset import Dataset
from dsk.item import DatasetItem
from dsk.testing import FormatSuite
from dsk.testing.base import SuiteBase
from dsk.testing.roundtrip import RoundTripChecks
from dsk.testing.samples import Recipe


def ungrouped(dataset: Dataset) -> Dataset:
    """The samples group boxes of different labels, which COCO cannot hold."""

    def apply(item: DatasetItem) -> DatasetItem:
        return item.replace(annotations=[replace(a, group=0) for a in item.annotations])

    return dataset.transform(apply)


class CocoChecks(SuiteBase):
    added_attributes: ClassVar[dict[str, Any]] = {"is_crowd": False}
    ignore: ClassVar[frozenset[str]] = frozenset({"stated", "extra", "item_extra"})

    def recipe(self, *kinds: str, **changes: Any) -> Recipe:
        """Holes are kept as masks, which is a change."""
        return super().recipe(*kinds, **{"holes": False, **changes})

    def prepare(self, dataset: Dataset) -> Dataset:
        return ungrouped(dataset)


class TestCoco(CocoChecks, FormatSuite):
    format = "coco"


class TestInstances(CocoChecks, RoundTripChecks):
    format = "coco_instances"
    detected = False


class TestCaptions(CocoChecks, RoundTripChecks):
    format = "coco_captions"
    detected = False
    kinds = ("caption",)


class TestLabels(CocoChecks, RoundTripChecks):
    format = "coco_labels"
    detected = False
    kinds = ("label",)


class TestStuff(CocoChecks, RoundTripChecks):
    format = "coco_stuff"
    detected = False
    kinds = ("bbox", "mask")


class TestPanoptic(CocoChecks, FormatSuite):
    format = "coco_panoptic"
    detected = False
    kinds = ("mask",)
