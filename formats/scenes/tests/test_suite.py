"""What every format must be able to do, for each name of this package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from msgspec.structs import replace

from dsk.annotations import Bbox
from dsk.testing import FormatSuite

if TYPE_CHECKING:
    from dsk import Dataset
    from dsk.loss import Report


def without_background(dataset: Dataset) -> Dataset:
    """Leave out the masks of pixels that no mask covers."""
    names = dataset.categories().names
    return dataset.transform(
        lambda item: item.replace(
            annotations=[
                a
                for a in item.annotations
                if a.kind != "mask" or a.label is None or names[a.label] != "background"
            ]
        )
    )


class _MapSuite(FormatSuite):
    """Formats of label maps."""

    kinds = ("mask",)
    attributes: ClassVar = {}
    added_labels = ("background",)
    ignore = frozenset({"label_colors"})  # labels without a colour get one


class TestCityscapes(_MapSuite):
    format = "cityscapes"
    added_attributes: ClassVar = {"is_crowd": False}


class _BoxSuite(FormatSuite):
    attributes: ClassVar = {"truncated": True, "occluded": True, "score": 0.5}
    added_attributes: ClassVar = {"truncated": False, "occluded": False, "score": 1.0}
    unheld_labels = frozenset({"spaces", "punctuation"})  # types have no blanks
    _rich = False

    def prepare(self, dataset: Dataset) -> Dataset:
        """Only boxes have these attributes."""
        if self._rich:
            return dataset
        return dataset.transform(
            lambda item: item.replace(
                annotations=[
                    replace(a, attributes=a.attributes if type(a) is Bbox else {})
                    for a in item.annotations
                ]
            )
        )

    def rich_sample(self, **changes: Any) -> Dataset:
        """Return a sample as it is: what cannot be held must be reported."""
        self._rich = True
        return super().rich_sample(**changes)


class TestKitti(_BoxSuite):
    format = "kitti"
    added_labels = ("background",)
    ignore = frozenset({"label_colors", "attributes"})

    def found(self, dataset: Dataset) -> Dataset:
        """Pixels without a mask come back as the background."""
        return without_background(dataset)

    def count_annotations(self, dataset: Dataset, report: Report) -> int:
        """Count without the background."""
        return super().count_annotations(without_background(dataset), report)


class _Part:
    """A part of KITTI: the same readers as the whole's, with which damage is tried."""

    test_truncated_files = None
    test_empty_files = None
    test_garbage_files = None
    test_files_of_wrong_encoding = None
    test_folders_in_place_of_files = None
    test_missing_files = None
    test_wrong_values = None
    test_hostile = None


class TestKittiDetection(_Part, _BoxSuite):
    format = "kitti_detection"
    detected = False
    ignore = frozenset({"labels", "label_order"})  # labels are those that occur
    expected_losses = frozenset({"DSK-L010"})


class TestKittiSegmentation(_Part, _MapSuite):
    format = "kitti_segmentation"
    added_attributes: ClassVar = {"is_crowd": False}
    detected = False

    def found(self, dataset: Dataset) -> Dataset:
        """Pixels without a mask come back as the background."""
        return without_background(dataset)

    def count_annotations(self, dataset: Dataset, report: Report) -> int:
        """Count without the background."""
        return super().count_annotations(without_background(dataset), report)


class TestCamvid(_MapSuite):
    format = "camvid"
    unheld_ids = frozenset({"punctuation"})


class TestCommonSemanticSegmentation(_MapSuite):
    format = "common_semantic_segmentation"


class TestMapillaryVistas(FormatSuite):
    format = "mapillary_vistas"


class TestSynthia(FormatSuite):
    format = "synthia"
