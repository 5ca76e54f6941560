"""What every format must be able to do, for this one."""

from __future__ import annotations

from typing import ClassVar

from dsk.testing import FormatSuite
from dsk_segment_anything.exporter import UNKNOWN


class TestSegmentAnything(FormatSuite):
    format = "segment_anything"
    kinds = ("mask",)
    labels = ()
    subsets = ("default",)
    unheld_ids = frozenset({"nested"})
    added_attributes: ClassVar = UNKNOWN
    attributes: ClassVar = {"predicted_iou": 0.5, "stability_score": 0.25}
