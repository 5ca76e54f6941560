"""The checks that every format must pass, once for each task and layout."""

from typing import Any, ClassVar

import pytest

from dsk.dataset import Dataset
from dsk.errors import DskWarning
from dsk.testing import FormatSuite
from dsk.testing.samples import Recipe, SmallParts

pytestmark = pytest.mark.filterwarnings(f"ignore::{DskWarning.__module__}.DskWarning")


class YoloSuite(FormatSuite):
    __test__ = False
    format = "yolo"
    tolerance = 1e-4  # six digits of 64 pixels

    def expected(self, dataset: Dataset) -> Dataset:
        """Items of no subset are training data."""
        items = [
            item.replace(subset="train") if item.subset == "default" else item for item in dataset
        ]
        return Dataset(SmallParts(items, dataset.header)) if items else dataset


class TestDarknet(YoloSuite):
    __test__ = True


class TestDetect(YoloSuite):
    __test__ = True
    export_options: ClassVar[dict[str, Any]] = {"task": "detect"}


class TestDetectLists(YoloSuite):
    __test__ = True
    export_options: ClassVar[dict[str, Any]] = {"task": "detect", "lists": True, "keys": "plain"}


class TestSegment(YoloSuite):
    __test__ = True
    export_options: ClassVar[dict[str, Any]] = {"task": "segment"}

    def recipe(self, *kinds: str, **changes: Any) -> Recipe:
        """Parts and holes become one ring, see test_outlines.py."""
        return super().recipe(*kinds, **{"multi_ring": False, "holes": False, **changes})


class TestPose(YoloSuite):
    __test__ = True
    export_options: ClassVar[dict[str, Any]] = {"task": "pose"}


class TestObb(YoloSuite):
    __test__ = True
    export_options: ClassVar[dict[str, Any]] = {"task": "obb"}
    kinds = ("rotated_bbox",)


class TestClassify(YoloSuite):
    __test__ = True
    export_options: ClassVar[dict[str, Any]] = {"task": "classify"}
