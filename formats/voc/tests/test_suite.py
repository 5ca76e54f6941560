"""What every format must be able to do, for each name of this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from msgspec.structs import replace

from dsk.annotations import Bbox
from dsk.testing import FormatSuite

if TYPE_CHECKING:
    from dsk import Dataset

FLAGS = {"difficult": False, "truncated": False, "occluded": False}


class _VocSuite(FormatSuite):
    added_labels = ("background",)
    added_attributes = FLAGS
    attributes: ClassVar = {"colour": "red"}  # the values of attributes become text
    unheld_labels = frozenset({"punctuation"})  # labelmap.txt cannot write ":" in a name
    unheld_ids = frozenset({"punctuation"})  # lines that begin with "#" are comments
    ignore = frozenset({"label_colors"})  # labels without one get one, see test_label_maps.py
    detected = False
    _rich = False

    def prepare(self, dataset: Dataset) -> Dataset:
        """Only boxes have attributes; groups tie a box to its parts and its mask, not to boxes."""
        if self._rich:
            return dataset
        return dataset.transform(
            lambda item: item.replace(
                annotations=[
                    replace(a, group=0, attributes=a.attributes if type(a) is Bbox else {})
                    for a in item.annotations
                ]
            )
        )

    def rich_sample(self, **changes: Any) -> Dataset:
        """Return a sample as it is: what cannot be held must be reported."""
        self._rich = True
        return super().rich_sample(**changes)


class _Part(_VocSuite):
    """A part of VOC: the same readers as the whole's, with which damage is tried."""

    __test__ = False

    test_truncated_files = None
    test_empty_files = None
    test_garbage_files = None
    test_files_of_wrong_encoding = None
    test_folders_in_place_of_files = None
    test_missing_files = None
    test_wrong_values = None
    test_hostile = None


class TestVoc(_VocSuite):
    format = "voc"
    detected = True


class TestVocClassification(_Part):
    __test__ = True

    format = "voc_classification"
    attributes: ClassVar = {}


class TestVocDetection(_Part):
    __test__ = True

    format = "voc_detection"


class TestVocSegmentation(_VocSuite):
    format = "voc_segmentation"
    attributes: ClassVar = {}


class TestVocInstanceSegmentation(_Part):
    __test__ = True

    format = "voc_instance_segmentation"


class TestVocLayout(_Part):
    __test__ = True

    format = "voc_layout"
    kinds = ()


class TestVocAction(_VocSuite):
    format = "voc_action"
    kinds = ()
