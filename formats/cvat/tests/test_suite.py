"""What every format must be able to do, for this one."""

from __future__ import annotations

from typing import ClassVar

from dsk.testing import FormatSuite


class TestCvat(FormatSuite):
    format = "cvat"
    added_attributes: ClassVar = {"occluded": False}
    added_item_attributes = ("id", "frame")
    added_labels = ("nose", "hand", "foot")  # CVAT lists the points of skeletons among the labels
