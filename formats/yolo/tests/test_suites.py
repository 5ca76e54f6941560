"""The checks that every format must pass, once for each task and layout."""

from typing import Any, ClassVar

from dsk.testing import FormatSuite

ROUNDING = 1e-4  # six digits of 64 pixels


class TestDarknet(FormatSuite):
    format = "yolo"
    tolerance = ROUNDING


class TestDetect(FormatSuite):
    format = "yolo"
    export_options: ClassVar[dict[str, Any]] = {"task": "detect"}
    tolerance = ROUNDING


class TestSegment(FormatSuite):
    format = "yolo"
    export_options: ClassVar[dict[str, Any]] = {"task": "segment"}
    tolerance = ROUNDING


class TestSegmentSplit(FormatSuite):
    format = "yolo"
    export_options: ClassVar[dict[str, Any]] = {"task": "segment", "parts": "split"}
    tolerance = ROUNDING


class TestPose(FormatSuite):
    format = "yolo"
    export_options: ClassVar[dict[str, Any]] = {"task": "pose"}
    tolerance = ROUNDING


class TestObb(FormatSuite):
    format = "yolo"
    export_options: ClassVar[dict[str, Any]] = {"task": "obb"}
    kinds = ("rotated_bbox",)
    tolerance = ROUNDING


class TestClassify(FormatSuite):
    format = "yolo"
    export_options: ClassVar[dict[str, Any]] = {"task": "classify"}
